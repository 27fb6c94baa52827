"""Margin, liquidation and funding, by hand."""

from functools import partial

import msgspec

from quantum_trader.core.matching.account import account
from quantum_trader.core.matching.advance import advance
from quantum_trader.core.matching.margin import available_usd
from quantum_trader.core.matching.orders import configure, place
from quantum_trader.core.units import money
from quantum_trader.core.venue import Accepted, Rejected, VenueFill, VenueFunding
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
    funding,
    kinds,
    mark,
    market,
    order,
    rest,
    sell,
    tick,
)

free_desk = partial(a_desk, taker_fee_frac=d(0), maker_fee_frac=d(0))
"""A desk that takes no fees, so that the numbers are round."""
# A long of 10 at 100 with leverage 10 and 1 % maintenance: (100 - 1000) / (0.1 - 10).
LONG_LIQUIDATION = 90.909091


def test_a_fill_moves_its_initial_margin_and_pays_its_fee() -> None:
    desk = a_desk()
    buy(desk)
    assert market(desk).isolated_usd == d(100)
    assert desk.state.wallet_usd == d("9999.6")
    assert available_usd(desk) == d("9899.6")


def test_reducing_gives_margin_back_in_proportion() -> None:
    desk = free_desk()
    buy(desk)
    advance(desk, flat_candle(1, 105.0))
    sell(desk, "4")
    assert market(desk).isolated_usd == d(60)
    assert desk.state.wallet_usd == d(10_020)
    sell(desk, "6")
    assert market(desk).isolated_usd == 0
    assert desk.state.wallet_usd == d(10_050)
    assert market(desk).liquidation is None


def test_the_account_shows_wallet_position_and_orders() -> None:
    desk = free_desk()
    buy(desk)
    rest(desk, order("stop", "SELL", "STOP_MARKET", "10", "95", reduce_only=True))
    advance(desk, flat_candle(1, 103.0))
    seen = account(desk)
    held = seen.positions[0]
    assert (held.symbol, held.qty, held.entry_price, held.mark) == (SYMBOL, d(10), d(100), d(103))
    assert held.unrealized_usd == d(30)
    assert held.isolated_wallet_usd == d(100)
    assert held.liquidation_price is not None
    assert abs(float(held.liquidation_price) - LONG_LIQUIDATION) < 1e-6
    assert [one.order.client_order_id for one in seen.open_orders] == ["stop"]
    assert seen.wallet_usd == d(10_000)


def test_an_isolated_position_is_taken_at_its_bankruptcy_price() -> None:
    desk = a_desk()
    buy(desk)
    bid = order("bid", "BUY", "LIMIT", "1", "90.5")
    rest(desk, bid, order("target", "SELL", "LIMIT", "10", "120", reduce_only=True))
    advance(desk, candle(1, (100.0, 101.0, 90.9, 99.0)))
    assert kinds(desk)[1:] == ["cancel bid", "cancel target", f"fill autoclose-{desk.state.seq}"]
    fill = desk.updates[-1]
    assert isinstance(fill, VenueFill)
    assert (fill.cause, fill.side, fill.qty, fill.price) == ("liquidation", "SELL", d(10), d(90))
    assert desk.state.wallet_usd == d("9899.6"), "the whole isolated wallet and nothing more"
    assert market(desk).isolated_usd == 0


def test_just_above_its_liquidation_price_a_position_lives() -> None:
    desk = a_desk()
    buy(desk)
    advance(desk, candle(1, (100.0, 101.0, 91.0, 99.0)))
    assert market(desk).position.qty == d(10)


def test_a_short_is_liquidated_above() -> None:
    desk = free_desk()
    sell(desk)
    # (100 + 1000) / (0.1 + 10) = 108.91
    advance(desk, candle(1, (100.0, 108.9, 99.0, 99.0)))
    assert market(desk).position.qty == d(-10)
    advance(desk, candle(2, (99.0, 109.0, 99.0, 99.0)))
    assert fills(desk)[-1][1:] == ("10", "110")
    assert desk.state.wallet_usd == d(9_900)


def test_a_jump_through_bankruptcy_costs_no_more_than_the_isolated_wallet() -> None:
    desk = free_desk()
    buy(desk)
    rest(desk, order("stop", "SELL", "STOP_MARKET", "10", "95", reduce_only=True))
    advance(desk, candle(1, (50.0, 51.0, 40.0, 45.0)))
    assert fills(desk)[-1][1:] == ("10", "90")
    assert desk.state.wallet_usd == d(9_900)
    assert "fill stop" not in kinds(desk)


def test_a_jump_beyond_stop_and_liquidation_price_liquidates() -> None:
    for fact in (candle(1, (90.5, 90.8, 90.2, 90.5)), tick(MINUTE_MS + 1, 90.5)):
        desk = free_desk()
        buy(desk)
        rest(desk, order("stop", "SELL", "STOP_MARKET", "10", "95", reduce_only=True))
        advance(desk, fact)
        assert kinds(desk)[1] == "cancel stop"
        assert desk.state.wallet_usd == d(9_900)


