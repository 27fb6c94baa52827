"""A replay in numbers: what ``--json`` prints, what the table shows, what the page's tiles say."""

from decimal import Decimal

import msgspec

from quantum_trader.app.replay import ReplayResult
from quantum_trader.core.books.performance import Performance, measure
from quantum_trader.core.rules import Rules
from quantum_trader.core.units import ZERO, usd_text

GAP_MAX_USD = Decimal("0.01")
"""Our books and the venue's account must agree to the cent at every bar."""


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """What was replayed: the model's name, the rules, and the bar length of every symbol.

    ``funded`` are the symbols whose funding rates were recorded beside their bars, ``source`` is
    where the bars come from: "recorded" or "SIMULATED".
    """

    model: str
    rules: Rules
    intervals_ms: dict[str, int]
    funded: tuple[str, ...]
    source: str


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one replay. Ratios are fractions, times epoch ms; None is not defined.

    ``net_usd`` is the change of equity; ``funding_usd`` is positive when received. ``trades`` is
    a count, ``exits`` and ``refusals`` count by reason and by gate (an intent that several gates
    refused counts at each). ``problems`` says in sentences what must never happen and did.
    """

    model: str
    symbols: tuple[str, ...]
    first_ms: int
    last_ms: int
    bars: int
    seconds: float
    bars_per_s: float
    deposit_usd: Decimal
    net_usd: Decimal
    return_frac: float
    fees_usd: Decimal
    funding_usd: Decimal
    max_drawdown_frac: float
    sharpe: float | None
    sortino: float | None
    trades: int
    win_rate_frac: float | None
    profit_factor: float | None
    r_mean: float | None
    exposure_frac: float | None
    exits: dict[str, int]
    refusals: dict[str, int]
    skips: dict[str, int]
    exposed_bars: int
    unprotected_bars: int
    ledger_sum_usd: Decimal
    equity_gap_usd: Decimal
    state_hash: str
    problems: tuple[str, ...]


def summarise(result: ReplayResult, setup: Setup) -> Summary:
    """All numbers of a replay. Raises ``Malformed`` when it saw no bar."""
    measured = _measured(result)
    return Summary(
        model=setup.model,
        symbols=tuple(setup.intervals_ms),
        first_ms=result.first_ms,
        last_ms=result.last_ms,
        bars=result.bars,
        seconds=result.seconds,
        bars_per_s=result.bars / result.seconds if result.seconds else 0.0,
        deposit_usd=result.deposit_usd,
        net_usd=result.equity[-1][1] - result.deposit_usd,
        return_frac=measured.return_frac,
        fees_usd=measured.fees_usd,
        funding_usd=_plain(measured.funding_usd),
        max_drawdown_frac=measured.max_drawdown_frac,
        sharpe=measured.sharpe,
        sortino=measured.sortino,
        trades=measured.trades,
        win_rate_frac=measured.win_rate_frac,
        profit_factor=measured.profit_factor,
        r_mean=measured.r_mean,
        exposure_frac=measured.exposure_frac,
        exits=measured.exits_by_reason,
        refusals=dict(result.refusals.most_common()),
        skips=dict(result.skips.most_common()),
        exposed_bars=result.exposed_bars,
        unprotected_bars=result.unprotected_bars,
        ledger_sum_usd=_plain(result.ledger_sum_usd),
        equity_gap_usd=_plain(result.equity_gap_usd),
        state_hash=result.state_hash,
        problems=tuple(_problems(result)),
    )


def _measured(result: ReplayResult) -> Performance:
    """The deposit before the first bar, then equity at every bar."""
    at_ms = [result.first_ms, *(at_ms for at_ms, _ in result.equity)]
    equity_usd = [float(result.deposit_usd), *(float(usd) for _, usd in result.equity)]
    return measure(at_ms, equity_usd, result.trades)


def _plain(amount_usd: Decimal) -> Decimal:
    """Zero without an exponent: "0", never "0E-8"."""
    return amount_usd or ZERO


def _problems(result: ReplayResult) -> list[str]:
    found = []
    if result.unprotected_bars:
        found.append(
            f"a position stood without a confirmed stop at the end of {result.unprotected_bars} "
            f"of {result.exposed_bars} bars"
        )
    if result.ledger_sum_usd:
        found.append(f"the ledger does not sum to zero but to {result.ledger_sum_usd}")
    if result.equity_gap_usd > GAP_MAX_USD:
        found.append(
            f"our books and the venue's account differ by up to {usd_text(result.equity_gap_usd)}"
        )
    return found
