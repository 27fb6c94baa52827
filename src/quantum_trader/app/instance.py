"""One system per data folder: a lock that the kernel lets go of when its holder dies."""

import fcntl
import os
import socket
import time
from contextlib import suppress
from pathlib import Path

from quantum_trader.core.errors import ConfigError
from quantum_trader.core.lease import Holder

LOCK_FILE = "instance.lock"
GUARDIAN_LOCK_FILE = "guardian.lock"
ACCOUNT_FILE = "account"
NOTE_MAX = 200
TRIES = 5
AGAIN_S = 0.05
"""Whoever only asks whether a lock is held holds it himself for less than this."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class InstanceLock:
    """Held from ``take`` until ``release`` or the death of the process, however it dies."""

    def __init__(self, folder: Path, name: str = LOCK_FILE) -> None:
        self._folder = folder
        self._name = name
        self._file = -1

    def take(self) -> None:
        """Make the folder ours. Raises ``ConfigError`` naming the process that has it."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = os.open(
                self._folder / self._name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
            _lock(self._file)
        except BlockingIOError:
            holder = _note(self._file)
            self.release()
            raise ConfigError(_taken(self._folder, self._name, holder)) from None
        except OSError as error:
            self.release()
            raise ConfigError(f"{self._folder}: cannot be used ({error.strerror})") from error
        self._sign()

    def _sign(self) -> None:
        """Say whose it is. A full disk has no room for that, and the lock holds all the same."""
        me = this_process()
        note = f"{me.pid} on {me.host} since {me.since}\n"
        with suppress(OSError):
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, note.encode("ascii", "replace"), 0)

    @property
    def identity(self) -> str:
        """One name for this lock file on this machine since it was started, while it is held.

        A copy of the folder has another one, and so has the same folder on another machine.
        """
        seen = os.fstat(self._file)
        return f"{_machine()}:{seen.st_dev}:{seen.st_ino}"

    def release(self) -> None:
        """Let another process have the folder."""
        if self._file >= 0:
            with suppress(OSError):
                os.close(self._file)
        self._file = -1


def _lock(file: int) -> None:
    """Lock a file for us alone. Raises ``BlockingIOError`` where somebody has it and keeps it."""
    for _ in range(TRIES - 1):
        with suppress(BlockingIOError):
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(AGAIN_S)
    return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def holder_of(folder: Path, name: str) -> str | None:
    """Who holds a lock now, as it signed itself ("123 on host since ..."); None for nobody.

    The kernel is asked, not the note: a number of a process may belong to another one by now.
    """
    try:
        file = os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _note(file) or "unknown"
    except OSError:
        return None
    finally:
        os.close(file)
    return None


def pid_in(holder: str) -> int | None:
    """The process a holder signed with; None when it could not sign."""
    word = holder.split(" ", maxsplit=1)[0]
    return int(word) if word.isascii() and word.isdigit() else None


def _note(file: int) -> str:
    return os.pread(file, NOTE_MAX, 0).decode("ascii", "replace").strip()


def this_process() -> Holder:
    """Who we are, for people."""
    since = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    return Holder(host=socket.gethostname(), pid=os.getpid(), since=since)


def _taken(folder: Path, name: str, holder: str) -> str:
    """What to say when somebody else holds the lock."""
    pid = holder.split(" ", maxsplit=1)[0] or "unknown"
    if name == GUARDIAN_LOCK_FILE:
        return f"{folder} is guarded already, by process {holder or 'unknown'}"
    return (
        f"{folder} belongs to the running process {holder or 'unknown'}: two systems on one "
        f"account would trade against each other. Stop that one (kill {pid}), or give "
        "this one its own --data-dir"
    )


def _machine() -> str:
    """The machine, and since when it is up where that can be told."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return socket.gethostname()


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
