"""The numbers and conditions of a comparison of exits as text, for terminal and page alike."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from quantum_trader.app.comparison.wanted import RANDOM, Conditions
from quantum_trader.core.units import percent_text
from quantum_trader.research.exits_verdict import signed
from quantum_trader.research.policy_row import PolicyRow

MINUTE_MS = 60_000
NOT_DEFINED = "n/a"

Cell = Callable[[PolicyRow], str]


def conditions_text(those: Conditions) -> str:
    """Under what the policies were tried, as one paragraph."""
    kind = "random" if those.entries == RANDOM else f"{those.entries} model's"
    asked = those.entries_wanted
    few = "" if asked in (None, those.entries_taken) else f" (of {asked:,} asked for)"
    return (
        f"{those.entries_taken:,} {kind} entries{few} in {len(those.symbols)} symbols, "
        f"{_day(those.first_ms)} to {_day(those.last_ms)}, seed {those.seed}: "
        f"{those.notional_usd:,f} USDT each at {those.leverage}x, the same for every policy. "
        f"Fees {percent_text(those.taker_frac, 3)} taking and {percent_text(those.maker_frac, 3)} "
        f"resting, slippage {those.slippage_bps:f} bp and {those.slippage_ticks} tick, funding at "
        f"recorded rates ({those.entries_funded:,} entries have them). A bar that reaches stop "
        f"and target was stopped. Held at most {those.hold_max_ms / MINUTE_MS:,.0f} minutes."
    )


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")


def number_text(value: float | None, digits: int) -> str:
    """A number with its sign; what is not defined says so."""
    return NOT_DEFINED if value is None else signed(value, digits)


def interval_text(ci: tuple[float, float] | None, digits: int) -> str:
    """A 95 % interval."""
    return NOT_DEFINED if ci is None else f"{signed(ci[0], digits)} to {signed(ci[1], digits)}"


def minutes_text(ms: float | None) -> str:
    """A time in minutes."""
    return NOT_DEFINED if ms is None else f"{ms / MINUTE_MS:,.0f} min"


def _plain(value: float | None, digits: int) -> str:
    return NOT_DEFINED if value is None else f"{value:,.{digits}f}"


def _percent(frac: float | None) -> str:
    return NOT_DEFINED if frac is None else percent_text(frac, 1)


def counts_text(by_name: dict[str, int]) -> str:
    """Counts by name, in the order in which they come."""
    return ", ".join(f"{name} {count:,}" for name, count in by_name.items()) or "none"


MEASURES: Sequence[tuple[str, Cell]] = (
    ("Trades", lambda row: f"{row.trades:,}"),
    ("Result, R a trade", lambda row: number_text(row.expectancy_r, 3)),
    ("  95 % interval", lambda row: interval_text(row.ci_r, 3)),
    ("Result, USDT a trade", lambda row: number_text(row.expectancy_usd, 2)),
    ("  95 % interval", lambda row: interval_text(row.ci_usd, 2)),
    ("Won", lambda row: _percent(row.win_rate_frac)),
    ("Profit factor", lambda row: _plain(row.profit_factor, 2)),
    ("Worst 5 %, R a trade", lambda row: number_text(row.tail_loss_r, 2)),
    ("Worst 5 %, USDT a trade", lambda row: number_text(row.tail_loss_usd, 2)),
    ("Deepest fall, R", lambda row: _plain(row.max_drawdown_r, 1)),
    ("Deepest fall, USDT", lambda row: _plain(row.max_drawdown_usd, 0)),
    ("Held, mean", lambda row: minutes_text(row.hold_ms_mean)),
    ("Held, median", lambda row: minutes_text(row.hold_ms_median)),
    ("First stop costs, USDT", lambda row: _plain(row.risk_usd_mean, 2)),
    ("Fees, USDT a trade", lambda row: _plain(row.fees_usd_mean, 2)),
    ("Funding, USDT a trade", lambda row: number_text(row.funding_usd_mean, 2)),
)
"""What is shown of a policy, in this order."""