def test_a_stop_beyond_bankruptcy_liquidates_although_the_mark_is_elsewhere() -> None:
    desk = free_desk()
    buy(desk)
    rest(desk, order("stop", "SELL", "STOP_MARKET", "4", "95", reduce_only=True))
    advance(desk, mark(MINUTE_MS + 1_000, 99.0))
    advance(desk, mark(MINUTE_MS + 2_000, 98.0))
    advance(desk, tick(MINUTE_MS + 2_500, 80.0))
    assert fills(desk)[-1][1:] == ("10", "90")
    assert desk.state.wallet_usd == d(9_900)


def test_a_stop_before_the_liquidation_price_comes_first() -> None:
    desk = free_desk()
    buy(desk)
    rest(desk, order("stop", "SELL", "STOP_MARKET", "10", "91", reduce_only=True))
    advance(desk, candle(1, (100.0, 100.0, 80.0, 85.0)))
    assert fills(desk)[1:] == [("stop", "10", "91")]
    assert desk.state.wallet_usd == d(9_910)


def test_a_stop_behind_the_liquidation_price_comes_too_late() -> None:
    desk = a_desk()
    buy(desk)
    rest(desk, order("stop", "SELL", "STOP_MARKET", "10", "90.9", reduce_only=True))
    advance(desk, candle(1, (100.0, 100.0, 80.0, 85.0)))
    assert kinds(desk)[1] == "cancel stop"
    assert desk.updates[-1].cause == "liquidation"  # type: ignore[union-attr]


def test_liquidation_comes_before_a_target_even_when_targets_are_first() -> None:
    for intrabar in ("stop_first", "target_first"):
        desk = a_desk(intrabar=intrabar)
        buy(desk)
        rest(desk, order("target", "SELL", "LIMIT", "10", "110", reduce_only=True))
        advance(desk, candle(1, (100.0, 111.0, 90.0, 100.0)))
        assert desk.updates[-1].cause == "liquidation", intrabar  # type: ignore[union-attr]


def test_an_order_that_would_lose_more_than_the_isolated_wallet_liquidates() -> None:
    desk = free_desk()
    buy(desk)
    held = market(desk)
    held.last = held.mark = 89.0
    refused = place(desk, order("out", "SELL", "MARKET", "4", reduce_only=True))
    assert refused == Rejected("out", -2023, "User in liquidation mode now.")
    assert held.isolated_usd == 0
    assert desk.state.wallet_usd == d(9_900)


def test_a_position_opened_during_a_bar_is_not_liquidated_by_its_past() -> None:
    desk = a_desk()
    advance(desk, tick(90_000, 100.0))
    buy(desk)
    advance(desk, candle(1, (100.0, 100.0, 80.0, 99.0)))
    assert market(desk).position.qty == d(10)
    advance(desk, candle(2, (99.0, 99.0, 80.0, 99.0)))
    assert not market(desk).position.qty


def test_dense_marks_alone_decide_about_liquidation() -> None:
    desk = a_desk()
    buy(desk)
    advance(desk, mark(MINUTE_MS + 1_000, 99.0))
    advance(desk, mark(MINUTE_MS + 2_000, 98.0))
    advance(desk, tick(MINUTE_MS + 2_500, 80.0))
    assert market(desk).position.qty == d(10), "the mark did not go there"
    assert account(desk).positions[0].mark == d(98)
    advance(desk, mark(MINUTE_MS + 3_000, 90.0))
    assert desk.updates[-1].cause == "liquidation"  # type: ignore[union-attr]


def test_when_marks_stop_coming_the_last_price_stands_in() -> None:
    desk = a_desk()
    buy(desk)
    advance(desk, mark(MINUTE_MS + 1_000, 99.0))
    advance(desk, mark(MINUTE_MS + 2_000, 98.0))
    advance(desk, tick(MINUTE_MS + 12_001, 80.0))
    assert not market(desk).position.qty


def test_sparse_or_repeated_marks_do_not_silence_the_bars() -> None:
    desk = a_desk()
    buy(desk)
    for _ in range(2):
        advance(desk, mark(2 * MINUTE_MS - 1, 99.0))
    advance(desk, candle(1, (100.0, 100.0, 80.0, 99.0)))
    assert not market(desk).position.qty


def test_cross_margin_stands_behind_all_positions() -> None:
    desk = free_desk(margin_mode="cross", leverage=20, deposit_usd=d(1_000))
    buy(desk, "100")
    advance(desk, candle(1, (100.0, 100.0, 91.5, 92.0)))
    assert market(desk).position.qty == d(100), "equity 200 is above maintenance 92"
    # (1000 - 10000) / (1 - 100) = 90.909
    advance(desk, candle(2, (92.0, 92.0, 90.9, 92.0)))
    assert not market(desk).position.qty
    assert fills(desk)[-1][2] == "90.9"
    # Sold at 90.9 for a loss of 910; the fee of 1.25 % would be 113.625, and 90 are left.
    assert desk.state.wallet_usd == 0


