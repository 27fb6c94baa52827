"""Money facts into the books: fills and funding change position, trade, ledger and exposure."""

from quantum_trader.core.books.exposure import keep
from quantum_trader.core.books.position import FLAT, Change, after_fill
from quantum_trader.core.books.trade import OpenTrade, close
from quantum_trader.core.events import (
    FillCorrected,
    FundingSettled,
    OrderFilled,
    PositionChanged,
    PositionClosed,
    PositionOpened,
)
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.out import Out
from quantum_trader.core.state import TraderState
from quantum_trader.core.units import ZERO, money

_KINDS = {"opened": PositionOpened, "closed": PositionClosed}


def book_fill(
    state: TraderState, plan: Plan | None, fact: OrderFilled, out: Out, reason: str
) -> None:
    """Book one fill, with or without a plan; ``reason`` is why, should it end the trade."""
    before = state.positions.get(fact.symbol, FLAT)
    change = after_fill(before, fact.side, fact.qty, fact.price)
    keep(state, fact.symbol, before, change.position, 1 if plan is None else plan.made.leverage)
    ledger = state.ledger
    if change.closed_qty:
        ledger.realise(change.realized_usd)
    if fact.cause == "liquidation":
        ledger.pay_liquidation_fee(fact.fee_usd)
    else:
        ledger.pay_fee(fact.fee_usd)
    _say_position(plan, fact, change, out)
    if change.kind in ("closed", "flipped"):
        state.last_close_ms[fact.symbol] = state.now_ms
    if plan is not None and _book_trade(state, plan, fact, change):
        _close_trade(state, plan, fact, out, reason)


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


def _book_trade(state: TraderState, plan: Plan, fact: OrderFilled, change: Change) -> bool:
    """Add a fill to the trade; True when that ended it.

    A trade is what its plan holds: the quantities of its entries and exits differ by that.
    """
    trade = state.trades.get(fact.symbol)
    if trade is None:
        if fact.plan_id == plan.made.plan_id and fact.role == "entry":
            _begin_trade(state, plan, fact, change)
        return False
    if not change.closed_qty:
        trade.enter(fact.qty, fact.price, fact.fee_usd)
        return False
    # What a flip opens on the other side was never planned and belongs to no trade.
    trade.leave(change.closed_qty, fact.price, fact.fee_usd)
    return change.kind != "shrank"


def _begin_trade(state: TraderState, plan: Plan, fact: OrderFilled, change: Change) -> None:
    """The first fill of an entry, together with what it may have found there."""
    position = change.position
    if not plan.holds(position):
        return
    trade = OpenTrade(
        plan=plan.made,
        confidence=plan.confidence,
        regime=plan.regime,
        opened_ms=state.now_ms,
        entry_qty=abs(position.qty),
        entry_usd=position.cost_usd,
        fees_usd=fact.fee_usd,
    )
    trade.mark(float(fact.price))
    state.trades[fact.symbol] = trade
    state.last_open_ms[fact.symbol] = state.now_ms


def _close_trade(state: TraderState, plan: Plan, fact: OrderFilled, out: Out, reason: str) -> None:
    trade = state.trades.pop(fact.symbol)
    trade.stages = plan.stage
    stamp = out.stamp(plan.trace_id)
    closed = close(trade, stamp["id"], state.now_ms, reason)
    state.performance.note(fact.symbol, closed.r_net)
    out.say(closed)


def book_correction(state: TraderState, fact: FillCorrected) -> None:
    """Put right the money of a fill that had been inferred; the position is right already.

    What was bought dearer than assumed, or sold cheaper, is lost; the trade, if it is still open,
    learns the fee.
    """
    better = fact.price - fact.inferred_price
    state.ledger.realise(money(better * (fact.qty if fact.side == "SELL" else -fact.qty)))
    state.ledger.pay_fee(fact.fee_usd)
    trade = state.trades.get(fact.symbol)
    if trade is not None:
        trade.fees_usd += fact.fee_usd


def book_funding(state: TraderState, fact: FundingSettled) -> None:
    """Book a funding settlement to the wallet and to the trade that paid or earned it."""
    state.ledger.settle_funding(fact.payment_usd)
    trade = state.trades.get(fact.symbol)
    if trade is not None and fact.payment_usd != ZERO:
        trade.fund(fact.payment_usd)
