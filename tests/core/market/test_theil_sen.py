"""The slope is the median over all pairs, for every length at once."""

from itertools import combinations
from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.market.theil_sen import TheilSen


def slowly(values: list[float]) -> float:
    pairs = combinations(enumerate(values), 2)
    return median((later - sooner) / (end - start) for (start, sooner), (end, later) in pairs)


@given(st.lists(st.floats(-100, 100), min_size=12, max_size=20))
def test_every_length_gives_the_median_of_its_own_pairs(values: list[float]) -> None:
    lengths = (2, 3, 5, 8, 12)
    found = TheilSen(lengths).slopes(np.array(values))
    assert found == pytest.approx([slowly(values[-n:]) for n in lengths], rel=1e-12, abs=1e-12)


def test_the_lengths_in_use_agree_with_the_slow_way() -> None:
    values = np.cumsum(np.random.default_rng(4).standard_t(3, 256))
    expected = [slowly(values[-n:].tolist()) for n in (64, 128, 256)]
    assert TheilSen((64, 128, 256)).slopes(values) == pytest.approx(expected, rel=1e-12)


def test_one_call_leaves_nothing_for_the_next() -> None:
    estimator, random = TheilSen((64, 256)), np.random.default_rng(5)
    first, second = random.normal(size=256), random.normal(size=300)
    alone = estimator.slopes(first)
    estimator.slopes(second)
    assert estimator.slopes(first) == alone


def test_a_third_of_wild_values_does_not_move_the_slope_of_a_line() -> None:
    line = np.arange(64.0) * 0.25
    line[::4] += 1e6
    assert TheilSen((64,)).slopes(line) == pytest.approx([0.25])


@pytest.mark.parametrize("lengths", [(), (1,), (8, 4)])
def test_lengths_that_make_no_slope_are_refused(lengths: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="rising order"):
        TheilSen(lengths)


def test_too_few_values_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 8"):
        TheilSen((4, 8)).slopes(np.zeros(7))


@given(st.lists(st.sampled_from((0.0, 0.1, 0.3, 1.7)), min_size=9, max_size=9))
def test_every_slope_is_the_step_times_one_over_its_length_to_the_last_bit(
    values: list[float],
) -> None:
    def exactly(length: int) -> float:
        part = list(enumerate(values[-length:]))
        return median((b - a) * (1.0 / (j - i)) for (i, a), (j, b) in combinations(part, 2))

    found = TheilSen((2, 4, 5, 9)).slopes(np.array(values))
    assert [slope.hex() for slope in found] == [exactly(n).hex() for n in (2, 4, 5, 9)]
