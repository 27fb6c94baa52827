"""What the venue says about an order, told to the plan it belongs to."""

import msgspec

from quantum_trader.core.books.booking import book_fill
from quantum_trader.core.books.exposure import expect
from quantum_trader.core.events import (
    CancelWithheld,
    OrderAccepted,
    OrderCanceled,
    OrderFact,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
    OrderTriggered,
)
from quantum_trader.core.orders.adoption import adopt
from quantum_trader.core.orders.arming import disarm, on_armed
from quantum_trader.core.orders.clearing import (
    on_clearing_in_doubt,
    on_clearing_over,
    on_unowned_fill,
)
from quantum_trader.core.orders.closing import (
    abandon_entry,
    close_now,
    closing_reason,
    end_if_clean,
    on_exit_in_doubt,
    on_flat,
)
from quantum_trader.core.orders.commands import command_orphan_cancel
from quantum_trader.core.orders.evaluation import note_liquidation
from quantum_trader.core.orders.exiting import consider, shrink_targets
from quantum_trader.core.orders.harvest import send_targets
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.orders.protection import (
    cover,
    keep_to_bounds,
    note_cover,
    on_cancel_withheld,
    on_stop_accepted,
    on_stop_gone,
    on_stop_in_doubt,
    on_stop_rejected,
    protect_first_fill,
)
from quantum_trader.core.out import Out
from quantum_trader.core.state import TraderState


def on_order_fact(state: TraderState, fact: OrderFact, out: Out) -> None:
    """Book what is money and let the plan react. Facts without a plan are booked all the same."""
    plan = _plan_of(state, fact)
    if isinstance(fact, OrderFilled):
        # Money is real, whoever it was for: fills of the venue itself, and those that come after
        # their plan has ended, change the position of whoever holds the symbol.
        plan = plan or state.plans.get(state.plan_of.get(fact.symbol, ""))
        _on_filled(state, plan, fact, out)
    elif plan is not None:
        _on_word(state, plan, fact, out)
    elif isinstance(fact, OrderAccepted):
        _on_orphan(state, fact, out)
    elif isinstance(fact, OrderInDoubt):
        on_clearing_in_doubt(state, fact, out)
    elif not isinstance(fact, OrderTriggered | CancelWithheld):
        on_clearing_over(state, fact)
    if plan is not None:
        note_cover(state, plan)
        end_if_clean(state, plan, out)


def _plan_of(state: TraderState, fact: OrderFact) -> Plan | None:
    """The plan that an order belongs to: it may have been another's, in another life.

    One that is unknown was made in a life of which nothing is left, and its signal is spent.
    """
    plan = state.plans.get(fact.plan_id)
    if plan is None and fact.plan_id:
        state.planned.setdefault(fact.plan_id, state.now_ms)
        holder = state.plans.get(state.plan_of.get(fact.symbol, ""))
        if holder is not None and holder.knows(fact.client_order_id):
            return holder
    return plan


def _on_orphan(state: TraderState, fact: OrderAccepted, out: Out) -> None:
    """An order of a plan that is gone turns out to rest: it goes, a stop only beside another."""
    holder = state.plans.get(state.plan_of.get(fact.symbol, ""))
    stays = None if holder is None or fact.role != "stop" else holder.stop
    if fact.role == "target" or stays is not None or fact.symbol not in state.positions:
        command_orphan_cancel(fact.symbol, fact.client_order_id, fact.role, out, stays)


