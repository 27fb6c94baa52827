"""The trade an intent would become, before any gate is asked: size, leverage, stop and ladder.

Size and stop depend on each other: the stop distance decides the size by risk, the size decides
the margin tier, the tier the liquidation price, and that bounds the stop. A second round is needed
only when liquidation is so near that it tightens the stop, and then the second stop settles it.
"""

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import get_args

import msgspec

from quantum_trader.core.books.margin import initial_usd, liquidation_price
from quantum_trader.core.books.position import Position
from quantum_trader.core.events import IntentProposed, MarketStateComputed
from quantum_trader.core.events.exits import Bound, LevelSet
from quantum_trader.core.exits.adapt import adapted, adjustment
from quantum_trader.core.exits.bounds import (
    BoundContext,
    ceilings,
    effective,
    liquidation_bound,
    stop_price,
    target_prices,
)
from quantum_trader.core.exits.kill_score import entry_scale
from quantum_trader.core.exits.ladder import ladder
from quantum_trader.core.exits.levels import LevelInputs, adaptive
from quantum_trader.core.exits.performance import PerformanceBook
from quantum_trader.core.exits.plan import ExitPlan, PlanRegime, RiskMode
from quantum_trader.core.exits.plan_inputs import Hints, PlanInputs, hints_at
from quantum_trader.core.exits.policy import levels_of, policy_of
from quantum_trader.core.exits.proposed import asked_price, with_proposed_stop
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.market.state import daily_sigma, unit_trend
from quantum_trader.core.risk.case import Draft
from quantum_trader.core.risk.sizing import SizeInputs, Unsized, size
from quantum_trader.core.rules import Rules
from quantum_trader.core.units import Side, decimal_of, money, sign_of


class Problem(msgspec.Struct, frozen=True):
    """No trade can be made of the intent; ``why`` is a sentence with the numbers."""

    why: str


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """An intent and the world it wants to be traded in; None is missing.

    ``volatility_factor`` and ``funding_rate_frac`` are our own; the proposer's go before them.
    ``divergence`` is between venues, a fraction: the proposer's where it gave one, else our own.
    ``market`` is its state as of the newest bar, ``kill_score`` how little speaks for being in it.
    """

    intent: IntentProposed
    plan_id: str
    now_ms: int
    side: Side
    leverage: int
    instrument: Instrument
    mark: Decimal
    equity_usd: Decimal
    available_usd: Decimal
    funding_rate_frac: float | None
    volatility_factor: float | None
    divergence: float | None
    market: MarketStateComputed | None
    kill_score: float | None
    performance: PerformanceBook
    risk_mode: RiskMode
    rules: Rules


class _Wanted(msgspec.Struct, frozen=True):
    """Levels before any bound: the formula, what results and confidence make of it, the exit plan
    that follows, and what that asks for.
    """

    formula: LevelSet
    adapted: LevelSet
    exit_plan: ExitPlan
    levels: LevelSet


class _Shape(msgspec.Struct, frozen=True):
    """One round: the levels, the quantity they lead to, and where that would be liquidated."""

    levels: LevelSet
    bounds: tuple[Bound, ...]
    qty: Decimal
    liquidation: Decimal | None


def draft_entry(ask: Ask) -> Draft | Problem:
    """Size, stop and ladder for the intent, or why there are none."""
    wanted = _wanted(ask)
    if isinstance(wanted, Problem):
        return wanted
    shape = _shape(ask, wanted.levels, None)
    if isinstance(shape, Problem):
        return shape
    bound = liquidation_bound(_context(ask, shape.liquidation))
    if bound is not None and bound.frac < shape.levels.sl_frac:
        shape = _shape(ask, wanted.levels, shape.liquidation)
        if isinstance(shape, Problem):
            return shape
    elif bound is not None:
        shape = msgspec.structs.replace(shape, bounds=(*shape.bounds, bound))
    return _draft(ask, wanted, shape)


def _wanted(ask: Ask) -> _Wanted | Problem:
    """What the account's exit policy makes of the formula, of results and of confidence."""
    formula = adaptive(_level_inputs(ask))
    own, overall = ask.performance.of(ask.intent.symbol), ask.performance.overall
    settings = ask.rules.exits.adapt
    adjusted = adjustment(own, overall, settings)
    levels = adapted(formula, adjusted, ask.intent.confidence if settings.enabled else None)
    exit_plan = _policy(ask.rules.exits.policy)(_plan_inputs(ask, levels))
    asked = levels_of(exit_plan, formula.lsf)
    if asked is None:
        return Problem(f"the exit plan leaves at once: {exit_plan.reason}")
    if adjusted.factor != 1.0:
        reason = f"{exit_plan.reason}; {adjusted.why}"
        exit_plan = msgspec.structs.replace(exit_plan, reason=reason)
    return _Wanted(formula, levels, exit_plan, asked)


def _plan_bounds(wanted: _Wanted) -> tuple[Bound, ...]:
    """What the exit plan asked for, and whether the adaptive stop held it."""
    plan, levels = wanted.exit_plan, wanted.adapted
    asked = Bound("plan", plan.sl_frac, False, f"the stop of the exit plan: {plan.profile}")
    if plan.source.startswith("static"):
        return (asked,)
    held = plan.source != "adaptive" and plan.sl_frac == levels.sl_frac
    why = "no stop is wider than the adaptive one, unless the policy is a fixed one"
    return (asked, Bound("adaptive", levels.sl_frac, held, why))


