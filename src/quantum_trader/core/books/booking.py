"""Money facts into the books: fills and funding change position, trade, ledger and exposure."""

from quantum_trader.core.books.margin import initial_usd
from quantum_trader.core.books.position import (
    FLAT,
    Change,
    Position,
    after_fill,
    unrealized_usd,
)
from quantum_trader.core.books.trade import OpenTrade, close
from quantum_trader.core.events import (
    FundingSettled,
    OrderFilled,
    PositionChanged,
    PositionClosed,
    PositionOpened,
)
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.out import Out
from quantum_trader.core.state import TraderState
from quantum_trader.core.units import ZERO

_KINDS = {"opened": PositionOpened, "closed": PositionClosed}


def book_fill(state: TraderState, plan: Plan | None, fact: OrderFilled, out: Out) -> bool:
    """Book one fill, with or without a plan; True when it made the position flat."""
    before = state.positions.get(fact.symbol, FLAT)
    change = after_fill(before, fact.side, fact.qty, fact.price)
    _keep(state, fact.symbol, before, change.position)
    if change.closed_qty:
        state.ledger.realise(change.realized_usd)
    state.ledger.pay_fee(fact.fee_usd)
    _say_position(plan, fact, change, out)
    if plan is not None:
        _book_trade(state, plan, fact, change)
    flat = change.kind in ("closed", "flipped")
    if flat:
        state.last_close_ms[fact.symbol] = state.now_ms
        _close_trade(state, plan, fact, out)
    return flat


def _keep(state: TraderState, symbol: str, before: Position, after: Position) -> None:
    """Replace the position, and keep the sums over all of them true."""
    if after.qty:
        state.positions[symbol] = after
    else:
        state.positions.pop(symbol, None)
    leverage = leverage_of(state, symbol)
    exposure = state.exposure
    exposure.gross_usd += after.cost_usd - before.cost_usd
    exposure.margin_usd += initial_usd(after.cost_usd, leverage) - initial_usd(
        before.cost_usd, leverage
    )
    revalue(state, symbol)


def revalue(state: TraderState, symbol: str) -> None:
    """Value one position at its mark, and keep the sums over all of them true."""
    before = state.unrealized.pop(symbol, ZERO)
    after = ZERO
    position, mark = state.positions.get(symbol), state.mark_of(symbol)
    if position is not None and mark is not None:
        after = state.unrealized[symbol] = unrealized_usd(position, mark)
    exposure = state.exposure
    exposure.unrealized_usd += after - before
    exposure.open_loss_usd += min(after, ZERO) - min(before, ZERO)


def leverage_of(state: TraderState, symbol: str) -> int:
    """The leverage of a symbol's position; 1 (all of it is margin) when no plan owns it."""
    plan_id = state.plan_of.get(symbol)
    return 1 if plan_id is None else state.plans[plan_id].made.leverage


def _say_position(plan: Plan | None, fact: OrderFilled, change: Change, out: Out) -> None:
    kind = _KINDS.get(change.kind, PositionChanged)
    out.say(
        kind(
            **out.stamp(fact.trace_id if plan is None else plan.trace_id),
            symbol=fact.symbol,
            plan_id=fact.plan_id if plan is None else plan.made.plan_id,
            qty=change.position.qty,
            entry_price=change.position.entry_price,
        )
    )


def _book_trade(state: TraderState, plan: Plan, fact: OrderFilled, change: Change) -> None:
    trade = state.trades.get(fact.symbol)
    if trade is None:
        trade = OpenTrade(
            plan=plan.made,
            confidence=plan.confidence,
            regime=plan.regime,
            opened_ms=state.now_ms,
        )
        state.trades[fact.symbol] = trade
        state.last_open_ms[fact.symbol] = state.now_ms
    if change.closed_qty:
        # What a flip opens on the other side was never planned and belongs to no trade.
        trade.leave(change.closed_qty, fact.price, fact.fee_usd)
    else:
        trade.enter(fact.qty, fact.price, fact.fee_usd)


def _close_trade(state: TraderState, plan: Plan | None, fact: OrderFilled, out: Out) -> None:
    trade = state.trades.pop(fact.symbol, None)
    if trade is None or plan is None:
        return
    trade.stages = plan.stage
    stamp = out.stamp(plan.trace_id)
    out.say(close(trade, stamp["id"], state.now_ms, closing_reason(plan, fact)))


def closing_reason(plan: Plan, fact: OrderFilled) -> str:
    """Why the trade ended, as one word per way to end."""
    if fact.cause == "liquidation":
        return "liquidation"
    if fact.role == "target":
        return "targets"
    if fact.role == "stop":
        return ("stop_loss", "break_even", "profit_lock")[min(plan.stage, 2)]
    return plan.exit_reason or "exit"


def book_funding(state: TraderState, fact: FundingSettled) -> None:
    """Book a funding settlement to the wallet and to the trade that paid or earned it."""
    state.ledger.settle_funding(fact.payment_usd)
    trade = state.trades.get(fact.symbol)
    if trade is not None and fact.payment_usd != ZERO:
        trade.fund(fact.payment_usd)
