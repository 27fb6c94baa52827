"""The circuit breaker, step by step, and that it never stays open for ever."""

from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.breaker import Breaker, BreakerSettings

SETTINGS = BreakerSettings(failures_max=3, open_ms=1_000, open_ms_max=3_000)


def an_open_one() -> Breaker:
    """One that has just opened at 0."""
    breaker = Breaker(SETTINGS)
    assert [breaker.failed("no answer", 0) for _ in range(3)] == [False, False, True]
    return breaker


def test_failures_in_a_row_open_it_and_a_success_among_them_does_not() -> None:
    breaker = Breaker(SETTINGS)
    for _ in range(10):
        breaker.failed("x", 0)
        breaker.failed("x", 0)
        assert breaker.refusal(0) is None
        breaker.succeeded()
    refusal = an_open_one().refusal(999)
    assert refusal is not None
    assert "3 failures" in refusal
    assert "no answer" in refusal


def test_when_the_time_is_over_one_try_goes_through_and_decides() -> None:
    breaker = an_open_one()
    assert breaker.refusal(1_000) is None
    assert breaker.refusal(1_001) is not None, "the next one waits for the first"
    breaker.succeeded()
    assert breaker.refusal(1_002) is None
    assert breaker.failures == 0


def test_a_try_that_fails_opens_it_for_twice_as_long_up_to_a_bound() -> None:
    breaker, now_ms, spans = an_open_one(), 1_000, []
    for _ in range(4):
        assert breaker.refusal(now_ms) is None
        assert breaker.failed("again", now_ms + 10)
        assert breaker.open_until_ms is not None
        spans.append(breaker.open_until_ms - now_ms - 10)
        now_ms = breaker.open_until_ms
    assert spans == [2_000, 3_000, 3_000, 3_000]


def test_a_try_that_nothing_is_heard_of_makes_room_for_another() -> None:
    breaker = an_open_one()
    assert breaker.refusal(1_000) is None
    assert breaker.refusal(1_999) is not None
    assert breaker.refusal(2_000) is None


def test_failures_of_what_goes_on_anyway_do_not_put_off_the_try() -> None:
    breaker = an_open_one()
    for now_ms in range(0, 1_000, 100):
        assert not breaker.failed("an exit failed too", now_ms)
    assert breaker.refusal(1_000) is None


@given(st.lists(st.tuples(st.sampled_from("sfr"), st.integers(0, 5_000)), max_size=60))
def test_it_is_never_closed_to_entries_for_longer_than_the_longest(
    steps: list[tuple[str, int]],
) -> None:
    breaker, now_ms = Breaker(SETTINGS), 0
    for what, passed_ms in steps:
        now_ms += passed_ms
        match what:
            case "s":
                breaker.succeeded()
                assert breaker.refusal(now_ms) is None
            case "f":
                breaker.failed("x", now_ms)
            case _:
                breaker.refusal(now_ms)
        assert breaker.open_until_ms is None or breaker.open_until_ms - now_ms <= 3_000
        assert (breaker.open_until_ms is None) or breaker.failures >= SETTINGS.failures_max
