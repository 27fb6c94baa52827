"""The statistics: days are the witnesses, luck is not called skill, and many tests cost each."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.research.paired import (
    by_day,
    estimate,
    holm,
    max_drawdown,
    paired,
    resampled_means,
    tail_mean,
)

SEED = 5
PS = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=12)


def noise(count: int, seed: int, mean: float = 0.0) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Normal results around a mean."""
    return np.random.default_rng(seed).normal(mean, 1.0, count)


def test_what_is_the_same_differs_by_nothing_and_surely_by_chance() -> None:
    told = paired(np.zeros(100), np.arange(100), SEED)
    assert (told.mean, told.ci, told.detectable) == (0.0, (0.0, 0.0), 0.0)
    assert (told.p, told.p_wilcoxon) == (1.0, 1.0)


def test_a_steady_difference_is_found() -> None:
    told = paired(noise(200, 1, mean=0.4), np.arange(200), SEED)
    assert told.p is not None
    assert told.p < 0.001
    assert told.p_wilcoxon is not None
    assert told.p_wilcoxon < 0.001
    assert told.ci is not None
    assert told.ci[0] < 0.4 < told.ci[1]


def test_pure_chance_is_seldom_called_a_difference() -> None:
    days = np.arange(60)
    ps = [paired(noise(60, seed), days, SEED).p for seed in range(100, 140)]
    assert sum(p is not None and p < 0.05 for p in ps) <= 6


def test_the_interval_is_as_wide_as_theory_says() -> None:
    told = estimate(noise(400, 3), np.arange(400), SEED)
    assert told.ci is not None
    assert told.ci[1] - told.ci[0] == pytest.approx(2 * 1.96 / 400**0.5, rel=0.1)


def test_a_day_told_ten_times_is_still_one_witness() -> None:
    values, days = noise(50, 4), np.arange(50)
    once = paired(values, days, SEED)
    often = paired(np.repeat(values, 10), np.repeat(days, 10), SEED)
    assert often.ci == pytest.approx(once.ci)
    assert often.p == pytest.approx(once.p)
    assert often.p_wilcoxon == once.p_wilcoxon


def test_trades_of_one_day_prove_nothing() -> None:
    told = paired(noise(50, 4, mean=9.0), np.zeros(50, dtype=np.int64), SEED)
    assert told.mean > 8
    assert (told.ci, told.p, told.p_wilcoxon, told.detectable) == (None, None, None, None)
    assert estimate(noise(50, 4), np.zeros(50, dtype=np.int64), SEED).ci is None


def test_turning_the_question_round_turns_the_answer_round() -> None:
    values, days = noise(80, 6, mean=0.2), np.arange(80) // 2
    there, back = paired(values, days, SEED), paired(-values, days, SEED)
    assert there.ci is not None
    assert back.ci == pytest.approx((-there.ci[1], -there.ci[0]))
    assert (back.mean, back.p) == pytest.approx((-there.mean, there.p))


def test_the_same_seed_says_the_same_and_another_one_nearly() -> None:
    values, days = noise(80, 7, mean=0.2), np.arange(80)
    assert paired(values, days, 1) == paired(values, days, 1)
    one, other = paired(values, days, 1), paired(values, days, 2)
    assert one != other
    assert one.p == pytest.approx(other.p, abs=0.02)


def test_five_days_that_all_won_are_one_chance_in_sixteen_by_ranks() -> None:
    told = paired(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.arange(5), SEED)
    assert told.p_wilcoxon == pytest.approx(2 / 2**5)


def test_days_weigh_by_their_trades() -> None:
    those = by_day(np.array([1.0, 2.0, 5.0]), np.array([3, 3, 9]))
    assert (those.sums.tolist(), those.counts.tolist()) == ([3.0, 5.0], [2.0, 1.0])
    assert set(np.round(resampled_means(those, SEED), 6)) == {1.5, round(8 / 3, 6), 5.0}


def test_holm_as_in_the_books() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx((0.03, 0.06, 0.06))
    assert holm([0.6, None, 0.7]) == (1.0, None, 1.0)
    assert holm([]) == ()


@given(PS)
def test_a_correction_never_helps_and_keeps_the_order(ps: list[float]) -> None:
    corrected = holm(ps)
    for p, q in zip(ps, corrected, strict=True):
        assert q is not None
        assert p <= q <= 1.0
        assert q <= min(1.0, len(ps) * p)
    ranked = sorted(zip(ps, corrected, strict=True), key=lambda pair: pair[0])
    later = [q for _, q in ranked if q is not None]
    assert later == sorted(later)


def test_the_tail_is_the_mean_of_the_worst_twentieth() -> None:
    assert tail_mean(np.arange(100.0)) == 2.0
    assert tail_mean(np.array([3.0, -7.0])) == -7.0


def test_a_fall_is_measured_from_the_highest_point_or_the_start() -> None:
    assert max_drawdown(np.array([2.0, -3.0, 1.0, -2.0, 9.0])) == 4.0
    assert max_drawdown(np.array([-1.0, 5.0])) == 1.0
    assert max_drawdown(np.array([1.0, 2.0])) == 0.0
