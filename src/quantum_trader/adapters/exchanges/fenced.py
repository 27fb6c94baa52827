"""A venue that nothing is sent to by an instance whose lease is over, or nearly so."""

from collections.abc import Callable, Sequence

from quantum_trader.core.errors import Unreachable
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
from quantum_trader.ports import Exchange


class FencedExchange:
    """``ports.Exchange`` around another one. ``refusal`` tells why nothing may be sent, or None.

    Exits are held back too: whoever leads now sees to them, and so does the guardian.
    """

    def __init__(self, exchange: Exchange, refusal: Callable[[], str | None]) -> None:
        self._exchange = exchange
        self._refusal = refusal

    async def configure(self, symbol: str, leverage: int) -> Rejected | None:
        """Make a leverage true. Raises ``Unreachable`` when nothing may be sent."""
        self._check()
        return await self._exchange.configure(symbol, leverage)

    async def place(self, order: OrderRequest) -> Placement:
        """Send one order. Raises ``Unreachable`` when nothing may be sent."""
        self._check()
        return await self._exchange.place(order)

    async def cancel(self, symbol: str, client_order_id: str) -> Placement:
        """Cancel one order. Raises ``Unreachable`` when nothing may be sent."""
        self._check()
        return await self._exchange.cancel(symbol, client_order_id)

    async def find(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """What became of an order."""
        return await self._exchange.find(symbol, client_order_id)

    async def updates(self, after: int, wait_ms: int) -> Sequence[AnyVenueUpdate]:
        """Reports after ``after``."""
        return await self._exchange.updates(after, wait_ms)

    async def account(self) -> VenueAccount:
        """The account now."""
        return await self._exchange.account()

    async def trades(self, symbol: str, since_ms: int) -> Sequence[VenueFill]:
        """Trades of a symbol."""
        return await self._exchange.trades(symbol, since_ms)

    async def capabilities(self) -> Capabilities:
        """What the venue allows."""
        return await self._exchange.capabilities()

    async def close(self) -> None:
        """Let go of connections and files."""
        await self._exchange.close()

    def _check(self) -> None:
        refusal = self._refusal()
        if refusal is not None:
            raise Unreachable(f"not sent: {refusal}")
