"""What one process holds of the venue: every call may fail on the way, and is watched."""

from collections.abc import Callable, Sequence
from typing import Protocol

from quantum_trader.app.simulation.moods import Moods
from quantum_trader.app.simulation.scheduler import Process
from quantum_trader.core.events import MarketFact
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.venue import (
    AnyVenueUpdate,
    Capabilities,
    Placement,
    Rejected,
    VenueAccount,
    VenueFill,
    VenueOrder,
)


class Socket(Protocol):
    """Whoever is shown what leaves a process, before it leaves, and what comes of questions."""

    def on_configure(self, process: Process, symbol: str, leverage: int) -> None:
        """The leverage of a symbol is about to be set."""

    def on_place(self, process: Process, order: OrderRequest) -> None:
        """An order is about to leave."""

    def on_cancel(self, process: Process, symbol: str, client_order_id: str) -> None:
        """A cancel is about to leave."""

    def on_found(self, client_order_id: str, found: VenueOrder | None) -> None:
        """A question about an order was answered."""


class VenueDoor:
    """``ports.SimulatedVenue`` for one process, with its own idea of the time."""

    def __init__(
        self, moods: Moods, process: Process, socket: Socket, now_ms: Callable[[], int]
    ) -> None:
        self._moods = moods
        self._process = process
        self._socket = socket
        self._now_ms = now_ms

    async def configure(self, symbol: str, leverage: int) -> Rejected | None:
        """Set the leverage of a symbol."""
        self._process.check()
        self._socket.on_configure(self._process, symbol, leverage)
        return await self._moods.ask(lambda: self._moods.venue.configure(symbol, leverage))

    async def place(self, order: OrderRequest) -> Placement:
        """Send one order."""
        self._process.check()
        self._socket.on_place(self._process, order)
        return await self._moods.place(order, self._now_ms())

    async def cancel(self, symbol: str, client_order_id: str) -> Placement:
        """Cancel one order."""
        self._process.check()
        self._socket.on_cancel(self._process, symbol, client_order_id)
        return await self._moods.cancel(symbol, client_order_id)

    async def find(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """What became of an order; None when the venue does not know it, or says so."""
        self._process.check()
        venue, denied = self._moods.venue, self._moods.denies(client_order_id)
        found = await self._moods.ask(lambda: venue.find(symbol, client_order_id))
        answer = None if denied else found
        self._socket.on_found(client_order_id, answer)
        return answer

    async def updates(self, after: int, wait_ms: int) -> Sequence[AnyVenueUpdate]:
        """The user stream."""
        self._process.check()
        return await self._moods.updates(after, wait_ms)

    async def account(self) -> VenueAccount:
        """The account as it is."""
        self._process.check()
        return await self._moods.ask(self._moods.venue.account)

    async def trades(self, symbol: str, since_ms: int) -> Sequence[VenueFill]:
        """The trades of a symbol."""
        self._process.check()
        fills = self._moods.venue.fills
        return await self._moods.ask(
            lambda: [one for one in fills if one.symbol == symbol and one.at_ms >= since_ms]
        )

    async def capabilities(self) -> Capabilities:
        """What the venue allows."""
        return Capabilities(stop_before_entry=True, conditional_orders_max=200)

    async def advance(self, fact: MarketFact) -> None:
        """The world has moved already: a repeat."""
        self._process.check()

    async def close(self) -> None:
        """Nothing is held."""
