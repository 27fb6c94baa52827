"""What our own late orders left is closed at once; a hand may do whatever it wants meanwhile."""

from decimal import Decimal

import msgspec
import pytest

from quantum_trader.core.events import (
    CandleClosed,
    IntentRefused,
    OrderCommanded,
    PlanEnded,
    TradeClosed,
)
from tests.support import (
    MINUTE_MS,
    NOON_MS,
    Desk,
    a_candle,
    an_intent,
    refused_by,
    some_rules,
)


def given_up() -> tuple[Desk, OrderCommanded]:
    """A desk whose entry was proved dead, and that entry."""
    desk = Desk(some_rules(cooldown_close_ms=0, cooldown_open_ms=0))
    desk.tell(a_candle(60_000.0), an_intent())
    (entry,) = desk.commands("entry")
    desk.reject(entry, -1007, "proved dead")
    assert len(desk.take(PlanEnded)) == 1
    return desk, entry


def is_clean(desk: Desk) -> bool:
    """Nothing is left in any sum or table."""
    state, sums = desk.state, desk.state.exposure
    left = (state.positions, state.strays, state.trades, state.margins, state.unrealized)
    return not any(left) and not any(
        (sums.gross_usd, sums.margin_usd, sums.coming_usd, sums.coming_margin_usd)
    )


def test_a_fill_of_an_entry_that_was_given_up_is_closed_at_once() -> None:
    desk, entry = given_up()
    desk.fill(entry, 60_000)
    (leave,) = desk.commands("exit")
    assert (leave.order.side, leave.order.qty, leave.order.reduce_only, leave.reason) == (
        "SELL",
        Decimal("0.050"),
        True,
        "late_fill",
    )
    desk.fill(leave, 59_990)
    assert is_clean(desk)
    # 0.05 * 10 lost, and 4 bp of 3,000 and of 2,999.50 paid.
    assert desk.state.ledger.wallet_usd == Decimal("9997.1002")


@pytest.mark.parametrize("how", ["rejected", "canceled"])
def test_what_does_not_close_is_tried_again_under_a_new_name(how: str) -> None:
    desk, entry = given_up()
    desk.fill(entry, 60_000)
    (leave,) = desk.commands("exit")
    if how == "rejected":
        desk.reject(leave, -1008)
    else:
        desk.cancel(leave)
    desk.second(NOON_MS + 999)
    assert len(desk.commands("exit")) == 1
    desk.tell(a_candle(60_000.0, NOON_MS + 1_000))
    first, second = desk.commands("exit")
    assert first.order.client_order_id != second.order.client_order_id
    desk.fill(second, 60_000)
    assert is_clean(desk)


def test_an_order_in_doubt_that_should_close_it_is_sent_again_at_once_and_then_in_time() -> None:
    desk, entry = given_up()
    desk.fill(entry, 60_000)
    desk.doubt(desk.commands("exit")[0])
    first, second = desk.commands("exit")
    assert first.order.client_order_id != second.order.client_order_id
    desk.doubt(second)
    desk.second(NOON_MS + 999)
    assert len(desk.commands("exit")) == 2
    desk.second(NOON_MS + 1_000)
    desk.fill(desk.commands("exit")[2], 60_000)
    assert is_clean(desk)


def test_an_order_that_should_close_it_and_that_nobody_ever_speaks_of_is_commanded_again() -> None:
    desk, entry = given_up()
    desk.fill(entry, 60_000)
    desk.second(NOON_MS + 59_999)
    assert len(desk.commands("exit")) == 1
    desk.second(NOON_MS + 60_000)
    assert len(desk.commands("exit")) == 2


def test_no_entry_is_taken_beside_it() -> None:
    desk, entry = given_up()
    desk.fill(entry, 60_000)
    answer = desk.tell(an_intent(at_ms=NOON_MS + 1))[-1]
    assert refused_by(answer) == {"one_plan_per_symbol"}


