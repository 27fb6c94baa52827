"""A token in a file that only its owner may read: whoever reads it may command what it guards."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from quantum_trader.adapters.private_file import read_private
from quantum_trader.core.errors import ConfigError, StoreError

BYTES = 32
LENGTH_MIN = 32
READ_MAX = 256


def token_in(path: Path) -> str:
    """The token in a file; a new one where there is none, or where others may have seen it.

    Raises ``StoreError`` where it cannot be written.
    """
    with suppress(ConfigError):
        found = read_private(path, READ_MAX).decode("ascii", "replace").strip()
        if len(found) >= LENGTH_MIN and found.isascii():
            return found
    token = secrets.token_urlsafe(BYTES)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
            file.write(token.encode() + b"\n")
        draft.replace(path)
    except OSError as error:
        raise StoreError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        with suppress(OSError):
            draft.unlink()
    return token
