"""Positions as folds of fills."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.books.position import FLAT, Position, after_fill, unrealized_usd
from quantum_trader.core.units import OrderSide, signed_qty

Fill = tuple[OrderSide, Decimal, Decimal]
sides: st.SearchStrategy[OrderSide] = st.sampled_from(["BUY", "SELL"])
qtys = st.decimals("0.001", "1000", places=3)
prices = st.decimals("0.0001", "100000", places=4)
fills: st.SearchStrategy[list[Fill]] = st.lists(st.tuples(sides, qtys, prices), max_size=20)


def fold(many: list[Fill]) -> tuple[Position, Decimal]:
    position, realized_usd = FLAT, Decimal(0)
    for side, qty, price in many:
        change = after_fill(position, side, qty, price)
        position, realized_usd = change.position, realized_usd + change.realized_usd
    return position, realized_usd


def other(side: OrderSide) -> OrderSide:
    return "SELL" if side == "BUY" else "BUY"


def test_a_long_grows_shrinks_and_closes() -> None:
    opened = after_fill(FLAT, "BUY", Decimal(2), Decimal(100))
    grown = after_fill(opened.position, "BUY", Decimal(1), Decimal(130))
    shrunk = after_fill(grown.position, "SELL", Decimal(1), Decimal(120))
    closed = after_fill(shrunk.position, "SELL", Decimal(2), Decimal(90))
    assert [each.kind for each in (opened, grown, shrunk, closed)] == [
        "opened",
        "grew",
        "shrank",
        "closed",
    ]
    assert grown.position.entry_price == 110
    assert (shrunk.realized_usd, shrunk.closed_qty) == (Decimal(10), Decimal(1))
    assert shrunk.position.entry_price == 110
    assert (closed.realized_usd, closed.closed_qty, closed.position) == (
        Decimal(-40),
        Decimal(2),
        FLAT,
    )


def test_a_short_earns_when_the_price_falls() -> None:
    opened = after_fill(FLAT, "SELL", Decimal(3), Decimal(100))
    assert opened.position.qty == -3
    assert unrealized_usd(opened.position, Decimal(90)) == 30
    assert after_fill(opened.position, "BUY", Decimal(3), Decimal(90)).realized_usd == 30


def test_a_flip_closes_what_was_held_and_opens_the_rest_at_the_fill() -> None:
    change = after_fill(Position(Decimal(2), Decimal(200)), "SELL", Decimal(5), Decimal(110))
    assert change.kind == "flipped"
    assert (change.closed_qty, change.realized_usd) == (Decimal(2), Decimal(20))
    assert change.position == Position(Decimal(-3), Decimal(330))
    assert change.position.entry_price == 110


def test_flat_has_no_entry_price_and_no_profit() -> None:
    assert FLAT.entry_price is None
    assert unrealized_usd(FLAT, Decimal(100)) == 0


def test_thirds_of_a_position_leave_no_crumb() -> None:
    position, realized_usd = fold(
        [("BUY", Decimal(3), Decimal("0.1")), ("BUY", Decimal(4), Decimal("0.2"))]
    )
    for _ in range(7):
        change = after_fill(position, "SELL", Decimal(1), Decimal("0.2"))
        position, realized_usd = change.position, realized_usd + change.realized_usd
    assert position == FLAT
    assert realized_usd == Decimal("0.3")


@given(fills)
def test_the_quantity_is_the_sum_of_the_signed_fills(many: list[Fill]) -> None:
    position, _ = fold(many)
    assert position.qty == sum((signed_qty(side, qty) for side, qty, _ in many), Decimal(0))
    assert position.cost_usd >= 0
    assert bool(position.qty) == bool(position.cost_usd)


@given(fills, prices)
def test_profit_taken_and_open_is_what_cash_and_holdings_say(
    many: list[Fill], mark: Decimal
) -> None:
    position, realized_usd = fold(many)
    cash_usd = -sum((signed_qty(side, qty) * price for side, qty, price in many), Decimal(0))
    assert realized_usd + unrealized_usd(position, mark) == cash_usd + position.qty * mark


@given(fills, prices)
def test_a_round_trip_is_exact_to_the_last_digit(many: list[Fill], price: Decimal) -> None:
    held = fold(many)[0].qty
    if held:
        many = [*many, ("SELL" if held > 0 else "BUY", abs(held), price)]
    position, realized_usd = fold(many)
    assert position == FLAT
    assert realized_usd == -sum(
        (signed_qty(side, qty) * each for side, qty, each in many), Decimal(0)
    )


@given(fills)
def test_a_mirrored_life_earns_the_mirrored_profit(many: list[Fill]) -> None:
    position, realized_usd = fold(many)
    mirrored, earned_usd = fold([(other(side), qty, price) for side, qty, price in many])
    assert (mirrored.qty, mirrored.cost_usd) == (-position.qty, position.cost_usd)
    assert earned_usd == -realized_usd


@given(fills)
def test_twice_the_quantities_earn_twice_the_profit(many: list[Fill]) -> None:
    position, realized_usd = fold(many)
    double, earned_usd = fold([(side, 2 * qty, price) for side, qty, price in many])
    assert double.qty == 2 * position.qty
    # Each partial close may round the cost it takes by half of 1e-8, once here and twice there.
    assert abs(earned_usd - 2 * realized_usd) <= Decimal("0.00000002") * len(many)


@given(fills, sides, qtys, prices)
def test_what_a_fill_closes_is_never_more_than_what_was_held(
    many: list[Fill], side: OrderSide, qty: Decimal, price: Decimal
) -> None:
    before, _ = fold(many)
    change = after_fill(before, side, qty, price)
    left = before.qty + signed_qty(side, qty)
    assert change.closed_qty == (
        min(qty, abs(before.qty)) if before.qty * signed_qty(side, qty) < 0 else 0
    )
    assert (change.kind == "flipped") == (left * before.qty < 0)
    assert (change.kind == "closed") == (bool(before.qty) and left == 0)
