"""What the page draws, as small columns of numbers: whole runs of any length, thinned."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate

import msgspec
import numpy as np

from quantum_trader.app.replay import ReplayResult
from quantum_trader.app.report.thinning import (
    Bars,
    Ints,
    coarser,
    extremes,
    holes,
    step_for,
)
from quantum_trader.core.events import TradeClosed

LINE_BUCKETS = 900
COARSE_BARS = 30_000
COARSE_BARS_A_SYMBOL = 1_200
COARSE_BARS_LEAST = 120
HOLE_FRAC = 0.03
"""A stretch without a record that would take more of the picture than this is left out of it."""
R_BIN = 0.25
R_TAIL_FRAC = 0.005
"""This share of the results at each end lies together in the outermost bar."""


class Line(msgspec.Struct, frozen=True):
    """One curve: times in epoch ms and a value at each."""

    t: list[int]
    v: list[float]


class EquityChart(msgspec.Struct, frozen=True):
    """Equity in USDT, and its fall from the last peak as a negative fraction."""

    t: list[int]
    equity: list[float]
    fall: list[float]
    deposit: float


class CostChart(msgspec.Struct, frozen=True):
    """Fees paid and funding received so far, in USDT, after each trade."""

    t: list[int]
    fees: list[float]
    funding: list[float]


class Histogram(msgspec.Struct, frozen=True):
    """How many trades ended between each edge and the next, in R."""

    edges: list[float]
    counts: list[int]
    mean: float | None


class Exits(msgspec.Struct, frozen=True, kw_only=True):
    """All trades that ended for one reason."""

    reason: str
    trades: int
    net_usd: float
    r_mean: float


class Candles(msgspec.Struct, frozen=True, kw_only=True):
    """Bars of ``step_ms`` as columns; what nobody recorded is not there."""

    step_ms: int
    t: list[int]
    o: list[float]
    h: list[float]
    l: list[float]  # noqa: E741 - the usual letters of a candle
    c: list[float]


def equity_chart(result: ReplayResult) -> EquityChart:
    """Equity and drawdown; both keep every extreme."""
    at_ms = np.array([result.first_ms, *(row[0] for row in result.equity)], dtype=np.int64)
    usd = np.array([float(result.deposit_usd), *(float(row[1]) for row in result.equity)])
    fall = usd / np.maximum.accumulate(usd) - 1.0
    kept = np.union1d(extremes(usd, LINE_BUCKETS), extremes(fall, LINE_BUCKETS))
    return EquityChart(
        at_ms[kept].tolist(),
        np.round(usd[kept], 2).tolist(),
        np.round(fall[kept], 6).tolist(),
        float(result.deposit_usd),
    )


def cost_chart(result: ReplayResult) -> CostChart:
    """Both sums over time, from zero."""
    trades = sorted(result.trades, key=lambda trade: trade.closed_ms)
    at_ms = np.array([result.first_ms, *(trade.closed_ms for trade in trades)], dtype=np.int64)
    fees = np.array([0.0, *accumulate(float(trade.fees_usd) for trade in trades)])
    funding = np.array([0.0, *accumulate(float(trade.funding_usd) for trade in trades)])
    kept = np.union1d(extremes(fees, LINE_BUCKETS), extremes(funding, LINE_BUCKETS))
    return CostChart(
        at_ms[kept].tolist(), np.round(fees[kept], 2).tolist(), np.round(funding[kept], 2).tolist()
    )


def r_histogram(trades: Sequence[TradeClosed]) -> Histogram:
    """Results in R, in bins of a quarter."""
    if not trades:
        return Histogram([], [], None)
    results = np.array([trade.r_net for trade in trades])
    low, high = np.quantile(results, (R_TAIL_FRAC, 1.0 - R_TAIL_FRAC))
    first, last = np.floor(low / R_BIN), np.floor(high / R_BIN) + 1
    edges = np.arange(first, last + 1) * R_BIN
    counts, _ = np.histogram(np.clip(results, edges[0], edges[-1]), edges)
    return Histogram(edges.tolist(), counts.tolist(), float(results.mean()))


def exits_chart(trades: Sequence[TradeClosed]) -> list[Exits]:
    """Every reason for leaving, the commonest first."""
    by_reason: defaultdict[str, list[TradeClosed]] = defaultdict(list)
    for trade in trades:
        by_reason[trade.reason].append(trade)
    told = [
        Exits(
            reason=reason,
            trades=len(those),
            net_usd=float(sum(trade.net_usd for trade in those)),
            r_mean=sum(trade.r_net for trade in those) / len(those),
        )
        for reason, those in by_reason.items()
    ]
    return sorted(told, key=lambda each: (-each.trades, each.reason))


def candles_of(bars: Bars, step_ms: int) -> Candles:
    """Bars as the page wants them."""
    return Candles(
        step_ms=step_ms,
        t=bars.open_ms.tolist(),
        o=bars.open.tolist(),
        h=bars.high.tolist(),
        l=bars.low.tolist(),
        c=bars.close.tolist(),
    )


def market_charts(
    markets: Mapping[str, Bars], intervals_ms: Mapping[str, int]
) -> dict[str, Candles]:
    """Every symbol's whole span in as few bars as a screen can show."""
    most = max(COARSE_BARS_LEAST, min(COARSE_BARS_A_SYMBOL, COARSE_BARS // max(1, len(markets))))
    charts = {}
    for symbol, bars in markets.items():
        step_ms = step_for(bars, intervals_ms[symbol], most)
        charts[symbol] = candles_of(coarser(bars, step_ms), step_ms)
    return charts


def breaks(at_ms: Ints) -> list[tuple[int, int]]:
    """What the time axis leaves out: long stretches of which nothing was recorded."""
    if len(at_ms) < 2:
        return []
    return holes(at_ms, int((at_ms[-1] - at_ms[0]) * HOLE_FRAC))
