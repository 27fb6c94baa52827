"""Whose an order is: from the venue's numbers to the names under which orders were placed.

A conditional order has a number of its own, and the order its trigger makes has another one and
may have another name. Trades know numbers only. Here both lead back to the first name.
"""

from collections import OrderedDict
from collections.abc import Hashable
from decimal import Decimal
from typing import Literal, TypeVar

import msgspec

from quantum_trader.adapters.exchanges.binance.answers import AlgoRow, OrderRow, order_id_of
from quantum_trader.core.events.orders import FillCause
from quantum_trader.core.orders.ids import is_ours

KEPT = 50_000
"""So many orders are remembered; the venue is asked about older ones."""

Service = Literal["regular", "algo"]
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

CAUSES: tuple[tuple[str, FillCause], ...] = (
    ("autoclose-", "liquidation"),
    ("adl_autoclose", "adl"),
    ("settlement_autoclose-", "settlement"),
    ("delivery_autoclose-", "settlement"),
)
"""How the venue names orders of its own."""


class Conditional(msgspec.Struct, frozen=True):
    """A conditional order: its name, its number, the price it waits for."""

    name: str
    algo_id: int
    trigger_price: Decimal


def cause_of(client_id: str) -> FillCause:
    """Why an order of this name trades."""
    for prefix, cause in CAUSES:
        if client_id.startswith(prefix):
            return cause
    return "order"


class Kept(OrderedDict[K, V]):
    """A dictionary that forgets its oldest entries."""

    def put(self, key: K, value: V) -> None:
        """Remember; the oldest is forgotten for it."""
        self[key] = value
        self.move_to_end(key)
        while len(self) > KEPT:
            self.popitem(last=False)


class Identity:
    """What is known of orders by now."""

    def __init__(self) -> None:
        self._services: Kept[str, Service] = Kept()
        self._names: Kept[int, str] = Kept()
        self._orders: Kept[int, OrderRow] = Kept()
        self._children: Kept[int, Conditional] = Kept()
        self._conditionals: Kept[str, Conditional] = Kept()

    def placed(self, name: str, service: Service) -> None:
        """An order of this name was sent to a service."""
        self._services.put(name, service)

    def service_of(self, name: str) -> Service | None:
        """Where an order lives, None when nobody here has sent it."""
        return self._services.get(name)

    def note_order(self, row: OrderRow) -> None:
        """A regular order was seen."""
        self._names.put(row.order_id, row.client_order_id)
        self._orders.put(row.order_id, row)

    def order(self, order_id: int) -> OrderRow | None:
        """A regular order as it was last seen."""
        return self._orders.get(order_id)

    def note_algo(self, row: AlgoRow) -> None:
        """A conditional order was seen."""
        found = Conditional(row.client_algo_id, row.algo_id, row.trigger_price)
        self.note_conditional(found, order_id_of(row.actual_order_id))

    def note_conditional(self, found: Conditional, order_id: int | None) -> None:
        """A conditional order was seen, and the regular order it became, if it did."""
        self._conditionals.put(found.name, found)
        if order_id is not None:
            self._children.put(order_id, found)

    def conditional_of(self, order_id: int, client_id: str) -> Conditional | None:
        """The conditional order whose trigger made a regular one."""
        return self._children.get(order_id) or self._conditionals.get(client_id)

    def name_of(self, order_id: int, client_id: str | None = None) -> str | None:
        """The name an order was placed under; None when only the venue can tell."""
        child = self._children.get(order_id)
        if child is not None:
            return child.name
        name = client_id or self._names.get(order_id)
        if name is None:
            return None
        known = name in self._services or name in self._conditionals or is_ours(name)
        return name if known or cause_of(name) != "order" or order_id in self._names else None

    def note_stranger(self, order_id: int, client_id: str) -> None:
        """The venue was asked: an order is nobody's here, and has only its own name."""
        self._names.put(order_id, client_id)
