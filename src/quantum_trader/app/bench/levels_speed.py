"""Exit levels of a whole exchange at once, beside the plain formula without checks or bounds."""

import time
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np

from quantum_trader.app.bench.measure import Aim, Effort, Row, row
from quantum_trader.core.exits.levels import DEFAULT_BASES
from quantum_trader.core.exits.levels_array import (
    BoundRows,
    LevelInputRows,
    LevelRows,
    adaptive_rows,
    effective_rows,
)

SYMBOLS = 580
ALL_AT_ONCE_US = 60.0
PLAIN_TIMES_MAX = 3.0
SEED = 11


async def levels_speed(effort: Effort) -> Sequence[Row]:
    """Microseconds for all symbols, without and with the bounds."""
    inputs, bounds = _inputs()
    levels = adaptive_rows(inputs)
    calls = effort.of(2_000, 50)
    adaptive_us, bounded_us, plain_us = [], [], []
    for _ in effort.rounds():
        plain_us.append(_micros(lambda: plain(inputs), calls))
        adaptive_us.append(_micros(lambda: adaptive_rows(inputs), calls))
        bounded_us.append(_micros(lambda: effective_rows(levels, bounds), calls))
    formula = Aim(
        name=f"levels of {SYMBOLS} symbols",
        unit="us",
        note="the formula with checks, order and harvest shares; beside it numpy as one would "
        "write it down",
        # Whichever is larger: the machine may be slow, the formula may not be.
        target=max(ALL_AT_ONCE_US, PLAIN_TIMES_MAX * median(plain_us)),
        better="below",
    )
    bounding = Aim(
        name=f"bounds of {SYMBOLS} symbols",
        unit="us",
        note="liquidation, margin, costs and order",
        better="below",
    )
    return [row(formula, adaptive_us, plain_us), row(bounding, bounded_us)]


def plain(inputs: LevelInputRows) -> tuple[LevelRows, None]:
    """The formula as it stands in the book, on whole columns."""
    lsf = 1.0 / (1.0 + np.log(inputs.leverage + 1.0))
    scale = 1.0 + 0.8 * inputs.side_sign * inputs.funding_rate_frac
    first = DEFAULT_BASES.tp_frac * (0.6 + lsf) * scale
    second = DEFAULT_BASES.tp_frac * (1.2 + lsf / 2.0) * scale
    third = DEFAULT_BASES.tp_frac * (1.8 + lsf / 4.0) * scale
    sl_frac = DEFAULT_BASES.sl_frac * (1.0 + 0.8 * (1.0 - lsf))
    sl_frac = sl_frac * (1.0 + 0.4 * inputs.divergence + 0.2 * inputs.volatility_factor)
    tp_frac = np.maximum(np.stack((first, second, third)), 0.003)
    return LevelRows(lsf, tp_frac, np.clip(sl_frac, 0.0015, 0.02), tp_frac), None


def _inputs() -> tuple[LevelInputRows, BoundRows]:
    random = np.random.default_rng(SEED)
    leverage = random.integers(1, 51, SYMBOLS).astype(np.float64)
    inputs = LevelInputRows(
        side_sign=random.choice([-1.0, 1.0], SYMBOLS),
        leverage=leverage,
        volatility_factor=random.uniform(0.5, 2.5, SYMBOLS),
        funding_rate_frac=random.normal(0.0, 0.0002, SYMBOLS),
        divergence=random.uniform(0.0, 0.05, SYMBOLS),
    )
    costs_frac = np.full(SYMBOLS, 0.001)
    return inputs, BoundRows(leverage, 0.9 / leverage, costs_frac)


def _micros(work: Callable[[], object], calls: int) -> float:
    began_s = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - began_s) / calls * 1e6
