"""The order of events in a bar and at a tick, by hand."""

from functools import partial

import pytest

from quantum_trader.core.matching.advance import advance
from quantum_trader.core.matching.orders import place
from quantum_trader.core.venue import Accepted, VenueTrigger
from tests.core.matching.making import (
    MINUTE_MS,
    OTHER,
    SYMBOL,
    a_desk,
    buy,
    candle,
    d,
    fills,
    flat_candle,
    kinds,
    market,
    order,
    rest,
    sell,
    tick,
)

calm = partial(a_desk, leverage=2)
"""A desk on which liquidation is far away."""

STOP = order("stop", "SELL", "STOP_MARKET", "10", "95", reduce_only=True)
TARGET = order("target", "SELL", "LIMIT", "10", "110", reduce_only=True)
ENTRY = ("entry", "10", "100")


def test_a_market_order_fills_at_once_at_the_last_price_and_its_slippage() -> None:
    desk = calm(slippage_ticks=2)
    buy(desk)
    assert fills(desk) == [("entry", "10", "100.2")]
    desk = calm(slippage_bps=d(15))
    buy(desk)
    sell(desk, "4")
    assert fills(desk) == [("entry", "10", "100.2"), ("entry", "4", "99.8")]


def test_a_price_off_the_grid_is_rounded_against_the_taker() -> None:
    desk = calm(price=100.04)
    buy(desk)
    sell(desk, "4")
    assert fills(desk) == [("entry", "10", "100.1"), ("entry", "4", "100")]


def test_a_limit_order_through_the_market_takes_but_never_beyond_its_limit() -> None:
    desk = calm(slippage_ticks=3)
    rest(desk, order("a", "BUY", "LIMIT", "1", "105"), order("b", "BUY", "LIMIT", "1", "100.1"))
    rest(desk, order("c", "SELL", "LIMIT", "1", "99.9"))
    assert fills(desk) == [("a", "1", "100.3"), ("b", "1", "100.1"), ("c", "1", "99.9")]
    assert [one.liquidity for one in desk.updates] == ["taker"] * 3  # type: ignore[union-attr]


def test_a_resting_limit_fills_as_maker_at_its_price_once_traded_through() -> None:
    desk = calm()
    rest(desk, order("bid", "BUY", "LIMIT", "1", "98"))
    advance(desk, candle(1, (100.0, 101.0, 98.0, 99.0)))
    assert not desk.updates, "touched is not traded through"
    advance(desk, candle(2, (99.0, 99.0, 97.9, 99.0)))
    assert fills(desk) == [("bid", "1", "98")]
    assert desk.updates[0].liquidity == "maker"  # type: ignore[union-attr]
    assert desk.updates[0].fee_usd == d("0.0196")  # type: ignore[union-attr]


def test_without_a_queue_touching_is_enough() -> None:
    desk = calm(queue_ticks=0)
    rest(desk, order("bid", "BUY", "LIMIT", "1", "98"))
    advance(desk, candle(1, (100.0, 101.0, 98.0, 99.0)))
    assert fills(desk) == [("bid", "1", "98")]


def test_an_offer_waits_in_its_queue_too() -> None:
    desk = calm()
    rest(desk, order("offer", "SELL", "LIMIT", "1", "102"))
    advance(desk, candle(1, (100.0, 102.0, 99.0, 100.0)))
    assert not desk.updates
    advance(desk, candle(2, (100.0, 102.1, 99.0, 100.0)))
    assert fills(desk) == [("offer", "1", "102")]


def test_a_limit_that_the_open_jumps_over_fills_at_its_own_price() -> None:
    desk = calm()
    rest(desk, order("bid", "BUY", "LIMIT", "1", "98"))
    advance(desk, candle(1, (96.0, 97.0, 95.5, 96.0)))
    assert fills(desk) == [("bid", "1", "98")]


def test_a_stop_inside_a_bar_fills_at_its_trigger_and_slippage() -> None:
    desk = calm(slippage_ticks=1)
    buy(desk)
    rest(desk, STOP)
    advance(desk, candle(1, (100.0, 101.0, 94.0, 96.0)))
    assert fills(desk)[1:] == [("stop", "10", "94.9")]
    assert kinds(desk)[1:] == ["trigger stop", "fill stop"]
    trigger = desk.updates[1]
    assert isinstance(trigger, VenueTrigger)
    assert trigger.trigger_price == d(95)
    assert trigger.at_ms == candle(1, (1.0, 1.0, 1.0, 1.0)).at_ms


def test_a_stop_that_the_open_jumps_over_fills_at_the_open() -> None:
    desk = calm(slippage_ticks=1)
    buy(desk)
    rest(desk, STOP)
    advance(desk, candle(1, (93.0, 97.0, 92.5, 96.0)))
    assert fills(desk)[1:] == [("stop", "10", "92.9")]


def test_a_stop_that_is_exactly_met_is_triggered() -> None:
    desk = calm()
    buy(desk)
    rest(desk, STOP)
    advance(desk, candle(1, (100.0, 100.0, 95.1, 100.0)))
    assert fills(desk) == [ENTRY]
    advance(desk, candle(2, (100.0, 100.0, 95.0, 100.0)))
    assert fills(desk)[1:] == [("stop", "10", "95")]


