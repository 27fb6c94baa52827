"""Exit levels of many symbols at once, equal to the scalar form to the last bit.

Every operation is the one of ``levels`` in the same order. The logarithm is always ``math.log``:
numpy's own may differ from it in the last bit from one processor to the next.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quantum_trader.core.exits.bounds import (
    LIQUIDATION_WAY_FRAC,
    MARGIN_LOSS_MAX_FRAC,
    STOP_MAX_FRAC,
    STOP_MIN_FRAC,
)
from quantum_trader.core.exits.levels import (
    DEFAULT_BASES,
    DIVERGENCE_WEIGHT,
    FUNDING_WEIGHT,
    HARVEST_HIGH,
    HARVEST_LOW,
    HARVEST_LOW_MAX_LEVERAGE,
    HARVEST_MIDDLE,
    HARVEST_MIDDLE_MAX_LEVERAGE,
    SL_LEVERAGE_WEIGHT,
    SL_MAX_FRAC,
    SL_MIN_FRAC,
    TP_GAP_FRAC,
    TP_LSF_DIVISORS,
    TP_MIN_FRAC,
    TP_OFFSETS,
    VOLATILITY_FACTOR_MAX,
    VOLATILITY_WEIGHT,
    LevelBases,
    sensitivity,
)

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_LEVERAGE_TABLE_MAX = 200
_LSF = np.array([sensitivity(max(each, 1.0)) for each in range(_LEVERAGE_TABLE_MAX + 1)])
_TP_OFFSETS = np.array(TP_OFFSETS)[:, None]
_TP_LSF_DIVISORS = np.array(TP_LSF_DIVISORS)[:, None]
_HARVESTS = np.array((HARVEST_LOW, HARVEST_MIDDLE, HARVEST_HIGH)).T.copy()
_HARVEST_EDGES = np.array((HARVEST_LOW_MAX_LEVERAGE, HARVEST_MIDDLE_MAX_LEVERAGE))


class LevelInputRows(NamedTuple):
    """One value per symbol; NaN is missing, except in ``side_sign`` (+1 or -1) and ``leverage``."""

    side_sign: Floats
    leverage: Floats
    volatility_factor: Floats
    funding_rate_frac: Floats
    divergence: Floats


class LevelRows(NamedTuple):
    """Levels per symbol: ``tp_frac`` and ``harvest`` have three rows, one per target."""

    lsf: Floats
    tp_frac: Floats
    sl_frac: Floats
    harvest: Floats


class BoundRows(NamedTuple):
    """What bounds the levels, per symbol, as fractions of entry.

    ``liquidation_frac`` is the way from entry to liquidation, NaN where there is none;
    ``costs_frac`` both taker fees, spread and one tick.
    """

    leverage: Floats
    liquidation_frac: Floats
    costs_frac: Floats


class EffectiveRows(NamedTuple):
    """Bounded levels per symbol; where ``fits`` is False no stop exists and they mean nothing."""

    levels: LevelRows
    fits: Flags


def adaptive_rows(inputs: LevelInputRows, bases: LevelBases = DEFAULT_BASES) -> LevelRows:
    """``levels.adaptive`` for every symbol. Raises ``ValueError`` for values it cannot use."""
    _check(inputs)
    leverage = np.maximum(inputs.leverage, 1.0)
    lsf = _sensitivity_rows(leverage)
    tp_frac = bases.tp_frac * (_TP_OFFSETS + lsf / _TP_LSF_DIVISORS) * _tp_scale_rows(inputs)
    np.maximum(tp_frac, TP_MIN_FRAC, out=tp_frac)
    _put_in_order(tp_frac)
    sl_frac = bases.sl_frac * (1.0 + SL_LEVERAGE_WEIGHT * (1.0 - lsf)) * _sl_scale_rows(inputs)
    np.minimum(np.maximum(sl_frac, SL_MIN_FRAC, out=sl_frac), SL_MAX_FRAC, out=sl_frac)
    scheme = np.searchsorted(_HARVEST_EDGES, leverage, side="left")
    return LevelRows(lsf, tp_frac, sl_frac, _HARVESTS.take(scheme, axis=1))


def effective_rows(levels: LevelRows, bounds: BoundRows) -> EffectiveRows:
    """``bounds.effective`` for every symbol, in fractions: before any rounding to a price grid."""
    ceiling = np.minimum(MARGIN_LOSS_MAX_FRAC / np.maximum(bounds.leverage, 1.0), STOP_MAX_FRAC)
    # fmin takes the other value where one is NaN: no liquidation, no such ceiling.
    np.fmin(ceiling, LIQUIDATION_WAY_FRAC * bounds.liquidation_frac, out=ceiling)
    floor = np.maximum(bounds.costs_frac, STOP_MIN_FRAC)
    sl_frac = np.maximum(np.minimum(levels.sl_frac, ceiling), floor)
    tp_frac = levels.tp_frac.copy()
    np.maximum(tp_frac[0], bounds.costs_frac, out=tp_frac[0])
    _put_in_order(tp_frac)
    fitting = floor <= ceiling
    return EffectiveRows(levels._replace(tp_frac=tp_frac, sl_frac=sl_frac), fitting)


def _check(inputs: LevelInputRows) -> None:
    if not np.isfinite(inputs.leverage).all():
        raise ValueError("leverage: expected finite numbers")
    if not (np.abs(inputs.side_sign) == 1.0).all():
        raise ValueError("side_sign: expected +1 for LONG and -1 for SHORT")
    if any(np.isinf(each).any() for each in inputs[2:]):
        raise ValueError("modifiers: expected finite numbers, or NaN when missing")


def _sensitivity_rows(leverage: Floats) -> Floats:
    if leverage.max(initial=1.0) <= _LEVERAGE_TABLE_MAX:
        whole = leverage.astype(np.intp)
        if (whole == leverage).all():
            return _LSF.take(whole)
    return np.array([sensitivity(each) for each in leverage.tolist()])


def _tp_scale_rows(inputs: LevelInputRows) -> Floats:
    funding_frac = np.where(np.isnan(inputs.funding_rate_frac), 0.0, inputs.funding_rate_frac)
    scale: Floats = 1.0 + FUNDING_WEIGHT * inputs.side_sign * funding_frac
    return scale


def _sl_scale_rows(inputs: LevelInputRows) -> Floats:
    # fmax takes the other value where one is NaN: a missing modifier leaves its term out.
    divergence = np.fmax(inputs.divergence, 0.0)
    volatility = np.minimum(np.fmax(inputs.volatility_factor, 0.0), VOLATILITY_FACTOR_MAX)
    scale: Floats = 1.0 + DIVERGENCE_WEIGHT * divergence + VOLATILITY_WEIGHT * volatility
    return scale


def _put_in_order(tp_frac: Floats) -> None:
    for nearer, farther in pairwise(tp_frac):
        np.maximum(farther, nearer + TP_GAP_FRAC, out=farther)
