"""A venue's account as a fact, made from what a desk's own commands would have left there."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from quantum_trader.core.books.position import FLAT
from quantum_trader.core.events import (
    AccountSeen,
    CancelCommanded,
    Fact,
    OrderCommanded,
    SeenOrder,
    SeenPosition,
)
from quantum_trader.services import venue_facts
from tests.support import ACCOUNT, Desk

SYMBOL = "BTCUSDT"


def seen_order(command: OrderCommanded, **changes: Any) -> SeenOrder:
    """An order as the venue shows it while it rests."""
    return msgspec.structs.replace(venue_facts.seen_order(command.order), **changes)


class Shown:
    """What the venue has: ``qty`` of one symbol and resting orders. ``look`` tells the desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.qty = desk.state.positions.get(SYMBOL, FLAT).qty
        self.leverage = 10
        self.isolated = True
        self.orders: dict[str, SeenOrder] = {}
        self._looks = 0
        self.obey(desk.said)
        plans = list(desk.state.plans.values())
        if plans:
            self.leverage = plans[0].made.leverage
            alive = {one.client_order_id for plan in plans for one in plan.resting()}
            self.orders = {name: one for name, one in self.orders.items() if name in alive}

    def obey(self, said: Iterable[Fact]) -> None:
        """Let resting orders and cancels take effect, without a word about it."""
        for fact in said:
            if isinstance(fact, OrderCommanded) and fact.order.kind != "MARKET":
                self.orders[fact.order.client_order_id] = seen_order(fact)
            elif isinstance(fact, CancelCommanded):
                self.orders.pop(fact.client_order_id, None)

    def fact(self, **changes: Any) -> AccountSeen:
        """What is shown now."""
        self._looks += 1
        at_ms = self.desk.state.now_ms + 1_000
        positions: tuple[SeenPosition, ...] = ()
        if self.qty:
            positions = (
                SeenPosition(
                    symbol=SYMBOL,
                    qty=self.qty,
                    entry_price=Decimal(60_000),
                    mark=Decimal(60_000),
                    leverage=self.leverage,
                    isolated=self.isolated,
                ),
            )
        usual = AccountSeen(
            id=f"{ACCOUNT}:seen:{self._looks}",
            at_ms=at_ms,
            trace_id="",
            account=ACCOUNT,
            first_ms=at_ms - 1_000,
            positions=positions,
            orders=tuple(self.orders.values()),
            unsettled=(),
            doubted=(),
            found={},
            hedge_mode=False,
        )
        return msgspec.structs.replace(usual, **changes)

    def look(self, times: int = 1, **changes: Any) -> list[Fact]:
        """Show it so many times; what the last one led to."""
        said: list[Fact] = []
        for _ in range(times):
            said = self.desk.tell(self.fact(**changes))
        return said
