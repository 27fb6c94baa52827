"""How far targets and stop of a plan lie: a base, and what multiplies it.

    TP = base * (1 + 0.8 * s * funding) * risk mode * regime, within [0.015, 0.15]
    SL = base * (1 + 0.4 * divergence)  * risk mode * regime, within [0.01, 0.05]

with s = +1 for LONG and -1 for SHORT. Both are decided in one go, and the stop is held to what the
bounds will allow before any target is computed by it.
"""

from collections.abc import Mapping
from typing import NamedTuple

from quantum_trader.core.exits.plan import PlanRegime, RiskMode
from quantum_trader.core.exits.plan_inputs import PlanInputs
from quantum_trader.core.units import sign_of

BASE_TP_FRAC = 0.03
BASE_SL_FRAC = 0.025
HINT_CONFIDENCE_MIN = 0.5
TP_MIN_FRAC, TP_MAX_FRAC = 0.015, 0.15
SL_MIN_FRAC, SL_MAX_FRAC = 0.01, 0.05
FUNDING_WEIGHT, FUNDING_MAX_FRAC = 0.8, 0.1
DIVERGENCE_WEIGHT, DIVERGENCE_MAX = 0.4, 1.0
CALLBACK_WEIGHT = 0.6
TRAIL_BELOW_FACTOR = 3.0
"""At this volatility factor nothing is trailed: any callback is within the noise."""

RISK_MODE_SCALE: Mapping[RiskMode, float] = {
    "NORMAL": 1.0,
    "CONSERVATIVE": 0.7,
    "CRITICAL": 0.5,
    "ESS_ACTIVE": 0.3,
}


class RegimeScale(NamedTuple):
    """What a regime multiplies, and whether a plan without a profile trails in it."""

    tp: float
    sl: float
    trails: bool


REGIME_SCALES: Mapping[PlanRegime, RegimeScale] = {
    "NORMAL": RegimeScale(1.0, 1.0, trails=True),
    "VOLATILE": RegimeScale(1.3, 1.5, trails=False),
    "TRENDING": RegimeScale(1.5, 0.8, trails=True),
    "RANGE_BOUND": RegimeScale(0.8, 1.2, trails=False),
}


class Distances(NamedTuple):
    """Target and stop as fractions of the entry price, and how the market changes a trail.

    ``tp_scale`` is what hint, funding and risk mode make of a target, the regime left out: tables
    that know the regime themselves are scaled by it. ``held`` tells that the bounds hold the stop.
    """

    regime: PlanRegime
    tp_frac: float
    tp_scale: float
    sl_frac: float
    held: bool
    trails: bool
    callback_scale: float


def distances(inputs: PlanInputs) -> Distances:
    """Where target and stop belong, all multipliers applied. What is missing is left out."""
    regime, mode = inputs.known_regime, RISK_MODE_SCALE[inputs.risk_mode]
    scales = REGIME_SCALES[regime]
    tp_frac = _base_tp(inputs) * _funding_scale(inputs) * mode
    sl_frac = _base_sl(inputs) * _divergence_scale(inputs) * mode * scales.sl
    wanted_sl_frac = min(max(sl_frac, SL_MIN_FRAC), SL_MAX_FRAC)
    allowed_sl_frac = _allowed(wanted_sl_frac, inputs.stop_max_frac)
    factor = inputs.volatility_factor or 0.0
    return Distances(
        regime=regime,
        tp_frac=_clamped_tp(tp_frac * scales.tp),
        tp_scale=_clamped_tp(tp_frac) / BASE_TP_FRAC,
        sl_frac=allowed_sl_frac,
        held=allowed_sl_frac < wanted_sl_frac,
        trails=factor < TRAIL_BELOW_FACTOR,
        callback_scale=callback_scale(factor),
    )


def callback_scale(volatility_factor: float) -> float:
    """1 + 0.6 * (volatility factor - 1), never below 1.

    A factor of 1 is a normal market, for which callbacks were chosen; only what is above widens.
    """
    return 1.0 + CALLBACK_WEIGHT * max(volatility_factor - 1.0, 0.0)


def _clamped_tp(tp_frac: float) -> float:
    return min(max(tp_frac, TP_MIN_FRAC), TP_MAX_FRAC)


def _base_tp(inputs: PlanInputs) -> float:
    """The hinted target, unless its proposer is not sure of it."""
    confidence = inputs.hints.confidence
    doubted = confidence is not None and confidence < HINT_CONFIDENCE_MIN
    return BASE_TP_FRAC if doubted else inputs.hints.tp_frac or BASE_TP_FRAC


def _base_sl(inputs: PlanInputs) -> float:
    """The hinted stop, however sure: how much may be lost is not a matter of confidence."""
    return inputs.hints.sl_frac or BASE_SL_FRAC


def _funding_scale(inputs: PlanInputs) -> float:
    """Who pays funding must earn more before a profit is worth taking; who receives it, less."""
    rate = min(max(inputs.funding_rate_frac or 0.0, -FUNDING_MAX_FRAC), FUNDING_MAX_FRAC)
    return 1.0 + FUNDING_WEIGHT * sign_of(inputs.side) * rate


def _divergence_scale(inputs: PlanInputs) -> float:
    """Exchanges that disagree make noise, which is no reason to leave."""
    return 1.0 + DIVERGENCE_WEIGHT * min(max(inputs.divergence or 0.0, 0.0), DIVERGENCE_MAX)


def _allowed(sl_frac: float, most_frac: float | None) -> float:
    """The stop within what the bounds allow. Where they allow none, they refuse the entry."""
    return sl_frac if most_frac is None or most_frac <= 0.0 else min(sl_frac, most_frac)
