"""What time alone decides: protection that is late, and exits that came to nothing."""

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
    if state.rules is None or plan.symbol not in state.positions:
        return
    rules = state.rules.exits
    reason = plan.exit_reason or _due(state, plan, rules)
    if reason is not None and state.now_ms - plan.exit_tried_ms >= rules.retry_after_ms:
        close_now(state, plan, out, reason)


def _due(state: TraderState, plan: Plan, rules: ExitRules) -> str | None:
    """Why a plan has to be left now; None when it has not."""
    if state.kill_level == "FLATTEN":
        return "flatten"
    naked_ms = plan.naked_since_ms
    if naked_ms is not None and state.now_ms - naked_ms > rules.protect_within_ms:
        return "unprotected"
    return None
