"""The replay month by month, or day by day when it was short."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import groupby

import msgspec

from quantum_trader.app.replay import ReplayResult
from quantum_trader.core.events import TradeClosed
from quantum_trader.core.units import ZERO

DAYS_MAX = 45
"""Up to so many days are told one by one."""


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """One month or day. ``net_usd`` is of the trades closed in it, ``return_frac`` of equity."""

    name: str
    trades: int
    won: int
    gross_usd: Decimal
    fees_usd: Decimal
    funding_usd: Decimal
    net_usd: Decimal
    equity_usd: Decimal
    return_frac: float


def day_of(at_ms: int) -> str:
    """The UTC day as ``2025-01-31``."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")


def periods(result: ReplayResult) -> list[Period]:
    """Every period in which something was recorded, oldest first."""
    ends = _last_equity(result, digits=10)
    digits = 10 if len(ends) <= DAYS_MAX else 7
    if digits == 7:
        ends = _last_equity(result, digits=7)
    trades = _by_period(result.trades, digits)
    found: list[Period] = []
    before = result.deposit_usd
    for name, equity_usd in ends.items():
        found.append(_period(name, trades.get(name, []), before, equity_usd))
        before = equity_usd
    return found


def _last_equity(result: ReplayResult, digits: int) -> dict[str, Decimal]:
    """The last equity of every period. A bar belongs to the period it closes in, midnight to the
    day before: that is when its bar was.
    """
    days = groupby(result.equity, key=lambda row: (row[0] - 1) // 86_400_000)
    ends: dict[str, Decimal] = {}
    for day, rows in days:
        *_, (_, equity_usd) = rows
        ends[day_of(day * 86_400_000)[:digits]] = equity_usd
    return ends


def _by_period(trades: Sequence[TradeClosed], digits: int) -> dict[str, list[TradeClosed]]:
    found: defaultdict[str, list[TradeClosed]] = defaultdict(list)
    for trade in trades:
        found[day_of(trade.closed_ms - 1)[:digits]].append(trade)
    return found


def _period(
    name: str, trades: Sequence[TradeClosed], before_usd: Decimal, equity_usd: Decimal
) -> Period:
    return Period(
        name=name,
        trades=len(trades),
        won=sum(trade.net_usd > 0 for trade in trades),
        gross_usd=sum((trade.gross_usd for trade in trades), ZERO),
        fees_usd=sum((trade.fees_usd for trade in trades), ZERO),
        funding_usd=sum((trade.funding_usd for trade in trades), ZERO),
        net_usd=sum((trade.net_usd for trade in trades), ZERO),
        equity_usd=equity_usd,
        return_frac=float(equity_usd / before_usd - 1) if before_usd else 0.0,
    )
