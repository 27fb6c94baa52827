"""Order commands of a plan. Everything but the entry is reduce-only: no argument can change it."""

from decimal import Decimal

from quantum_trader.core.events import CancelCommanded, OrderCommanded, PlanMade
from quantum_trader.core.events.orders import OrderKind, OrderRequest, OrderRole
from quantum_trader.core.orders.ids import client_order_id
from quantum_trader.core.orders.plan import Plan, Resting
from quantum_trader.core.out import Out
from quantum_trader.core.units import entry_order_side, exit_order_side


def command_entry(made: PlanMade, out: Out, entry_id: str) -> None:
    """Buy or sell the planned quantity at market."""
    out.say(
        OrderCommanded(
            **out.stamp(made.trace_id),
            plan_id=made.plan_id,
            role="entry",
            leg=0,
            order=OrderRequest(
                client_order_id=entry_id,
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


def command_stop(plan: Plan, out: Out, price: Decimal, qty: Decimal, reason: str) -> None:
    """Place a stop for the whole remaining size; the plan knows it as on its way."""
    plan.stop_attempts += 1
    stop = Resting(_id_for(plan, out, "stop", plan.stop_attempts), 0, price, qty)
    plan.next_stops[stop.client_order_id] = stop
    _reduce(plan, out, ("stop", "STOP_MARKET", stop), reason)


def command_target(plan: Plan, out: Out, leg: int, price: Decimal, qty: Decimal) -> None:
    """Place one step of the harvest ladder as a resting limit order."""
    target = Resting(_id_for(plan, out, "target", leg), leg, price, qty)
    plan.targets[target.client_order_id] = target
    _reduce(plan, out, ("target", "LIMIT", target), f"harvest stage {leg}")


def command_exit(plan: Plan, out: Out, qty: Decimal, reason: str) -> None:
    """Close the quantity at market; the plan knows it as its exit."""
    plan.exit_attempts += 1
    order = Resting(_id_for(plan, out, "exit", plan.exit_attempts), 0, qty, qty)
    plan.exit_id = order.client_order_id
    _reduce(plan, out, ("exit", "MARKET", order), reason)


def command_cancel(plan: Plan, out: Out, role: OrderRole, order_id: str, reason: str) -> None:
    """Cancel one order of the plan."""
    out.say(
        CancelCommanded(
            **out.stamp(plan.trace_id),
            plan_id=plan.made.plan_id,
            role=role,
            symbol=plan.symbol,
            client_order_id=order_id,
            reason=reason,
        )
    )


def _id_for(plan: Plan, out: Out, role: OrderRole, attempt: int) -> str:
    leg = attempt if role == "target" else 0
    return client_order_id(role, out.account, plan.made.plan_id, leg, attempt)


def _reduce(plan: Plan, out: Out, what: tuple[OrderRole, OrderKind, Resting], reason: str) -> None:
    role, kind, order = what
    out.say(
        OrderCommanded(
            **out.stamp(plan.trace_id),
            plan_id=plan.made.plan_id,
            role=role,
            leg=order.leg,
            order=OrderRequest(
                client_order_id=order.client_order_id,
                symbol=plan.symbol,
                side=exit_order_side(plan.made.side),
                kind=kind,
                qty=order.qty,
                price=order.price if kind == "LIMIT" else None,
                trigger_price=order.price if kind == "STOP_MARKET" else None,
                reduce_only=True,
            ),
            leverage=None,
            expires_ms=None,
            reason=reason,
        )
    )
