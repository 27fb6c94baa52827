"""The latch: a file in the data folder that holds the kill level while it lies there.

Anybody may put it there by hand, because it must work when nothing else does: the file alone means
HALT, and FLATTEN when that is its first word. Taking it away by hand resumes nothing; that is a
separate order.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from quantum_trader.core.errors import StoreError
from quantum_trader.core.kill_level import includes
from quantum_trader.ports import Latched

FILE = "halt.latch"
BY_HAND = "somebody at the file"
READ_MAX = 4_096
"""Nobody needs more bytes for a word, a name and a reason."""


class FileLatch:
    """``ports.Latch`` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE

    def read(self) -> Latched | None:
        """What is latched now, None for nothing. What cannot be read counts as HALT."""
        try:
            with self.path.open("rb") as file:
                text = file.read(READ_MAX).decode("utf-8", "replace")
                since_ms = os.fstat(file.fileno()).st_mtime_ns // 1_000_000
        except OSError as error:
            if isinstance(error, FileNotFoundError) and not self.path.is_symlink():
                return None
            why = f"{self.path} is there and cannot be read ({error.strerror})"
            return Latched(level="HALT", who=BY_HAND, why=why, at_ms=0)
        first, *more = text.splitlines() or [""]
        told = {
            name.strip(): rest.strip() for name, _, rest in (one.partition(":") for one in more)
        }
        return Latched(
            level="FLATTEN" if first.strip().upper() == "FLATTEN" else "HALT",
            who=told.get("who") or BY_HAND,
            why=told.get("why", ""),
            at_ms=since_ms,
        )

    def hold(self, wanted: Latched) -> Latched:
        """Latch at least this level; what is latched now. A higher level that holds stays.

        It is on disk when this returns. Raises ``StoreError`` when it could not be written; then an
        empty file, which means HALT, is there wherever that much was possible.
        """
        with self._alone() as folder:
            held = self.read()
            if held is not None and includes(held.level, wanted.level):
                return held
            try:
                self._write(wanted)
            except OSError:
                with suppress(OSError):  # A full disk has room for an empty file, as a rule.
                    self.path.touch(0o600)
                raise
            os.fsync(folder)
        return wanted

    def release(self) -> bool:
        """Take the latch away; whether there was one. Raises ``StoreError``."""
        with self._alone() as folder:
            try:
                self.path.unlink()
            except FileNotFoundError:
                return False
            os.fsync(folder)
        return True

    def _write(self, wanted: Latched) -> None:
        """Nobody may see half of it: a half-written FLATTEN would be a HALT."""
        draft = self.path.with_name(f"{FILE}.{secrets.token_hex(4)}")
        text = f"{wanted.level}\nwho: {_one_line(wanted.who)}\nwhy: {_one_line(wanted.why)}\n"
        try:
            with os.fdopen(
                os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb"
            ) as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        finally:
            with suppress(OSError):
                draft.unlink()

    @contextmanager
    def _alone(self) -> Iterator[int]:
        """The folder, open, while no other command changes the latch in it."""
        try:
            folder = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(folder, fcntl.LOCK_EX)
                yield folder
            finally:
                os.close(folder)
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be changed ({error.strerror})") from error


def _one_line(text: str) -> str:
    return " ".join(text.split())
