"""Time only goes on, and never stands still because a fact once had a date of the future."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.trader import AHEAD_MS, CATCHING_UP_MS
from tests.support import NOON_MS, Desk, kill

HOUR_MS = 3_600_000


def test_an_exit_is_tried_again_although_its_refusal_was_dated_an_hour_ahead() -> None:
    """The clock was wrong for three seconds, and then nothing was tried for an hour."""
    desk = Desk()
    desk.open(60_000.0)
    desk.tell(kill("FLATTEN", NOON_MS + 1_000))
    (leave,) = desk.commands("exit")
    desk.reject(leave, -1021, at_ms=NOON_MS + HOUR_MS)
    desk.second(NOON_MS + 2_000)
    _, again = desk.commands("exit")
    desk.reject(again, -1021)
    for second in range(3, 9):
        desk.second(NOON_MS + 1_000 * second)
    assert len(desk.commands("exit")) == 3


def test_whoever_is_ahead_goes_on_at_half_the_pace_until_the_others_have_caught_up() -> None:
    desk = Desk()
    desk.second(NOON_MS + 60_000)
    ahead: list[int] = []
    for second in range(1, 200):
        desk.second(NOON_MS + 1_000 * second)
        ahead.append(desk.state.now_ms - (NOON_MS + 1_000 * second))
    assert ahead[0] == 59_000 + CATCHING_UP_MS
    assert ahead == sorted(ahead, reverse=True)
    assert ahead[-1] == 0
    assert ahead.index(0) <= 2 * 60


@pytest.mark.parametrize("by_ms", [1, 500, AHEAD_MS - 1_000])
def test_a_fact_that_is_read_a_little_early_moves_nothing(by_ms: int) -> None:
    desk = Desk()
    desk.second(NOON_MS + 5_000 + by_ms)
    desk.second(NOON_MS + 5_000)
    assert desk.state.now_ms == NOON_MS + 5_000 + by_ms


@given(st.lists(st.integers(-HOUR_MS, HOUR_MS), max_size=40))
def test_time_never_goes_back_and_a_row_of_seconds_always_moves_it(jumps: list[int]) -> None:
    desk = Desk()
    for jump in jumps:
        before = desk.state.now_ms
        desk.second(NOON_MS + jump)
        assert desk.state.now_ms >= before
    before = desk.state.now_ms
    for second in range(10):
        desk.second(NOON_MS - HOUR_MS + 1_000 * second)
    assert desk.state.now_ms >= before + 10 * CATCHING_UP_MS or before < NOON_MS
