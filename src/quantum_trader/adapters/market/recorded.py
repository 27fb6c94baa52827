"""Recorded candles played as if they were happening now, at any speed."""

import heapq
from collections.abc import AsyncIterator, Sequence

from quantum_trader.adapters.archive.candles import RECORDED, Recording
from quantum_trader.core.events import MarketFact
from quantum_trader.ports import Clock

HISTORY_BARS = 300


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
        began_ms = self._clock.now_ms()
        first_ms: int | None = None
        for fact in self._facts:
            first_ms = fact.at_ms if first_ms is None else first_ms
            await self._clock.sleep_until(began_ms + int((fact.at_ms - first_ms) / self._speed))
            yield fact
