"""Order commands of a plan. Everything but the entry is reduce-only: no argument can change it.

What is sent is on the venue's grid as it is now, which need not be the one on which the position
was made. What closes all of a position is rounded up, for reduce-only orders never take more than
there is.
"""

from decimal import Decimal
from typing import NamedTuple

from quantum_trader.core.books.position import Position
from quantum_trader.core.events import CancelCommanded, OrderCommanded, PlanMade
from quantum_trader.core.events.orders import OrderKind, OrderRequest, OrderRole
from quantum_trader.core.instrument import Filters
from quantum_trader.core.orders.ids import client_order_id
from quantum_trader.core.orders.plan import Plan, Resting
from quantum_trader.core.orders.stray import Stray
from quantum_trader.core.out import Out
from quantum_trader.core.units import (
    ZERO,
    OrderSide,
    entry_order_side,
    exit_order_side,
    side_of,
)


class NewStop(NamedTuple):
    """Where a stop shall be, what it is called when it ends the trade, and why it is placed."""

    price: Decimal
    label: str
    reason: str


class _Owner(NamedTuple):
    """Whose order it is, and the side that reduces."""

    plan_id: str
    trace_id: str
    symbol: str
    side: OrderSide
    filters: Filters | None


def command_entry(made: PlanMade, out: Out) -> None:
    """Buy or sell the planned quantity at market."""
    out.say(
        OrderCommanded(
            **out.stamp(made.trace_id),
            plan_id=made.plan_id,
            role="entry",
            leg=0,
            order=OrderRequest(
                client_order_id=client_order_id("entry", out.account, made.plan_id, 0, 1),
                symbol=made.symbol,
                side=entry_order_side(made.side),
                kind="MARKET",
                qty=made.qty,
                price=None,
                trigger_price=None,
                reduce_only=False,
            ),
            leverage=made.leverage,
            expires_ms=made.expires_ms,
            reason=made.strategy,
        )
    )


def command_stop(plan: Plan, out: Out, stop: NewStop, qty: Decimal) -> None:
    """Place a stop for the whole remaining size; the plan knows it as on its way."""
    plan.stop_attempts += 1
    name = client_order_id("stop", out.account, plan.made.plan_id, 0, plan.stop_attempts)
    price = plan.instrument.stop_on_grid(plan.made.side, stop.price)
    order = plan.next_stops[name] = Resting(name, plan.stage, price, qty, stop.label)
    _reduce(_owner_of(plan), out, ("stop", "STOP_MARKET", order), stop.reason)


def command_target(plan: Plan, out: Out, leg: int, price: Decimal, qty: Decimal) -> None:
    """Place one step of the harvest ladder as a resting limit order, if any of it is on the grid.

    Rounded down: targets never add up to more than there is.
    """
    qty = plan.instrument.floor_qty(qty)
    if not qty:
        return
    name = client_order_id("target", out.account, plan.made.plan_id, leg, leg)
    target = plan.targets[name] = Resting(name, leg, price, qty)
    _reduce(_owner_of(plan), out, ("target", "LIMIT", target), f"harvest stage {leg}")


def command_exit(plan: Plan, out: Out, qty: Decimal, reason: str) -> None:
    """Close the quantity at market; the plan knows it as the exit it waits for."""
    plan.exit_attempts += 1
    name = client_order_id("exit", out.account, plan.made.plan_id, 0, plan.exit_attempts)
    plan.exit_id = name
    plan.exits[name] = plan.exit_attempts
    _reduce(_owner_of(plan), out, ("exit", "MARKET", Resting(name, 0, ZERO, qty)), reason)


def command_reduction(plan: Plan, out: Out, qty: Decimal, stage: int, reason: str) -> None:
    """Sell a part at market; the plan waits for what becomes of it before it sells another."""
    plan.exit_attempts += 1
    name = client_order_id("exit", out.account, plan.made.plan_id, stage, plan.exit_attempts)
    order = plan.reducing = Resting(name, stage, ZERO, qty)
    plan.exits[name] = plan.exit_attempts
    _reduce(_owner_of(plan), out, ("exit", "MARKET", order), reason)


def command_stray_exit(
    stray: Stray, symbol: str, position: Position, filters: Filters | None, out: Out
) -> None:
    """Close at market what no plan owns; without ``filters`` its symbol is not known here."""
    stray.exit_attempts += 1
    name = client_order_id("exit", out.account, stray.id, 0, stray.exit_attempts)
    stray.exit_id = name
    side = exit_order_side(side_of(position.qty))
    owner = _Owner(stray.id, stray.trace_id, symbol, side, filters)
    order = Resting(name, 0, ZERO, abs(position.qty))
    _reduce(owner, out, ("exit", "MARKET", order), stray.reason or "")


def command_cancel(
    plan: Plan, out: Out, order: Resting, reason: str, stays: Resting | None = None
) -> None:
    """Cancel a stop or a target, while ``stays`` stands; the plan knows it as retiring."""
    name = order.client_order_id
    plan.kept.pop(name, None)
    plan.retiring[name] = order
    out.say(
        CancelCommanded(
            **out.stamp(plan.trace_id),
            plan_id=plan.made.plan_id,
            role="target" if name in plan.targets else "stop",
            symbol=plan.symbol,
            client_order_id=name,
            reason=reason,
            stays=None if stays is None else stays.client_order_id,
        )
    )


def command_orphan_cancel(
    symbol: str, name: str, role: OrderRole, out: Out, stays: Resting | None = None
) -> None:
    """Cancel an order of ours that belongs to nothing that is open, while ``stays`` stands."""
    out.say(
        CancelCommanded(
            **out.stamp(""),
            plan_id="",
            role=role,
            symbol=symbol,
            client_order_id=name,
            reason="it belongs to nothing that is open",
            stays=None if stays is None else stays.client_order_id,
        )
    )


def _owner_of(plan: Plan) -> _Owner:
    made = plan.made
    side = exit_order_side(made.side)
    return _Owner(made.plan_id, made.trace_id, made.symbol, side, plan.instrument)


def _reduce(
    owner: _Owner, out: Out, what: tuple[OrderRole, OrderKind, Resting], reason: str
) -> None:
    role, kind, order = what
    filters = owner.filters
    out.say(
        OrderCommanded(
            **out.stamp(owner.trace_id),
            plan_id=owner.plan_id,
            role=role,
            leg=0 if role == "stop" else order.leg,
            order=OrderRequest(
                client_order_id=order.client_order_id,
                symbol=owner.symbol,
                side=owner.side,
                kind=kind,
                qty=order.qty if filters is None else filters.ceil_qty(order.qty),
                price=order.price if kind == "LIMIT" else None,
                trigger_price=order.price if kind == "STOP_MARKET" else None,
                reduce_only=True,
            ),
            leverage=None,
            expires_ms=None,
            reason=reason,
        )
    )
