"""Every rule at the door, with the venue's code, and the nearest order that may come in."""

from decimal import Decimal

import msgspec
import pytest

from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.matching.advance import advance
from quantum_trader.core.matching.desk import Desk, open_desk
from quantum_trader.core.matching.orders import cancel, configure, place
from quantum_trader.core.venue import Accepted, Rejected
from tests.core.matching.making import (
    OTHER,
    SYMBOL,
    a_desk,
    an_instrument,
    buy,
    candle,
    d,
    flat_candle,
    order,
    rest,
    rules,
)


def code_of(desk: Desk, request: OrderRequest) -> int:
    """The code an order is refused with, 0 when it is taken."""
    before = msgspec.json.encode(desk.state)
    placed = place(desk, request)
    if isinstance(placed, Accepted):
        return 0
    assert msgspec.json.encode(desk.state) == before, "a refused order left a trace"
    assert not desk.updates
    assert not desk.ended
    assert placed.client_order_id == request.client_order_id
    assert placed.reason
    return placed.code


CASES = {
    "the id is empty": (order("", "BUY", "MARKET", "1"), -4015),
    "the id is too long": (order("a" * 37, "BUY", "MARKET", "1"), -4015),
    "the longest id is good": (order("a" * 36, "BUY", "MARKET", "1"), 0),
    "the id has a blank": (order("a b", "BUY", "MARKET", "1"), -4015),
    "the id has a new line": (order("ab\n", "BUY", "MARKET", "1"), -4015),
    "the quantity is zero": (order("a", "BUY", "MARKET", "0"), -4003),
    "the quantity is not a number": (order("a", "BUY", "MARKET", "NaN"), -4003),
    "the quantity has too many digits": (order("a", "BUY", "MARKET", "1.001"), -1111),
    "trailing zeros are no digits": (order("a", "BUY", "MARKET", "1.1000"), 0),
    "the quantity is below the minimum": (order("a", "BUY", "MARKET", "0.01"), -4004),
    "the quantity is above the market maximum": (order("a", "BUY", "MARKET", "2000.01"), -4005),
    "a limit order has a larger maximum": (order("a", "BUY", "LIMIT", "10000.01", "99"), -4005),
    "the notional is too small": (order("a", "BUY", "MARKET", "0.04"), -4164),
    "the notional is just enough": (order("a", "BUY", "MARKET", "0.05"), 0),
    "the price has too many digits": (order("a", "BUY", "LIMIT", "1", "99.05"), -1111),
    "the price is below the minimum": (order("a", "BUY", "LIMIT", "20", "0.4"), -4013),
    "the price is above the maximum": (order("a", "SELL", "LIMIT", "1", "100000.1"), -4002),
    "the price is zero": (order("a", "BUY", "LIMIT", "1", "0"), -4001),
    "a bid is above the band": (order("a", "BUY", "LIMIT", "1", "110.1"), -4016),
    "a bid at the top of the band": (order("a", "BUY", "LIMIT", "1", "110"), 0),
    "an offer is below the band": (order("a", "SELL", "LIMIT", "1", "89.9"), -4024),
    "an offer at the foot of the band": (order("a", "SELL", "LIMIT", "1", "90"), 0),
    "an offer may be far above": (order("a", "SELL", "LIMIT", "1", "500"), 0),
    "a stop that buys is met": (order("a", "BUY", "STOP_MARKET", "1", "100"), -2021),
    "a stop that buys is above": (order("a", "BUY", "STOP_MARKET", "1", "100.1"), 0),
    "a stop that sells is met": (order("a", "SELL", "STOP_MARKET", "1", "100"), -2021),
    "a target that buys is met": (order("a", "BUY", "TAKE_PROFIT_MARKET", "1", "100"), -2021),
    "a target that sells is met": (order("a", "SELL", "TAKE_PROFIT_MARKET", "1", "100"), -2021),
    "a target that sells is above": (order("a", "SELL", "TAKE_PROFIT_MARKET", "1", "101"), 0),
    "a limit order without price": (order("a", "BUY", "LIMIT", "1"), -1102),
    "a stop without trigger": (order("a", "SELL", "STOP_MARKET", "1"), -1102),
    "nothing to reduce": (order("a", "SELL", "MARKET", "1", reduce_only=True), -2022),
    "no limit either": (order("a", "SELL", "LIMIT", "1", "101", reduce_only=True), -2022),
    "more than the money": (order("a", "BUY", "MARKET", "996.02"), -2019),
    "just the money": (order("a", "BUY", "MARKET", "996.01"), 0),
}


