"""The last door before the venue: hard caps, the leave to trade, and whose order it is."""

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal

from quantum_trader.core.caps import (
    Caps,
    Door,
    adds_risk,
    loss_usd,
    note_account,
    note_sent,
    refusals,
)
from quantum_trader.core.errors import ExchangeError, Unreachable
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.mode import order_prefix
from quantum_trader.core.venue import (
    HELD_BACK,
    AnyVenueUpdate,
    Capabilities,
    Placement,
    Rejected,
    VenueAccount,
    VenueFill,
    VenueOrder,
)
from quantum_trader.ports import Exchange, Leave

ASK_AGAIN_MS = 5_000
"""An account seen longer ago than this is asked for before an order that adds risk."""

Prices = Callable[[str], Awaitable[Decimal | None]]
"""The mark of a symbol now, None when nobody can tell."""


class CappedExchange:
    """``ports.Exchange`` around another one. Nothing that reduces risk is ever held back."""

    def __init__(
        self,
        exchange: Exchange,
        leave: Leave,
        prices: Prices,
        now_ms: Callable[[], int],
        account: str,
    ) -> None:
        """``account`` says whose orders may pass: an order named in another mode never does."""
        self._exchange = exchange
        self._leave = leave
        self._prices = prices
        self._now_ms = now_ms
        self._prefix = order_prefix(account)
        self._door = Door()

    async def configure(self, symbol: str, leverage: int) -> Rejected | None:
        """Make a leverage true, unless it is above the cap."""
        caps = self._leave.caps()
        if isinstance(caps, Caps) and leverage > caps.leverage_max:
            return Rejected("", HELD_BACK, f"leverage {leverage} is above {caps.leverage_max}")
        refused = await self._exchange.configure(symbol, leverage)
        if refused is None:
            self._door.leverages[symbol] = leverage
        else:
            self._door.leverages.pop(symbol, None)
        return refused

    async def place(self, order: OrderRequest) -> Placement:
        """Send an order that reduces risk; send any other if the leave and every cap allow it."""
        name = order.client_order_id
        if not name.startswith(self._prefix):
            reason = f"it is not named as orders of this account are ({self._prefix}...)"
            return Rejected(name, HELD_BACK, reason)
        if adds_risk(order):
            found = await self._refusals(order)
            if found:
                return Rejected(name, HELD_BACK, "; ".join(found))
        return await self._exchange.place(order)

    async def cancel(self, symbol: str, client_order_id: str) -> Placement:
        """Cancel one order."""
        return await self._exchange.cancel(symbol, client_order_id)

    async def find(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """What became of an order."""
        return await self._exchange.find(symbol, client_order_id)

    async def updates(self, after: int, wait_ms: int) -> Sequence[AnyVenueUpdate]:
        """Reports of the venue."""
        return await self._exchange.updates(after, wait_ms)

    async def account(self) -> VenueAccount:
        """The account now; the door remembers it."""
        asked_ms = self._now_ms()
        account = await self._exchange.account()
        # What leaves while the answer is under way may be missing in it, and goes on counting.
        note_account(self._door, account, asked_ms)
        return account

    async def trades(self, symbol: str, since_ms: int) -> Sequence[VenueFill]:
        """Trades of a symbol."""
        return await self._exchange.trades(symbol, since_ms)

    async def capabilities(self) -> Capabilities:
        """What the venue allows."""
        return await self._exchange.capabilities()

    async def close(self) -> None:
        """Let go of connections."""
        await self._exchange.close()

    async def _refusals(self, order: OrderRequest) -> tuple[str, ...]:
        """Why an order must not leave. Raises ``Unreachable`` where that cannot be found out."""
        caps = self._leave.caps()
        if not isinstance(caps, Caps):
            return caps
        price = await self._seen(order)
        caps = self._leave.caps()  # It may have ended while the venue was asked.
        if not isinstance(caps, Caps):
            return caps
        now_ms = self._now_ms()
        found = refusals(caps, self._door, order, price, now_ms)
        self._end_after_loss(caps)
        if not found and price is not None:
            note_sent(self._door, order, price, now_ms)
        return found

    async def _seen(self, order: OrderRequest) -> Decimal | None:
        """See the account, unless that was done a moment ago; the price of the order."""
        try:
            if self._now_ms() - self._door.seen_ms > ASK_AGAIN_MS:
                await self.account()
            return order.price or await self._prices(order.symbol)
        except ExchangeError as error:
            raise Unreachable(f"the account could not be looked at: {error}") from error

    def _end_after_loss(self, caps: Caps) -> None:
        account = self._door.account
        lost_usd = None if account is None else loss_usd(self._door, account)
        if lost_usd is not None and lost_usd >= caps.loss_usd_max:
            self._leave.end(f"{lost_usd:.2f} USDT was lost, {caps.loss_usd_max:.2f} may be")


class Standing:
    """``ports.Leave`` where nobody has to arm anything: these caps, until something is odd."""

    def __init__(self, caps: Caps) -> None:
        self._caps: Caps | tuple[str, ...] = caps

    def caps(self) -> Caps | tuple[str, ...]:
        """The caps, or why they are none any more."""
        return self._caps

    def end(self, why: str) -> None:
        """Nothing may leave until the next start."""
        self._caps = (f"no order that adds risk may leave until the next start: {why}",)
