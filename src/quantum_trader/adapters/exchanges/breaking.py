"""A venue behind circuit breakers: entries are refused at once while it fails, exits never are.

Entries fail closed and exits fail open. What reduces always reaches the venue, with the pauses that
its sender makes, and its success ends the refusing of entries before the time is over.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal, TypeVar, get_args

import structlog

from quantum_trader.core.breaker import Breaker, BreakerSettings
from quantum_trader.core.errors import ExchangeError, Unreachable
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

Ability = Literal["place", "configure", "cancel", "ask", "reports"]
"""What a venue can do, each with a breaker of its own."""
FOR_ENTRIES: tuple[Ability, ...] = ("place", "configure", "cancel", "ask", "reports")
"""All of these must work before an entry is sent: what cannot be seen off is not begun."""
OVERLOADED = frozenset({-1003, -1008, -1015, -1016})
"""The venue's codes for too many requests, and for not being able to: refusals that say failure."""

T = TypeVar("T")

_log = structlog.get_logger()


class BreakingExchange:
    """``ports.Exchange`` around another one. ``now_ms`` is on a clock that is never set back."""

    def __init__(
        self,
        exchange: Exchange,
        now_ms: Callable[[], int],
        settings: BreakerSettings | None = None,
    ) -> None:
        self._exchange = exchange
        self._now_ms = now_ms
        usual = settings or BreakerSettings()
        self._breakers = {ability: Breaker(usual) for ability in get_args(Ability)}

    def troubles(self) -> Mapping[str, str]:
        """What the venue cannot do at the moment, and what was last heard of it."""
        broken = self._breakers.items()
        return {name: one.why for name, one in broken if one.open_until_ms is not None}

    async def configure(self, symbol: str, leverage: int) -> Rejected | None:
        """Make a leverage true; it belongs to an entry, and waits with it."""
        self._refuse_what_can_wait()
        return await self._through("configure", lambda: self._exchange.configure(symbol, leverage))

    async def place(self, order: OrderRequest) -> Placement:
        """Send an order. Raises ``Unreachable`` for one that opens while anything is broken."""
        if not (order.reduce_only or order.close_position):
            self._refuse_what_can_wait()
        return await self._through("place", lambda: self._exchange.place(order))

    async def cancel(self, symbol: str, client_order_id: str) -> Placement:
        """Cancel one order."""
        return await self._through("cancel", lambda: self._exchange.cancel(symbol, client_order_id))

    async def find(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """What became of an order."""
        return await self._through("ask", lambda: self._exchange.find(symbol, client_order_id))

    async def updates(self, after: int, wait_ms: int) -> Sequence[AnyVenueUpdate]:
        """Reports after ``after``."""
        return await self._through("reports", lambda: self._exchange.updates(after, wait_ms))

    async def account(self) -> VenueAccount:
        """The account now."""
        return await self._through("ask", self._exchange.account)

    async def trades(self, symbol: str, since_ms: int) -> Sequence[VenueFill]:
        """Trades of a symbol."""
        return await self._through("ask", lambda: self._exchange.trades(symbol, since_ms))

    async def capabilities(self) -> Capabilities:
        """What the venue allows."""
        return await self._exchange.capabilities()

    async def close(self) -> None:
        """Let go of connections and files."""
        await self._exchange.close()

    def _refuse_what_can_wait(self) -> None:
        """Raise ``Unreachable`` while anything is broken that an entry needs."""
        for ability in FOR_ENTRIES:
            refusal = self._breakers[ability].refusal(self._now_ms())
            if refusal is not None:
                raise Unreachable(f"the venue's breaker for {ability} is open: {refusal}")

    async def _through(self, ability: Ability, call: Callable[[], Awaitable[T]]) -> T:
        breaker = self._breakers[ability]
        try:
            answer = await call()
        except ExchangeError as error:
            self._failed(ability, str(error))
            raise
        if isinstance(answer, Rejected) and answer.code in OVERLOADED:
            self._failed(ability, answer.reason)
            return answer
        if breaker.open_until_ms is not None:
            _log.warning("the venue is well again", ability=ability)
        breaker.succeeded()
        return answer

    def _failed(self, ability: Ability, why: str) -> None:
        if self._breakers[ability].failed(why, self._now_ms()):
            _log.error(
                "the venue fails; no entry is sent, exits go on", ability=ability, reason=why
            )
