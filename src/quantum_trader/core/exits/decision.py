"""What the exit brain decides: hold, reduce, close, or move the stop. Nothing else exists.

No decision can enlarge or flip a position: a reduction is a fraction in (0, 1) of the initial
quantity, and whoever carries it out never sells more than there is.
"""

from typing import Literal

import msgspec

DecisionKind = Literal["HOLD", "REDUCE", "CLOSE", "MOVE_STOP"]


class Decision(msgspec.Struct, frozen=True, gc=False):
    """One rule's word. ``values`` are the numbers it looked at, by name.

    ``frac`` is of the initial quantity (REDUCE only), ``stage`` the step of the one ladder that it
    is (0: none, REDUCE only), ``price`` where the stop shall be (MOVE_STOP only), before the grid.
    """

    kind: DecisionKind
    rule: str
    reason: str
    frac: float | None = None
    stage: int = 0
    price: float | None = None
    values: tuple[tuple[str, float], ...] = ()


HOLD = Decision("HOLD", "none", "no rule asks for anything")


def reduce(rule: str, reason: str, frac: float, stage: int = 0, **values: float) -> Decision:
    """Sell this fraction of the initial quantity. Raises ``ValueError`` outside (0, 1)."""
    if not 0.0 < frac < 1.0:
        raise ValueError(f"{rule}: a reduction is a fraction between 0 and 1, not {frac}")
    return Decision("REDUCE", rule, reason, frac, stage, None, tuple(values.items()))


def close(rule: str, reason: str, **values: float) -> Decision:
    """Leave with everything, at market."""
    return Decision("CLOSE", rule, reason, None, 0, None, tuple(values.items()))


def move_stop(rule: str, reason: str, price: float, **values: float) -> Decision:
    """Put the stop there, if that is tighter than where it is."""
    return Decision("MOVE_STOP", rule, reason, None, 0, price, tuple(values.items()))
