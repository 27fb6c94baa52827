"""Whether a difference is real: bootstrap intervals, paired tests, and Holm's correction.

Trades of one day live through the same market, in all symbols. So days are drawn, never single
trades: resampling trades would take one stormy hour for many independent witnesses.
"""

from collections.abc import Sequence
from math import ceil

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Interval = tuple[float, float]

LEVEL = 0.05
"""The chance of calling something real that is not: one in twenty, over all tests together."""
RESAMPLES = 10_000
RESAMPLES_AT_ONCE = 500
DETECTABLE_ERRORS = 1.959964 + 0.841621
"""In so many standard errors lies a difference that is found at 5 % four times in five."""


class Estimate(msgspec.Struct, frozen=True):
    """A mean and its 95 % interval, which is None with fewer than two days."""

    mean: float
    ci: Interval | None


class Paired(msgspec.Struct, frozen=True, kw_only=True):
    """The mean of paired differences, its interval, and two tests that it is nothing.

    ``p`` is of the mean, by the bootstrap; ``p_wilcoxon`` of the rank sums of days: whether the
    usual day is better, however large the rare ones are. ``detectable`` is the difference that so
    many days would show four times in five. All but the mean are None with fewer than two days.
    """

    mean: float
    ci: Interval | None
    p: float | None
    p_wilcoxon: float | None
    detectable: float | None


class Days(msgspec.Struct, frozen=True):
    """Values summed by day, and how many there were."""

    sums: Floats
    counts: Floats


def by_day(values: Floats, days: Ints) -> Days:
    """Sums and counts of every day that has a value."""
    _, of_day = np.unique(days, return_inverse=True)
    sums, counts = np.bincount(of_day, weights=values), np.bincount(of_day)
    return Days(sums.astype(np.float64), counts.astype(np.float64))


def resampled_means(those: Days, seed: int) -> Floats:
    """Means of draws of as many days as there are, with replacement."""
    random, count = np.random.default_rng(seed), len(those.sums)
    means = []
    for _ in range(RESAMPLES // RESAMPLES_AT_ONCE):
        days = random.integers(0, count, (RESAMPLES_AT_ONCE, count))
        means.append(those.sums[days].sum(axis=1) / those.counts[days].sum(axis=1))
    return np.concatenate(means)


def estimate(values: Floats, days: Ints, seed: int) -> Estimate:
    """The mean of a sample, with the bootstrap's 2.5th and 97.5th percentile."""
    mean, those = float(values.mean()), by_day(values, days)
    if len(those.sums) < 2:
        return Estimate(mean, None)
    return Estimate(mean, _interval(resampled_means(those, seed)))


def _interval(means: Floats) -> Interval:
    low, high = np.quantile(means, (LEVEL / 2, 1 - LEVEL / 2))
    return float(low), float(high)


def paired(differences: Floats, days: Ints, seed: int) -> Paired:
    """What can be said of these differences, one for each pair."""
    mean, those = float(differences.mean()), by_day(differences, days)
    if len(those.sums) < 2:
        return Paired(mean=mean, ci=None, p=None, p_wilcoxon=None, detectable=None)
    means = resampled_means(those, seed)
    # Had the truth been no difference, the draws would lie around zero as they lie around the mean.
    farther = int(np.count_nonzero(np.abs(means - mean) >= abs(mean)))
    return Paired(
        mean=mean,
        ci=_interval(means),
        p=(1 + farther) / (1 + len(means)),
        p_wilcoxon=_p_wilcoxon(those.sums),
        detectable=DETECTABLE_ERRORS * float(means.std(ddof=1)),
    )


def _p_wilcoxon(sums: Floats) -> float:
    """The two-sided p of the signed ranks; days without a difference say nothing."""
    # Half a second to load, and nobody else needs it.
    from scipy.stats import wilcoxon  # type: ignore[import-untyped]

    moved = sums[sums != 0.0]
    return float(wilcoxon(moved).pvalue) if len(moved) else 1.0


def holm(ps: Sequence[float | None]) -> tuple[float | None, ...]:
    """Holm's step-down correction: p values that hold for all tests together.

    The i-th smallest of m becomes ``min(1, (m - i + 1) * p)``, and never less than one before it.
    What was not tested stays None and counts as no test.
    """
    known = sorted((p, index) for index, p in enumerate(ps) if p is not None)
    corrected: list[float | None] = [None] * len(ps)
    worst = 0.0
    for rank, (p, index) in enumerate(known):
        worst = max(worst, min(1.0, (len(known) - rank) * p))
        corrected[index] = worst
    return tuple(corrected)


def tail_mean(values: Floats, frac: float = LEVEL) -> float:
    """The expected shortfall: the mean of the worst ``frac`` of a sample, at least of one value."""
    worst = np.sort(values)[: max(1, ceil(frac * len(values)))]
    return float(worst.mean())


def max_drawdown(values: Floats) -> float:
    """The deepest fall of the running sum from its highest point, zero or more."""
    total = np.concatenate(([0.0], np.cumsum(values)))
    return float(np.max(np.maximum.accumulate(total) - total))
