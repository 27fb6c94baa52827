"""A venue that fails in chosen ways and counts what reaches it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from quantum_trader.core.errors import ExchangeError, InDoubt, Locked, Unreachable
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.venue import (
    Accepted,
    AnyVenueUpdate,
    Capabilities,
    Placement,
    Rejected,
    RestingOrder,
    VenueAccount,
    VenueCancel,
    VenueFill,
    VenueOrder,
    VenuePosition,
)


class Knobs:
    """What goes wrong, by the name of a call; each is used once, in order, and then it is well.

    "unreachable": nothing arrives. "lost": it arrives and the answer does not. "locked": the key
    is refused. "late": it arrives when ``let_late_orders_in`` is called, and the answer does not.
    """

    def __init__(self) -> None:
        self.failures: dict[str, list[str]] = {}

    def fail(self, call: str, *hows: str) -> None:
        """Let the next calls of one name fail, one way each."""
        self.failures.setdefault(call, []).extend(hows)

    def next(self, call: str) -> str:
        """How this call goes."""
        hows = self.failures.get(call)
        return hows.pop(0) if hows else "well"


def failure(how: str) -> ExchangeError:
    """What a call raises that goes this way."""
    errors: dict[str, ExchangeError] = {
        "unreachable": Unreachable("no route to the venue"),
        "locked": Locked("the key was refused"),
    }
    return errors.get(how, InDoubt("no answer in time"))


class FakeExchange:
    """``ports.Exchange``: market orders fill in two trades, everything else rests.

    ``refuse`` maps client ids (or "leverage") to the code of a refusal. A market order is closed
    at once, so the venue itself would execute it again: ``executions`` counts. ``moved`` is what
    stands in the account without any trade that the venue tells. A ``forgetful`` one finds no
    order, a ``deaf`` one reports nothing by itself.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self.knobs = Knobs()
        self.refuse: dict[str, int] = {}
        self.calls: list[tuple[str, str]] = []
        self.executions: Counter[str] = Counter()
        self.leverage: dict[str, int] = {}
        self.repeat_reports = False
        self.hedge_mode = False
        self.forgetful = False
        self.deaf = False
        self.moved: dict[str, Decimal] = {}
        self._now_ms = now_ms
        self._orders: dict[str, VenueOrder] = {}
        self._reports: list[AnyVenueUpdate] = []
        self._late: list[tuple[int, OrderRequest]] = []
        self._resting: dict[str, OrderRequest] = {}

    async def configure(self, symbol: str, leverage: int) -> Rejected | None:
        """Set leverage."""
        self.calls.append(("configure", symbol))
        how = self.knobs.next("configure")
        if how != "well":
            raise failure(how)
        if "leverage" in self.refuse:
            return Rejected("", self.refuse["leverage"], "no such leverage")
        self.leverage[symbol] = leverage
        return None

    async def place(self, order: OrderRequest) -> Placement:
        """Take an order."""
        name = order.client_order_id
        self.calls.append(("place", name))
        how = self.knobs.next("place")
        if how == "late":
            self._late.append((self._now_ms(), order))
        if how not in ("well", "lost"):
            raise failure(how)
        answer = self._take(order)
        if how == "lost":
            raise failure(how)
        return answer

    async def cancel(self, symbol: str, client_order_id: str) -> Placement:
        """Cancel an order."""
        self.calls.append(("cancel", client_order_id))
        how = self.knobs.next("cancel")
        if how not in ("well", "lost"):
            raise failure(how)
        order = self._orders.get(client_order_id)
        if order is None or order.state != "open":
            return Rejected(client_order_id, -2011, "unknown order")
        self._end(symbol, order, "canceled", report=True)
        if how == "lost":
            raise failure(how)
        return Accepted(client_order_id, order.venue_order_id)

    async def find(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """What became of an order."""
        self.calls.append(("find", client_order_id))
        how = self.knobs.next("find")
        if how != "well":
            raise failure(how)
        return None if self.forgetful else self._orders.get(client_order_id)

    async def updates(self, after: int, wait_ms: int) -> Sequence[AnyVenueUpdate]:
        """Reports; with ``repeat_reports`` some that were asked for before, too."""
        how = self.knobs.next("updates")
        if how != "well":
            raise failure(how)
        if wait_ms and len(self._reports) <= after:
            await asyncio.sleep(0.001)
        if self.deaf:
            return []
        start = max(0, after - 3) if self.repeat_reports else after
        return self._reports[start:]

    async def account(self) -> VenueAccount:
        """What rests and what is held; no money."""
        how = self.knobs.next("account")
        if how != "well":
            raise failure(how)
        return VenueAccount(
            at_ms=self._now_ms(),
            wallet_usd=Decimal(0),
            positions=tuple(self._held()),
            open_orders=tuple(
                RestingOrder(
                    order=order,
                    venue_order_id=self._orders[order.client_order_id].venue_order_id,
                    filled_qty=Decimal(0),
                )
                for order in self.resting()
            ),
            hedge_mode=self.hedge_mode,
        )

    def _held(self) -> Iterator[VenuePosition]:
        """What the trades add up to, and what was moved without one."""
        held = dict(self.moved)
        for one in self._reports:
            if isinstance(one, VenueFill):
                signed = one.qty if one.side == "BUY" else -one.qty
                held[one.symbol] = held.get(one.symbol, Decimal(0)) + signed
        for symbol, qty in sorted(held.items()):
            if qty:
                yield VenuePosition(
                    symbol=symbol,
                    qty=qty,
                    entry_price=Decimal(100),
                    mark=Decimal(100),
                    unrealized_usd=Decimal(0),
                    isolated_wallet_usd=Decimal(0),
                    liquidation_price=None,
                    leverage=self.leverage.get(symbol, 5),
                    isolated=True,
                )

    async def trades(self, symbol: str, since_ms: int) -> Sequence[VenueFill]:
        """Every trade of a symbol since a time."""
        how = self.knobs.next("trades")
        if how != "well":
            raise failure(how)
        fills = [one for one in self._reports if isinstance(one, VenueFill)]
        return [one for one in fills if one.symbol == symbol and one.at_ms >= since_ms]

    async def capabilities(self) -> Capabilities:
        """Stops rest without a position."""
        return Capabilities(stop_before_entry=True, conditional_orders_max=200)

    async def close(self) -> None:
        """Nothing is held."""

    def report(self, make: Callable[[int], AnyVenueUpdate]) -> None:
        """Let the venue report something with its next number."""
        self._reports.append(make(len(self._reports) + 1))

    def fill(self, order: OrderRequest) -> None:
        """Let a resting order fill."""
        self._trade(order, order.qty, done=True)
        found = self._orders[order.client_order_id]
        self._end(order.symbol, found, "filled", report=False)

    def expire(self, order: OrderRequest, *, report: bool = True) -> None:
        """Let the venue end a resting order."""
        found = self._orders[order.client_order_id]
        self._end(order.symbol, found, "canceled", report=report)

    def forget(self, client_order_id: str) -> None:
        """Forget an order, as venues do after some days."""
        del self._orders[client_order_id]

    def let_late_orders_in(self, since_ms: int = 0) -> None:
        """Requests that were on their way arrive, and are refused if they were sent before."""
        for sent_ms, order in self._late:
            if sent_ms >= since_ms:
                self._take(order)
        self._late.clear()

    def resting(self) -> list[OrderRequest]:
        """Open orders, oldest first."""
        return [self._resting[name] for name, one in self._orders.items() if one.state == "open"]

    def reports(self) -> list[AnyVenueUpdate]:
        """Everything the venue ever reported."""
        return list(self._reports)

    def _take(self, order: OrderRequest) -> Placement:
        name = order.client_order_id
        if name in self.refuse:
            return Rejected(name, self.refuse[name], "refused")
        found = self._orders.get(name)
        if found is not None and found.state == "open":
            return Rejected(name, -4116, "duplicated client order id")
        self.executions[name] += 1
        venue_id = str(len(self._orders) + 1)
        at_market = order.kind == "MARKET"
        self._orders[name] = VenueOrder(
            client_order_id=name,
            venue_order_id=venue_id,
            state="filled" if at_market else "open",
            filled_qty=order.qty if at_market else Decimal(0),
        )
        self._resting[name] = order
        if at_market:
            self._trade(order, order.qty / 4, done=False)
            self._trade(order, order.qty * 3 / 4, done=True)
        return Accepted(name, venue_id)

    def _trade(self, order: OrderRequest, qty: Decimal, *, done: bool) -> None:
        self.report(
            lambda seq: VenueFill(
                seq=seq,
                at_ms=self._now_ms(),
                symbol=order.symbol,
                client_order_id=order.client_order_id,
                trade_id=str(seq),
                side=order.side,
                qty=qty,
                price=Decimal(100),
                fee_usd=qty * Decimal("0.04"),
                liquidity="taker",
                cause="order",
                done=done,
            )
        )

    def _end(self, symbol: str, order: VenueOrder, state: str, *, report: bool) -> None:
        name = order.client_order_id
        self._orders[name] = VenueOrder(
            client_order_id=name,
            venue_order_id=order.venue_order_id,
            state="canceled" if state == "canceled" else "filled",
            filled_qty=order.filled_qty,
        )
        if report:
            self.report(
                lambda seq: VenueCancel(
                    seq=seq,
                    at_ms=self._now_ms(),
                    symbol=symbol,
                    client_order_id=name,
                    reason="canceled",
                )
            )
