"""A market that sets the clock: where recorded facts are played, it is the time they tell."""

from collections.abc import AsyncIterator, Sequence

from quantum_trader.adapters.clock import ManualClock
from quantum_trader.core.events import MarketFact
from quantum_trader.ports import MarketData


class TimedMarket:
    """``ports.MarketData`` that moves ``clock`` to the time of every fact before it tells it."""

    def __init__(self, data: MarketData, clock: ManualClock) -> None:
        self._data = data
        self._clock = clock
        self._history = data.history()
        self._follow(self._history)

    @property
    def label(self) -> str:
        """Where the facts come from."""
        return self._data.label

    def history(self) -> Sequence[MarketFact]:
        """What was before the time at which the clock began."""
        return self._history

    async def facts(self) -> AsyncIterator[MarketFact]:
        """The facts of the market, and with each of them its time."""
        async for fact in self._data.facts():
            self._follow((fact,))
            yield fact

    def _follow(self, facts: Sequence[MarketFact]) -> None:
        newest_ms = max((fact.at_ms for fact in facts), default=0)
        if newest_ms > self._clock.now_ms():
            self._clock.move_to(newest_ms)