_REGIMES: Mapping[str, PlanRegime] = {name: name for name in get_args(PlanRegime)}
"""A proposer's word on the regime, where it is one of ours."""
_policy = lru_cache(policy_of)
"""A name means the same policy for ever."""


def _plan_inputs(ask: Ask, levels: LevelSet) -> PlanInputs:
    intent, market = ask.intent, ask.market
    volatility = None if market is None else daily_sigma(market.sigma_frac, market.interval_ms)
    inputs = _level_inputs(ask)
    bounds = ceilings(_context(ask, None))
    return PlanInputs(
        symbol=intent.symbol,
        position_id=ask.plan_id,
        side=ask.side,
        strategy=intent.strategy,
        entry_price=float(ask.mark),
        leverage=float(ask.leverage),
        notional_usd=None if intent.notional_usd is None else float(intent.notional_usd),
        risk_mode=ask.risk_mode,
        regime=_REGIMES.get(intent.regime or ""),
        volatility_frac=volatility,
        volatility_factor=inputs.volatility_factor,
        trend=None if market is None else unit_trend(market.trend_strength),
        funding_rate_frac=inputs.funding_rate_frac,
        divergence=inputs.divergence,
        liquidity_usd=None,
        signal_confidence=intent.confidence,
        adaptive=levels,
        stop_max_frac=min(*(bound.frac for bound in bounds), levels.sl_frac),
        now_ms=ask.now_ms,
        hints=_hints(ask),
    )


def _hints(ask: Ask) -> Hints:
    intent = ask.intent
    target, stop = (
        None if price is None else float(price) for price in (intent.take_profit, intent.stop_loss)
    )
    return hints_at(ask.side, float(ask.mark), target, stop, intent.confidence)


def _level_inputs(ask: Ask) -> LevelInputs:
    """The proposer's own context where it was given, else what we know ourselves."""
    intent = ask.intent
    volatility, funding = intent.volatility_factor, intent.funding_rate_frac
    return LevelInputs(
        side=ask.side,
        leverage=float(ask.leverage),
        volatility_factor=ask.volatility_factor if volatility is None else volatility,
        funding_rate_frac=ask.funding_rate_frac if funding is None else funding,
        divergence=ask.divergence,
    )


def _context(ask: Ask, liquidation: Decimal | None) -> BoundContext:
    return BoundContext(
        side=ask.side,
        leverage=float(ask.leverage),
        entry_price=ask.mark,
        liquidation_price=liquidation,
        taker_fee_frac=ask.rules.fees.taker_frac,
        spread_frac=ask.rules.exits.spread_frac,
        tick=ask.instrument.tick,
    )


def _shape(ask: Ask, wanted: LevelSet, liquidation: Decimal | None) -> _Shape | Problem:
    context = _context(ask, liquidation)
    outcome = with_proposed_stop(effective(wanted, context), context, ask.intent.stop_loss)
    if outcome.levels is None:
        return Problem(outcome.problem or "no stop fits")
    sized = size(_size_inputs(ask, outcome.levels.sl_frac), ask.rules.limits)
    if isinstance(sized, Unsized):
        return Problem(sized.problem)
    cost_usd = sized.qty * ask.mark
    position = Position(sized.qty * sign_of(ask.side), cost_usd)
    margin_usd = initial_usd(cost_usd, ask.leverage)
    price = liquidation_price(ask.instrument, position, margin_usd)
    liquidation = None if price is None else ask.instrument.nearest_price(price)
    return _Shape(outcome.levels, outcome.bounds, sized.qty, liquidation)


def _size_inputs(ask: Ask, sl_frac: float) -> SizeInputs:
    intent = ask.intent
    return SizeInputs(
        instrument=ask.instrument,
        reference_price=ask.mark,
        stop_frac=decimal_of(sl_frac),
        leverage=ask.leverage,
        equity_usd=ask.equity_usd,
        available_usd=ask.available_usd,
        taker_fee_frac=ask.rules.fees.taker_frac,
        notional_usd=intent.notional_usd,
        margin_usd=intent.margin_usd,
        qty=intent.qty,
        scale_frac=1.0 if ask.kill_score is None else _kill_scale(ask.kill_score, ask.rules),
    )


def _kill_scale(score: float, rules: Rules) -> float:
    """The part of its size an entry may have; what is refused for its score is drafted whole."""
    return entry_scale(score, rules.exits.kill) or 1.0


def _draft(ask: Ask, wanted: _Wanted, shape: _Shape) -> Draft:
    levels, instrument = shape.levels, ask.instrument
    asked = asked_price(shape.bounds, ask.intent.stop_loss, instrument)
    stop = asked or stop_price(ask.side, ask.mark, levels.sl_frac, instrument, shape.bounds)
    targets = target_prices(ask.side, ask.mark, levels.tp_frac, instrument)
    notional_usd = money(shape.qty * ask.mark)
    return Draft(
        side=ask.side,
        leverage=ask.leverage,
        reference_price=instrument.nearest_price(ask.mark),
        qty=shape.qty,
        notional_usd=notional_usd,
        margin_usd=initial_usd(notional_usd, ask.leverage),
        fee_usd=money(notional_usd * ask.rules.fees.taker_frac),
        stop_price=stop,
        asked_stop=asked,
        legs=ladder(shape.qty, targets, levels.harvest, instrument),
        risk_usd=money(shape.qty * abs(ask.mark - stop)),
        liquidation_price=shape.liquidation,
        adaptive=wanted.formula,
        effective=levels,
        bounds=(*_plan_bounds(wanted), *shape.bounds),
        exit_plan=wanted.exit_plan,
    )
