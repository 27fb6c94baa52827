"""The moment an exit decision looks at: one position, its plan, its market, as one context."""

from decimal import Decimal

from quantum_trader.core.books.margin import liquidation_price
from quantum_trader.core.books.position import Position, unrealized_usd
from quantum_trader.core.books.trade import OpenTrade
from quantum_trader.core.events import MarketStateComputed
from quantum_trader.core.exits.context import ExitContext, MarketPicture
from quantum_trader.core.exits.plan import ExitPlan, RiskMode
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.market.view import MarketView
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.rules import Rules
from quantum_trader.core.state import TraderState
from quantum_trader.core.units import ONE, ZERO, Side, decimal_of, money, sign_of


def context_of(
    state: TraderState, rules: Rules, plan: Plan, position: Position, exit_plan: ExitPlan
) -> ExitContext:
    """Everything the exit rules may look at, now. The plan holds the position and has a trade."""
    trade, view = state.trades[plan.symbol], state.markets.get(plan.symbol)
    made, stop, entry = plan.made, plan.tightest_stop(), float(plan.entry_price)
    age_ms = None if view is None or view.mark is None else state.now_ms - view.mark_ms
    fresh = age_ms is not None and age_ms <= rules.exits.guards.mark_age_ms
    best, worst = _extremes(trade, made.side, entry)
    return ExitContext(
        symbol=plan.symbol,
        position_id=made.plan_id,
        side=made.side,
        sign=sign_of(made.side),
        qty=float(position.qty),
        initial_qty=float(plan.entry_qty),
        entry_price=entry,
        initial_stop=float(plan.first_stop()),
        stop=None if stop is None else float(stop.price),
        best=best,
        worst=worst,
        opened_ms=plan.opened_ms,
        now_ms=state.now_ms,
        stage=plan.stage,
        resting=tuple([target.leg for target in plan.targets.values()]),
        targets=tuple([float(price) for price in plan.target_prices]),
        leverage=made.leverage,
        liquidation_price=_float(plan.liquidation_price),
        instrument=plan.instrument,
        mark=view.mark if view is not None and fresh else None,
        mark_age_ms=None if age_ms is None else min(age_ms, state.now_ms - state.awake_ms),
        market=plan.market,
        market_ms=plan.market_ms,
        market_at_entry=plan.market_at_entry,
        funding_rate_frac=None if view is None else view.funding_rate_frac,
        funding_interval_ms=None if view is None else view.funding_interval_ms,
        next_funding_ms=None if view is None else view.next_funding_ms,
        taker_frac=float(rules.fees.taker_frac),
        spread_frac=float(rules.exits.spread_frac),
        fees_usd=float(trade.fees_usd),
        funding_usd=float(trade.funding_usd),
        risk_mode=risk_mode_of(state, rules),
        confidence=plan.confidence,
        performance=state.performance.of(plan.symbol),
        divergence=plan.divergence,
        heat=heat_of(state),
        hold_max_ms=made.hold_max_ms,
        plan=exit_plan,
        memory=plan.memory,
    )


def risk_mode_of(state: TraderState, rules: Rules) -> RiskMode:
    """How careful the account is: as its rules say, and the emergency mode while all is left."""
    return "ESS_ACTIVE" if state.kill_level == "FLATTEN" else rules.exits.risk_mode


def heat_of(state: TraderState) -> float | None:
    """The part of the equity that is bound as margin, in [0, 1]; 0 for an empty book."""
    equity_usd = state.equity_usd
    if equity_usd <= 0:
        return None
    return float(min(max(state.exposure.margin_usd / equity_usd, ZERO), ONE))


def note_liquidation(state: TraderState, plan: Plan) -> None:
    """Where the venue would take the position, after whatever changed it.

    Funding that was paid came out of the position's isolated margin.
    """
    position, trade = state.positions.get(plan.symbol), state.trades.get(plan.symbol)
    if position is None or trade is None or not plan.holds(position):
        plan.liquidation_price = None
        return
    margin_usd = state.margins.get(plan.symbol, ZERO) + min(trade.funding_usd, ZERO)
    plan.liquidation_price = liquidation_price(plan.instrument, position, margin_usd)


def picture_of(numbers: MarketStateComputed, view: MarketView) -> MarketPicture:
    """A market as the exit rules see it."""
    return MarketPicture(
        sigma_frac=numbers.sigma_frac,
        trend_strength=numbers.trend_strength,
        p_trend=numbers.p_trend,
        p_reversion=numbers.p_reversion,
        p_chop=numbers.p_chop,
        regime=numbers.regime,
        atr_frac=view.atr_frac,
        volatility_rank=view.volatility_rank,
    )


def note_market(state: TraderState, plan: Plan, numbers: MarketStateComputed) -> None:
    """Remember the market as it is now, and as it was when the plan was made."""
    plan.market = picture_of(numbers, state.markets[plan.symbol])
    plan.market_ms = numbers.at_ms
    if plan.market_at_entry is None and not plan.opened_ms:
        plan.market_at_entry = plan.market


def _extremes(trade: OpenTrade, side: Side, entry: float) -> tuple[float, float]:
    """The best and the worst price since entry, for the side of the position."""
    high = entry if trade.high is None else trade.high
    low = entry if trade.low is None else trade.low
    return (high, low) if side == "LONG" else (low, high)


def _float(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def pnl_usd(state: TraderState, plan: Plan, mark: float | None) -> Decimal | None:
    """The unrealised profit of what stands at this mark, None without one."""
    position = state.positions.get(plan.symbol)
    if position is None or mark is None:
        return None
    return money(unrealized_usd(position, decimal_of(mark)))


def quantity_of(plan: Plan, frac: float, position: Position) -> Decimal:
    """A fraction of the initial quantity on the step grid, and never more than there is."""
    wanted = plan.instrument.floor_qty(plan.entry_qty * decimal_of(frac))
    return min(wanted, abs(position.qty))


def stop_on_grid(instrument: Instrument, side: Side, price: float) -> Decimal:
    """A stop on the price grid, rounded toward profit: what it was to lock in is locked in."""
    exact = decimal_of(price)
    return instrument.ceil_price(exact) if side == "LONG" else instrument.floor_price(exact)
