"""Entries: possible where the record allows, far enough apart, the same for the same seed."""

from collections.abc import Sequence
from itertools import pairwise

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.events import CandleClosed
from quantum_trader.core.signals import Signal, SignalSide
from quantum_trader.core.signals.model import BarCursor
from quantum_trader.research.entries import (
    Entry,
    Ints,
    Need,
    Span,
    drawn,
    model_entries,
    places,
    random_entries,
    spans,
)
from tests.support import MINUTE_MS, a_candle

NEED = Need(before_bars=3, after_ms=2 * MINUTE_MS)


def minutes(*numbers: int) -> list[int]:
    """Opening times of these bars."""
    return [number * MINUTE_MS for number in numbers]


def closes(*numbers: int) -> list[int]:
    """Closing times of these bars."""
    return [(number + 1) * MINUTE_MS for number in numbers]


def some_places(count: int = 500) -> dict[str, Ints]:
    """Two symbols with a place every minute, the second with half as many."""
    every = np.arange(1, count + 1, dtype=np.int64) * MINUTE_MS
    return {"BTCUSDT": every, "ETHUSDT": every[: count // 2]}


def test_an_entry_needs_bars_before_and_behind_it() -> None:
    assert places(minutes(*range(10)), MINUTE_MS, NEED).tolist() == closes(2, 3, 4, 5, 6, 7)


def test_a_hole_divides_the_record() -> None:
    opens = minutes(0, 1, 2, 3, 4, 9, 10, 11, 12, 13, 14)
    assert places(opens, MINUTE_MS, NEED).tolist() == closes(2, 11, 12)


@pytest.mark.parametrize("opens", [[], minutes(0), minutes(0, 1, 2, 3), minutes(0, 2, 4, 6, 8, 10)])
def test_too_short_a_record_has_no_place(opens: list[int]) -> None:
    assert places(opens, MINUTE_MS, NEED).tolist() == []


def test_a_time_that_is_no_whole_bar_needs_the_bar_it_ends_in() -> None:
    need = Need(before_bars=1, after_ms=MINUTE_MS + 1)
    assert places(minutes(0, 1, 2, 3), MINUTE_MS, need).tolist() == closes(0, 1)


@given(st.integers(0, 60), st.integers(0, 1_000), st.integers(1, 40))
def test_random_entries_are_possible_and_never_overlap(count: int, seed: int, apart: int) -> None:
    where, apart_ms = some_places(), apart * MINUTE_MS
    entries = random_entries(where, count, seed, apart_ms)
    assert len(entries) <= count
    assert entries == tuple(sorted(entries))
    for symbol, possible in where.items():
        times = [entry.at_ms for entry in entries if entry.symbol == symbol]
        assert set(times) <= set(possible.tolist())
        assert all(later - sooner >= apart_ms for sooner, later in pairwise(times))


def test_random_entries_are_the_same_for_the_same_seed_alone() -> None:
    where = some_places()
    assert random_entries(where, 20, 1, 0) == random_entries(where, 20, 1, 0)
    assert random_entries(where, 20, 1, 0) != random_entries(where, 20, 2, 0)
    assert set(random_entries(where, 10, 1, 0)) < set(random_entries(where, 20, 1, 0))


def test_random_entries_are_even_over_places_and_sides() -> None:
    entries = random_entries(some_places(3_000), 900, 3, 0)
    assert sum(entry.symbol == "BTCUSDT" for entry in entries) == pytest.approx(600, abs=60)
    assert sum(entry.side == "LONG" for entry in entries) == pytest.approx(450, abs=60)
    assert sum(entry.at_ms > 750 * MINUTE_MS for entry in entries) == pytest.approx(675, abs=60)


def test_where_there_is_no_room_there_are_fewer() -> None:
    entries = random_entries(some_places(100), 1_000, 1, 1_000 * MINUTE_MS)
    assert sorted(entry.symbol for entry in entries) == ["BTCUSDT", "ETHUSDT"]
    assert random_entries({}, 5, 1, 0) == ()


class Moody(msgspec.Struct, frozen=True):
    """Wants in at every bar whose close names a side."""

    @property
    def name(self) -> str:
        """Its name."""
        return "moody"

    def initial(self) -> BarCursor:
        """Nothing seen."""
        return BarCursor()

    def on_candle(self, state: BarCursor, candle: CandleClosed) -> Signal | None:
        """1 is a long, 2 a short, 3 a hold; anything else no change of mind."""
        wants: dict[float, SignalSide] = {1.0: "LONG", 2.0: "SHORT", 3.0: "HOLD"}
        side = wants.get(candle.close)
        return None if side is None else Signal(side, 0.7, "told to")


def told(prices: Sequence[float], where: Sequence[int], apart_ms: int) -> list[tuple[int, str]]:
    """Bar numbers and sides of the entries from these closes."""
    bars = [a_candle(price, (number + 1) * MINUTE_MS) for number, price in enumerate(prices)]
    entries = model_entries(Moody(), bars, np.array(where, dtype=np.int64), apart_ms)
    assert all(entry.confidence == 0.7 for entry in entries)
    return [(entry.at_ms // MINUTE_MS - 1, entry.side) for entry in entries]


def test_a_models_entries_are_its_changes_of_mind() -> None:
    anywhere = closes(*range(6))
    assert told([9, 1, 3, 2, 9, 1], anywhere, 0) == [(1, "LONG"), (3, "SHORT"), (5, "LONG")]


def test_a_models_entry_comes_too_soon_or_where_none_is_possible() -> None:
    assert told([1, 2, 9, 2], closes(*range(6)), 3 * MINUTE_MS) == [(0, "LONG"), (3, "SHORT")]
    assert told([1, 2, 9, 2], closes(1, 2), 0) == [(1, "SHORT")]


def test_a_draw_is_even_sorted_and_whole_when_there_are_few() -> None:
    entries = [Entry(at_ms=at_ms, symbol="BTCUSDT", side="LONG") for at_ms in range(50, 0, -1)]
    assert drawn(entries, None, 1) == drawn(entries, 99, 1) == tuple(sorted(entries))
    some = drawn(entries, 10, 1)
    assert len(set(some)) == 10
    assert some == tuple(sorted(some)) == drawn(entries, 10, 1) != drawn(entries, 10, 2)


def test_the_record_that_is_needed_covers_every_entry_once() -> None:
    near = [Entry(at_ms=at_ms, symbol="BTCUSDT", side="LONG") for at_ms in closes(9, 13, 40)]
    far = [Entry(at_ms=closes(20)[0], symbol="ETHUSDT", side="SHORT")]
    found = spans([*near, *far], {"BTCUSDT": MINUTE_MS, "ETHUSDT": MINUTE_MS}, NEED)
    assert found == {
        "BTCUSDT": (
            Span(7 * MINUTE_MS, 16 * MINUTE_MS),
            Span(38 * MINUTE_MS, 43 * MINUTE_MS),
        ),
        "ETHUSDT": (Span(18 * MINUTE_MS, 23 * MINUTE_MS),),
    }
