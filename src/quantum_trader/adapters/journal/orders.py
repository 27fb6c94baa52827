"""What is known of orders that have not ended; the part that all journals share."""

from collections.abc import Mapping

import msgspec

from quantum_trader.core.errors import BrokenInvariant
from quantum_trader.core.events import (
    CancelCommanded,
    CancelWithheld,
    Fact,
    OrderAccepted,
    OrderCanceled,
    OrderCommanded,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
)
from quantum_trader.core.events.orders import OrderFact
from quantum_trader.core.orders.ids import Command, name_of
from quantum_trader.core.venue import PROVED_DEAD
from quantum_trader.ports import Journalled

NO_OUTCOME = (OrderInDoubt, CancelWithheld)
"""What is said of an order without telling what became of it."""


def ends(fact: Fact) -> bool:
    """Whether nothing of an order remains at the venue after this fact."""
    if isinstance(fact, OrderFilled):
        return fact.done
    return isinstance(fact, OrderCanceled | OrderRejected)


def is_burial(fact: Fact) -> bool:
    """Whether a fact says that an order was proved never to have been."""
    return isinstance(fact, OrderRejected) and fact.code == PROVED_DEAD


def is_outcome(fact: Fact) -> bool:
    """Whether a fact tells what became of an order; doubt does not, nor does what did not leave."""
    return isinstance(fact, OrderFact) and not isinstance(fact, NO_OUTCOME)


def check_same(earlier: Command, command: Command) -> None:
    """The same name stands for the same request for ever. Raises ``BrokenInvariant``."""
    if _request(earlier) != _request(command):
        name = name_of(command)
        raise BrokenInvariant(f"order {name} was recorded before with another content")


def _request(command: Command) -> tuple[object, ...]:
    if isinstance(command, OrderCommanded):
        return command.plan_id, command.role, command.leg, command.leverage, command.order
    return command.plan_id, command.role, command.symbol, command.client_order_id


class _OpenOrder(msgspec.Struct, gc=False):
    placed: tuple[int, OrderCommanded] | None = None
    outcome: Fact | None = None
    cancels: tuple[tuple[int, CancelCommanded], ...] = ()


class OpenOrders:
    """Orders by client id from the command to the fact that ends them.

    A cancel has its outcome when the order has ended, whoever ended it, or when it was withheld.
    """

    def __init__(self) -> None:
        self._orders: dict[str, _OpenOrder] = {}
        self._buried: dict[str, int] = {}

    def take_command(self, number: int, command: Command) -> None:
        """Remember a command of an order that has not ended."""
        order = self._order(name_of(command))
        if isinstance(command, OrderCommanded):
            order.placed = number, command
        else:
            order.cancels += ((number, command),)

    def take_fact(self, fact: Fact) -> None:
        """Remember the first outcome, even one that came before; forget the order at its end."""
        if not isinstance(fact, OrderFact):
            return
        if isinstance(fact, CancelWithheld):
            self._withhold(fact)
        elif ends(fact):
            self._orders.pop(fact.client_order_id, None)
            if is_burial(fact):
                self._buried[fact.client_order_id] = fact.at_ms
        elif is_outcome(fact):
            order = self._order(fact.client_order_id)
            order.outcome = order.outcome or fact

    def _withhold(self, fact: CancelWithheld) -> None:
        order = self._orders.get(fact.client_order_id)
        if order is not None:
            left = [one for one in order.cancels if one[1].id != fact.cancel_id]
            order.cancels = tuple(left)

    def _order(self, client_order_id: str) -> _OpenOrder:
        order = self._orders.get(client_order_id)
        if order is None:
            order = self._orders[client_order_id] = _OpenOrder()
        return order

    def get(self, client_order_id: str) -> Journalled | None:
        """An open order, None when it has ended or was never ours."""
        order = self._orders.get(client_order_id)
        if order is None or order.placed is None:
            return None
        return Journalled(order.placed[1], order.outcome)

    def is_answered(self, client_order_id: str) -> bool:
        """Whether an order that has not ended has its outcome."""
        order = self._orders.get(client_order_id)
        return order is not None and order.outcome is not None

    def buried(self, since_ms: int) -> Mapping[str, int]:
        """Orders that were proved dead since then; the older ones are forgotten."""
        for name in [name for name, at_ms in self._buried.items() if at_ms < since_ms]:
            del self._buried[name]
        return self._buried

    def standing(self) -> list[OrderCommanded]:
        """Orders that were accepted, oldest first."""
        found = [
            one.placed
            for one in self._orders.values()
            if one.placed is not None and isinstance(one.outcome, OrderAccepted)
        ]
        return [command for _, command in sorted(found, key=_number)]

    def unresolved(self) -> list[Command]:
        """Commands without an outcome, oldest first."""
        found: list[tuple[int, Command]] = []
        for order in self._orders.values():
            if order.placed is not None and order.outcome is None:
                found.append(order.placed)
            found.extend(order.cancels)
        return [command for _, command in sorted(found, key=_number)]


def _number(found: tuple[int, Command]) -> int:
    return found[0]
