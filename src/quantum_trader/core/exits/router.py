"""Which exit plan a position has: one plan per position, kept as long as it is that position's.

Plans are found by symbol and position id together, and are good only while side, entry price and
time agree. So neither a flip nor the next position in the same symbol inherits a plan.
"""

from collections.abc import Callable

import msgspec

from quantum_trader.core.exits.plan import ExitPlan
from quantum_trader.core.units import Side

ENTRY_TOLERANCE_FRAC = 0.005
"""How far the entry price may move while an entry fills; beyond, it is another trade."""


class Holding(msgspec.Struct, frozen=True):
    """The position that a plan is asked for."""

    symbol: str
    position_id: str
    side: Side
    entry_price: float

    @property
    def key(self) -> str:
        """Where its plan is kept; symbols have no slash."""
        return f"{self.symbol}/{self.position_id}"


def get_or_create(
    plans: dict[str, ExitPlan], holding: Holding, now_ms: int, make: Callable[[], ExitPlan]
) -> ExitPlan:
    """The plan of this position; a new one where there is none that is still good.

    One symbol holds one position, so plans for earlier ones in it are dropped. Raises
    ``ValueError`` when what was made is not for this position.
    """
    active = get_active(plans, holding, now_ms)
    if active is not None:
        return active
    made = make()
    if not is_for(made, holding, now_ms):
        raise ValueError(f"a plan for {made.symbol} {made.side} was made for {holding}")
    for key in [key for key, plan in plans.items() if plan.symbol == holding.symbol]:
        del plans[key]
    plans[holding.key] = made
    return made


def get_active(plans: dict[str, ExitPlan], holding: Holding, now_ms: int) -> ExitPlan | None:
    """The plan of this position if it is still good, else None."""
    plan = plans.get(holding.key)
    return plan if plan is not None and is_for(plan, holding, now_ms) else None


def invalidate(plans: dict[str, ExitPlan], symbol: str, position_id: str) -> ExitPlan | None:
    """Forget the plan of a position that was left, or that has to be planned anew."""
    return plans.pop(f"{symbol}/{position_id}", None)


def is_for(plan: ExitPlan, holding: Holding, now_ms: int) -> bool:
    """Whether a plan is for this very position and not expired."""
    return (
        plan.symbol == holding.symbol
        and plan.position_id == holding.position_id
        and plan.side == holding.side
        and abs(plan.entry_price / holding.entry_price - 1.0) <= ENTRY_TOLERANCE_FRAC
        and now_ms < plan.expires_ms
    )
