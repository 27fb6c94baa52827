"""A guardian at the paper exchange, moved by hand, with a venue that may fail under it."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from quantum_trader.adapters.clock import ManualClock
from quantum_trader.adapters.exchanges.paper import PaperExchange
from quantum_trader.adapters.latch import FileLatch
from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.guard import Guard
from quantum_trader.core.venue import Placement, Rejected, VenueAccount
from quantum_trader.services.guardian import GuardBeat, Guardian
from tests.fake_exchange import Knobs, failure


class Guarded:
    """``ports.GuardedVenue`` before a paper exchange: what fails, what is refused, what came."""

    def __init__(self, venue: PaperExchange) -> None:
        self.knobs = Knobs()
        self.refusals: list[int] = []
        self.orders: list[OrderRequest] = []
        self.canceled: list[str] = []
        self.asked = 0
        self.seen: Callable[[], Awaitable[VenueAccount]] = venue.account
        self._venue = venue

    async def account(self) -> VenueAccount:
        """The account, or a failure."""
        self.asked += 1
        how = self.knobs.next("account")
        if how != "well":
            raise failure(how)
        return await self.seen()

    async def held(self) -> VenueAccount:
        """The same."""
        return await self.account()

    async def place(self, order: OrderRequest) -> Placement:
        """Take an order, refuse it, or lose it or its answer."""
        self.orders.append(order)
        how = self.knobs.next("place")
        if how not in ("well", "lost"):
            raise failure(how)
        if self.refusals:
            return Rejected(order.client_order_id, self.refusals.pop(0), "refused")
        answer = await self._venue.place(order)
        if how == "lost":
            raise failure(how)
        return answer

    async def cancel(self, symbol: str, client_order_id: str) -> Placement:
        """Cancel an order."""
        self.canceled.append(client_order_id)
        return await self._venue.cancel(symbol, client_order_id)


class Watched:
    """A guardian, its clock, its latch and its beats."""

    def __init__(self, venue: PaperExchange, folder: Path) -> None:
        self.venue = Guarded(venue)
        self.clock = ManualClock()
        self.latch = FileLatch(folder)
        self.beats: list[GuardBeat] = []
        self.guardian = Guardian(
            self.venue,
            self.latch,
            self.clock,
            Guard(filters=DEFAULT_INSTRUMENTS),
            self.beats.append,
            where="here",
        )

    async def look(self, *at_ms: int) -> None:
        """Look at these times, one after the other."""
        for now_ms in at_ms:
            self.clock.move_to(now_ms)
            await self.guardian.look()

    async def look_for(self, seconds: int) -> None:
        """Look every two seconds for so long."""
        began_ms = self.clock.now_ms()
        await self.look(*range(began_ms, began_ms + seconds * 1_000 + 1, 2_000))
