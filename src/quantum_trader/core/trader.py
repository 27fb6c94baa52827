"""The composed step: one fact in, the facts that follow from it out.

Deterministic: no clock, no randomness, no I/O. Time is what the facts say it is.
"""

from collections.abc import Callable, Sequence
from typing import Any

from quantum_trader.core.books.booking import book_correction, book_funding
from quantum_trader.core.books.exposure import revalue
from quantum_trader.core.books.trade import OpenTrade
from quantum_trader.core.events import (
    AccountSeen,
    CancelWithheld,
    CandleClosed,
    DrainSwitched,
    Fact,
    FillCorrected,
    FundingRatePublished,
    FundingSettled,
    IntentProposed,
    KillLevelSet,
    LifeBegan,
    MarketFact,
    MarkPriced,
    OrderAccepted,
    OrderCanceled,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
    OrderTriggered,
    QuoteChanged,
    RulesAdopted,
    SecondPassed,
    Tick,
    TrimmingBlocked,
    VenuesCompared,
)
from quantum_trader.core.intent_edge import plan_id_of
from quantum_trader.core.market.publish import publish_state
from quantum_trader.core.market.view import MarketView, observe
from quantum_trader.core.market.window import BarWindow
from quantum_trader.core.orders.adoption import look_after
from quantum_trader.core.orders.deadlines import check_deadlines, may_rest
from quantum_trader.core.orders.evaluation import looks_at_market, note_liquidation
from quantum_trader.core.orders.exiting import consider, is_calm, keep_calm, on_market_state
from quantum_trader.core.orders.new_life import begin_life
from quantum_trader.core.orders.opening import is_repeat, on_intent
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.orders.reconcile import on_account_seen, on_inferred, touch
from quantum_trader.core.orders.reports import on_order_fact
from quantum_trader.core.out import Out
from quantum_trader.core.state import TraderState

GAP_MS = 60_000
"""So long without a single fact means that nothing ran: the clock alone speaks every second."""

AHEAD_MS = 2_000
"""Facts are dated by several clocks, and read in another order than they were told in."""
CATCHING_UP_MS = 500
"""How far a second goes for whoever is ahead: time has to go on, and the others to catch up."""

_NOTHING: tuple[Fact, ...] = ()
_PRICES = (CandleClosed, Tick)
"""What moves price and time and nothing else; after any other fact everybody is looked at anew."""


def step(state: TraderState, fact: Fact) -> Sequence[Fact]:
    """Fold one fact into the state (in place) and return what follows from it.

    A fact that is none of the trader's business changes nothing.
    """
    kind = type(fact)
    handler = _HANDLERS.get(kind)
    if handler is None:
        return _NOTHING
    if kind not in _PRICES:
        state.calm.clear()
    said = handler(state, fact)
    if said:
        touch(state, said)
    return said


def _on_market(state: TraderState, fact: MarketFact) -> Sequence[Fact]:
    symbol = fact.symbol
    view = state.markets.get(symbol)
    if view is None:
        view = state.markets[symbol] = MarketView(source=fact.source, window=BarWindow())
    if not observe(view, fact):
        return _NOTHING
    _pass_time(state, fact.at_ms)
    if symbol in state.positions:
        revalue(state, symbol)
        _mark_trade(state.trades.get(symbol), fact)
    plan_id = state.plan_of.get(symbol)
    plan = None if plan_id is None else state.plans[plan_id]
    closed = isinstance(fact, CandleClosed)
    due = closed and _state_due(state, view, plan)
    resting = plan is None or (not closed and may_rest(state, plan))
    if resting and not due and not state.strays:
        return _NOTHING
    if closed and not due and not state.strays and is_calm(state, view, symbol):
        return _NOTHING
    state.calm.pop(symbol, None)
    out = _out(state, fact)
    if due:
        _publish(state, symbol, plan, out)
    if plan is not None:
        check_deadlines(state, plan, out)
        if closed and (seen := consider(state, plan, out)) is not None:
            keep_calm(state, plan, seen)
    if symbol in state.strays:
        look_after(state, symbol, out)
    return out.facts


def _on_compared(state: TraderState, fact: VenuesCompared) -> Sequence[Fact]:
    """Other venues' prices say something about a market of ours, and are none."""
    view = state.markets.get(fact.symbol)
    if view is not None and observe(view, fact):
        _pass_time(state, fact.at_ms)
    return _NOTHING


def _state_due(state: TraderState, view: MarketView, plan: Plan | None) -> bool:
    """Whether the market's state shall be published: more often while exits look at it."""
    if plan is None or not view.state_due(held=True):
        return view.state_due()
    return view.state_due() or looks_at_market(state, plan)


def _publish(state: TraderState, symbol: str, plan: Plan | None, out: Out) -> None:
    """The market's state, for everybody and for the exits of who holds it."""
    numbers = publish_state(state, symbol, out)
    if numbers is not None and plan is not None:
        on_market_state(state, plan, numbers, out)


def _mark_trade(trade: OpenTrade | None, fact: MarketFact) -> None:
    """Note the best and worst prices a trade has seen; a bar may have begun before it."""
    if trade is None:
        return
    if isinstance(fact, CandleClosed):
        trade.mark(fact.close)
        if fact.open_ms >= trade.opened_ms:
            trade.mark_range(fact.low, fact.high)
    elif isinstance(fact, Tick):
        trade.mark(fact.price)