@pytest.mark.parametrize("name", CASES)
def test_an_order_is_judged_as_the_venue_would(name: str) -> None:
    request, code = CASES[name]
    desk = a_desk()
    assert code_of(desk, request) == code


def test_a_market_order_has_no_price_and_a_limit_order_no_trigger() -> None:
    market_order = order("a", "BUY", "MARKET", "1")
    with_price = msgspec.structs.replace(market_order, price=d(100))
    limit_order = order("a", "BUY", "LIMIT", "1", "99")
    with_trigger = msgspec.structs.replace(limit_order, trigger_price=d(100))
    assert code_of(a_desk(), with_price) == -1106
    assert code_of(a_desk(), with_trigger) == -1106


def test_right_digits_beside_the_grid_are_another_complaint() -> None:
    coarse = msgspec.structs.replace(
        an_instrument(), tick=d("0.5"), step=d("0.05"), market_step=d("0.05")
    )
    desk = open_desk(rules(instruments={SYMBOL: coarse}))
    advance(desk, flat_candle(0, 100.0))
    assert code_of(desk, order("a", "BUY", "LIMIT", "1", "99.3")) == -4014
    assert code_of(desk, order("a", "BUY", "LIMIT", "0.12", "99.5")) == -4023
    assert code_of(desk, order("a", "BUY", "LIMIT", "0.15", "99.5")) == 0


def test_a_step_above_one_is_a_grid_too() -> None:
    fives = msgspec.structs.replace(an_instrument(), step=d(5), market_step=d(5))
    desk = open_desk(rules(instruments={SYMBOL: fives}))
    advance(desk, flat_candle(0, 100.0))
    assert code_of(desk, order("a", "BUY", "MARKET", "7")) == -4023
    assert code_of(desk, order("a", "BUY", "MARKET", "10")) == 0


def test_an_unknown_symbol_is_refused_everywhere() -> None:
    desk = a_desk()
    stranger = msgspec.structs.replace(order("a", "BUY", "MARKET", "1"), symbol="NOPEUSDT")
    assert code_of(desk, stranger) == -1121
    refused = configure(desk, "NOPEUSDT", 5)
    assert refused is not None
    assert refused.code == -1121
    assert cancel(desk, "NOPEUSDT", "a") == Rejected("a", -2011, "Unknown order sent.")


def test_without_a_price_nothing_is_placed() -> None:
    desk = open_desk(rules())
    assert code_of(desk, order("a", "BUY", "MARKET", "1")) == -1112
    assert code_of(desk, order("a", "BUY", "LIMIT", "1", "99")) == -1112


def test_an_id_must_be_new_among_open_orders_only() -> None:
    desk = a_desk()
    resting = order("same", "BUY", "LIMIT", "1", "95")
    rest(desk, resting)
    desk.updates.clear()
    assert code_of(desk, resting) == -4116
    advance(desk, flat_candle(0, 100.0, OTHER))
    elsewhere = msgspec.structs.replace(resting, symbol=OTHER)
    assert code_of(desk, elsewhere) == -4116
    assert isinstance(cancel(desk, SYMBOL, "same"), Accepted)
    desk.updates.clear()
    desk.ended.clear()
    assert code_of(desk, resting) == 0


