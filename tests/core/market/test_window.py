"""The window of closed bars: no repeat, no older bar, no hole."""

import math
from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.market.window import WINDOW_BARS, BarWindow

MINUTE_MS = 60_000


def window_of(closes: Iterable[float], interval_ms: int = MINUTE_MS) -> BarWindow:
    window = BarWindow()
    for number, close in enumerate(closes):
        assert window.push(interval_ms, number * interval_ms, close)
    return window


def test_the_window_keeps_the_last_257_closes() -> None:
    window = window_of(float(close) for close in range(1, 301))
    assert window.log_closes == [math.log(close) for close in range(44, 301)]
    assert window.full
    assert not window_of([1.0] * (WINDOW_BARS - 1)).full


@pytest.mark.parametrize("open_ms", [2 * MINUTE_MS, MINUTE_MS, 0, 2 * MINUTE_MS - 1])
def test_a_repeat_and_an_older_bar_change_nothing(open_ms: int) -> None:
    window = window_of([1.0, 2.0, 3.0])
    assert not window.push(MINUTE_MS, open_ms, 99.0)
    assert window == window_of([1.0, 2.0, 3.0])


@pytest.mark.parametrize("open_ms", [4 * MINUTE_MS, 3 * MINUTE_MS - 1, 3 * MINUTE_MS + 1])
def test_a_bar_that_does_not_follow_begins_a_new_window(open_ms: int) -> None:
    window = window_of([1.0, 2.0, 3.0])
    assert window.push(MINUTE_MS, open_ms, 4.0)
    assert window == BarWindow(MINUTE_MS, open_ms, [math.log(4.0)])


def test_a_bar_of_another_interval_begins_a_new_window() -> None:
    window = window_of([1.0, 2.0])
    assert window.push(5 * MINUTE_MS, 6 * MINUTE_MS, 7.0)
    assert window == BarWindow(5 * MINUTE_MS, 6 * MINUTE_MS, [math.log(7.0)])


@pytest.mark.parametrize("close", [0.0, -1.0, math.nan, math.inf])
def test_a_close_that_is_no_price_is_a_missing_bar(close: float) -> None:
    window = window_of([1.0, 2.0])
    assert not window.push(MINUTE_MS, 2 * MINUTE_MS, close)
    assert window == window_of([1.0, 2.0])
    assert window.push(MINUTE_MS, 3 * MINUTE_MS, 4.0)
    assert len(window.log_closes) == 1


def test_two_windows_share_nothing() -> None:
    window_of([1.0, 2.0])
    assert BarWindow().log_closes == []


@given(
    st.lists(st.tuples(st.integers(0, 12), st.floats(0.01, 1e6)), max_size=60),
    st.integers(0, 60),
)
def test_a_window_restored_from_json_continues_as_if_nothing_had_happened(
    bars: list[tuple[int, float]], cut: int
) -> None:
    whole, restored = BarWindow(), BarWindow()
    for number, (minute, close) in enumerate(bars):
        if number == cut:
            restored = msgspec.json.decode(msgspec.json.encode(restored), type=BarWindow)
        pushed = whole.push(MINUTE_MS, minute * MINUTE_MS, close)
        assert restored.push(MINUTE_MS, minute * MINUTE_MS, close) is pushed
    assert restored == whole


@given(st.lists(st.tuples(st.integers(0, 12), st.floats(0.01, 1e6)), max_size=60))
def test_what_is_in_the_window_came_without_a_hole(bars: list[tuple[int, float]]) -> None:
    window, taken = BarWindow(), {}
    for minute, close in bars:
        if window.push(MINUTE_MS, minute * MINUTE_MS, close):
            taken[minute] = math.log(close)
    last = window.last_open_ms // MINUTE_MS
    expected = [taken[last - back] for back in range(len(window.log_closes))]
    assert window.log_closes == expected[::-1]
