"""A heartbeat in a file that is written in place: it needs no room on the disk once it is there."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

SIZE = 2_048
"""One write of this many bytes replaces all of it; the end is blank."""

T = TypeVar("T", bound=msgspec.Struct)


class BeatFile(Generic[T]):
    """Says how a process is to whoever reads the file. Writing never fails: it is only news."""

    def __init__(self, path: Path, kind: type[T]) -> None:
        self.path = path
        self._kind = kind

    def write(self, beat: T) -> None:
        """Replace what is there."""
        text = msgspec.json.encode(beat)
        if len(text) > SIZE:
            return
        with suppress(OSError):
            file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                os.pwrite(file, text.ljust(SIZE), 0)
            finally:
                os.close(file)

    def read(self) -> tuple[T, int] | None:
        """The last beat and when it was written (epoch milliseconds); None for none to be read."""
        try:
            text, at_ns = self.path.read_bytes(), self.path.stat().st_mtime_ns
            return msgspec.json.decode(text.strip(), type=self._kind), at_ns // 1_000_000
        except (OSError, msgspec.DecodeError):
            return None

    def clear(self) -> None:
        """Say nothing any more: whoever beat here has left in good order."""
        with suppress(OSError):
            self.path.unlink()
