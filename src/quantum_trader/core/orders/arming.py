"""Protect, then enter: the stop rests at the venue before the entry may leave.

Where the venue lets a stop wait for its position, no fill is ever without one.
An entry whose stop is refused, or not confirmed in time, is given up.
"""

from quantum_trader.core.books.exposure import expect
from quantum_trader.core.orders.closing import STOP_LOSS, abandon_entry
from quantum_trader.core.orders.commands import NewStop, command_entry, command_stop
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.out import Out
from quantum_trader.core.rules import Rules
from quantum_trader.core.state import TraderState


def enter(plan: Plan, rules: Rules, out: Out) -> None:
    """Command the entry, or what has to be at the venue before it."""
    if rules.exits.protect == "after_fill":
        command_entry(plan.made, out)
        return
    plan.armed = plan.arming = True
    stop = NewStop(plan.made.stop_price, STOP_LOSS, "before the entry")
    command_stop(plan, out, stop, plan.made.qty)


def on_armed(state: TraderState, plan: Plan, out: Out) -> None:
    """The stop is there: the entry leaves, unless something has forbidden it meanwhile."""
    why = _forbidden(state, plan)
    if why is not None:
        disarm(state, plan, out, why)
        return
    plan.arming = False
    command_entry(plan.made, out)


def _forbidden(state: TraderState, plan: Plan) -> str | None:
    """What the gates may not have known when they let the entry pass."""
    if state.now_ms > plan.made.expires_ms:
        return "it is too late"
    if plan.exit_reason is not None:
        return f"it was to be left before it began: {plan.exit_reason}"
    if state.kill_level != "RUN":
        return f"{state.kill_level} was ordered"
    if state.safe_drain:
        return "safe-drain was ordered"
    return state.quarantined.get(plan.symbol) or next(iter(state.alerts.values()), None)


def disarm(state: TraderState, plan: Plan, out: Out, why: str) -> None:
    """No entry without its stop: the plan comes to nothing, and the stop, if any, is seen off."""
    plan.arming = False
    plan.entry_done = True
    expect(state, plan)
    abandon_entry(state, plan, out, f"the entry did not leave: {why}")


def is_arming_too_long(state: TraderState, plan: Plan) -> bool:
    """Whether the stop should have been confirmed by now."""
    if not plan.arming or state.rules is None:
        return False
    return state.now_ms - plan.made.at_ms > state.rules.exits.protect_within_ms