def test_a_symbol_that_does_not_trade_takes_exits_only() -> None:
    desk = a_desk()
    buy(desk)
    desk.rules = rules(instruments={SYMBOL: an_instrument(status="SETTLING")})
    desk.updates.clear()
    desk.ended.clear()
    assert code_of(desk, order("more", "BUY", "MARKET", "1")) == -4140
    assert code_of(desk, order("out", "SELL", "MARKET", "10", reduce_only=True)) == 0


def test_reduce_only_has_no_smallest_notional() -> None:
    desk = a_desk()
    buy(desk, "10")
    rest(desk, order("dust", "SELL", "MARKET", "0.02", reduce_only=True))
    assert desk.state.markets[SYMBOL].position.qty == d("9.98")


def test_a_market_order_far_from_the_mark_is_refused() -> None:
    desk = a_desk()
    market = desk.state.markets[SYMBOL]
    market.last, market.mark = 111.0, 100.0
    assert code_of(desk, order("a", "BUY", "MARKET", "1")) == -4131
    assert code_of(desk, order("a", "SELL", "MARKET", "1")) == 0


def test_the_leverage_is_what_the_tiers_allow() -> None:
    desk = a_desk()
    for leverage in (0, -1, 51):
        refused = configure(desk, SYMBOL, leverage)
        assert refused is not None
        assert refused.code == -4028
    assert configure(desk, SYMBOL, 50) is None


def test_leverage_does_not_fall_under_an_isolated_position() -> None:
    desk = a_desk(leverage=10)
    buy(desk)
    refused = configure(desk, SYMBOL, 9)
    assert refused is not None
    assert refused.code == -4161
    assert configure(desk, SYMBOL, 10) is None
    assert configure(desk, SYMBOL, 50) is None


def test_a_tier_caps_the_position_at_its_leverage() -> None:
    desk = a_desk(leverage=50, deposit_usd=d(100_000))
    assert code_of(desk, order("a", "BUY", "MARKET", "500.01")) == -2027
    rest(desk, order("bid", "BUY", "LIMIT", "400", "99"))
    assert code_of(desk, order("b", "BUY", "MARKET", "110")) == -2027
    assert code_of(desk, order("c", "BUY", "MARKET", "100")) == 0


def test_a_position_counts_towards_the_cap_of_what_is_added() -> None:
    desk = a_desk(leverage=50, deposit_usd=d(100_000))
    buy(desk, "400")
    desk.updates.clear()
    desk.ended.clear()
    assert code_of(desk, order("b", "BUY", "MARKET", "100.01")) == -2027
    assert code_of(desk, order("c", "SELL", "MARKET", "800")) == 0


def test_leverage_does_not_rise_beyond_the_tier_of_the_position() -> None:
    desk = a_desk(leverage=20, deposit_usd=d(100_000))
    buy(desk, "600")
    refused = configure(desk, SYMBOL, 21)
    assert refused is not None
    assert refused.code == -2027


def test_a_resting_entry_sets_its_margin_aside() -> None:
    desk = a_desk(leverage=1)
    rest(desk, order("bid", "BUY", "LIMIT", "90", "99"))
    desk.updates.clear()
    assert code_of(desk, order("a", "BUY", "MARKET", "11")) == -2019
    assert code_of(desk, order("b", "BUY", "MARKET", "10")) == 0


def test_conditional_orders_are_limited_across_all_symbols() -> None:
    desk = a_desk()
    for number in range(200):
        rest(desk, order(f"s{number}", "SELL", "STOP_MARKET", "1", "50"))
    assert code_of(desk, order("one-more", "SELL", "STOP_MARKET", "1", "50")) == -4045
    assert code_of(desk, order("limit", "BUY", "LIMIT", "1", "95")) == 0


def test_a_bar_that_is_no_bar_is_not_believed() -> None:
    desk = a_desk()
    advance(desk, candle(1, (100.0, float("nan"), 90.0, 95.0)))
    advance(desk, candle(1, (100.0, float("inf"), 90.0, 95.0)))
    advance(desk, candle(1, (0.0, 1.0, 0.0, 0.0)))
    assert desk.state.markets[SYMBOL].last == 100.0
    assert desk.state.wallet_usd == Decimal(10_000)
