"""What the books believe of a symbol against what the venue shows: differences, and nothing done.

Pure, and without a memory: the same belief beside the same account gives the same list. Whoever
asks makes sure that both are about one moment; see ``reconcile``.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal

import msgspec

from quantum_trader.core.events.reconcile import ReconcileKind, SeenOrder, SeenPosition
from quantum_trader.core.orders.ids import is_ours
from quantum_trader.core.orders.plan import Plan, Resting
from quantum_trader.core.orders.stray import Stray
from quantum_trader.core.units import ZERO


class Belief(msgspec.Struct, frozen=True, kw_only=True):
    """What the books say of one symbol. ``entry_late`` is set once no entry may leave any more."""

    symbol: str
    qty: Decimal
    plan: Plan | None
    stray: Stray | None
    entry_late: bool = False


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue shows of one symbol: the position, and the orders by client id."""

    position: SeenPosition | None
    orders: Mapping[str, SeenOrder]

    @property
    def qty(self) -> Decimal:
        """The position, signed; zero when there is none."""
        return ZERO if self.position is None else self.position.qty


class Difference(msgspec.Struct, frozen=True):
    """One thing in which they differ, what is to be done about it, and both sides in words."""

    kind: ReconcileKind
    client_order_id: str
    why: str


def differences(belief: Belief, shown: Shown) -> tuple[Difference, ...]:
    """Everything in which they differ; empty when they agree.

    While the positions differ nothing is said of orders: they were meant for another position.
    """
    if belief.qty != shown.qty:
        why = f"the books have {belief.qty}, the venue {shown.qty}"
        return (Difference("QUARANTINE", "", why),)
    found = [*_orphans(belief, shown), *_terms(belief, shown)]
    if belief.plan is not None:
        found += _lost(belief.plan, belief, shown)
    elif belief.qty and belief.stray is None:
        found.append(Difference("ADOPT", "", f"nobody owns the position of {belief.qty}"))
    if belief.stray is not None and belief.stray.exit_id is not None:
        found += _gone("FORGET", [belief.stray.exit_id], shown, "the order to close it")
    return tuple(found)


def _orphans(belief: Belief, shown: Shown) -> Iterator[Difference]:
    """Orders of ours at the venue that nobody here knows, or whose cancel did not end them."""
    known = {} if belief.plan is None else _alive(belief.plan)
    bare = belief.qty and (belief.plan is None or belief.plan.stop is None)
    for name, order in shown.orders.items():
        if bare and order.kind == "STOP_MARKET" and not _is_told_of(belief.plan, name):
            continue  # Whoever placed it, it is all that the position has.
        if is_ours(name) and name not in known:
            why = f"{order.kind} for {order.qty} rests and belongs to nothing that is open"
            yield Difference("CANCEL_ORPHAN", name, why)


def _is_told_of(plan: Plan | None, name: str) -> bool:
    return plan is not None and plan.knows(name)


def _terms(belief: Belief, shown: Shown) -> Iterator[Difference]:
    """Leverage or margin mode are not what the entry set. What was adopted has its own."""
    plan, position = belief.plan, shown.position
    if plan is None or position is None or plan.exit_plan.adopted or not plan.entry_done:
        return
    if position.leverage != plan.made.leverage:
        why = f"leverage is {position.leverage}x, and the entry set {plan.made.leverage}x"
        yield Difference("ALERT", "", why)
    if not position.isolated:
        yield Difference("ALERT", "", "margin is not isolated any more")


def _alive(plan: Plan) -> dict[str, Resting]:
    """The orders that may rest with the plan's consent; one that is to go may not."""
    return {
        one.client_order_id: one
        for one in plan.resting()
        if one.client_order_id not in plan.retiring and one.client_order_id not in plan.kept
    }


def _lost(plan: Plan, belief: Belief, shown: Shown) -> Iterator[Difference]:
    """Orders the plan believes in, and the venue does not have; and what follows from its size."""
    if not plan.entry_done and belief.entry_late and not plan.entry_qty:
        yield Difference("FORGET", "", "the entry is over and the venue has nothing of it")
    stops = [one for one in (plan.stop, *plan.next_stops.values()) if one is not None]
    yield from _gone("PROTECT", [one.client_order_id for one in stops], shown, "the stop")
    yield from _gone("FORGET", list(plan.targets), shown, "the target")
    yield from _gone("FORGET", list(plan.exits), shown, "the exit")
    going = (*plan.retiring, *plan.kept)
    others = [name for name in going if plan.stop_named(name) is None]
    left = [name for name in others if name not in plan.targets and name not in plan.exits]
    yield from _gone("FORGET", left, shown, "the order on its way out")
    if plan.holds_qty(belief.qty):
        yield from _sizes(plan, belief, shown)


def _gone(kind: ReconcileKind, names: list[str], shown: Shown, what: str) -> Iterator[Difference]:
    for name in names:
        if name not in shown.orders:
            yield Difference(kind, name, f"{what} is not at the venue")


def _sizes(plan: Plan, belief: Belief, shown: Shown) -> Iterator[Difference]:
    """A stop smaller than the position, and targets larger than it, as the venue has them."""
    size = abs(belief.qty)
    stop = None if plan.stop is None else shown.orders.get(plan.stop.client_order_id)
    if stop is not None and stop.qty < size and not plan.next_stops:
        why = f"the stop is for {stop.qty} of {size}"
        yield Difference("PROTECT", stop.client_order_id, why)
    alive = [name for name in plan.targets if name not in plan.retiring and name in shown.orders]
    total = sum((shown.orders[name].qty for name in alive), ZERO)
    if total > size:
        yield Difference("SHRINK_EXITS", "", f"targets are for {total}, {size} stands")