def test_a_target_that_is_exactly_met_is_triggered() -> None:
    desk = calm()
    buy(desk)
    rest(desk, order("target", "SELL", "TAKE_PROFIT_MARKET", "10", "104", reduce_only=True))
    advance(desk, candle(1, (100.0, 104.0, 100.0, 101.0)))
    assert fills(desk)[1:] == [("target", "10", "104")]


@pytest.mark.parametrize(
    ("intrabar", "first"), [("stop_first", ("stop", "10", "95")), ("target_first", None)]
)
def test_a_bar_with_stop_and_target_ends_as_the_rules_say(
    intrabar: str, first: tuple[str, str, str] | None
) -> None:
    for opens, side, stop_at, target_at in ((buy, "SELL", "95", "110"), (sell, "BUY", "110", "95")):
        desk = calm(intrabar=intrabar)
        opens(desk)
        rest(
            desk,
            order("stop", side, "STOP_MARKET", "10", stop_at, reduce_only=True),  # type: ignore[arg-type]
            order("target", side, "TAKE_PROFIT_MARKET", "10", target_at, reduce_only=True),  # type: ignore[arg-type]
        )
        advance(desk, candle(1, (100.0, 111.0, 94.0, 100.0)))
        name, at = ("stop", stop_at) if first else ("target", target_at)
        assert fills(desk)[1:] == [(name, "10", at)]
        assert kinds(desk)[-1] == f"cancel {'target' if first else 'stop'}"


def test_a_ladder_fills_in_the_order_of_its_prices() -> None:
    desk = calm()
    buy(desk)
    rest(
        desk,
        order("t3", "SELL", "LIMIT", "5", "109", reduce_only=True),
        order("t1", "SELL", "LIMIT", "3", "103", reduce_only=True),
        order("t2", "SELL", "LIMIT", "2", "106", reduce_only=True),
        STOP,
    )
    advance(desk, candle(1, (100.0, 109.1, 99.0, 109.0)))
    assert [name for name, _, _ in fills(desk)[1:]] == ["t1", "t2", "t3"]
    assert kinds(desk)[-1] == "cancel stop"
    assert not market(desk).orders


def test_an_entry_and_its_stop_can_both_be_met_in_one_bar() -> None:
    desk = calm()
    rest(desk, order("entry", "BUY", "LIMIT", "10", "98"), STOP)
    advance(desk, candle(1, (100.0, 112.0, 94.0, 105.0)))
    assert fills(desk) == [("entry", "10", "98"), ("stop", "10", "95")]


def test_an_entry_does_not_profit_from_an_extreme_before_it() -> None:
    desk = calm()
    target = order("target", "SELL", "TAKE_PROFIT_MARKET", "10", "110", reduce_only=True)
    rest(desk, order("entry", "BUY", "LIMIT", "10", "98"), target)
    advance(desk, candle(1, (100.0, 112.0, 97.0, 105.0)))
    assert kinds(desk) == ["trigger target", "reject target", "fill entry"]


def test_an_order_is_not_met_by_the_bar_during_which_it_was_placed() -> None:
    desk = calm()
    buy(desk)
    advance(desk, flat_candle(4, 100.0, OTHER))
    rest(desk, STOP)
    advance(desk, candle(4, (100.0, 100.0, 90.0, 99.0)))
    assert fills(desk) == [ENTRY], "the bar ended when the stop was placed"
    advance(desk, candle(5, (99.0, 99.0, 94.0, 99.0)))
    assert fills(desk)[1:] == [("stop", "10", "95")]


def test_an_order_placed_during_a_bar_knows_its_close() -> None:
    desk = calm()
    buy(desk)
    advance(desk, tick(90_000, 99.0))
    rest(desk, STOP)
    advance(desk, candle(1, (100.0, 100.0, 90.0, 96.0)))
    assert fills(desk) == [ENTRY], "the extreme may lie before the stop"
    advance(desk, tick(150_000, 97.0))
    rest(desk, order("second", "SELL", "STOP_MARKET", "1", "96.5", reduce_only=True))
    advance(desk, candle(2, (96.0, 97.0, 95.5, 96.2)))
    assert fills(desk)[1:] == [("second", "1", "96.2")]


def test_a_bar_moves_the_venue_once() -> None:
    desk = calm()
    buy(desk)
    advance(desk, candle(2, (100.0, 101.0, 99.0, 100.0)))
    rest(desk, order("bid", "BUY", "LIMIT", "1", "98"))
    desk.updates.clear()
    for minute in (1, 2):
        advance(desk, candle(minute, (90.0, 91.0, 89.0, 90.0)))
    assert not desk.updates
    assert market(desk).last == 100.0


def test_a_tick_triggers_at_its_own_price() -> None:
    desk = calm(slippage_ticks=1)
    buy(desk)
    rest(desk, STOP)
    advance(desk, tick(MINUTE_MS + 1, 95.1))
    assert fills(desk)[1:] == []
    advance(desk, tick(MINUTE_MS + 2, 94.3))
    assert fills(desk)[1:] == [("stop", "10", "94.2")]