def test_a_cross_wallet_is_never_lost_twice() -> None:
    desk = free_desk(margin_mode="cross", leverage=20, deposit_usd=d(1_000))
    configure(desk, OTHER, 20)
    advance(desk, flat_candle(0, 100.0, OTHER))
    buy(desk, "50")
    hedge = msgspec.structs.replace(order("hedge", "SELL", "MARKET", "20"), symbol=OTHER)
    rest(desk, order("bid", "BUY", "LIMIT", "1", "50"), hedge)
    advance(desk, flat_candle(1, 96.0, OTHER))
    advance(desk, candle(1, (60.0, 60.0, 60.0, 60.0)))
    # The winner brings 80 less its fee of 24; the loser takes all of it, and not 2,000.
    assert fills(desk)[-2:] == [("autoclose-3", "20", "96"), ("autoclose-5", "50", "78.9")]
    assert desk.state.wallet_usd == 0
    assert not market(desk).orders
    assert not any(one.position.qty for one in desk.state.markets.values())


def test_longs_pay_a_positive_rate_out_of_their_isolated_wallet() -> None:
    desk = free_desk()
    buy(desk)
    advance(desk, flat_candle(1, 102.0))
    advance(desk, funding(2 * MINUTE_MS, "0.0001"))
    paid = desk.updates[-1]
    assert isinstance(paid, VenueFunding)
    assert (paid.payment_usd, paid.mark, paid.qty) == (d("-0.102"), d(102), d(10))
    assert market(desk).isolated_usd == d("99.898")
    assert desk.state.wallet_usd == d("9999.898")


def test_shorts_receive_what_longs_pay() -> None:
    desk = free_desk()
    sell(desk)
    advance(desk, funding(2 * MINUTE_MS, "0.0001"))
    assert desk.state.wallet_usd == d("10000.1")
    assert market(desk).isolated_usd == d("100.1")


def test_a_settlement_is_paid_once_and_only_by_those_who_were_there() -> None:
    desk = free_desk()
    advance(desk, flat_candle(5, 100.0))
    buy(desk)
    advance(desk, funding(MINUTE_MS, "0.01"))
    assert desk.state.wallet_usd == d(10_000)
    for _ in range(2):
        advance(desk, funding(10 * MINUTE_MS, "0.01"))
    assert desk.state.wallet_usd == d(9_990)
    place(desk, order("out", "SELL", "MARKET", "10", reduce_only=True))
    advance(desk, funding(20 * MINUTE_MS, "0.01"))
    assert desk.state.wallet_usd == d(9_990)


def test_funding_moves_the_liquidation_price_and_may_liquidate() -> None:
    desk = free_desk()
    buy(desk)
    advance(desk, flat_candle(1, 91.5))
    before = market(desk).liquidation
    advance(desk, funding(2 * MINUTE_MS, "0.005"))
    after = market(desk).liquidation
    assert before is not None
    assert after is not None
    assert after > before
    advance(desk, funding(3 * MINUTE_MS, "0.05"))
    assert not market(desk).position.qty
    assert market(desk).isolated_usd == 0
    assert desk.state.wallet_usd == d(9_900)


def test_what_the_isolated_wallet_cannot_pay_the_rest_pays() -> None:
    desk = free_desk()
    buy(desk)
    advance(desk, flat_candle(1, 200.0))
    advance(desk, funding(2 * MINUTE_MS, "0.1"))
    assert market(desk).isolated_usd == 0
    assert desk.state.wallet_usd == d(9_800)
    assert market(desk).position.qty == d(10)


def test_cross_positions_fund_from_the_one_wallet() -> None:
    desk = free_desk(
        margin_mode="cross",
    )
    buy(desk)
    advance(desk, funding(2 * MINUTE_MS, "0.001"))
    assert desk.state.wallet_usd == d(9_999)
    assert available_usd(desk) == money(d(9_899))


def test_money_in_use_cannot_be_used_again() -> None:
    desk = free_desk(
        leverage=1,
    )
    buy(desk, "60")
    placed = place(desk, order("more", "BUY", "MARKET", "40.01"))
    assert isinstance(placed, Rejected)
    assert placed.code == -2019
    assert isinstance(place(desk, order("more", "BUY", "MARKET", "40")), Accepted)


def test_closing_needs_no_margin() -> None:
    desk = free_desk(leverage=1)
    buy(desk, "100")
    assert available_usd(desk) == 0
    sell(desk, "100")
    assert desk.state.wallet_usd == d(10_000)


def test_the_fee_must_be_affordable_too() -> None:
    desk = a_desk(leverage=1)
    refused = place(desk, order("all", "BUY", "MARKET", "100"))
    assert isinstance(refused, Rejected)
    assert refused.code == -2019
