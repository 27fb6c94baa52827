"""The moment an exit decision looks at: one position, its plan, its market, as one context."""

from decimal import Decimal

from msgspec.structs import astuple, replace

from quantum_trader.core.books.margin import liquidation_price
from quantum_trader.core.books.position import Position, unrealized_usd
from quantum_trader.core.events import MarketStateComputed
from quantum_trader.core.exits.context import ExitContext, Glance, MarketPicture
from quantum_trader.core.exits.plan import ExitPlan, RiskMode
from quantum_trader.core.exits.router import Holding, get_active, get_or_create
from quantum_trader.core.market.view import MarketView
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.rules import Rules
from quantum_trader.core.state import TraderState
from quantum_trader.core.units import ZERO, decimal_of, money


def glance_of(state: TraderState, rules: Rules, plan: Plan) -> Glance:
    """What tells whether the exit rules have to be asked, now. The plan has a trade.

    It is made in the order of its fields: by name it would take as long as everything else here.
    """
    made, now_ms, stop = plan.made, state.now_ms, plan.tightest_stop()
    trade, view = state.trades[made.symbol], state.markets.get(made.symbol)
    entry_price = float(plan.entry_price)
    sign, best = (1, trade.high) if made.side == "LONG" else (-1, trade.low)
    mark = mark_age_ms = next_funding_ms = None
    if view is not None:
        next_funding_ms = view.next_funding_ms
        if view.mark is not None:
            age_ms = now_ms - view.mark_ms
            mark = view.mark if age_ms <= rules.exits.guards.mark_age_ms else None
            mark_age_ms = min(age_ms, now_ms - state.awake_ms)
    return Glance(
        sign,
        entry_price,
        float(plan.first_stop()),
        None if stop is None else float(stop.price),
        entry_price if best is None else best,
        plan.opened_ms,
        now_ms,
        plan.stage,
        plan.awaited_stages(),
        None if plan.liquidation_price is None else float(plan.liquidation_price),
        mark,
        mark_age_ms,
        plan.market_ms,
        next_funding_ms,
        risk_mode_of(state, rules),
        made.hold_max_ms,
        exit_plan_of(state, plan, entry_price),
        plan.memory,
    )


def context_of(
    state: TraderState, rules: Rules, plan: Plan, position: Position, glance: Glance
) -> ExitContext:
    """The glance and everything else the exit rules may look at. The plan holds the position."""
    made, view, trade = plan.made, state.markets.get(plan.symbol), state.trades[plan.symbol]
    divergence = divergence_now(state, made.symbol)
    worst = trade.low if made.side == "LONG" else trade.high
    return ExitContext(
        *astuple(glance),
        symbol=made.symbol,
        position_id=made.plan_id,
        side=made.side,
        qty=float(position.qty),
        initial_qty=float(plan.entry_qty),
        worst=glance.entry_price if worst is None else worst,
        targets=tuple([float(price) for price in plan.target_prices]),
        leverage=made.leverage,
        instrument=plan.instrument,
        market=plan.market,
        market_at_entry=plan.market_at_entry,
        funding_rate_frac=None if view is None else view.funding_rate_frac,
        funding_interval_ms=None if view is None else view.funding_interval_ms,
        taker_frac=float(rules.fees.taker_frac),
        spread_frac=float(rules.exits.spread_frac),
        fees_usd=float(trade.fees_usd),
        funding_usd=float(trade.funding_usd),
        confidence=plan.confidence,
        performance=state.performance.symbols.get(made.symbol),
        divergence=plan.divergence if divergence is None else divergence,
        heat=heat_of(state),
    )


def divergence_now(state: TraderState, symbol: str) -> float | None:
    """How far venues disagree about a price now, a fraction of it; None where nobody can tell."""
    view = state.markets.get(symbol)
    return None if view is None else view.divergence_frac(state.now_ms)


def exit_plan_of(state: TraderState, plan: Plan, entry_price: float) -> ExitPlan:
    """The plan by which this very position is left: the one in force, or the same made anew."""
    made, now_ms = plan.made, state.now_ms
    holding = Holding(made.symbol, made.plan_id, made.side, entry_price)
    active = get_active(state.exit_plans, holding, now_ms)
    if active is not None:
        return active

    def anew() -> ExitPlan:
        planned = plan.exit_plan
        return replace(
            planned,
            entry_price=entry_price,
            created_ms=now_ms,
            expires_ms=now_ms + planned.expires_ms - planned.created_ms,
        )

    return get_or_create(state.exit_plans, holding, now_ms, anew)


def risk_mode_of(state: TraderState, rules: Rules) -> RiskMode:
    """How careful the account is: as its rules say, and the emergency mode while all is left."""
    return "ESS_ACTIVE" if state.kill_level == "FLATTEN" else rules.exits.risk_mode


def heat_of(state: TraderState) -> float | None:
    """The part of the equity that is bound as margin, in [0, 1]; 0 for an empty book."""
    equity_usd, margin_usd = state.equity_usd, state.exposure.margin_usd
    if equity_usd <= 0:
        return None
    return 0.0 if margin_usd <= 0 else min(float(margin_usd / equity_usd), 1.0)


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


def looks_at_market(state: TraderState, plan: Plan) -> bool:
    """Whether the state of the market matters to how a plan is left, before it is long past.

    The kill score is made of it. A trail by average true ranges follows what no target is going to
    take, and a plan that trails may do so by them too.
    """
    rules, position = state.rules, state.positions.get(plan.symbol)
    if rules is None or rules.exits.kill.enabled or position is None:
        return True
    taken = sum([target.qty for target in plan.targets.values()], start=ZERO)
    return plan.exit_plan.trail is not None or taken < abs(position.qty)


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
