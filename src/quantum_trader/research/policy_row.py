"""One way of leaving in numbers: what it made of the entries it was given."""

from collections import Counter
from collections.abc import Sequence
from statistics import fmean, median

import msgspec
import numpy as np

from quantum_trader.core.books.performance import profit_factor
from quantum_trader.core.events import TradeClosed
from quantum_trader.research.paired import (
    Floats,
    Interval,
    Ints,
    estimate,
    max_drawdown,
    tail_mean,
)

DAY_MS = 86_400_000


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """What one policy made of the entries.

    ``refused`` holds the entries without a trade, each with what kept it out. ``problems`` says in
    sentences what must never happen and did.
    """

    policy: str
    trades: tuple[TradeClosed, ...]
    refused: dict[str, str]
    problems: tuple[str, ...] = ()


class PolicyRow(msgspec.Struct, frozen=True, kw_only=True):
    """One policy's numbers, after fees, slippage and funding.

    R is the risk of each policy's own first stop; USDT is of the same notional for all. ``ci_``
    are 95 % intervals, ``tail_loss_`` the mean of the worst 5 %, ``max_drawdown_`` the deepest fall
    of the summed results, ``_mean`` a trade. What is not defined is None: nearly everything without
    a trade, intervals within a single day, a profit factor without a loser.
    """

    name: str
    trades: int
    refused: dict[str, int]
    expectancy_r: float | None = None
    ci_r: Interval | None = None
    expectancy_usd: float | None = None
    ci_usd: Interval | None = None
    win_rate_frac: float | None = None
    profit_factor: float | None = None
    max_drawdown_r: float | None = None
    max_drawdown_usd: float | None = None
    tail_loss_r: float | None = None
    tail_loss_usd: float | None = None
    hold_ms_mean: float | None = None
    hold_ms_median: float | None = None
    risk_usd_mean: float | None = None
    fees_usd_mean: float | None = None
    funding_usd_mean: float | None = None
    exits: dict[str, int] = {}


def policy_row(run: Run, seed: int) -> PolicyRow:
    """All numbers of one run."""
    refused = dict(Counter(run.refused.values()).most_common())
    trades = sorted(run.trades, key=lambda trade: (trade.closed_ms, trade.symbol))
    if not trades:
        return PolicyRow(name=run.policy, trades=0, refused=refused)
    r, usd, days = results_r(trades), results_usd(trades), days_of(trades)
    mean_r, mean_usd = estimate(r, days, seed), estimate(usd, days, seed)
    return PolicyRow(
        name=run.policy,
        trades=len(trades),
        refused=refused,
        expectancy_r=mean_r.mean,
        ci_r=mean_r.ci,
        expectancy_usd=mean_usd.mean,
        ci_usd=mean_usd.ci,
        win_rate_frac=fmean(trade.net_usd > 0 for trade in trades),
        profit_factor=profit_factor([trade.net_usd for trade in trades]),
        max_drawdown_r=max_drawdown(r),
        max_drawdown_usd=max_drawdown(usd),
        tail_loss_r=tail_mean(r),
        tail_loss_usd=tail_mean(usd),
        hold_ms_mean=fmean(trade.hold_ms for trade in trades),
        hold_ms_median=float(median(trade.hold_ms for trade in trades)),
        risk_usd_mean=fmean(trade.risk_usd for trade in trades),
        fees_usd_mean=fmean(trade.fees_usd for trade in trades),
        funding_usd_mean=fmean(trade.funding_usd for trade in trades),
        exits=dict(Counter(trade.reason for trade in trades).most_common()),
    )


def results_r(trades: Sequence[TradeClosed]) -> Floats:
    """Net results in R."""
    return np.array([trade.r_net for trade in trades])


def results_usd(trades: Sequence[TradeClosed]) -> Floats:
    """Net results in USDT."""
    return np.array([float(trade.net_usd) for trade in trades])


def days_of(trades: Sequence[TradeClosed]) -> Ints:
    """The UTC days in which these were opened, counted from 1970."""
    return np.array([trade.opened_ms // DAY_MS for trade in trades])
