"""The kill score: how far the reason to be in a market is gone.

Four components, weighted, give z; a logistic makes K = sigmoid(z - z0) of it. The *recorded* score
has z0 = 0. Its components are never negative, so it never falls below 0.5, and a market that goes
nowhere at all scores about 0.75 by it: it is kept for comparison. The *acting* score measures the
components against the entry and the side of the position, and its z0 is set so that a neutral
market scores ``KillSettings.neutral``. It proposes to leave and never forbids anything.
"""

import math
from collections.abc import Mapping

import msgspec

from quantum_trader.core.exits.context import ExitContext, ExitMemory, Glance, MarketPicture
from quantum_trader.core.exits.decision import Decision, close
from quantum_trader.core.exits.settings import KillSettings
from quantum_trader.core.market.state import SIGMA_MIN_FRAC, unit_trend
from quantum_trader.core.units import Side, sign_of

LEVEL_TEST = 0.5
"""Chop and reversion together above this, and trend below ``trend_min``: the trend is gone."""
RECORDED: Mapping[str, KillSettings] = {
    "kernel": KillSettings(
        weight_regime_flip=1.0,
        weight_sigma_spike=0.5,
        weight_ts_drop=0.5,
        weight_age_penalty=0.3,
        threshold=0.6,
    ),
    "policy": KillSettings(
        weight_regime_flip=0.8,
        weight_sigma_spike=0.6,
        weight_ts_drop=0.4,
        weight_age_penalty=0.2,
        threshold=0.55,
    ),
}
"""Weights and thresholds the recorded score was used with: by itself, and under a policy."""
AGAINST, CHOP, REVERSION, WITH = range(4)
"""How a regime stands to a position, from worst to best."""


class KillComponents(msgspec.Struct, frozen=True, gc=False):
    """What the score is made of, none of it below zero.

    ``regime_flip`` is 1 when the regime turned, else 0; ``sigma_spike`` how far volatility is above
    its reference (1: twice as high); ``ts_drop`` how far the trend falls short of its reference;
    ``age_penalty`` the age over the longest age, at most 1.
    """

    regime_flip: float
    sigma_spike: float
    ts_drop: float
    age_penalty: float


class Score(msgspec.Struct, frozen=True, gc=False):
    """The weighted sum ``z``, the centre ``z0``, and ``score`` = sigmoid(z - z0) in [0, 1]."""

    z: float
    z0: float
    score: float


def recorded(components: KillComponents, settings: KillSettings) -> Score:
    """The score as it was always computed: sigmoid(z)."""
    z = _weighted(components, settings)
    return Score(z, 0.0, sigmoid(z))


def acting(components: KillComponents, settings: KillSettings) -> Score:
    """The score that acts: sigmoid(z - z0)."""
    z, z0 = _weighted(components, settings), centre(settings)
    return Score(z, z0, sigmoid(z - z0))


def breakdown(components: KillComponents, settings: KillSettings) -> dict[str, float]:
    """What each component adds to z, by name."""
    return {
        "regime_flip": settings.weight_regime_flip * components.regime_flip,
        "sigma_spike": settings.weight_sigma_spike * components.sigma_spike,
        "ts_drop": settings.weight_ts_drop * components.ts_drop,
        "age_penalty": settings.weight_age_penalty * components.age_penalty,
    }


def centre(settings: KillSettings) -> float:
    """z0: what makes a neutral market score ``neutral``.

    Neutral is: no flip, volatility at its reference, no trend either way, age 0. What is left of z
    then is the whole reference of the trend.
    """
    z_neutral = settings.weight_ts_drop * min(settings.ts_ref, settings.ts_drop_cap)
    return z_neutral + math.log((1.0 - settings.neutral) / settings.neutral)


def recorded_components(context: ExitContext, settings: KillSettings) -> KillComponents | None:
    """The components by the old definitions; None without a market picture.

    The flip is a level, not a change, volatility has one reference for all markets, and the trend
    is abs(mu) / sigma per bar, whichever side it favours.
    """
    market = context.market
    if market is None:
        return None
    gone = market.p_trend < settings.trend_min and market.p_chop + market.p_reversion > LEVEL_TEST
    return KillComponents(
        float(gone),
        _sigma_spike(market.sigma_frac, settings.sigma_ref_frac, settings),
        _ts_drop(abs(market.trend_strength), settings),
        _age_penalty(context.now_ms - context.opened_ms, settings),
    )


def acting_components(context: ExitContext, settings: KillSettings) -> KillComponents | None:
    """The components of the acting score; None without a market picture.

    Where the picture of the entry is missing, nothing is held against the market but a trend
    against the position, and volatility is measured against ``sigma_ref_frac``.
    """
    market, before = context.market, context.market_at_entry
    if market is None:
        return None
    sigma_ref_frac = settings.sigma_ref_frac if before is None else before.sigma_frac
    return KillComponents(
        _flip(market, before, context.sign, settings),
        _sigma_spike(market.sigma_frac, sigma_ref_frac, settings),
        _ts_drop(_trend(market, context.sign), settings),
        _age_penalty(context.now_ms - context.opened_ms, settings),
    )


