"""A book from changes: by hand, against a book kept the plain way, and what breaks it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.adapters.market import depth
from quantum_trader.adapters.market.depth import Change, DepthBook, Level, Top

BIDS: list[Level] = [(100.0, 1.0), (99.0, 2.0)]
ASKS: list[Level] = [(101.0, 3.0), (102.0, 4.0)]


def change(before: int, last: int, bids: list[Level] = [], asks: list[Level] = []) -> Change:  # noqa: B006
    return Change(before, last, bids, asks)


def whole(last: int = 10) -> DepthBook:
    """A book as of update ``last``."""
    book = DepthBook()
    assert book.restore(last, BIDS, ASKS)
    return book


def test_a_book_begins_with_a_snapshot_and_says_nothing_before() -> None:
    book = DepthBook()
    assert book.take(change(0, 5)) == "waiting"
    assert (book.is_whole, book.top()) == (False, None)
    assert whole().top() == Top(10, 100.0, 1.0, 101.0, 3.0)


def test_the_best_price_follows_what_comes_and_what_goes() -> None:
    book = whole()
    assert book.take(change(10, 12, [(100.5, 7.0)], [(101.0, 0.0)])) == "kept"
    assert book.top() == Top(12, 100.5, 7.0, 102.0, 4.0)
    assert book.take(change(12, 13, [(100.5, 0.0), (100.0, 0.0)])) == "kept"
    assert book.top() == Top(13, 99.0, 2.0, 102.0, 4.0)


def test_the_first_change_after_a_snapshot_may_begin_before_it_and_no_later_one() -> None:
    book = whole()
    assert book.take(change(8, 12)) == "kept"
    assert book.take(change(11, 14)) == "broken"
    assert not book.is_whole


def test_a_change_that_skips_something_breaks_the_book_until_a_later_snapshot() -> None:
    book = whole()
    assert book.take(change(11, 12, [(100.5, 1.0)])) == "broken"
    assert book.top() is None
    assert book.take(change(12, 15)) == "waiting"
    # A snapshot from before the change that waits leaves the hole where it is.
    assert not book.restore(10, BIDS, ASKS)
    assert not book.is_whole
    assert book.restore(13, BIDS, ASKS)
    assert book.last == 15


def test_a_repeated_change_is_nothing() -> None:
    book = whole()
    book.take(change(10, 12, [(100.5, 7.0)]))
    assert book.take(change(10, 12, [(100.5, 9.0)])) == "kept"
    assert book.top() == Top(12, 100.5, 7.0, 101.0, 3.0)


def test_a_break_among_the_changes_that_waited_asks_for_another_snapshot() -> None:
    book = DepthBook()
    for one in (change(5, 12), change(12, 14), change(20, 22)):
        book.take(one)
    assert not book.restore(10, BIDS, ASKS)
    assert not book.is_whole
    assert book.restore(21, BIDS, ASKS)
    assert book.last == 22


def test_a_book_that_was_lost_believes_nothing() -> None:
    book = whole()
    book.lose()
    assert book.top() is None
    assert book.take(change(10, 11)) == "waiting"


def test_what_waits_and_what_is_held_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    book = DepthBook()
    for number in range(depth.WAITING_MAX + 500):
        book.take(change(number, number + 1))
    assert len(book._waiting) == depth.WAITING_MAX
    monkeypatch.setattr(depth, "LEVELS_MAX", 10)
    book = whole()
    many: list[Level] = [(1.0 + number, 1.0) for number in range(30)]
    assert book.take(change(10, 11, many)) == "broken"


def test_coming_and_going_at_the_best_price_takes_no_memory() -> None:
    book = whole()
    for number in range(20_000):
        book.take(change(10 + number, 11 + number, [(100.5, float(number % 2))]))
    assert len(book._bids._heap) < 2_000


@given(
    st.lists(
        st.lists(
            st.tuples(st.integers(1, 20).map(float), st.sampled_from([0.0, 1.0, 2.5])), max_size=5
        ),
        max_size=40,
    )
)
def test_the_best_price_is_the_best_of_all_prices(changes: list[list[Level]]) -> None:
    book = DepthBook()
    book.restore(0, [], [])
    plain: dict[float, float] = {}
    for number, levels in enumerate(changes):
        book.take(change(number, number + 1, levels, levels))
        plain |= dict(levels)
        standing = {price: qty for price, qty in plain.items() if qty}
        top = book.top()
        if not standing:
            assert top is None
            continue
        best, least = max(standing), min(standing)
        assert top == Top(number + 1, best, standing[best], least, standing[least])
