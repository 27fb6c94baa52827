"""Fewer points that still show what matters: extremes stay, whatever the resolution."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quantum_trader.core.events import CandleClosed

MINUTE_MS = 60_000
NICE_STEPS_MS = tuple(
    minutes * MINUTE_MS
    for minutes in (1, 2, 3, 5, 10, 15, 30, 60, 120, 240, 480, 720, 1440, 4320, 10080, 43200)
)
"""Bar lengths that people are used to."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Bars(NamedTuple):
    """Candles as columns; ``open_ms`` ascends."""

    open_ms: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats


def bars_of(candles: Sequence[CandleClosed]) -> Bars:
    """The columns of candles in their order."""
    return Bars(
        np.array([candle.open_ms for candle in candles], dtype=np.int64),
        np.array([candle.open for candle in candles]),
        np.array([candle.high for candle in candles]),
        np.array([candle.low for candle in candles]),
        np.array([candle.close for candle in candles]),
    )


def between(bars: Bars, first_ms: int, last_ms: int) -> Bars:
    """The bars that open in [first_ms, last_ms)."""
    start, end = np.searchsorted(bars.open_ms, (first_ms, last_ms))
    return Bars(
        bars.open_ms[start:end],
        bars.open[start:end],
        bars.high[start:end],
        bars.low[start:end],
        bars.close[start:end],
    )


def step_for(bars: Bars, interval_ms: int, most: int) -> int:
    """The shortest usual bar length, a multiple of theirs, that leaves at most so many bars."""
    usual = [step for step in NICE_STEPS_MS if step > interval_ms and not step % interval_ms]
    longest = usual[-1] if usual else interval_ms
    for step_ms in [interval_ms, *usual, *(longest << power for power in range(1, 20))]:
        if len(np.unique(bars.open_ms // step_ms)) <= most:
            return step_ms
    raise ValueError(f"{len(bars.open_ms)} bars cannot be shown as {most}")


def coarser(bars: Bars, step_ms: int) -> Bars:
    """The same market in longer bars; where nothing was recorded there is no bar."""
    if not len(bars.open_ms):
        return bars
    bucket = bars.open_ms // step_ms
    starts = np.flatnonzero(np.diff(bucket, prepend=bucket[0] - 1))
    ends = np.append(starts[1:], len(bucket)) - 1
    return Bars(
        bucket[starts] * step_ms,
        bars.open[starts],
        np.maximum.reduceat(bars.high, starts),
        np.minimum.reduceat(bars.low, starts),
        bars.close[ends],
    )


def extremes(values: Floats, buckets: int) -> NDArray[np.intp]:
    """Positions that draw the same line: of every bucket its smallest and its largest value."""
    if len(values) <= 2 * buckets:
        return np.arange(len(values))
    parts = np.array_split(np.arange(len(values)), buckets)
    lowest = [part[np.argmin(values[part])] for part in parts]
    highest = [part[np.argmax(values[part])] for part in parts]
    return np.unique([0, *lowest, *highest, len(values) - 1])


def holes(at_ms: Ints, least_ms: int) -> list[tuple[int, int]]:
    """Stretches longer than ``least_ms`` in which nothing was recorded."""
    found = np.flatnonzero(np.diff(at_ms) > least_ms)
    return [(int(at_ms[each]), int(at_ms[each + 1])) for each in found]
