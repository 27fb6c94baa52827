"""One system per data folder: a lock that the kernel lets go of when its holder dies."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from quantum_trader.core.errors import ConfigError

LOCK_FILE = "instance.lock"
ACCOUNT_FILE = "account"


class InstanceLock:
    """Held from ``take`` until ``release`` or the death of the process, however it dies."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = -1

    def take(self) -> None:
        """Make the folder ours. Raises ``ConfigError`` naming the process that has it."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(
                self._folder / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            holder = os.pread(self._file, 32, 0).decode("ascii", "replace").strip() or "unknown"
            self.release()
            raise ConfigError(
                f"{self._folder} belongs to the running process {holder}: two systems on one "
                f"account would trade against each other. Stop that one (kill {holder}), or give "
                "this one its own --data-dir"
            ) from None
        except OSError as error:
            self.release()
            raise ConfigError(f"{self._folder}: cannot be used ({error.strerror})") from error

    def release(self) -> None:
        """Let another process have the folder."""
        if self._file >= 0:
            with suppress(OSError):
                os.close(self._file)
        self._file = -1


def owner_of(folder: Path) -> str | None:
    """The account whose books the folder holds; None for a new one."""
    try:
        return (folder / ACCOUNT_FILE).read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{folder / ACCOUNT_FILE}: cannot be read ({error})") from error


def settle_owner(folder: Path, account: str) -> None:
    """Write down whose folder this is. Raises ``ConfigError`` when it is somebody else's."""
    check_owner(folder, account)
    if owner_of(folder) is None:
        (folder / ACCOUNT_FILE).write_text(account + "\n", encoding="utf-8")


def check_owner(folder: Path, account: str) -> None:
    """Raise ``ConfigError`` when the folder belongs to another account than this one.

    Prices of one market must never move positions of another.
    """
    owner = owner_of(folder)
    if owner not in (None, account):
        raise ConfigError(
            f"{folder} holds the books of account {owner}, not of {account}. Their positions "
            "belong to another market: use another --data-dir, or the market they came from"
        )