def test_a_tick_of_the_millisecond_of_the_order_or_older_does_not_meet_it() -> None:
    desk = calm()
    buy(desk)
    advance(desk, tick(MINUTE_MS + 50, 99.0))
    rest(desk, STOP)
    advance(desk, tick(MINUTE_MS + 50, 90.0))
    advance(desk, tick(MINUTE_MS + 49, 90.0))
    assert fills(desk) == [ENTRY]
    advance(desk, tick(MINUTE_MS + 51, 95.0))
    assert fills(desk)[1:] == [("stop", "10", "95")]


def test_an_older_trade_changes_nothing() -> None:
    desk = calm()
    buy(desk)
    rest(desk, STOP)
    advance(desk, tick(MINUTE_MS + 100, 99.0))
    advance(desk, tick(MINUTE_MS + 50, 90.0))
    assert fills(desk) == [ENTRY]
    assert market(desk).last == 99.0


def test_the_clock_of_the_venue_never_goes_back() -> None:
    desk = calm()
    advance(desk, flat_candle(9, 100.0))
    newest_ms = desk.state.at_ms
    advance(desk, flat_candle(3, 100.0, OTHER))
    buy(desk)
    assert desk.updates[0].at_ms == desk.state.at_ms == newest_ms


def test_a_sale_goes_down_to_the_lowest_price_and_no_further() -> None:
    desk = calm(price=0.6, slippage_ticks=9)
    sell(desk, "100")
    assert fills(desk) == [("entry", "100", "0.5")]


def test_at_one_tick_stops_come_in_the_order_of_their_triggers() -> None:
    desk = calm()
    buy(desk)
    far = order("far", "SELL", "STOP_MARKET", "10", "90", reduce_only=True)
    rest(desk, far, order("near", "SELL", "STOP_MARKET", "4", "98", reduce_only=True))
    advance(desk, tick(MINUTE_MS + 1, 89.5))
    assert fills(desk)[1:] == [("near", "4", "89.5"), ("far", "6", "89.5")]


def test_a_late_bar_does_not_turn_the_last_price_back() -> None:
    desk = calm()
    advance(desk, tick(2 * MINUTE_MS + 5, 104.0))
    advance(desk, candle(1, (100.0, 105.0, 95.0, 101.0)))
    assert market(desk).last == 104.0
    assert market(desk).bar_ms == candle(1, (1.0, 1.0, 1.0, 1.0)).open_ms


def test_reduce_only_never_closes_more_than_there_is() -> None:
    desk = calm()
    buy(desk, "3")
    rest(desk, STOP, TARGET)
    advance(desk, candle(1, (100.0, 100.0, 94.0, 96.0)))
    assert fills(desk)[1:] == [("stop", "3", "95")]
    assert not market(desk).position.qty


def test_a_triggered_reduce_only_order_without_position_is_rejected() -> None:
    desk = calm()
    rest(desk, STOP)
    advance(desk, candle(1, (100.0, 100.0, 94.0, 96.0)))
    assert kinds(desk) == ["trigger stop", "reject stop"]
    assert desk.updates[-1].code == -2022  # type: ignore[union-attr]
    assert [one.state for one in desk.ended] == ["rejected"]


def test_a_stop_entry_without_margin_is_rejected_when_it_triggers() -> None:
    desk = calm(leverage=1)
    rest(desk, order("breakout", "BUY", "STOP_MARKET", "99", "101"))
    buy(desk, "50")
    advance(desk, candle(1, (100.0, 102.0, 100.0, 102.0)))
    assert kinds(desk)[1:] == ["trigger breakout", "reject breakout"]
    assert desk.updates[-1].code == -2019  # type: ignore[union-attr]


def test_an_order_against_the_position_closes_and_may_turn_it() -> None:
    desk = calm()
    buy(desk)
    rest(desk, STOP, order("bid", "BUY", "LIMIT", "1", "90"))
    sell(desk, "15")
    assert market(desk).position.qty == d(-5)
    assert kinds(desk)[-1] == "cancel stop", "it would have increased the short"
    assert [one.request.client_order_id for one in market(desk).orders] == ["bid"]


def test_when_the_position_is_flat_its_reduce_only_orders_expire() -> None:
    desk = calm()
    buy(desk)
    rest(desk, STOP, TARGET, order("bid", "BUY", "LIMIT", "1", "90"))
    placed = place(desk, order("out", "SELL", "MARKET", "10", reduce_only=True))
    assert isinstance(placed, Accepted)
    assert kinds(desk)[1:] == ["fill out", "cancel stop", "cancel target"]
    assert {one.reason for one in desk.updates[2:]} == {"position is flat"}  # type: ignore[union-attr]
    assert [one.request.client_order_id for one in market(desk).orders] == ["bid"]


def test_facts_of_symbols_that_are_not_traded_here_are_nothing() -> None:
    desk = calm()
    advance(desk, flat_candle(1, 5.0, "NOPEUSDT"))
    assert list(desk.state.markets) == [SYMBOL]
