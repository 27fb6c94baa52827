"""How levels follow what was earned lately, how sure the proposer is, and how lively the market is.

What was earned speaks through the mean net R of the last trades, and few trades say little. So the
mean of all symbols is shrunk toward zero, and the mean of one symbol toward that of all:

    m_all = sum(r_all) / (n_all + 10)
    m     = (sum(r_own) + 10 * m_all) / (n_own + 10)

It takes ten trades, half a window, to believe a mean half; without any trade m is zero. An R of
its own moves m by 1 / (n_own + 10), an R elsewhere by 10 / (n_all + 10) of that: a trade of the
symbol always weighs more than another. Each R counts within [-3, 3], so that no single trade
speaks for a window. The factor is

    1 + (most - 1) * min(m / 0.5, 1)      for m >= 0
    1 - (1 - least) * min(-m / 0.5, 1)    for m < 0

for half an R per trade is as good, or as bad, as results stay for long. It rises with every
result. Where trades pay, targets go farther; where they do not, targets come nearer and the stop
comes as near. Winning is never a reason to risk more: no result widens a stop.
"""

import math
from collections.abc import Iterable

import msgspec

from quantum_trader.core.events.exits import LevelSet
from quantum_trader.core.exits.levels import SL_MIN_FRAC, TP_MIN_FRAC, in_order
from quantum_trader.core.exits.performance import Performance
from quantum_trader.core.exits.settings import AdaptSettings
from quantum_trader.core.units import percent_text

PRIOR_TRADES = 10
"""How many trades that earned nothing stand in for what is not known."""
RESULT_R_MAX = 3.0
FULL_R = 0.5
"""The mean net R, after shrinking, at which the factor is at its end."""
CONFIDENCE_NEUTRAL = 0.5
CONFIDENCE_WEIGHT = 0.2
REFERENCE_CALM = 0.7
REFERENCE_LIVELY = 1.4
"""Factors of volatility at the lowest and the highest rank, those of a low and of a high
regime; 1.0 in the middle."""


class Adjustment(msgspec.Struct, frozen=True):
    """The factor of the targets, and in words what it was made from."""

    factor: float
    why: str


UNCHANGED = Adjustment(1.0, "results are not asked")


def adjustment(own: Performance, overall: Performance, settings: AdaptSettings) -> Adjustment:
    """The factor in [least, most] by the formula above; exactly 1 without trades or when off.

    ``own`` is the window of the symbol, ``overall`` that of all symbols, this one included.
    """
    if not settings.enabled:
        return UNCHANGED
    all_r = _clipped_sum(overall.results_r) / (len(overall.results_r) + PRIOR_TRADES)
    own_sum_r = _clipped_sum(own.results_r)
    mean_r = (own_sum_r + PRIOR_TRADES * all_r) / (len(own.results_r) + PRIOR_TRADES)
    share = min(max(mean_r / FULL_R, -1.0), 1.0)
    reach = settings.most - 1.0 if share > 0.0 else 1.0 - settings.least
    factor = min(max(1.0 + reach * share, settings.least), settings.most)
    counted = f"{len(own.results_r)} trades of its own and {len(overall.results_r)} in all"
    return Adjustment(factor, f"{counted} speak for {mean_r:+.2f} R a trade: {_effect(factor)}")


def confidence_factor(confidence: float | None) -> float:
    """1 + 0.2 * (confidence - 0.5), within [0.9, 1.1]; 1 where none was given.

    A gentle say: how sure a proposer is says little about how far the price will go. Raises
    ``ValueError`` for NaN.
    """
    if confidence is None:
        return 1.0
    if math.isnan(confidence):
        raise ValueError("confidence is nan: expected a number in [0, 1], or None when missing")
    return 1.0 + CONFIDENCE_WEIGHT * (min(max(confidence, 0.0), 1.0) - CONFIDENCE_NEUTRAL)


def volatility_reference(rank: float | None) -> float:
    """How lively the market is for what it usually is: 0.7 at rank 0, 1 in the middle, 1.4 at 1.

    Straight between them, so that no step of the rank makes a step of the stop; 1 while the rank is
    not known. ``rank`` is in [0, 1], see ``core/market/volatility``.
    """
    if rank is None:
        return 1.0
    lively = 2.0 * rank - 1.0
    return 1.0 + lively * (REFERENCE_LIVELY - 1.0 if lively > 0.0 else 1.0 - REFERENCE_CALM)


def referenced_volatility(factor: float | None, rank: float | None) -> float | None:
    """The volatility factor that the stop is widened by, higher the higher its rank.

    ``factor`` is volatility over its reference (1.0 is normal); without it there is none.
    """
    return None if factor is None else factor * volatility_reference(rank)


def adapted(levels: LevelSet, adjusted: Adjustment, confidence: float | None) -> LevelSet:
    """The levels after results and confidence: targets by both factors, the stop by min(1, factor).

    Nothing is pushed under its floor (targets 0.003, stop 0.0015), the targets keep their order,
    and the stop is never farther than it was. Distances know no side, so both sides are alike.
    """
    scale = adjusted.factor * confidence_factor(confidence)
    return msgspec.structs.replace(
        levels,
        tp_frac=in_order(*(_scaled(each, scale, TP_MIN_FRAC) for each in levels.tp_frac)),
        sl_frac=_scaled(levels.sl_frac, min(1.0, adjusted.factor), SL_MIN_FRAC),
    )


def _effect(factor: float) -> str:
    if factor == 1.0:
        return "levels stay"
    if factor > 1.0:
        return f"targets {percent_text(factor - 1.0, 1)} farther"
    return f"targets and stop {percent_text(1.0 - factor, 1)} nearer"


def _scaled(frac: float, scale: float, floor_frac: float) -> float:
    """Scaled, and not under the floor, unless it was there before."""
    return max(frac * scale, min(frac, floor_frac))


def _clipped_sum(results_r: Iterable[float]) -> float:
    # Exact, for a plain sum depends on the Python release, and rounding must not turn the order.
    return math.fsum(min(max(each, -RESULT_R_MAX), RESULT_R_MAX) for each in results_r)
