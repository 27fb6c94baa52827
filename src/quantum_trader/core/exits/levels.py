"""Adaptive exit levels: take-profit and stop distances from leverage and market conditions.

Everything is a fraction of the entry price. With L = max(leverage, 1) and the leverage
sensitivity factor LSF = 1 / (1 + ln(L + 1)), the formula of the Intelligent Leverage Framework is

    TP1..3 = base_tp * (0.6 + LSF, 1.2 + LSF/2, 1.8 + LSF/4) * (1 + 0.8 * s * funding)
    SL     = base_sl * (1 + 0.8 * (1 - LSF)) * (1 + 0.4 * divergence + 0.2 * volatility)

Targets come nearer with leverage and the stop goes farther; ``bounds`` caps what that may cost.
"""

import math

import msgspec

from quantum_trader.core.events.exits import LevelSet
from quantum_trader.core.units import Side, sign_of

TP_OFFSETS = (0.6, 1.2, 1.8)
TP_LSF_DIVISORS = (1.0, 2.0, 4.0)
SL_LEVERAGE_WEIGHT = 0.8
FUNDING_WEIGHT = 0.8
DIVERGENCE_WEIGHT = 0.4
VOLATILITY_WEIGHT = 0.2
VOLATILITY_FACTOR_MAX = 3.0
TP_MIN_FRAC = 0.003
SL_MIN_FRAC = 0.0015
SL_MAX_FRAC = 0.02
TP_GAP_FRAC = 0.0001
"""How far a target must lie behind the one before it: one basis point."""
BASE_FRAC_BELOW = 0.5
"""A base at or above this can only be a percent number: half of the price as a stop is none."""

HARVEST_LOW = (0.3, 0.3, 0.4)
HARVEST_MIDDLE = (0.4, 0.4, 0.2)
HARVEST_HIGH = (0.5, 0.3, 0.2)
HARVEST_LOW_MAX_LEVERAGE = 10.0
HARVEST_MIDDLE_MAX_LEVERAGE = 30.0


class LevelBases(msgspec.Struct, frozen=True):
    """The distances the formula scales, as fractions. Raises ``ValueError`` for percent numbers."""

    tp_frac: float = 0.01
    sl_frac: float = 0.005

    def __post_init__(self) -> None:
        """Refuse what cannot be a fraction of a price."""
        for name, base in (("tp_frac", self.tp_frac), ("sl_frac", self.sl_frac)):
            if not 0.0 < base < BASE_FRAC_BELOW:
                raise ValueError(
                    f"{name} is {base}: bases are fractions of the price above 0 and below "
                    f"{BASE_FRAC_BELOW} (0.01 is one per cent), never percent"
                )


DEFAULT_BASES = LevelBases()


class LevelInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What the levels depend on; None is missing and leaves its term out.

    ``volatility_factor`` is volatility over its reference (1.0 is normal), ``funding_rate_frac``
    the rate per interval (positive: longs pay), ``divergence`` the relative disagreement between
    exchanges (standard deviation over mean).
    """

    side: Side
    leverage: float
    volatility_factor: float | None
    funding_rate_frac: float | None
    divergence: float | None


def adaptive(inputs: LevelInputs, bases: LevelBases = DEFAULT_BASES) -> LevelSet:
    """The levels of the formula, before any bound. Raises ``ValueError`` for NaN and infinity.

    Leverage below 1 counts as 1, volatility is held within [0, 3], divergence is never below 0.
    Floors are TP 0.003 and SL 0.0015, and SL is at most 0.02. Afterwards the targets are put in
    order, see ``in_order``.
    """
    _require_finite(inputs)
    leverage = max(inputs.leverage, 1.0)
    lsf = sensitivity(leverage)
    scale = tp_scale(inputs)
    first, second, third = (
        max(bases.tp_frac * (offset + lsf / divisor) * scale, TP_MIN_FRAC)
        for offset, divisor in zip(TP_OFFSETS, TP_LSF_DIVISORS, strict=True)
    )
    sl_frac = bases.sl_frac * (1.0 + SL_LEVERAGE_WEIGHT * (1.0 - lsf)) * sl_scale(inputs)
    return LevelSet(
        lsf=lsf,
        tp_frac=in_order(first, second, third),
        sl_frac=min(max(sl_frac, SL_MIN_FRAC), SL_MAX_FRAC),
        harvest=harvest_scheme(leverage),
    )


def sensitivity(leverage: float) -> float:
    """The leverage sensitivity factor 1 / (1 + ln(L + 1)), for a leverage of at least 1."""
    return 1.0 / (1.0 + math.log(leverage + 1.0))


def tp_scale(inputs: LevelInputs) -> float:
    """1 + 0.8 * s * funding, s = +1 for LONG and -1 for SHORT.

    A position that pays funding must earn more before it is worth leaving with a profit; one
    that receives it is content with less.
    """
    funding_frac = inputs.funding_rate_frac or 0.0
    return 1.0 + FUNDING_WEIGHT * sign_of(inputs.side) * funding_frac


def sl_scale(inputs: LevelInputs) -> float:
    """1 + 0.4 * divergence + 0.2 * volatility: room for noise that is not a reason to leave."""
    divergence = max(inputs.divergence or 0.0, 0.0)
    volatility = min(max(inputs.volatility_factor or 0.0, 0.0), VOLATILITY_FACTOR_MAX)
    return 1.0 + DIVERGENCE_WEIGHT * divergence + VOLATILITY_WEIGHT * volatility


def in_order(*targets_frac: float) -> tuple[float, ...]:
    """Targets in strict order: a target less than one basis point behind the one before moves.

    It moves out to exactly that gap, never in, so no target comes nearer than it was asked for.
    """
    placed = list(targets_frac)
    for at in range(1, len(placed)):
        placed[at] = max(placed[at], placed[at - 1] + TP_GAP_FRAC)
    return tuple(placed)


def harvest_scheme(leverage: float) -> tuple[float, float, float]:
    """The shares of the initial quantity taken at each target; more leverage takes more early."""
    if leverage <= HARVEST_LOW_MAX_LEVERAGE:
        return HARVEST_LOW
    return HARVEST_MIDDLE if leverage <= HARVEST_MIDDLE_MAX_LEVERAGE else HARVEST_HIGH


def _require_finite(inputs: LevelInputs) -> None:
    for name in ("leverage", "volatility_factor", "funding_rate_frac", "divergence"):
        value = getattr(inputs, name)
        if value is not None and not math.isfinite(value):
            raise ValueError(f"{name} is {value}: expected a finite number, or None when missing")
