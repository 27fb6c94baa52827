"""Theil-Sen slopes of equally spaced values: the median of the slopes of all pairs."""

from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class TheilSen:
    """Slopes over the newest n values, for several n at once.

    The buffers are kept because allocating them costs more than the arithmetic; they carry nothing
    from one call to the next. One instance must not be used by two threads at once.
    """

    def __init__(self, lengths: Sequence[int]) -> None:
        if not lengths or min(lengths) < 2 or list(lengths) != sorted(lengths):
            raise ValueError(f"lengths {lengths}: expected at least 2 each, in rising order")
        self._longest = lengths[-1]
        self._pairs = [_Pairs(length) for length in lengths]

    def slopes(self, values: Floats) -> list[float]:
        """The slope per step for each length. ``values`` are at least the longest, oldest first."""
        if values.size < self._longest:
            raise ValueError(f"{values.size} values: expected at least {self._longest}")
        return [pairs.median_slope(values[-pairs.length :]) for pairs in self._pairs]


class _Pairs:
    """All pairs of n values that stand in a ring: each with those 1, 2, ... n // 2 behind it.

    In the ring the pairs are rows of one table that nothing has to be gathered for. Where a pair
    crosses the seam the older value comes second, and the step between the two is below zero. With
    an even n the values opposite each other meet twice, so half of the last row is enough.
    """

    def __init__(self, length: int) -> None:
        self.length = length
        behind = np.arange(1, length // 2 + 1)[:, np.newaxis]
        seam = np.arange(length) + behind >= length
        self._per_step = 1.0 / np.where(seam, behind - length, behind)
        self._ring = np.empty(2 * length)
        self._ahead = sliding_window_view(self._ring, length)[1 : length // 2 + 1]
        self._table = np.empty((length // 2, length))
        self._slopes = self._table.reshape(-1)[: length * (length - 1) // 2]

    def median_slope(self, values: Floats) -> float:
        """The median of the slopes of exactly so many values."""
        self._ring[: self.length] = values
        self._ring[self.length :] = values
        np.subtract(self._ahead, values, out=self._table)
        np.multiply(self._table, self._per_step, out=self._table)
        # What does not move gives -0.0 at the seam; adding nothing makes it 0.0.
        return _median(self._slopes) + 0.0


def _median(values: Floats) -> float:
    """The median; reorders the values."""
    middle = values.size // 2
    values.partition(middle)
    upper = float(values[middle])
    if values.size % 2:
        return upper
    return 0.5 * (float(values[:middle].max()) + upper)
