"""The running totals say what adding everything up would say, whatever was done before."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.books.margin import initial_usd, maintenance_usd
from quantum_trader.core.books.position import unrealized_usd
from quantum_trader.core.events import MarketFact
from quantum_trader.core.matching.account import open_order
from quantum_trader.core.matching.advance import advance
from quantum_trader.core.matching.desk import Desk, open_desk
from quantum_trader.core.matching.margin import available_usd
from quantum_trader.core.matching.orders import cancel, configure, place
from quantum_trader.core.matching.rules import MarginMode, MatchingRules
from quantum_trader.core.matching.state import Market, OpenOrder, VenueState, mark_of
from quantum_trader.core.matching.tally import Tally
from quantum_trader.core.units import OrderSide
from quantum_trader.core.venue import Rejected
from tests.core.matching.making import (
    MINUTE_MS,
    OTHER,
    SYMBOL,
    a_desk,
    an_instrument,
    candle,
    d,
    mark,
    order,
    rest,
    rules,
    tick,
)
from tests.core.matching.test_properties import ACTIONS, RULES, Action, a_fact, an_order

THIRD = "THIUSDT"
SYMBOLS = (SYMBOL, OTHER, THIRD)
SIDES: tuple[OrderSide, ...] = ("BUY", "SELL")
# Where, what, and as which leverage the symbol is set before it.
STEPS = st.lists(
    st.tuples(st.sampled_from(SYMBOLS), ACTIONS, st.sampled_from([None, None, None, 3, 20])),
    max_size=60,
)
Step = tuple[str, Action, int | None]


def act(desk: Desk, number: int, step: Step) -> None:
    """Do one thing to one of three markets."""
    symbol, action, leverage = step
    if leverage is not None:
        configure(desk, symbol, leverage)
    book = desk.state.markets[symbol]
    price = book.last or 100.0
    if action[0] == "place":
        wanted = an_order(number, action, price)
        qty = (wanted.qty / 8).quantize(d("0.01")) if action[3] % 3 else wanted.qty
        place(desk, msgspec.structs.replace(wanted, symbol=symbol, qty=qty))
    elif action[0] == "cancel":
        names = [one.request.client_order_id for one in book.orders]
        cancel(desk, symbol, names[action[3] % len(names)] if names else "nobody")
    else:
        advance(desk, msgspec.structs.replace(a_fact(number, action, price), symbol=symbol))


def three_markets(venue_rules: MatchingRules) -> Desk:
    """A new account whose three markets stand at 100, two of them with a position."""
    instruments = {symbol: an_instrument(symbol) for symbol in SYMBOLS}
    desk = open_desk(msgspec.structs.replace(venue_rules, instruments=instruments))
    for symbol in SYMBOLS:
        configure(desk, symbol, 20)
        advance(desk, candle(0, (100.0, 100.0, 100.0, 100.0), symbol))
    long, short = order("long", "BUY", "MARKET", "5"), order("short", "SELL", "MARKET", "7")
    rest(desk, long, msgspec.structs.replace(short, symbol=OTHER))
    return desk


def resting_usd(market: Market, side: OrderSide) -> Decimal:
    """What the resting entries of one side are worth, one by one."""
    requests = (one.request for one in market.orders)
    return sum(
        (
            one.price * one.qty
            for one in requests
            if one.price is not None and one.side == side and not one.reduce_only
        ),
        d(0),
    )


def added_up_usd(desk: Desk) -> Decimal:
    """The money that may back new positions, market by market."""
    free_usd = desk.state.wallet_usd
    for market in desk.state.markets.values():
        resting = resting_usd(market, "BUY") + resting_usd(market, "SELL")
        free_usd -= initial_usd(resting, market.leverage)
        if not market.position.qty:
            continue
        if desk.rules.margin_mode == "isolated":
            free_usd -= market.isolated_usd
        else:
            price = mark_of(market)
            free_usd += unrealized_usd(market.position, price)
            free_usd -= initial_usd(abs(market.position.qty) * price, market.leverage)
    return free_usd


def others_usd(desk: Desk, market: Market) -> tuple[Decimal, Decimal]:
    """Unrealised profit and maintenance of all other positions, one by one."""
    profit_usd = keep_usd = d(0)
    for other in desk.state.markets.values():
        if other is not market and other.position.qty:
            profit_usd += unrealized_usd(other.position, mark_of(other))
            keep_usd += maintenance_usd(desk.instrument(other), other.position, mark_of(other))
    return profit_usd, keep_usd


def check(desk: Desk, tally: Tally) -> None:
    """Compare a tally with everything added up."""
    markets = desk.state.markets.values()
    resting: list[OpenOrder] = [one for market in markets for one in market.orders]
    assert tally.orders == {one.request.client_order_id: one for one in resting}
    assert tally.conditional == sum(one.conditional for one in resting)
    assert desk.state.wallet_usd - tally.bound_usd == added_up_usd(desk)
    for market in markets:
        for side in SIDES:
            assert tally.resting_usd(market.symbol, side) == resting_usd(market, side)
        if desk.rules.margin_mode == "cross":
            assert tally.others_usd(market.symbol) == others_usd(desk, market)


@given(RULES, STEPS)
def test_the_totals_are_what_adding_up_says_after_every_step(
    venue_rules: MatchingRules, steps: list[Step]
) -> None:
    desk = three_markets(venue_rules)
    for number, step in enumerate(steps):
        act(desk, number, step)
        check(desk, desk.tally)
        assert available_usd(desk) == added_up_usd(desk)


@given(RULES, STEPS)
def test_a_loaded_state_is_counted_anew(venue_rules: MatchingRules, steps: list[Step]) -> None:
    desk = three_markets(venue_rules)
    for number, step in enumerate(steps):
        act(desk, number, step)
    state = msgspec.json.decode(msgspec.json.encode(desk.state), type=VenueState)
    loaded = open_desk(desk.rules, state)
    check(loaded, loaded.tally)


@pytest.mark.parametrize("mode", ["isolated", "cross"])
def test_what_was_opened_and_closed_binds_nothing(mode: MarginMode) -> None:
    desk = a_desk(margin_mode=mode)
    rest(desk, order("in", "BUY", "MARKET", "3.33"), order("bid", "BUY", "LIMIT", "7.77", "99.9"))
    advance(desk, candle(1, (100.0, 103.7, 99.9, 101.3)))
    rest(desk, order("out", "SELL", "MARKET", "3.33", reduce_only=True))
    assert isinstance(place(desk, order("bid", "BUY", "LIMIT", "1", "99.9")), Rejected)
    cancel(desk, SYMBOL, "bid")
    assert desk.tally.bound_usd == desk.tally.profit_usd == desk.tally.keep_usd == 0
    assert not desk.tally.orders


def test_an_order_is_found_and_canceled_under_its_own_symbol_only() -> None:
    desk = a_desk()
    rest(desk, order("bid", "BUY", "LIMIT", "1", "99"))
    assert open_order(desk, OTHER, "bid") is None
    assert cancel(desk, OTHER, "bid") == Rejected("bid", -2011, "Unknown order sent.")
    assert open_order(desk, SYMBOL, "bid") is not None


def test_the_number_of_conditional_orders_is_a_rule_of_the_account() -> None:
    desk = a_desk(conditional_orders_max=2)
    for name in ("one", "two"):
        rest(desk, order(name, "SELL", "STOP_MARKET", "1", "90"))
    third = order("three", "SELL", "STOP_MARKET", "1", "90")
    assert place(desk, third) == Rejected("three", -4045, "Reach max stop order limit.")
    cancel(desk, SYMBOL, "one")
    rest(desk, third)
    assert rules().conditional_orders_max == 200


FALLS: dict[str, MarketFact] = {
    "a bar": candle(1, (100.0, 100.0, 90.0, 90.0)),
    "a trade": tick(2 * MINUTE_MS, 90.0),
    "a mark": mark(2 * MINUTE_MS, 90.0),
}


@pytest.mark.parametrize("fall", FALLS)
def test_the_fall_of_one_market_leaves_less_for_the_others_in_cross_margin(fall: str) -> None:
    desk = a_desk(margin_mode="cross", leverage=10, taker_fee_frac=d(0))
    rest(desk, order("in", "BUY", "MARKET", "50"))
    assert available_usd(desk) == d(10_000) - 500
    advance(desk, FALLS[fall])
    assert available_usd(desk) == d(10_000) - 500 - 450
    check(desk, desk.tally)


def test_a_resting_exit_binds_no_money() -> None:
    desk = a_desk(taker_fee_frac=d(0))
    rest(desk, order("in", "BUY", "MARKET", "10"))
    rest(desk, order("out", "SELL", "LIMIT", "10", "105", reduce_only=True))
    assert available_usd(desk) == d(10_000) - 100
    check(desk, desk.tally)
