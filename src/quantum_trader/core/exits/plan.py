"""An exit plan: the legs by which one position is meant to be left, decided when it was opened.

Distances are signed fractions of the entry price, positive toward profit: a target lies at +0.015,
a stop at -0.025, a stop that locks a profit in at +0.002. Sizes are fractions of the *initial*
quantity, never of what remains.
"""

from itertools import pairwise
from typing import Literal

import msgspec

from quantum_trader.core.units import Side, sign_of

LegKind = Literal["TP", "SL", "TRAIL", "EMERGENCY"]
LegCondition = Literal["IMMEDIATE", "STAGED", "CONDITIONAL"]
Strategy = Literal["STANDARD_LADDER", "PROFIT_LOCK", "EMERGENCY_EXIT"]
RiskMode = Literal["NORMAL", "CONSERVATIVE", "CRITICAL", "ESS_ACTIVE"]
"""How careful the account is; ESS_ACTIVE (the emergency stop is on) leaves everything."""
PlanRegime = Literal["NORMAL", "VOLATILE", "TRENDING", "RANGE_BOUND"]

SIZE_DIGITS = 6
"""Sizes are kept to a millionth, so that parts of one whole add up to it in decimals."""


class TrailSpec(msgspec.Struct, frozen=True):
    """A trailing stop: ``callback_frac`` behind the best price, once ``activation_r`` was reached.

    ``tightening`` are steps (R, callback) in rising order of R: from each R on its callback counts.
    Raises ``ValueError`` for a callback that is no fraction, and for steps that do not tighten.
    """

    callback_frac: float
    activation_r: float
    tightening: tuple[tuple[float, float], ...] = ()

    def __post_init__(self) -> None:
        """Refuse a trail that follows from nowhere or lets go."""
        steps = ((self.activation_r, self.callback_frac), *self.tightening)
        if not 0.0 < self.callback_frac < 1.0 or not self.activation_r > 0.0:
            raise ValueError(f"a trail of {self.callback_frac} from {self.activation_r} R is none")
        for (r_before, before), (r, callback_frac) in pairwise(steps):
            if not r > r_before or not 0.0 < callback_frac <= before:
                raise ValueError(f"tightening {self.tightening}: R must rise and callbacks fall")

    def callback_at(self, r: float) -> float:
        """The callback that counts at this R: that of the last step that was reached."""
        callback_frac = self.callback_frac
        for threshold_r, tighter_frac in self.tightening:
            if r < threshold_r:
                break
            callback_frac = tighter_frac
        return callback_frac


class ExitLeg(msgspec.Struct, frozen=True, kw_only=True):
    """One way out. ``trigger_frac`` is None for what acts at once or follows the price.

    ``r_multiple`` is the trigger in units of the plan's stop distance, for a trail the R from which
    on it follows; ``priority`` 0 comes first. Raises ``ValueError`` for a size outside (0, 1], and
    for a trail that is missing or on a leg that does not follow the price.
    """

    kind: LegKind
    size_frac: float
    trigger_frac: float | None
    r_multiple: float | None
    priority: int
    condition: LegCondition
    reason: str
    trail: TrailSpec | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be carried out."""
        if not 0.0 < self.size_frac <= 1.0:
            raise ValueError(f"{self.kind}: a size is a part of one whole, not {self.size_frac}")
        if (self.kind == "TRAIL") != (self.trail is not None):
            raise ValueError(f"{self.kind}: a TRAIL leg, and no other, has a callback")


class ExitPlan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was decided about leaving one position.

    ``tp_frac`` and ``sl_frac`` are the distances the plan was built from; ``sl_frac`` is negative
    where the stop locks a profit in. ``confidence`` is None where nobody said any; ``expires_ms``
    ends its validity. ``assumed`` names what was not known and taken as usual; it is empty where
    all was known. ``adopted`` marks a plan for a position that somebody else opened.
    """

    symbol: str
    position_id: str
    side: Side
    entry_price: float
    strategy: Strategy
    profile: str
    risk_mode: RiskMode
    regime: PlanRegime
    source: str
    reason: str
    confidence: float | None
    tp_frac: float
    sl_frac: float
    legs: tuple[ExitLeg, ...]
    created_ms: int
    expires_ms: int
    adopted: bool = False
    assumed: tuple[str, ...] = ()

    def legs_of(self, kind: LegKind) -> tuple[ExitLeg, ...]:
        """The legs of one kind, first priority first."""
        return tuple(sorted((leg for leg in self.legs if leg.kind == kind), key=_priority))

    def primary(self, kind: LegKind) -> ExitLeg | None:
        """The first leg of one kind; None without any."""
        return next(iter(self.legs_of(kind)), None)

    def price_at(self, trigger_frac: float) -> float:
        """The price this signed distance from entry stands for, before the grid."""
        return self.entry_price * (1.0 + sign_of(self.side) * trigger_frac)

    @property
    def leaves_at_once(self) -> bool:
        """Whether everything is closed without waiting for any price."""
        return "EMERGENCY" in [leg.kind for leg in self.legs]

    @property
    def trail(self) -> TrailSpec | None:
        """How the rest is trailed; None for a plan without a TRAIL leg."""
        for leg in self.legs:
            if leg.kind == "TRAIL":
                return leg.trail
        return None

    @property
    def runner_frac(self) -> float:
        """The part of the initial quantity that no target takes."""
        taken = sum(leg.size_frac for leg in self.legs if leg.kind == "TP")
        return round(max(0.0, 1.0 - taken), SIZE_DIGITS)


def _priority(leg: ExitLeg) -> int:
    return leg.priority
