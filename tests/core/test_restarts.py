"""The restart budget, counted by hand."""

from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.restarts import RestartBudget, Restarts

BUDGET = RestartBudget(deaths_max=5, within_ms=10_000, pause_ms=500, pause_ms_max=1_500)


def test_pauses_double_up_to_a_bound_and_the_fifth_death_is_the_last() -> None:
    restarts = Restarts(BUDGET)
    assert [restarts.died(n) for n in range(5)] == [500, 1_000, 1_500, 1_500, None]


def test_old_deaths_are_forgotten() -> None:
    restarts = Restarts(BUDGET)
    assert [restarts.died(n * 10_000) for n in range(50)] == [500] * 50


@given(st.lists(st.integers(0, 4_000), max_size=80))
def test_there_are_never_more_starts_within_the_time_than_the_budget_says(
    gaps: list[int],
) -> None:
    restarts, now_ms, starts = Restarts(BUDGET), 0, []
    for gap in gaps:
        now_ms += gap
        pause_ms = restarts.died(now_ms)
        if pause_ms is None:
            break
        starts.append(now_ms)
        assert sum(now_ms - one < BUDGET.within_ms for one in starts) < BUDGET.deaths_max
        assert BUDGET.pause_ms <= pause_ms <= BUDGET.pause_ms_max
