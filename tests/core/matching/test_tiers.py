"""Liquidation tier by tier, margin modes side by side, legs, and deleveraging; by hand."""

from functools import partial

import msgspec

from quantum_trader.core.matching.adl import deleverage, quantile, queue
from quantum_trader.core.matching.advance import advance, advance_legs
from quantum_trader.core.matching.desk import Desk, open_desk
from quantum_trader.core.matching.margin import cross_wallet_usd, liquidation_level
from quantum_trader.core.matching.orders import configure, place
from quantum_trader.core.matching.sides import leg_of, legs_of, side_of_leg, symbol_of
from quantum_trader.core.venue import Accepted, VenueFill
from tests.core.matching.making import (
    OTHER,
    SYMBOL,
    a_desk,
    an_instrument,
    buy,
    d,
    fills,
    flat_candle,
    mark,
    market,
    order,
    rules,
)

tier_desk = partial(
    a_desk, taker_fee_frac=d(0), maker_fee_frac=d(0), by_tier=True, deposit_usd=d(20_000)
)


def test_a_position_in_a_high_tier_is_first_sold_down_to_the_tier_below() -> None:
    desk = tier_desk()
    # 600 at 100 is 60,000 USDT in the second tier; isolated wallet 6,000, maintenance 2.5 % - 750.
    buy(desk, "600")
    level = liquidation_level(desk, market(desk))
    assert level is not None
    # (6,000 + 750 - 60,000) / (15 - 600) = 91.02...
    assert round(level, 2) == 91.03
    advance(desk, mark(100_000, 91.0))
    # At 91 the first tier ends at 549.45: 50.55 go, at the mark.
    assert fills(desk)[-1][1:] == ("50.55", "91")
    assert market(desk).position.qty == d("549.45")
    advance(desk, mark(101_000, 90.5))
    # Now in the lowest tier: (5,494.5 - 54,945) / (5.4945 - 549.45) = 90.91; it is closed whole.
    assert market(desk).position.qty == 0


def test_without_tiers_all_of_it_goes_at_once() -> None:
    desk = tier_desk(by_tier=False)
    buy(desk, "600")
    advance(desk, mark(100_000, 91.0))
    assert market(desk).position.qty == 0


def test_an_isolated_position_stands_beside_cross_ones_and_is_not_their_collateral() -> None:
    desk = tier_desk(margin_mode="cross")
    market(desk).margin_mode = "isolated"
    buy(desk, "100")
    assert market(desk).isolated_usd == d(1_000)
    assert cross_wallet_usd(desk) == d(19_000)
    configure(desk, OTHER, 10)
    advance(desk, flat_candle(0, 100.0, OTHER))
    entry = msgspec.structs.replace(order("x", "BUY", "MARKET", "10"), symbol=OTHER)
    assert isinstance(place(desk, entry), Accepted)
    advance(desk, mark(100_000, 90.0))
    # The isolated one is lost with its wallet; the cross one is still there.
    assert market(desk).position.qty == 0
    assert desk.state.wallet_usd == d(19_000)
    assert desk.state.markets[OTHER].position.qty == d(10)


def hedge_desk(margin_mode: str = "cross", deposit: str = "1000") -> Desk:
    legs = {leg: an_instrument() for leg in legs_of(SYMBOL)}
    free = {"taker_fee_frac": d(0), "maker_fee_frac": d(0)}
    desk = open_desk(
        rules(instruments=legs, margin_mode=margin_mode, deposit_usd=d(deposit), **free)
    )
    for leg in legs:
        configure(desk, leg, 10)
    advance_legs(desk, flat_candle(0, 100.0))
    return desk


def hedge(desk: Desk, long_qty: str, short_qty: str) -> None:
    long = msgspec.structs.replace(order("l", "BUY", "MARKET", long_qty), symbol=f"{SYMBOL}:LONG")
    short = msgspec.structs.replace(
        order("s", "SELL", "MARKET", short_qty), symbol=f"{SYMBOL}:SHORT"
    )
    assert isinstance(place(desk, long), Accepted)
    assert isinstance(place(desk, short), Accepted)


def test_both_sides_of_a_symbol_are_held_at_once() -> None:
    desk = hedge_desk()
    hedge(desk, "20", "10")
    assert desk.state.markets[leg_of(SYMBOL, "LONG")].position.qty == d(20)
    assert desk.state.markets[leg_of(SYMBOL, "SHORT")].position.qty == d(-10)
    assert [side_of_leg(leg) for leg in legs_of(SYMBOL)] == ["BOTH", "LONG", "SHORT"]
    assert {symbol_of(leg) for leg in legs_of(SYMBOL)} == {SYMBOL}


def test_in_cross_margin_the_sides_carry_each_other_at_one_and_the_same_mark() -> None:
    desk = hedge_desk()
    hedge(desk, "40", "40")
    # Either side alone would be gone at 70 (40 x 30 = 1,200 against 1,000); together they lose
    # nothing, whichever of them is looked at first.
    advance_legs(desk, mark(100_000, 70.0))
    advance_legs(desk, mark(101_000, 130.0))
    assert not [one for one in desk.updates if isinstance(one, VenueFill) and one.cause != "order"]


def test_the_largest_winner_is_deleveraged_first() -> None:
    desks = [a_desk(price=100.0, leverage=leverage) for leverage in (5, 10)]
    loser = a_desk(price=100.0)
    for desk in desks:
        place(desk, order("short", "SELL", "MARKET", "10"))
    buy(loser, "15")
    for desk in (*desks, loser):
        advance(desk, mark(100_000, 95.0))
    everybody = [*desks, loser]
    assert [each[0] for each in queue(everybody, SYMBOL, "BUY")] == [desks[1], desks[0]]
    assert quantile(everybody, SYMBOL, market(desks[1])) == 4
    assert quantile(everybody, SYMBOL, market(desks[0])) == 2
    left = deleverage(everybody, SYMBOL, "BUY", d(15), d("94.5"))
    assert left == 0
    assert [market(desk).position.qty for desk in desks] == [d(-5), d(0)]
    last = desks[1].updates[-1]
    assert isinstance(last, VenueFill)
    assert (last.cause, last.price, last.fee_usd) == ("adl", d("94.5"), d(0))
    assert market(loser).position.qty == d(15)


def test_what_nobody_holds_is_left_over() -> None:
    desk = a_desk()
    place(desk, order("short", "SELL", "MARKET", "10"))
    assert deleverage([desk], SYMBOL, "BUY", d(25), d(100)) == d(15)
