"""Leaving: market exits, the end of a plan, and the one answer its proposer is owed."""

from quantum_trader.core.events import IntentApplied, OrderFilled, PlanEnded
from quantum_trader.core.events.intents import ResultStatus
from quantum_trader.core.exits.router import invalidate
from quantum_trader.core.orders.commands import command_cancel, command_exit
from quantum_trader.core.orders.guardian_ids import is_guardians
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.out import Out
from quantum_trader.core.state import TraderState

CLEANUP_AFTER_MS = 1_000
"""The venue expires reduce-only orders of a flat symbol itself; we wait this long for it."""
EXIT_SILENT_MS = 60_000
"""A market order is over long before: one that is not has never arrived anywhere."""
STOP_LOSS = "stop_loss"
"""What the first stop is called when it ends a trade; each later one has the name of its rule."""
HARVESTED = "targets"
BY_A_HAND = "hand"
"""Somebody closed the position at the venue, with an order that is not ours."""

BY_THE_GUARDIAN = "guardian"
"""The guardian's stop was met, or it closed what it could not protect."""


def close_now(state: TraderState, plan: Plan, out: Out, reason: str) -> None:
    """Close the whole position at market, now or as soon as there is one.

    The stop stays until the position is gone. An exit that is not over after a minute is commanded
    again: reduce-only orders for the whole can be, the second one finds nothing left.
    """
    if plan.exit_reason is None:
        plan.exit_reason = reason
    position = state.positions.get(plan.symbol)
    if position is None or not plan.holds(position):
        return
    if plan.exit_id is not None and state.now_ms - plan.exit_tried_ms < EXIT_SILENT_MS:
        return
    plan.exit_tried_ms = state.now_ms
    command_exit(plan, out, abs(position.qty), plan.exit_reason)


def on_exit_in_doubt(state: TraderState, plan: Plan, order_id: str, out: Out) -> None:
    """Nobody knows of an exit for the whole: it is sent again, the first time at once.

    Reduce-only orders for the whole can be repeated: the second finds nothing left. Of a part
    nobody may say that, so it is resolved first.
    """
    if plan.exit_id != order_id:
        return
    plan.exit_id = None
    if not plan.exit_hurried and plan.exit_reason is not None:
        plan.exit_hurried = True
        close_now(state, plan, out, plan.exit_reason)


def closing_reason(plan: Plan, fact: OrderFilled) -> str:
    """Why a fill ends the trade, as one word per way to end; asked before the plan notes it."""
    if fact.cause != "order":
        return fact.cause
    if not fact.plan_id:
        return BY_THE_GUARDIAN if is_guardians(fact.client_order_id) else BY_A_HAND
    if fact.role == "target":
        return HARVESTED
    if fact.role == "stop":
        name = fact.client_order_id
        stop = plan.stop_named(name) or plan.retiring.get(name) or plan.kept.get(name)
        return stop.label if stop is not None and stop.label else STOP_LOSS
    return plan.exit_reason or HARVESTED


def answer(plan: Plan, out: Out, status: ResultStatus, reason: str) -> None:
    """Tell the proposer, once, what became of the intent."""
    if plan.answered:
        return
    plan.answered = True
    out.say(
        IntentApplied(
            **out.stamp(plan.trace_id),
            plan_id=plan.made.plan_id,
            symbol=plan.symbol,
            side=plan.made.side,
            status=status,
            reason=reason,
            filled_qty=plan.entry_qty,
            entry_price=plan.entry_price if plan.entry_qty else None,
            stop_price=plan.stop.price if plan.stop else None,
        )
    )


def on_flat(state: TraderState, plan: Plan, out: Out, reason: str) -> None:
    """The position is gone: nothing to protect, only orders to see off."""
    plan.flat_ms = state.now_ms
    plan.exit_reason = reason
    plan.exit_id = None
    answer(plan, out, "failed", f"closed at once: {reason}")


def abandon_entry(state: TraderState, plan: Plan, out: Out, reason: str) -> None:
    """The entry came to nothing: no position, no order, no plan."""
    plan.exit_reason = reason
    plan.flat_ms = state.now_ms
    answer(plan, out, "failed", reason)


def end_if_clean(state: TraderState, plan: Plan, out: Out) -> None:
    """End the plan when it is flat and no order of it can be at the venue any more."""
    if plan.flat_ms is None or not plan.entry_done:
        return
    if plan.exits or plan.retiring or plan.resting():
        return
    end_plan(state, plan, out, plan.exit_reason or "done")


def end_plan(state: TraderState, plan: Plan, out: Out, reason: str) -> None:
    """Forget a plan, and say that it has ended; its id stays spent."""
    del state.plans[plan.made.plan_id]
    del state.plan_of[plan.symbol]
    invalidate(state.exit_plans, plan.symbol, plan.made.plan_id)
    out.say(
        PlanEnded(
            **out.stamp(plan.trace_id),
            plan_id=plan.made.plan_id,
            symbol=plan.symbol,
            reason=reason,
        )
    )


def clean_up(state: TraderState, plan: Plan, out: Out) -> None:
    """Cancel what still rests although the position is gone."""
    if plan.flat_ms is None or state.now_ms - plan.flat_ms < CLEANUP_AFTER_MS:
        return
    for order in plan.resting():
        if order.client_order_id not in plan.retiring:
            command_cancel(plan, out, order, "flat")
