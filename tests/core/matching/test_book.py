"""A market with a book: orders that walk it, rest, fill by volume, or expire; by hand."""

from functools import partial

import msgspec
import pytest

from quantum_trader.core.matching.advance import advance
from quantum_trader.core.matching.orders import place
from quantum_trader.core.matching.rules import Depth
from quantum_trader.core.matching.taking import Force
from quantum_trader.core.venue import Rejected, VenueCancel
from tests.core.matching.making import a_desk, d, fills, kinds, market, order, rest, tick

# Asks 4.99 at 100.1, 9.98 at 100.2, 19.94 at 100.3; bids the same downwards, from 5 at 99.9.
DEPTH = Depth(half_spread_ticks=1, gap_ticks=1, best_usd=d(500), growth=d(2), levels=3)
book_desk = partial(a_desk, depth=DEPTH, taker_fee_frac=d(0), maker_fee_frac=d(0))


def test_a_market_order_walks_the_book() -> None:
    desk = book_desk()
    rest(desk, order("walk", "BUY", "MARKET", "10"))
    assert fills(desk) == [("walk", "4.99", "100.1"), ("walk", "5.01", "100.2")]
    assert [one.done for one in desk.updates] == [False, True]  # type: ignore[union-attr]
    assert desk.ended[-1].filled_qty == d(10)


def test_what_the_book_does_not_have_expires() -> None:
    desk = book_desk()
    rest(desk, order("big", "BUY", "MARKET", "40"))
    assert [qty for _, qty, _ in fills(desk)] == ["4.99", "9.98", "19.94"]
    assert kinds(desk)[-1] == "cancel big"
    assert desk.ended[-1].filled_qty == d("34.91")


def test_a_limit_takes_up_to_its_price_and_rests_with_what_is_left() -> None:
    desk = book_desk()
    rest(desk, order("part", "BUY", "LIMIT", "8", "100.1"))
    assert fills(desk) == [("part", "4.99", "100.1")]
    (left,) = market(desk).orders
    assert (left.filled_qty, left.left_qty) == (d("4.99"), d("3.01"))


def test_a_resting_order_fills_by_what_was_traded_beyond_it() -> None:
    desk = book_desk()
    rest(desk, order("bid", "BUY", "LIMIT", "2.5", "99"))
    for number, price in enumerate((98.9, 98.9, 98.8), 1):
        advance(desk, tick(100_000 * number, price))
    assert fills(desk) == [("bid", "1", "99"), ("bid", "1", "99"), ("bid", "0.5", "99")]
    assert not market(desk).orders
    assert market(desk).position.qty == d("2.5")


def test_the_margin_of_what_is_filled_is_set_aside_no_longer() -> None:
    desk = book_desk()
    rest(desk, order("bid", "BUY", "LIMIT", "2", "99"))
    symbol = market(desk).symbol
    assert desk.tally.resting_usd(symbol, "BUY") == d(198)
    advance(desk, tick(100_000, 98.0))
    assert desk.tally.resting_usd(symbol, "BUY") == d(99)
    advance(desk, tick(200_000, 98.0))
    assert desk.tally.resting_usd(symbol, "BUY") == d(0)


@pytest.mark.parametrize(("force", "code"), [("GTX", -5022), ("FOK", -5021)])
def test_post_only_and_all_or_nothing_are_refused_without_a_trace(force: Force, code: int) -> None:
    desk = book_desk()
    placed = place(desk, order("no", "BUY", "LIMIT", "8", "100.1"), force)
    assert isinstance(placed, Rejected)
    assert placed.code == code
    assert not desk.updates
    assert not market(desk).orders


def test_immediate_or_cancel_takes_what_is_there_and_expires() -> None:
    desk = book_desk()
    place(desk, order("ioc", "BUY", "LIMIT", "8", "100.1"), "IOC")
    assert kinds(desk) == ["fill ioc", "cancel ioc"]
    assert not market(desk).orders


def test_a_reduce_only_order_never_turns_the_position() -> None:
    desk = book_desk()
    rest(desk, order("in", "BUY", "MARKET", "3"))
    rest(desk, order("out", "SELL", "MARKET", "9", reduce_only=True))
    assert market(desk).position.qty == 0
    assert fills(desk)[-1] == ("out", "3", "99.9")


def test_whatever_is_held_at_the_trigger_is_closed() -> None:
    desk = a_desk()
    rest(desk, order("in", "BUY", "MARKET", "3"))
    stop = order("all", "SELL", "STOP_MARKET", "0", "95")
    stop = msgspec.structs.replace(stop, close_position=True)
    rest(desk, stop, order("more", "BUY", "MARKET", "2"))
    second = msgspec.structs.replace(stop, client_order_id="two")
    refused = place(desk, second)
    assert isinstance(refused, Rejected)
    assert refused.code == -4130
    with_qty = msgspec.structs.replace(second, qty=d(1))
    assert place(desk, with_qty).code == -4137  # type: ignore[union-attr]
    advance(desk, tick(100_000, 95.0))
    assert fills(desk)[-1] == ("all", "5", "95")
    assert market(desk).position.qty == 0


def test_it_ends_with_the_position() -> None:
    desk = a_desk()
    rest(desk, order("in", "BUY", "MARKET", "3"))
    stop = order("all", "SELL", "STOP_MARKET", "0", "95")
    rest(desk, msgspec.structs.replace(stop, close_position=True))
    rest(desk, order("out", "SELL", "MARKET", "3", reduce_only=True))
    assert isinstance(desk.updates[-1], VenueCancel)
    assert not market(desk).orders
