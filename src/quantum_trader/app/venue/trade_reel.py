"""A venue's market from recorded trades: the tape as it was, instead of one made of bars."""

import heapq
from collections.abc import AsyncIterator, Sequence

import msgspec

from quantum_trader.adapters.archive.trades import Trades, open_trades
from quantum_trader.app.venue.market_source import SECOND_MS, Played, Source
from quantum_trader.core.events import MarketFact


class TradeReel(Played, frozen=True, kw_only=True):
    """Recorded trades, each as it was."""

    def symbols_in(self) -> list[str]:
        """The symbols that have trades. Raises ``ConfigError`` when there are none."""
        return [one.symbol for one in self._open(self.from_ms)]

    def open(self) -> Source:
        """Raises ``ConfigError`` when there is nothing (more) to play."""
        first_ms = min(one.first_ms for one in self._open(self.from_ms))
        by_ms = 0
        if self.shift_to_ms is not None:
            by_ms = (self.shift_to_ms - first_ms) // SECOND_MS * SECOND_MS
        start_ms = first_ms
        if self.resume_ms is not None:
            start_ms = max(first_ms, self.resume_ms - by_ms)
        playing = self._open(start_ms)
        return Source(start_ms=start_ms + by_ms, warm_up=(), facts=_told(playing, by_ms))

    def _open(self, from_ms: int) -> list[Trades]:
        return open_trades(self.paths, self.symbols, (from_ms, self.to_ms))


async def _told(recordings: Sequence[Trades], by_ms: int) -> AsyncIterator[MarketFact]:
    streams = (one.ticks() for one in recordings)
    for tick in heapq.merge(*streams, key=lambda each: each.at_ms):
        yield msgspec.structs.replace(tick, at_ms=tick.at_ms + by_ms)