def _on_word(state: TraderState, plan: Plan, fact: OrderFact, out: Out) -> None:
    """Anything but money."""
    match fact:
        case OrderAccepted(role="stop"):
            on_stop_accepted(plan, fact, out)
            if plan.arming:
                on_armed(state, plan, out)
            send_targets(state, plan, out)
        case OrderRejected(role="entry"):
            on_entry_over(state, plan, out, f"entry refused: {fact.reason} ({fact.code})")
        case OrderCanceled(role="entry"):
            on_entry_over(state, plan, out, f"entry canceled: {fact.reason}")
        case OrderRejected(role="stop") | OrderCanceled(role="stop") if plan.arming:
            plan.forget(fact.client_order_id)
            disarm(state, plan, out, f"no stop: {fact.reason}")
        case OrderRejected(role="stop"):
            on_stop_rejected(state, plan, fact, out)
        case OrderCanceled(role="stop"):
            on_stop_gone(state, plan, fact.client_order_id, out)
        case OrderRejected() | OrderCanceled():
            plan.forget(fact.client_order_id)
        case CancelWithheld():
            on_cancel_withheld(plan, fact)
        case OrderInDoubt(role="stop"):
            on_stop_in_doubt(state, plan, fact.client_order_id, out)
        case OrderInDoubt(role="exit"):
            on_exit_in_doubt(state, plan, fact.client_order_id, out)


def on_entry_over(state: TraderState, plan: Plan, out: Out, reason: str) -> None:
    """No more fills will come of the entry."""
    plan.entry_done = True
    expect(state, plan)
    if plan.entry_qty:
        send_targets(state, plan, out)
    else:
        abandon_entry(state, plan, out, reason)


def _on_filled(state: TraderState, plan: Plan | None, fact: OrderFilled, out: Out) -> None:
    own = plan is not None and (
        fact.plan_id == plan.made.plan_id or plan.knows(fact.client_order_id)
    )
    reason, stage = "", 0
    if plan is not None:
        reason, stage = closing_reason(plan, fact), plan.stage
    if plan is not None and own:
        _note(state, plan, fact)
    book_fill(state, plan, fact, out, reason)
    if fact.done:
        on_clearing_over(state, fact)
    position = state.positions.get(fact.symbol)
    if plan is not None and plan.holds(position):
        state.strays.pop(fact.symbol, None)
        _on_held(state, plan, fact, out, reason)
        note_liquidation(state, plan)
        shrink_targets(plan, state.positions[plan.symbol], out)
        if plan.stage > stage:
            consider(state, plan, out, fact.price)
        return
    if plan is not None and plan.entry_qty and plan.flat_ms is None:
        on_flat(state, plan, out, reason)
    if position is None:
        state.strays.pop(fact.symbol, None)
    else:
        on_unowned_fill(state, fact, out)
        adopt(state, fact.symbol, out)


def _note(state: TraderState, plan: Plan, fact: OrderFilled) -> None:
    """Write a fill of the plan's own order into it."""
    if fact.role == "entry":
        plan.flat_ms = None
        state.leverages[fact.symbol] = plan.made.leverage
        plan.entry_qty += fact.qty
        plan.entry_notional_usd += fact.qty * fact.price
        plan.entry_done = plan.entry_done or fact.done
        expect(state, plan)
    if not fact.done:
        _note_part(plan, fact)
        return
    harvested = plan.targets.get(fact.client_order_id) or plan.harvest_named(fact.client_order_id)
    if harvested is not None:
        plan.stage = max(plan.stage, harvested.leg)
    plan.forget(fact.client_order_id)


def _note_part(plan: Plan, fact: OrderFilled) -> None:
    """A target that filled in part is going to take the rest only."""
    target = plan.targets.get(fact.client_order_id)
    if target is not None:
        left = msgspec.structs.replace(target, qty=target.qty - fact.qty)
        plan.targets[fact.client_order_id] = left


def _on_held(state: TraderState, plan: Plan, fact: OrderFilled, out: Out, reason: str) -> None:
    """A fill after which the plan still holds a position."""
    if not plan.opened_ms:
        protect_first_fill(state, plan, out)
    elif plan.tightest_stop() is None:
        # The stop was met and something is left, or it had been given up before.
        close_now(state, plan, out, reason)
    else:
        cover(state, plan, out)
        if fact.role == "entry":
            keep_to_bounds(state, plan, out)
    if state.kill_level == "FLATTEN":
        close_now(state, plan, out, "flatten")
    elif plan.exit_reason is not None:
        close_now(state, plan, out, plan.exit_reason)
    if fact.role == "entry":
        send_targets(state, plan, out)
