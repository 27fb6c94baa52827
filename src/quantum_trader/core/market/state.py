"""Market state: volatility, trend and regime of one symbol from its last 257 closed bars.

A pure function of the window. Returns are r_t = ln(P_t / P_t-1), per bar; volatility and variance
ratio use them winsorised at the 1st and 99th percentile (linear between ranks).
"""

import math
from itertools import accumulate, repeat
from operator import mul
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from quantum_trader.core.market.theil_sen import TheilSen
from quantum_trader.core.market.window import WINDOW_BARS, BarWindow

Floats = NDArray[np.float64]

RETURNS = WINDOW_BARS - 1
EWMA_DECAY = 0.94
EWMA_SEED_BARS = 10
MAD_TO_SIGMA = 1.4826
SIGMA_MIN_FRAC = 1e-6
SPIKE_MAX = 5.0
SPIKE_MIDDLE = 1.2
SPIKE_SCALE = 0.3
WINSOR_FRAC = 0.01
SLOPE_BARS = (64, 128, 256)
SLOPE_WEIGHTS = (0.5, 0.3, 0.2)
"""Lengths and weights of the three slopes that make the drift."""
DRIFT_BARS = sum(map(mul, SLOPE_WEIGHTS, SLOPE_BARS))
TREND_T = 2.0
"""The t-statistic that counts as one full unit of trend in the regime scores."""
VARIANCE_RATIO_BARS = 5
VARIANCE_MIN = 1e-18
"""Below this the returns differ by rounding alone and their variances say nothing."""
SIGMA_DAILY_REFERENCE_FRAC = 0.02
SIGMA_RATIO_MAX = 3.0
DAY_MS = 86_400_000

_THEIL_SEN = TheilSen(SLOPE_BARS)
_EWMA_STEPS = RETURNS - EWMA_SEED_BARS
# By multiplication alone: a power may differ in the last bit from one processor to the next.
_DECAYS = list(accumulate(repeat(EWMA_DECAY, _EWMA_STEPS), mul, initial=1.0))
_EWMA_WEIGHTS = (1.0 - EWMA_DECAY) * np.array(_DECAYS[-2::-1])
_EWMA_SEED_WEIGHT = _DECAYS[-1]
_SUMS = RETURNS // VARIANCE_RATIO_BARS
_WINSOR_RANK = WINSOR_FRAC * (RETURNS - 1)
_WINSOR_LOW = int(_WINSOR_RANK)
_WINSOR_PART = _WINSOR_RANK - _WINSOR_LOW


class MarketNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one market, per bar of ``interval_ms``.

    ``last_bar_ms`` is the open time of the newest bar and ``bars`` how many closes were used.
    ``trend_strength`` is mu / sigma with its sign; ``direction_persistence`` 2 * dp - 1, where dp
    is the share of consecutive returns that agree in sign (pairs with a zero left out): 0 for a
    random walk; ``variance_ratio`` above 1 trends, below 1 reverts.
    """

    interval_ms: int
    last_bar_ms: int
    bars: int
    sigma_frac: float
    mu_frac: float
    trend_strength: float
    direction_persistence: float
    variance_ratio: float
    spike: float
    p_trend: float
    p_reversion: float
    p_chop: float
    regime: str

    def fields(self) -> dict[str, Any]:
        """The numbers by name, as the published fact wants them."""
        return msgspec.structs.asdict(self)


class Volatility(NamedTuple):
    """Blended volatility per bar, and how unusual the last return is."""

    sigma_frac: float
    spike: float


class Regimes(NamedTuple):
    """Probabilities that sum to one."""

    trend: float
    reversion: float
    chop: float


def volatility_now(window: BarWindow) -> Volatility | None:
    """Volatility alone, a fifth of the cost of ``compute``; None where that gives None."""
    if not window.full:
        return None
    logs = np.array(window.log_closes)
    returns = logs[1:] - logs[:-1]
    return volatility_of(winsorised(returns), abs(float(returns[-1])))


def compute(window: BarWindow) -> MarketNumbers | None:
    """The state of the market; None with fewer than 257 closes or without any price change."""
    if not window.full:
        return None
    logs = np.array(window.log_closes)
    returns = logs[1:] - logs[:-1]
    clipped = winsorised(returns)
    volatility = volatility_of(clipped, abs(float(returns[-1])))
    if volatility is None:
        return None
    mu = drift(logs)
    strength = mu / volatility.sigma_frac
    persistence, ratio = direction_persistence(returns), variance_ratio(clipped)
    odds = regimes(t_statistic(strength), persistence, ratio)
    return MarketNumbers(
        interval_ms=window.interval_ms,
        last_bar_ms=window.last_open_ms,
        bars=len(window.log_closes),
        sigma_frac=volatility.sigma_frac,
        mu_frac=mu,
        trend_strength=strength,
        direction_persistence=persistence,
        variance_ratio=ratio,
        spike=volatility.spike,
        p_trend=odds.trend,
        p_reversion=odds.reversion,
        p_chop=odds.chop,
        regime=max(zip(odds, odds._fields, strict=True))[1],
    )


def sigma_ratio(sigma_frac: float, interval_ms: int) -> float:
    """The volatility factor: daily volatility over 2 %, within [0, 3]; 1.0 is a normal market."""
    daily_frac = daily_sigma(sigma_frac, interval_ms)
    return min(max(daily_frac / SIGMA_DAILY_REFERENCE_FRAC, 0.0), SIGMA_RATIO_MAX)


def daily_sigma(sigma_frac: float, interval_ms: int) -> float:
    """Volatility per bar as volatility per day: by the square root of the bars in a day."""
    return sigma_frac * math.sqrt(DAY_MS / interval_ms)


def usual_sigma(interval_ms: int) -> float:
    """The volatility per bar of a market that moves by 2 % a day."""
    return SIGMA_DAILY_REFERENCE_FRAC / math.sqrt(DAY_MS / interval_ms)


def unit_trend(trend_strength: float) -> float:
    """The trend within [-1, 1]: a t-statistic of two, either way, is all of it."""
    return min(max(t_statistic(trend_strength) / TREND_T, -1.0), 1.0)


def t_statistic(trend_strength: float) -> float:
    """mu * sqrt(n) / sigma, n the weighted length of the slopes: about unit variance by chance.

    mu / sigma per bar is small on any market (0.01 .. 0.1 on one-minute bars); this can be
    compared with the usual thresholds.
    """
    return trend_strength * math.sqrt(DRIFT_BARS)


def winsorised(returns: Floats) -> Floats:
    """The returns with the tails beyond the 1st and 99th percentile pulled in to them."""
    ranked = np.sort(returns)
    low, high = _WINSOR_LOW, RETURNS - 1 - _WINSOR_LOW
    bottom = ranked[low] + _WINSOR_PART * (ranked[low + 1] - ranked[low])
    top = ranked[high] - _WINSOR_PART * (ranked[high] - ranked[high - 1])
    clipped: Floats = np.minimum(np.maximum(returns, bottom), top)
    return clipped


def volatility_of(clipped: Floats, last_abs: float) -> Volatility | None:
    """EWMA and MAD volatility, blended; None when there was no price change to measure.

    The spike is the size of the last return, not winsorised, over the EWMA volatility, and the
    weight of the MAD is logistic((spike - 1.2) / 0.3): while a spike lasts, the estimate that one
    return cannot move speaks. A MAD of zero has no say: it means that more than half of the
    returns are equal, not that there is no risk.
    """
    ewma = _ewma(clipped)
    if ewma == 0.0:
        return None
    mad = MAD_TO_SIGMA * _median(np.abs(clipped - _median(clipped)))
    spike = min(last_abs / ewma, SPIKE_MAX)
    weight = 1.0 / (1.0 + math.exp((SPIKE_MIDDLE - spike) / SPIKE_SCALE)) if mad > 0.0 else 0.0
    return Volatility(max(SIGMA_MIN_FRAC, (1.0 - weight) * ewma + weight * mad), spike)


def drift(logs: Floats) -> float:
    """Weighted Theil-Sen slopes of log price over the last 64, 128 and 256 closes, per bar."""
    slopes = zip(SLOPE_WEIGHTS, _THEIL_SEN.slopes(logs), strict=True)
    # A plain sum of floats differs in the last bit from one Python release to the next.
    return math.fsum(weight * slope for weight, slope in slopes)


def direction_persistence(returns: Floats) -> float:
    """2 * dp - 1 in [-1, 1]: how much more often neighbours agree in sign than disagree."""
    products = returns[1:] * returns[:-1]
    agree, disagree = int(np.count_nonzero(products > 0.0)), int(np.count_nonzero(products < 0.0))
    return (agree - disagree) / (agree + disagree) if agree + disagree else 0.0


def variance_ratio(clipped: Floats) -> float:
    """Var(sums over 5 bars that do not overlap) / (5 * Var(returns)), the newest bars kept."""
    single = _variance(clipped)
    if single < VARIANCE_MIN:
        return 1.0
    latest = clipped[-_SUMS * VARIANCE_RATIO_BARS :].reshape(_SUMS, VARIANCE_RATIO_BARS)
    return _variance(np.add.reduce(latest, axis=1)) / (VARIANCE_RATIO_BARS * single)


def regimes(t: float, persistence: float, ratio: float) -> Regimes:
    """Softmax over the scores of trend, mean reversion and chop.

    Trend counts in units of two standard errors. A variance ratio above one speaks for trend, one
    below one for reversion, either against chop; persistence speaks for trend and against
    reversion, persistence or its opposite against chop.
    """
    trend = abs(t) / TREND_T
    above, below = max(ratio - 1.0, 0.0), max(1.0 - ratio, 0.0)
    scores = (
        trend + persistence + above,
        below - trend - persistence,
        (1.0 - abs(persistence)) + (1.0 - min(trend, 1.0)) - above - below,
    )
    best = max(scores)
    weights = [math.exp(score - best) for score in scores]
    total = math.fsum(weights)
    return Regimes(*(weight / total for weight in weights))


def _ewma(clipped: Floats) -> float:
    """v_0 is the variance of the first 10, then v_t = 0.94 v_t-1 + 0.06 r_t^2; its root."""
    later = clipped[EWMA_SEED_BARS:]
    # A dot product would be faster, and differ in the last bit from one processor to the next.
    recent = float(np.add.reduce(_EWMA_WEIGHTS * (later * later)))
    return math.sqrt(_EWMA_SEED_WEIGHT * _variance(clipped[:EWMA_SEED_BARS]) + recent)


def _variance(values: Floats) -> float:
    """The population variance."""
    off = values - float(np.add.reduce(values)) / values.size
    return float(np.add.reduce(off * off)) / values.size


def _median(values: Floats) -> float:
    """The median of an even number of values."""
    ranked, middle = np.sort(values), values.size // 2
    return 0.5 * (float(ranked[middle - 1]) + float(ranked[middle]))
