"""Theil-Sen slopes of equally spaced values: the median of the slopes of all pairs."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class TheilSen:
    """Slopes over the newest n values, for several n at once.

    Pairs are listed by the age of their older member, so the pairs among the newest n values are
    the first n * (n - 1) / 2, for every n: one list serves all lengths. Finding a median reorders
    its part of the list and takes nothing from a longer one, hence shortest first. The buffers are
    kept because allocating them costs more than the arithmetic; they carry nothing from one call
    to the next. One instance must not be used by two threads at once.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        if not lengths or min(lengths) < 2 or list(lengths) != sorted(lengths):
            raise ValueError(f"lengths {lengths}: expected at least 2 each, in rising order")
        self._longest = lengths[-1]
        older_age, newer_age = np.tril_indices(self._longest, -1)
        self._older = self._longest - 1 - older_age
        self._newer = self._longest - 1 - newer_age
        self._per_bar = 1.0 / (older_age - newer_age)
        self._slopes = np.empty(older_age.size)
        self._start = np.empty(older_age.size)
        self._parts = [self._slopes[: n * (n - 1) // 2] for n in lengths]

    def slopes(self, values: NDArray[np.float64]) -> list[float]:
        """The slope per step for each length. ``values`` are at least the longest, oldest first."""
        newest = values[-self._longest :]
        if newest.size < self._longest:
            raise ValueError(f"{newest.size} values: expected at least {self._longest}")
        # Without a mode numpy checks every index first, and copies.
        np.take(newest, self._newer, out=self._slopes, mode="clip")
        np.take(newest, self._older, out=self._start, mode="clip")
        np.subtract(self._slopes, self._start, out=self._slopes)
        np.multiply(self._slopes, self._per_bar, out=self._slopes)
        return [_median(part) for part in self._parts]


def _median(values: NDArray[np.float64]) -> float:
    """The median; reorders the values."""
    middle = values.size // 2
    values.partition(middle)
    upper = float(values[middle])
    if values.size % 2:
        return upper
    return 0.5 * (float(values[:middle].max()) + upper)
