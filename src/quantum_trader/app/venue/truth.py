"""The truth log: everything the venue was asked, and what came of it, for those who check."""

from collections import deque
from typing import Protocol

import msgspec

from quantum_trader.app.venue.entry import Outcome

KEPT = 100_000


class Recorder(Protocol):
    """Where a recording goes, line by line."""

    def write(self, line: bytes) -> None:
        """One outcome, as JSON."""


class Truth:
    """Inputs that had an effect on somebody, by number, as the JSON they are recorded in.

    Prices that moved nobody are left out, except for ``recorder``, which has everything.
    """

    def __init__(self) -> None:
        self._kept: deque[tuple[int, bytes]] = deque(maxlen=KEPT)
        self._recorder: Recorder | None = None

    def record(self, recorder: Recorder) -> None:
        """Write everything to a recording from now on."""
        self._recorder = recorder

    def note(self, outcome: Outcome) -> None:
        """One more input."""
        matters = outcome.said or outcome.entry.fact is None
        if not matters and self._recorder is None:
            return
        line = msgspec.json.encode(outcome)
        if matters:
            self._kept.append((outcome.entry.number, line))
        if self._recorder is not None:
            self._recorder.write(line)

    def after(self, number: int, limit: int) -> list[msgspec.Raw]:
        """What happened after an input, oldest first."""
        found = [line for each, line in self._kept if each > number]
        return [msgspec.Raw(line) for line in found[:limit]]