def test_a_late_fill_under_the_next_plan_is_covered_by_its_stop() -> None:
    desk, late = given_up()
    desk.open(60_000.0, at_ms=NOON_MS + 1)
    desk.fill(late, 60_000)
    assert desk.commands("stop")[-1].order.qty == Decimal("0.100")
    desk.fill(desk.commands("stop")[-1], 59_500)
    (closed,) = desk.take(TradeClosed)
    assert isinstance(closed, TradeClosed)
    assert closed.qty == Decimal("0.100")


def test_a_late_fill_while_the_next_entry_is_under_way_is_closed_and_its_rest_is_taken_over() -> (
    None
):
    desk, late = given_up()
    desk.tell(an_intent(at_ms=NOON_MS + 1))
    entry = desk.commands("entry")[1]
    desk.fill(late, 60_000)
    (leave,) = desk.commands("exit")
    desk.fill(entry, 60_000)
    assert desk.commands("stop")[0].order.qty == Decimal("0.100")
    desk.accept(desk.commands("stop")[0])
    desk.fill(leave, 60_000)
    assert desk.state.positions["BTCUSDT"].qty == Decimal("0.050")
    desk.second(NOON_MS + MINUTE_MS)
    assert desk.commands("exit") == [leave], "what is left belongs to the plan"
    desk.fill(desk.commands("stop")[0], 59_500, "0.050")
    assert is_clean(desk)
    assert [one.qty for one in desk.take(TradeClosed) if isinstance(one, TradeClosed)] == [
        Decimal("0.100")
    ]


def test_a_late_fill_against_the_next_plan_ends_it_and_the_rest_is_closed() -> None:
    desk, late = given_up()
    targets = desk.open(60_000.0, side="SHORT", at_ms=NOON_MS + 1)
    desk.fill(late, 60_000, "0.080")
    (leave,) = desk.commands("exit")
    assert (leave.order.side, leave.order.qty) == ("SELL", Decimal("0.030"))
    desk.fill(leave, 60_000)
    assert is_clean(desk)
    for order in (*targets, *desk.commands("stop")):
        desk.cancel(order)
    assert not desk.state.plans


def test_a_hand_that_turns_a_position_round_ends_its_plan() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.hand("SELL", "0.070", 60_000)
    for order in (*targets, *desk.commands("stop")):
        desk.cancel(order, "position is flat")
    assert len(desk.take(PlanEnded)) == 1
    assert not desk.commands("exit")
    desk.hand("BUY", "0.020", 60_000)
    assert is_clean(desk)
    (closed,) = desk.take(TradeClosed)
    assert isinstance(closed, TradeClosed)
    assert (closed.qty, closed.reason) == (Decimal("0.050"), "hand")


def test_a_hands_position_that_has_to_wait_for_the_last_plan_to_end_is_closed_in_time() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.hand("SELL", "0.070", 60_000)
    desk.second(NOON_MS + 3_000)
    assert not desk.commands("exit"), "the orders of the last plan may go any moment"
    desk.second(NOON_MS + 3_001)
    (leave,) = desk.commands("exit")
    assert (leave.order.side, leave.order.qty) == ("BUY", Decimal("0.020"))
    assert leave.reason == "unprotected"
    desk.reject(leave, -1008)
    desk.second(NOON_MS + 4_000)
    assert len(desk.commands("exit")) == 1
    desk.second(NOON_MS + 4_001)
    assert len(desk.commands("exit")) == 2


def test_a_hand_that_trades_while_a_plan_cleans_up_breaks_nothing() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.fill(desk.commands("stop")[0], 59_500)
    desk.hand("BUY", "0.020", 59_500)
    assert not desk.commands("exit")
    for target in targets:
        desk.cancel(target, "position is flat")
    desk.hand("SELL", "0.020", 59_500)
    assert is_clean(desk)
    assert len(desk.take(TradeClosed)) == 1


