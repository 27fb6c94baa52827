"""A simulated market that goes on at the prices where it stopped.

A walk begins at the same price every time. Open positions of an earlier run would meet a jump that
nobody simulated, so its prices are scaled to begin where the last told bar closed.
"""

from collections.abc import AsyncIterator, Mapping, Sequence

import msgspec

from quantum_trader.core.events import CandleClosed, MarketFact, MarkPriced
from quantum_trader.ports import MarketData


class ContinuedMarket:
    """``ports.MarketData`` whose prices continue ``last``, the newest told bar of each symbol."""

    def __init__(self, data: MarketData, last: Mapping[str, CandleClosed]) -> None:
        self._data = data
        history = data.history()
        self._factors = {
            symbol: bar.close / start
            for symbol, bar in last.items()
            if (start := _price_at(history, bar)) is not None
        }
        self._history = [self._scaled(fact) for fact in history]

    @property
    def label(self) -> str:
        """Where the facts come from."""
        return self._data.label

    def history(self) -> Sequence[MarketFact]:
        """The bars before now, at continued prices."""
        return self._history

    async def facts(self) -> AsyncIterator[MarketFact]:
        """The facts of the market, at continued prices."""
        async for fact in self._data.facts():
            yield self._scaled(fact)

    def _scaled(self, fact: MarketFact) -> MarketFact:
        by = self._factors.get(fact.symbol, 1.0)
        if isinstance(fact, CandleClosed):
            return msgspec.structs.replace(
                fact,
                open=fact.open * by,
                high=fact.high * by,
                low=fact.low * by,
                close=fact.close * by,
            )
        if isinstance(fact, MarkPriced):
            return msgspec.structs.replace(fact, mark=fact.mark * by)
        return fact


def _price_at(history: Sequence[MarketFact], bar: CandleClosed) -> float | None:
    """The walk's own price when ``bar`` closed, or as soon after as it is known."""
    bars = [
        fact for fact in history if isinstance(fact, CandleClosed) and fact.symbol == bar.symbol
    ]
    later = (fact.open for fact in bars if fact.open_ms >= bar.at_ms)
    return next(later, bars[-1].close if bars else None)
