"""What an exit decision looks at where something is missing: None, and never a neutral number."""

from decimal import Decimal

from quantum_trader.core.events import (
    FundingRatePublished,
    FundingSettled,
    KillScored,
    MarketStateComputed,
)
from quantum_trader.core.market.view import STATE_EVERY_BARS, STATE_EVERY_BARS_HELD
from quantum_trader.core.market.window import WINDOW_BARS
from quantum_trader.core.orders.evaluation import glance_of, heat_of
from quantum_trader.core.state import TraderState
from tests.support import ACCOUNT, MINUTE_MS, NOON_MS, Desk, a_candle, an_intent, some_rules


def test_a_position_whose_market_nobody_has_seen_has_a_stop_and_is_left_for_want_of_a_price() -> (
    None
):
    desk = Desk()
    desk.second(NOON_MS)
    desk.hand("BUY", "0.030", 60_000)
    desk.accept(desk.commands("stop")[0])
    (plan,) = desk.state.plans.values()
    glance = glance_of(desk.state, some_rules(), plan)
    assert (glance.mark, glance.mark_age_ms, glance.next_funding_ms) == (None, None, None)
    for minute in range(1, 10):
        desk.second(NOON_MS + minute * MINUTE_MS)
    assert not desk.commands("exit")
    desk.second(NOON_MS + 10 * MINUTE_MS)
    (leave,) = desk.commands("exit")
    assert (leave.order.qty, leave.reason) == (Decimal("0.030"), "blind")


def test_a_market_of_which_only_the_funding_is_known_has_no_mark() -> None:
    desk = Desk()
    desk.tell(
        FundingRatePublished(
            id="rate",
            at_ms=NOON_MS,
            symbol="BTCUSDT",
            source="recorded",
            rate_frac=Decimal("0.0001"),
        )
    )
    desk.hand("BUY", "0.030", 60_000)
    (plan,) = desk.state.plans.values()
    glance = glance_of(desk.state, some_rules(), plan)
    assert (glance.mark, glance.mark_age_ms) == (None, None)


def test_the_heat_of_a_book_is_the_part_of_the_equity_that_is_bound() -> None:
    state = TraderState()
    assert heat_of(state) is None, "a part of nothing is no number"
    state.ledger.deposit(Decimal(100))
    assert heat_of(state) == 0.0
    state.exposure.margin_usd = Decimal(25)
    assert heat_of(state) == 0.25
    state.exposure.margin_usd = Decimal(250)
    assert heat_of(state) == 1.0
    state.exposure.unrealized_usd = Decimal(-100)
    assert heat_of(state) is None


def test_what_is_flat_cannot_be_liquidated_whatever_funding_is_settled_late() -> None:
    desk = Desk()
    desk.open(60_000.0)
    (plan,) = desk.state.plans.values()
    before = plan.liquidation_price
    assert before is not None
    desk.fill(desk.commands("stop")[0], 59_500)
    desk.tell(
        FundingSettled(
            id="funding",
            at_ms=NOON_MS,
            trace_id="",
            account=ACCOUNT,
            symbol="BTCUSDT",
            rate_frac=Decimal("0.0001"),
            mark=Decimal(60_000),
            qty=Decimal("0.050"),
            payment_usd=Decimal("-0.30"),
        )
    )
    assert plan.liquidation_price is None
    assert len(desk.commands("exit")) == 0


def test_a_market_that_is_measured_while_the_entry_is_under_way_has_no_kill_score_yet() -> None:
    desk = Desk()
    for number in range(WINDOW_BARS):
        desk.tell(a_candle(60_000.0 + number % 7, NOON_MS + number * MINUTE_MS))
    desk.tell(an_intent(at_ms=desk.state.now_ms))
    (entry,) = desk.commands("entry")
    (plan,) = desk.state.plans.values()
    met_ms, said = plan.market_ms, len(desk.take(MarketStateComputed))
    bars = WINDOW_BARS
    while len(desk.take(MarketStateComputed)) == said:
        desk.tell(a_candle(60_000.0 + bars % 7, NOON_MS + bars * MINUTE_MS))
        bars += 1
    assert bars % STATE_EVERY_BARS_HELD == 0 or bars % STATE_EVERY_BARS == 0
    assert plan.market_ms > met_ms, "it is remembered for the position that is to come"
    assert not desk.take(KillScored)
    desk.fill(entry, 60_000)
    while not desk.take(KillScored):
        desk.tell(a_candle(60_000.0 + bars % 7, NOON_MS + bars * MINUTE_MS))
        bars += 1
    assert bars % STATE_EVERY_BARS_HELD == 0
