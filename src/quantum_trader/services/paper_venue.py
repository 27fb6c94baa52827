"""The paper venue's market: what the real one did moves the simulated one."""

from collections.abc import Sequence

from quantum_trader.core.events import MarketFact
from quantum_trader.ports import SimulatedVenue
from quantum_trader.services.batch import NOTHING, Handled, Received
from quantum_trader.services.stateless import Stateless


class PaperMarket(Stateless):
    """Shows every market fact to the venue; it knows repeats, so a batch may come again.

    A venue with a market of its own (None) needs to be shown nothing: then facts pass by.
    """

    def __init__(self, venue: SimulatedVenue | None) -> None:
        self._venue = venue

    async def handle(self, batch: Sequence[Received]) -> Handled:
        """Let the market move, fact by fact. Fills come through the venue's own reports."""
        for received in batch:
            if self._venue is not None and isinstance(received.fact, MarketFact):
                await self._venue.advance(received.fact)
        return NOTHING
