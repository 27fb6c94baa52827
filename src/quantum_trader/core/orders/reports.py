"""What the venue says about an order, told to the plan it belongs to."""

from quantum_trader.core.books.booking import book_fill, closing_reason
from quantum_trader.core.events import (
    OrderAccepted,
    OrderCanceled,
    OrderFact,
    OrderFilled,
    OrderRejected,
)
from quantum_trader.core.orders.closing import (
    abandon_entry,
    end_if_clean,
    on_exit_over,
    on_flat,
)
from quantum_trader.core.orders.harvest import on_stage_done, send_targets
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.orders.protection import (
    on_stop_accepted,
    on_stop_gone,
    on_stop_rejected,
    protect_first_fill,
)
from quantum_trader.core.out import Out
from quantum_trader.core.state import TraderState


def on_order_fact(state: TraderState, fact: OrderFact, out: Out) -> None:
    """Book what is money and let the plan react. Facts without a plan are booked all the same."""
    plan = _plan_for(state, fact)
    if isinstance(fact, OrderFilled):
        _on_filled(state, plan, fact, out)
    elif plan is not None and isinstance(fact, OrderAccepted):
        _on_accepted(state, plan, fact, out)
    elif plan is not None and isinstance(fact, OrderRejected):
        _on_rejected(state, plan, fact, out)
    elif plan is not None and isinstance(fact, OrderCanceled):
        _on_canceled(state, plan, fact, out)
    if plan is not None:
        end_if_clean(state, plan, out)


def _plan_for(state: TraderState, fact: OrderFact) -> Plan | None:
    """By plan id. The venue's own orders, and fills that come after their plan has ended, belong
    to whoever holds the symbol: their money is real, whoever they were for."""
    plan = state.plans.get(fact.plan_id)
    if plan is None and (isinstance(fact, OrderFilled) or not fact.plan_id):
        plan = state.plans.get(state.plan_of.get(fact.symbol, ""))
    return plan


def _on_accepted(state: TraderState, plan: Plan, fact: OrderAccepted, out: Out) -> None:
    if fact.role == "stop":
        on_stop_accepted(plan, fact, state, out)
        send_targets(state, plan, out)


def _on_filled(state: TraderState, plan: Plan | None, fact: OrderFilled, out: Out) -> None:
    if plan is None:
        book_fill(state, None, fact, out)
        return
    staged = _note(plan, fact)
    if book_fill(state, plan, fact, out):
        on_flat(state, plan, out, closing_reason(plan, fact))
    elif fact.role == "entry":
        plan.flat_ms = None
        if plan.tightest_stop() is None:
            protect_first_fill(state, plan, out)
        send_targets(state, plan, out)
    elif staged:
        on_stage_done(state, plan, out)


def _note(plan: Plan, fact: OrderFilled) -> bool:
    """Write the fill into the plan before the books close it; True when a stage is complete."""
    order_id = fact.client_order_id
    if fact.plan_id not in ("", plan.made.plan_id):
        return False
    if fact.role == "entry":
        plan.entry_qty += fact.qty
        plan.entry_notional_usd += fact.qty * fact.price
        plan.entry_done = plan.entry_done or fact.done
    if not fact.done:
        return False
    plan.retiring.pop(order_id, None)
    if plan.stop is not None and plan.stop.client_order_id == order_id:
        plan.stop = None
    plan.next_stops.pop(order_id, None)
    on_exit_over(plan, order_id)
    target = plan.targets.pop(order_id, None)
    if target is None:
        return False
    plan.stage = max(plan.stage, target.leg)
    return True


def _on_rejected(state: TraderState, plan: Plan, fact: OrderRejected, out: Out) -> None:
    reason = f"{fact.reason} ({fact.code})"
    if fact.client_order_id in plan.retiring:
        _on_cancel_refused(state, plan, fact.client_order_id, out)
    elif fact.role == "entry":
        if plan.entry_qty:
            plan.entry_done = True
            send_targets(state, plan, out)
        else:
            abandon_entry(state, plan, out, f"entry refused: {reason}")
    elif fact.role == "stop":
        on_stop_rejected(plan, fact, state, out)
    elif fact.role == "target":
        plan.targets.pop(fact.client_order_id, None)
    else:
        on_exit_over(plan, fact.client_order_id)


def _on_cancel_refused(state: TraderState, plan: Plan, order_id: str, out: Out) -> None:
    """The venue does not know the order any more: it was filled or had ended by itself."""
    plan.targets.pop(order_id, None)
    on_stop_gone(plan, order_id, state, out)


def _on_canceled(state: TraderState, plan: Plan, fact: OrderCanceled, out: Out) -> None:
    if fact.role == "entry":
        plan.entry_done = True
        if not plan.entry_qty:
            abandon_entry(state, plan, out, f"entry canceled: {fact.reason}")
        send_targets(state, plan, out)
    elif fact.role == "stop":
        on_stop_gone(plan, fact.client_order_id, state, out)
    elif fact.role == "target":
        plan.retiring.pop(fact.client_order_id, None)
        plan.targets.pop(fact.client_order_id, None)
    else:
        on_exit_over(plan, fact.client_order_id)