def entry_components(
    market: MarketPicture, side: Side, sigma_ref_frac: float, settings: KillSettings
) -> KillComponents:
    """The components of the acting score for a position that does not exist yet.

    ``sigma_ref_frac`` is the volatility of a usual market per bar of this one.
    """
    sign = sign_of(side)
    return KillComponents(
        _flip(market, None, sign, settings),
        _sigma_spike(market.sigma_frac, sigma_ref_frac, settings),
        _ts_drop(_trend(market, sign), settings),
        0.0,
    )


def entry_scale(score: float, settings: KillSettings) -> float | None:
    """The part of its size that an entry may have at this acting score; None: no entry.

    1 up to ``entry_from``, exp(-entry_alpha * (K - entry_from)) above, none from ``threshold`` on.
    """
    if score >= settings.threshold:
        return None
    return math.exp(-settings.entry_alpha * max(score - settings.entry_from, 0.0))


def wakes(glance: Glance, settings: KillSettings) -> bool:
    """Whether there is a market state to count, or enough of them to leave."""
    memory = glance.memory
    return settings.enabled and (
        glance.market_ms != memory.kill_at_ms or memory.kill_streak >= settings.streak
    )


def kill(context: ExitContext, settings: KillSettings) -> Decision | None:
    """Leave when enough market states in a row want out and the position had its minimum time.

    A market state counts once, however often it is looked at: the same context gives the same
    decision, before and after ``next_memory`` was kept.
    """
    if not settings.enabled or context.now_ms - context.opened_ms < settings.hold_min_ms:
        return None
    if context.memory.kill_streak + 1 < settings.streak:
        return None
    memory = next_memory(context, settings)
    if memory.kill_streak < settings.streak:
        return None
    components = acting_components(context, settings)
    if components is None:
        return None
    found = acting(components, settings)
    if found.score < settings.threshold:
        return None
    return _leave(components, found.score, memory.kill_streak, settings)


def next_memory(context: ExitContext, settings: KillSettings) -> ExitMemory:
    """The memory to keep: a new market state lengthens the streak or ends it.

    Without a market picture nothing was looked at and nothing changes.
    """
    memory = context.memory
    if not settings.enabled or context.market_ms == memory.kill_at_ms:
        return memory
    components = acting_components(context, settings)
    if components is None:
        return memory
    wants_out = acting(components, settings).score >= settings.threshold
    streak = memory.kill_streak + 1 if wants_out else 0
    return msgspec.structs.replace(memory, kill_streak=streak, kill_at_ms=context.market_ms)


def sigmoid(z: float) -> float:
    """1 / (1 + exp(-z)) for any z, without overflow."""
    if z >= 0.0:
        return 1.0 / (1.0 + math.exp(-z))
    grown = math.exp(z)
    return grown / (1.0 + grown)


def _leave(
    components: KillComponents, score: float, streak: int, settings: KillSettings
) -> Decision:
    parts = msgspec.structs.asdict(components)
    told = ", ".join(f"{name} {value:.2f}" for name, value in parts.items())
    return close(
        "kill_score",
        f"the reason to stay is gone: kill score {score:.2f} for {streak} market states in a row, "
        f"{settings.threshold:.2f} wants out ({told})",
        score=score,
        threshold=settings.threshold,
        streak=float(streak),
        **parts,
    )


def _weighted(components: KillComponents, settings: KillSettings) -> float:
    return (
        settings.weight_regime_flip * components.regime_flip
        + settings.weight_sigma_spike * components.sigma_spike
        + settings.weight_ts_drop * components.ts_drop
        + settings.weight_age_penalty * components.age_penalty
    )


def _flip(
    market: MarketPicture, before: MarketPicture | None, sign: int, settings: KillSettings
) -> float:
    """1 when the regime stands worse to the position than it did at entry, else 0.

    A trend with us that only lost the lead is gone below ``trend_min``, not before.
    """
    then = CHOP if before is None else _standing(before, sign)
    if then == WITH and market.p_trend >= settings.trend_min:
        return float(sign * market.trend_strength < 0.0)
    return float(_standing(market, sign) < then)


def _standing(market: MarketPicture, sign: int) -> int:
    if market.regime == "reversion":
        return REVERSION
    lean = sign * market.trend_strength if market.regime == "trend" else 0.0
    if lean == 0.0:
        return CHOP
    return WITH if lean > 0.0 else AGAINST


def _trend(market: MarketPicture, sign: int) -> float:
    """The trend for the position (1: a t-statistic of two in its favour) or against it."""
    return sign * unit_trend(market.trend_strength)


def _sigma_spike(sigma_frac: float, reference_frac: float, settings: KillSettings) -> float:
    ratio = sigma_frac / max(reference_frac, SIGMA_MIN_FRAC)
    return min(max(ratio - 1.0, 0.0), settings.sigma_spike_cap)


def _ts_drop(trend: float, settings: KillSettings) -> float:
    return min(max(settings.ts_ref - trend, 0.0), settings.ts_drop_cap)


def _age_penalty(age_ms: int, settings: KillSettings) -> float:
    return min(max(age_ms / settings.age_max_ms, 0.0), 1.0)
