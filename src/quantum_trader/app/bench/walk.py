"""A year of one-minute bars that nobody traded: a seeded random walk, the same on every machine."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from quantum_trader.core.events import CandleClosed

YEAR_BARS = 525_600
BAR_MS = 60_000
FIRST_MS = 1_735_689_600_000
"""2025-01-01 00:00 UTC."""
SYMBOL = "BTCUSDT"
FIRST_PRICE = 60_000.0
SIGMA_FRAC = 0.0006
"""Per bar; about 43 % a year."""
STEPS_A_BAR = 4


class Walk(NamedTuple):
    """Bars as columns of Python numbers."""

    open: list[float]
    high: list[float]
    low: list[float]
    close: list[float]


def walk(bars: int, seed: int) -> Walk:
    """So many bars; each opens where the last one closed."""
    random = np.random.default_rng(seed)
    steps = random.normal(0.0, SIGMA_FRAC / STEPS_A_BAR**0.5, bars * STEPS_A_BAR)
    path = FIRST_PRICE * np.exp(np.cumsum(steps)).reshape(bars, STEPS_A_BAR)
    close = path[:, -1]
    first = np.concatenate(([FIRST_PRICE], close[:-1]))
    high, low = np.maximum(first, path.max(axis=1)), np.minimum(first, path.min(axis=1))
    return Walk(*(column.round(1).tolist() for column in (first, high, low, close)))


def candles(prices: Walk) -> Iterator[CandleClosed]:
    """The bars as facts."""
    open_ms = FIRST_MS
    for first, high, low, close in zip(*prices, strict=True):
        yield CandleClosed(
            id=f"{SYMBOL}:{BAR_MS}:{open_ms}",
            at_ms=open_ms + BAR_MS,
            symbol=SYMBOL,
            source="SIMULATED",
            interval_ms=BAR_MS,
            open_ms=open_ms,
            open=first,
            high=high,
            low=low,
            close=close,
            volume=1.0,
        )
        open_ms += BAR_MS
