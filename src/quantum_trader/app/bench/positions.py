"""A book of open positions in the middle of their lives, the same for a seed on every machine."""

from typing import NamedTuple

import numpy as np

from quantum_trader.app.bench.crowd import NOW_MS, symbols
from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.exits.context import ExitContext, ExitMemory, MarketPicture
from quantum_trader.core.exits.levels import LevelInputs, adaptive
from quantum_trader.core.exits.plan import ExitPlan
from quantum_trader.core.exits.plan_inputs import PlanInputs
from quantum_trader.core.exits.policy import policy_of
from quantum_trader.core.units import Side, sign_of

MINUTE_MS = 60_000
POLICIES = ("adaptive", "profile")
"""Half of the plans have three targets, half a runner behind a trail."""
REGIMES = ("trend", "reversion", "chop")
BREAK_EVEN_FRAC = 0.001
INSTRUMENT = DEFAULT_INSTRUMENTS["BTCUSDT"]


class _Entry(NamedTuple):
    """What a position was opened with."""

    symbol: str
    side: Side
    price: float
    leverage: int
    funding_rate_frac: float
    divergence: float
    opened_ms: int


def positions(count: int, seed: int) -> list[ExitContext]:
    """So many moments: both sides, all stages, the mark about where the stage would have it.

    Everything is known about each of them and its market state is new, so no rule is spared.
    """
    random = np.random.default_rng(seed)
    entries = [_entry(name, random) for name in symbols(count)]
    plans = [_plan(entry, POLICIES[at % len(POLICIES)]) for at, entry in enumerate(entries)]
    return [_moment(*each, random) for each in zip(entries, plans, strict=True)]


def _entry(name: str, random: np.random.Generator) -> _Entry:
    return _Entry(
        symbol=name,
        side="LONG" if random.random() < 0.5 else "SHORT",
        price=float(random.uniform(20_000.0, 90_000.0)),
        leverage=int(random.integers(1, 21)),
        funding_rate_frac=float(random.normal(0.0, 0.0002)),
        divergence=float(random.uniform(0.0, 0.05)),
        opened_ms=NOW_MS - int(random.integers(1, 250)) * MINUTE_MS,
    )


def _plan(entry: _Entry, policy: str) -> ExitPlan:
    levels = LevelInputs(
        side=entry.side,
        leverage=float(entry.leverage),
        volatility_factor=1.0,
        funding_rate_frac=entry.funding_rate_frac,
        divergence=entry.divergence,
    )
    inputs = PlanInputs(
        symbol=entry.symbol,
        position_id=f"p:{entry.symbol}",
        side=entry.side,
        strategy="bench",
        entry_price=entry.price,
        leverage=levels.leverage,
        notional_usd=entry.price,
        risk_mode="NORMAL",
        regime=None,
        volatility_frac=0.02,
        volatility_factor=levels.volatility_factor,
        trend=None,
        funding_rate_frac=levels.funding_rate_frac,
        divergence=levels.divergence,
        liquidity_usd=None,
        signal_confidence=0.6,
        adaptive=adaptive(levels),
        stop_max_frac=None,
        now_ms=entry.opened_ms,
    )
    return policy_of(policy)(inputs)


def _moment(entry: _Entry, plan: ExitPlan, random: np.random.Generator) -> ExitContext:
    sign, tp_frac = sign_of(entry.side), [leg.trigger_frac or 0.0 for leg in plan.legs_of("TP")]
    stage = int(random.integers(0, len(tp_frac) + 1))
    before = 0.0 if stage == 0 else tp_frac[stage - 1]
    gain = before + float(random.normal(0.0, plan.sl_frac / 2.0))
    best = max(gain, before) + float(random.uniform(0.0, plan.sl_frac))
    stops = (-plan.sl_frac, BREAK_EVEN_FRAC, *tp_frac)
    return ExitContext(
        symbol=entry.symbol,
        position_id=plan.position_id,
        side=entry.side,
        sign=sign,
        qty=sign * (1.0 - 0.25 * stage),
        initial_qty=1.0,
        entry_price=entry.price,
        initial_stop=plan.price_at(-plan.sl_frac),
        stop=plan.price_at(stops[stage]),
        best=plan.price_at(best),
        worst=plan.price_at(min(gain, 0.0)),
        opened_ms=entry.opened_ms,
        now_ms=NOW_MS,
        stage=stage,
        resting=tuple(range(stage + 1, len(tp_frac) + 1)),
        targets=tuple(plan.price_at(each) for each in tp_frac),
        leverage=entry.leverage,
        liquidation_price=plan.price_at(-0.9 / entry.leverage),
        instrument=INSTRUMENT,
        mark=plan.price_at(gain),
        mark_age_ms=int(random.integers(0, 3_000)),
        market=_picture(random),
        market_ms=NOW_MS - MINUTE_MS,
        market_at_entry=_picture(random),
        funding_rate_frac=entry.funding_rate_frac,
        funding_interval_ms=480 * MINUTE_MS,
        next_funding_ms=NOW_MS + int(random.integers(0, 480)) * MINUTE_MS,
        taker_frac=0.0004,
        spread_frac=0.0001,
        fees_usd=0.0004 * entry.price,
        funding_usd=float(random.normal(0.0, 1.0)),
        risk_mode="NORMAL",
        confidence=0.6,
        performance=None,
        divergence=entry.divergence,
        heat=0.3,
        hold_max_ms=240 * MINUTE_MS,
        plan=plan,
        memory=ExitMemory(),
    )


def _picture(random: np.random.Generator) -> MarketPicture:
    chances = [float(each) for each in random.dirichlet((3.0, 2.0, 2.0))]
    trend, reversion, chop = chances
    return MarketPicture(
        sigma_frac=float(random.uniform(0.0004, 0.0012)),
        trend_strength=float(random.normal(0.0, 0.1)),
        p_trend=trend,
        p_reversion=reversion,
        p_chop=chop,
        regime=REGIMES[chances.index(max(chances))],
        atr_frac=float(random.uniform(0.001, 0.003)),
        volatility_rank=float(random.random()),
    )