def test_a_liquidation_ends_the_plan_under_its_own_name() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.hand("SELL", "0.050", 54_300, cause="liquidation")
    for order in (*targets, *desk.commands("stop")):
        desk.cancel(order, "liquidation")
    (closed,) = desk.take(TradeClosed)
    assert isinstance(closed, TradeClosed)
    assert closed.reason == "liquidation"
    assert is_clean(desk)
    assert not desk.state.plans


def test_entries_under_way_count_against_every_limit() -> None:
    desk = Desk(some_rules(gross_notional_max_usd=Decimal(5_000)))
    for symbol, price in (("BTCUSDT", 60_000.0), ("ETHUSDT", 3_000.0)):
        desk.tell(a_candle(price, symbol=symbol))
        desk.tell(an_intent(symbol=symbol, signal_id=symbol, notional_usd=Decimal(3_000)))
    assert len(desk.commands("entry")) == 1
    assert isinstance(desk.said[-1], IntentRefused)
    assert refused_by(desk.said[-1]) == {"gross_notional_within"}
    assert desk.state.available_usd == Decimal(9_700)


@pytest.mark.parametrize("how", ["filled", "rejected", "canceled"])
def test_an_entry_that_is_over_is_not_expected_any_more(how: str) -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    (entry,) = desk.commands("entry")
    desk.fill(entry, 60_000, "0.020", done=False)
    assert desk.state.exposure.coming_usd == Decimal(1_800)
    if how == "filled":
        desk.fill(entry, 60_000, "0.030")
    elif how == "rejected":
        desk.reject(entry, -2019)
    else:
        desk.cancel(entry)
    assert desk.state.exposure.coming_usd == 0
    assert desk.state.exposure.coming_margin_usd == 0


def test_a_bar_that_began_before_the_trade_says_only_where_it_closed() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.second(NOON_MS + 30_000)
    late: CandleClosed = a_candle(60_010.0, NOON_MS + 30_000, high=70_000.0, low=50_000.0)
    desk.tell(late)
    trade = desk.state.trades["BTCUSDT"]
    assert (trade.high, trade.low) == (60_010.0, 60_000.0)


def test_a_hands_position_is_as_old_as_its_trade_and_not_as_our_hearing_of_it() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.second(NOON_MS + 2_000)
    desk.hand("SELL", "0.070", 60_000, at_ms=NOON_MS + 500)
    desk.second(NOON_MS + 3_500)
    assert not desk.commands("exit")
    desk.second(NOON_MS + 3_501)
    (leave,) = desk.commands("exit")
    assert leave.reason == "unprotected"


def test_a_strays_fees_add_up_over_all_of_its_fills() -> None:
    desk, late = given_up()
    desk.fill(late, 60_000, "0.020", done=False)
    desk.fill(late, 60_000, "0.030")
    (stray,) = desk.state.strays.values()
    assert stray.fees_usd == Decimal("1.2"), "4 bp of 3,000"
    assert desk.state.positions["BTCUSDT"].qty == Decimal("0.050")


def test_a_position_that_is_there_before_any_rules_are_is_adopted_with_them() -> None:
    desk = Desk()
    rules, desk.state.rules = desk.state.rules, None
    assert rules is not None
    desk.tell(a_candle(60_000.0))
    desk.hand("BUY", "0.020", 60_000)
    desk.second(NOON_MS + MINUTE_MS)
    assert not desk.take(OrderCommanded)
    desk.adopt(rules)
    desk.second(NOON_MS + MINUTE_MS + 1)
    (stop,) = desk.commands("stop")
    assert stop.order.qty == Decimal("0.020")


def test_a_stop_of_before_that_turns_out_to_rest_stays_while_it_is_all_a_stray_has() -> None:
    desk, entry = given_up()
    stop = msgspec.structs.replace(entry, role="stop")
    desk.fill(entry, 60_000)
    desk.accept(stop)
    assert not desk.cancels()
    (leave,) = desk.commands("exit")
    desk.fill(leave, 59_990)
    desk.accept(stop)
    assert [one.client_order_id for one in desk.cancels()] == [stop.order.client_order_id]
