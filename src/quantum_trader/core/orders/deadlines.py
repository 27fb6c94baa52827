"""What time alone decides: protection that is late, and exits that came to nothing."""

from quantum_trader.core.orders.arming import disarm, is_arming_too_long
from quantum_trader.core.orders.closing import clean_up, close_now
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.out import Out
from quantum_trader.core.rules import ExitRules
from quantum_trader.core.state import TraderState


def check_deadlines(state: TraderState, plan: Plan, out: Out) -> None:
    """Close what is unprotected too long or ordered flat; try lost exits again."""
    if plan.flat_ms is not None:
        clean_up(state, plan, out)
        return
    if is_arming_too_long(state, plan):
        disarm(state, plan, out, "its stop was not confirmed in time")
        return
    reason = _due(state, plan)
    if reason is not None:
        close_now(state, plan, out, reason)


def may_rest(state: TraderState, plan: Plan) -> bool:
    """Whether ``check_deadlines`` would do nothing, as it nearly always does."""
    if plan.flat_ms is not None or is_arming_too_long(state, plan):
        return False
    return _due(state, plan) is None


def _due(state: TraderState, plan: Plan) -> str | None:
    """Why a plan has to be left now; None when it has not, or was tried a moment ago."""
    if state.rules is None or plan.made.symbol not in state.positions:
        return None
    rules = state.rules.exits
    reason = plan.exit_reason or _late(state, plan, rules)
    if reason is None or state.now_ms - plan.exit_tried_ms < rules.retry_after_ms:
        return None
    return reason


def _late(state: TraderState, plan: Plan, rules: ExitRules) -> str | None:
    if state.kill_level == "FLATTEN":
        return "flatten"
    naked_ms = plan.naked_since_ms
    if naked_ms is not None and state.now_ms - naked_ms > rules.protect_within_ms:
        return "unprotected"
    return None
