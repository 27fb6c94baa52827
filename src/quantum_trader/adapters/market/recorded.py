"""Recorded candles played as if they were happening now, at any speed."""

import heapq
from collections.abc import AsyncIterator, Sequence

from quantum_trader.adapters.archive.candles import Recording
from quantum_trader.core.events import MarketFact
from quantum_trader.core.events.market import RECORDED
from quantum_trader.ports import Clock

HISTORY_BARS = 300
PAUSE_MAX_MS = 5_000
"""Nobody waits longer than this for the next fact: a hole in a recording is passed over."""


class RecordedMarket:
    """``ports.MarketData`` over recordings.

    ``speed`` is how many recorded seconds pass in one real second. Facts keep their recorded
    times; whoever asks for the time of this market is told by them.
    """

    label = RECORDED

    def __init__(self, recordings: Sequence[Recording], speed: float, clock: Clock) -> None:
        streams = (recording.facts() for recording in recordings)
        self._facts = heapq.merge(*streams, key=lambda fact: (fact.at_ms, fact.symbol))
        self._speed = speed
        self._clock = clock
        self._history = HISTORY_BARS * len(recordings)

    def history(self) -> Sequence[MarketFact]:
        """The first bars of the recordings, so that nobody starts blind."""
        return [fact for fact, _ in zip(self._facts, range(self._history), strict=False)]

    async def facts(self) -> AsyncIterator[MarketFact]:
        """The rest, each when its time has come; the market ends with the recordings."""
        due_ms = float(self._clock.now_ms())
        last_ms: int | None = None
        for fact in self._facts:
            if last_ms is not None:
                due_ms += min((fact.at_ms - last_ms) / self._speed, PAUSE_MAX_MS)
            last_ms = fact.at_ms
            await self._clock.sleep_until(int(due_ms))
            yield fact
