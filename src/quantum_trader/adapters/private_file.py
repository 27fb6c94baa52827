"""A file that nobody but its owner may have touched or seen."""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from quantum_trader.core.errors import ConfigError, StoreError


def read_private(path: Path, size_max: int) -> bytes:
    """What is in it, at most ``size_max`` bytes.

    Raises ``ConfigError`` for what is no plain file, a link, somebody else's, or open to others.
    """
    try:
        # Without waiting: a pipe that nobody writes to would hold the caller for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be opened ({error.strerror}); it must be a file of your own, no link"
        ) from error
    try:
        _check(path, os.fstat(handle))
        return os.read(handle, size_max)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror})") from error
    finally:
        os.close(handle)


def write_private(path: Path, data: bytes) -> None:
    """Let it be all that is in a file, for its owner alone; on return it is on disk.

    Raises ``StoreError``; then the file is as it was.
    """
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        with suppress(OSError):
            draft.unlink()


def _check(path: Path, about: os.stat_result) -> None:
    if not stat.S_ISREG(about.st_mode):
        raise ConfigError(f"{path}: is no file")
    if about.st_uid not in (os.geteuid(), 0):
        raise ConfigError(f"{path}: belongs to somebody else")
    mode = stat.S_IMODE(about.st_mode)
    if mode & 0o077:
        raise ConfigError(
            f"{path}: others than its owner may read or change it (mode {mode:o}). Whoever has "
            f"seen a key can trade with it: make a new one, and chmod 600 {path}"
        )
