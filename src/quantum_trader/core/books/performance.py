"""How well it went: pure numbers from an equity curve and its finished trades.

A number that is not defined is None, never zero and never infinite.
"""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal

import msgspec
import numpy as np
from numpy.typing import NDArray

from quantum_trader.core.errors import Malformed
from quantum_trader.core.events import TradeClosed
from quantum_trader.core.units import ZERO

DAY_MS = 86_400_000
DAYS_PER_YEAR = 365
"""Perpetuals trade on every day of the year."""

Floats = NDArray[np.float64]


class Performance(msgspec.Struct, frozen=True, kw_only=True):
    """``net_usd`` and ``return_frac`` are of the equity curve, open profit included; the rest that
    speaks of trades is of finished trades, after fees and funding.

    ``sharpe`` and ``sortino`` are yearly: see ``sharpe`` for the rule. ``profit_factor`` is None
    without a losing trade, ``win_rate_frac`` and ``r_mean`` without any trade.
    """

    net_usd: float
    return_frac: float
    max_drawdown_frac: float
    sharpe: float | None
    sortino: float | None
    trades: int
    profit_factor: float | None
    win_rate_frac: float | None
    r_mean: float | None
    fees_usd: Decimal
    funding_usd: Decimal
    exposure_frac: float | None
    exits_by_reason: dict[str, int]


def measure(
    at_ms: Sequence[int],
    equity_usd: Sequence[float],
    trades: Sequence[TradeClosed],
    open_since_ms: Sequence[int] = (),
) -> Performance:
    """All numbers of a run.

    ``at_ms`` ascends and starts before the first trade. ``open_since_ms`` are the opening times
    of trades that are still open; they count as exposure until the last sample. Raises
    ``Malformed`` without a sample, or when the run does not start with positive equity.
    """
    equity = np.asarray(equity_usd, dtype=np.float64)
    if len(at_ms) != len(equity) or not len(equity) or not equity[0] > 0:
        raise Malformed("equity", equity[:1], "one value per time, the first above zero")
    daily = daily_returns(np.asarray(at_ms, dtype=np.int64), equity)
    spans = [(trade.opened_ms, trade.closed_ms) for trade in trades]
    spans += [(opened_ms, at_ms[-1]) for opened_ms in open_since_ms]
    return Performance(
        net_usd=float(equity[-1] - equity[0]),
        return_frac=float(equity[-1] / equity[0] - 1),
        max_drawdown_frac=max_drawdown_frac(equity),
        sharpe=sharpe(daily),
        sortino=sortino(daily),
        trades=len(trades),
        profit_factor=profit_factor([trade.net_usd for trade in trades]),
        win_rate_frac=_mean([float(trade.net_usd > 0) for trade in trades]),
        r_mean=_mean([trade.r_net for trade in trades]),
        fees_usd=sum((trade.fees_usd for trade in trades), ZERO),
        funding_usd=sum((trade.funding_usd for trade in trades), ZERO),
        exposure_frac=exposure_frac(spans, at_ms[0], at_ms[-1]),
        exits_by_reason=dict(sorted(Counter(trade.reason for trade in trades).items())),
    )


def max_drawdown_frac(equity_usd: Floats) -> float:
    """The deepest fall from a peak as a fraction of that peak, zero or more."""
    peaks = np.maximum.accumulate(equity_usd)
    return float(np.max(1.0 - equity_usd / peaks))


def daily_returns(at_ms: NDArray[np.int64], equity_usd: Floats) -> Floats:
    """Simple returns from one UTC day's last equity to the next one's.

    The first return starts at the first sample, so the first and the last day may be partial. A
    day without a sample keeps the equity of the day before. Empty when equity fell to zero.
    """
    days = at_ms // DAY_MS
    every_day = np.arange(days[0], days[-1] + 1)
    closes = equity_usd[np.searchsorted(days, every_day, side="right") - 1]
    levels = np.concatenate([equity_usd[:1], closes])
    if np.any(levels <= 0):
        return np.empty(0)
    returns: Floats = levels[1:] / levels[:-1] - 1.0
    return returns


def sharpe(daily: Floats) -> float | None:
    """Mean daily return over its sample deviation, times the root of 365; no riskless rate.

    None with fewer than two days or when nothing moved.
    """
    if len(daily) < 2:
        return None
    deviation = float(np.std(daily, ddof=1))
    if deviation == 0:
        return None
    return float(np.mean(daily)) / deviation * float(np.sqrt(DAYS_PER_YEAR))


def sortino(daily: Floats) -> float | None:
    """As ``sharpe``, over the root mean square of losing days (of all days); None without one."""
    downside = float(np.sqrt(np.mean(np.minimum(daily, 0.0) ** 2))) if len(daily) > 1 else 0.0
    if downside == 0:
        return None
    return float(np.mean(daily)) / downside * float(np.sqrt(DAYS_PER_YEAR))


def profit_factor(nets_usd: Sequence[Decimal]) -> float | None:
    """What winners won over what losers lost; None when nobody lost."""
    won = sum((net for net in nets_usd if net > 0), ZERO)
    lost = -sum((net for net in nets_usd if net < 0), ZERO)
    return float(won / lost) if lost else None


def exposure_frac(spans: Sequence[tuple[int, int]], first_ms: int, last_ms: int) -> float | None:
    """The share of the time in which at least one trade was open; None when no time passed."""
    if last_ms <= first_ms:
        return None
    busy_ms, free_from_ms = 0, first_ms
    for opened_ms, closed_ms in sorted(spans):
        until_ms = min(closed_ms, last_ms)
        busy_ms += max(0, until_ms - max(opened_ms, free_from_ms))
        free_from_ms = max(free_from_ms, until_ms)
    return busy_ms / (last_ms - first_ms)


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
