"""What the last trades earned: kept by symbol and for all, and never lost with the process."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.exits.performance import (
    WINDOW_TRADES,
    Performance,
    PerformanceBook,
    PerformanceStats,
)

RESULTS = st.floats(-50, 50)
NOTES = st.lists(st.tuples(st.sampled_from(["BTCUSDT", "ETHUSDT", "SOLUSDT"]), RESULTS))


def test_what_is_noted_is_in_the_average_so_it_is_not_zero_for_ever() -> None:
    book = PerformanceBook()
    for r_net in (1.0, -0.5, 1.0):
        book.note("BTCUSDT", r_net)
    stats = book.of("BTCUSDT").stats()
    assert stats == PerformanceStats(3, 0.5, 2 / 3, 1.0, -0.5)


def test_every_symbol_has_its_own_window_and_all_have_one_together() -> None:
    book = PerformanceBook()
    book.note("BTCUSDT", 1.0)
    book.note("ETHUSDT", -2.0)
    assert book.of("BTCUSDT").results_r == [1.0]
    assert book.of("ETHUSDT").results_r == [-2.0]
    assert book.overall.results_r == [1.0, -2.0]


def test_a_window_holds_the_newest_twenty() -> None:
    window = Performance()
    for number in range(25):
        window.add(float(number))
    assert window.results_r == [float(number) for number in range(5, 25)]


def test_a_symbol_without_trades_has_no_numbers_and_takes_no_room() -> None:
    book = PerformanceBook()
    assert book.of("BTCUSDT") == Performance()
    assert book.of("BTCUSDT").stats() is None
    assert book.symbols == {}


def test_what_only_paid_for_itself_is_no_win() -> None:
    stats = Performance([0.0, 0.0, 1.0, -1.0]).stats()
    assert stats is not None
    assert stats.win_frac == 0.25


@pytest.mark.parametrize("r_net", [float("nan"), float("inf"), float("-inf")])
def test_a_result_that_is_no_number_is_refused_and_changes_nothing(r_net: float) -> None:
    book = PerformanceBook()
    with pytest.raises(ValueError, match="r_net"):
        book.note("BTCUSDT", r_net)
    assert book == PerformanceBook()


def test_two_books_share_nothing() -> None:
    PerformanceBook().note("BTCUSDT", 1.0)
    assert PerformanceBook() == PerformanceBook(Performance([]), {})


@given(NOTES, st.integers(0, 30))
def test_a_book_restored_from_json_continues_as_if_nothing_had_happened(
    notes: list[tuple[str, float]], cut: int
) -> None:
    whole, restored = PerformanceBook(), PerformanceBook()
    for number, (symbol, r_net) in enumerate(notes):
        if number == cut:
            restored = msgspec.json.decode(msgspec.json.encode(restored), type=PerformanceBook)
        whole.note(symbol, r_net)
        restored.note(symbol, r_net)
    assert restored == whole


@given(NOTES)
def test_every_window_is_the_tail_of_what_was_noted(notes: list[tuple[str, float]]) -> None:
    book = PerformanceBook()
    for symbol, r_net in notes:
        book.note(symbol, r_net)
    assert book.overall.results_r == [r_net for _, r_net in notes][-WINDOW_TRADES:]
    for symbol, window in book.symbols.items():
        assert window.results_r == [r for name, r in notes if name == symbol][-WINDOW_TRADES:]


@given(st.lists(RESULTS, min_size=1, max_size=20))
def test_the_mean_lies_between_worst_and_best(results_r: list[float]) -> None:
    stats = Performance(results_r).stats()
    assert stats is not None
    assert stats.worst_r <= stats.mean_r + 1e-12
    assert stats.mean_r <= stats.best_r + 1e-12
    assert 0.0 <= stats.win_frac <= 1.0