def _out(state: TraderState, fact: Fact, times: int | None = None) -> Out:
    return Out(fact, state.account, state.now_ms, times, state.life)


def _pass_time(state: TraderState, at_ms: int) -> None:
    """Time only goes on; after a gap it begins anew to count what nobody brought."""
    if at_ms > state.now_ms:
        if at_ms - state.now_ms > GAP_MS:
            state.awake_ms = at_ms
        state.now_ms = at_ms


def _on_second(state: TraderState, fact: SecondPassed) -> Sequence[Fact]:
    """A second is over. Where our time is far ahead of it, the other one catches up.

    A clock that was wrong for a moment may have dated a fact, and time only goes on. Would it stand
    still until then, nothing that hangs on it would come: an exit that is to be tried again.
    """
    ahead = state.now_ms - fact.at_ms > AHEAD_MS
    _pass_time(state, state.now_ms + CATCHING_UP_MS if ahead else fact.at_ms)
    return _time_passed(state, fact)


def _time_passed(state: TraderState, fact: Fact) -> Sequence[Fact]:
    """Look at everything that time may have decided."""
    if not state.plans and not state.strays:
        return _NOTHING
    out = _out(state, fact)
    for plan in list(state.plans.values()):
        check_deadlines(state, plan, out)
        consider(state, plan, out)
    for symbol in list(state.strays):
        look_after(state, symbol, out)
    return out.facts


def _on_intent(state: TraderState, fact: IntentProposed) -> Sequence[Fact]:
    # A proposer may repeat itself, id and all; its answers must not share theirs.
    state.intents += 1
    times = state.intents if is_repeat(state, plan_id_of(fact)) else None
    out = _out(state, fact, times)
    on_intent(state, fact, out)
    return out.facts


def _on_order(state: TraderState, fact: Any) -> Sequence[Fact]:
    _pass_time(state, fact.at_ms)
    state.suspects.pop(fact.symbol, None)
    out = _out(state, fact)
    on_order_fact(state, fact, out)
    if isinstance(fact, OrderFilled) and fact.cause == "inferred":
        on_inferred(fact, out)
    return out.facts


def _on_account_seen(state: TraderState, fact: AccountSeen) -> Sequence[Fact]:
    if state.rules is None:
        return _NOTHING
    _pass_time(state, fact.at_ms)
    out = _out(state, fact)
    on_account_seen(state, fact, out)
    return out.facts


def _on_life_began(state: TraderState, fact: LifeBegan) -> Sequence[Fact]:
    state.life = fact.life
    _pass_time(state, fact.at_ms)
    out = _out(state, fact)
    begin_life(state, fact, out)
    return out.facts


def _on_corrected(state: TraderState, fact: FillCorrected) -> Sequence[Fact]:
    book_correction(state, fact)
    return _NOTHING


def _on_funding(state: TraderState, fact: FundingSettled) -> Sequence[Fact]:
    book_funding(state, fact)
    plan = state.plans.get(state.plan_of.get(fact.symbol, ""))
    if plan is None:
        return _NOTHING
    note_liquidation(state, plan)
    out = _out(state, fact)
    consider(state, plan, out)
    return out.facts


def _on_drain(state: TraderState, fact: DrainSwitched) -> Sequence[Fact]:
    state.safe_drain = fact.on
    return _NOTHING


def _on_blocked(state: TraderState, fact: TrimmingBlocked) -> Sequence[Fact]:
    state.blocked = fact.blocked
    return _NOTHING


def _on_kill_level(state: TraderState, fact: KillLevelSet) -> Sequence[Fact]:
    state.kill_level = fact.level
    _pass_time(state, fact.at_ms)
    return _time_passed(state, fact)


def _on_rules(state: TraderState, fact: RulesAdopted) -> Sequence[Fact]:
    if state.rules is None:
        state.ledger.deposit(fact.rules.deposit_usd)
    state.rules = fact.rules
    for plan in state.plans.values():
        instrument = fact.rules.instruments.get(plan.symbol, plan.instrument)
        if instrument != plan.instrument:
            # What rests stays as it is, what follows is to the new grid, and on it nothing failed.
            plan.instrument, plan.stop_failures, plan.stop_refused_ms = instrument, 0, 0
    return _NOTHING


_HANDLERS: dict[type[Fact], Callable[[TraderState, Any], Sequence[Fact]]] = {
    CandleClosed: _on_market,
    Tick: _on_market,
    MarkPriced: _on_market,
    FundingRatePublished: _on_market,
    QuoteChanged: _on_market,
    VenuesCompared: _on_compared,
    SecondPassed: _on_second,
    IntentProposed: _on_intent,
    OrderAccepted: _on_order,
    OrderRejected: _on_order,
    OrderInDoubt: _on_order,
    CancelWithheld: _on_order,
    OrderTriggered: _on_order,
    OrderFilled: _on_order,
    OrderCanceled: _on_order,
    FundingSettled: _on_funding,
    FillCorrected: _on_corrected,
    LifeBegan: _on_life_began,
    AccountSeen: _on_account_seen,
    DrainSwitched: _on_drain,
    KillLevelSet: _on_kill_level,
    TrimmingBlocked: _on_blocked,
    RulesAdopted: _on_rules,
}
