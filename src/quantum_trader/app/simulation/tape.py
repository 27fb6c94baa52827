"""What happened in a world, line by line, and the hash that two runs of one seed share."""

import hashlib
from collections.abc import Callable
from datetime import timedelta

import msgspec


class Line(msgspec.Struct, frozen=True, gc=False):
    """One thing that happened at a virtual millisecond; ``who`` did it, or it befell them."""

    at_ms: int
    who: str
    what: str

    def __str__(self) -> str:
        return f"{clock_text(self.at_ms)}  {self.who:<9} {self.what}"


class Tape:
    """Lines in the order in which they happened."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self.lines: list[Line] = []

    def __call__(self, who: str, what: str) -> None:
        """Write one line down."""
        self.lines.append(Line(self._now_ms(), who, what))

    def hash(self) -> str:
        """A hash of everything that happened, the same in any process."""
        return hashlib.sha256(msgspec.json.encode(self.lines)).hexdigest()


def clock_text(at_ms: int) -> str:
    """A virtual time as minutes, seconds and milliseconds since the world began."""
    minutes, rest_ms = divmod(at_ms, 60_000)
    return f"{minutes:02d}:{rest_ms // 1000:02d}.{rest_ms % 1000:03d}"


def day_text(simulated_ms: int) -> str:
    """A span of virtual time for people."""
    return str(timedelta(seconds=simulated_ms // 1000))
