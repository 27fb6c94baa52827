"""A replay in sentences: what came out, and what was assumed on the way."""

from collections.abc import Sequence
from decimal import Decimal

from quantum_trader.app.replay import HOLE_MS
from quantum_trader.app.report.periods import day_of
from quantum_trader.app.report.summary import Setup, Summary
from quantum_trader.app.rig import matching_rules
from quantum_trader.core.units import percent_text, usd_text

HOUR_MS = 3_600_000
SYMBOLS_NAMED = 6


def signed_usd(amount: Decimal) -> str:
    """Money with its sign: "+1,234.50 USDT"; the minus is a real one, and zero has none."""
    if not amount:
        return "0.00 USDT"
    return f"{amount:+,.2f} USDT".replace("-", "\u2212")


def signed_percent(frac: float, digits: int = 2) -> str:
    """A fraction with its sign: 0.0123 becomes "+1.23 %"."""
    return f"{frac * 100:+.{digits}f} %".replace("-", "\u2212")


def span_text(ms: int) -> str:
    """A length of time: "25 min", "4 h", "12 days"."""
    for unit_ms, unit in ((24 * HOUR_MS, "day"), (HOUR_MS, "h"), (60_000, "min")):
        if ms >= unit_ms:
            count = f"{ms / unit_ms:.1f}".removesuffix(".0")
            plural = "s" if unit == "day" and count != "1" else ""
            return f"{count} {unit}{plural}"
    return f"{ms / 1000:g} s"


def headline(summary: Summary) -> str:
    """The result in one sentence."""
    if not summary.trades:
        return "No trade was taken"
    verb = "Won" if summary.net_usd > 0 else "Lost"
    return (
        f"{verb} {usd_text(abs(summary.net_usd))} "
        f"({signed_percent(summary.return_frac)}) on {summary.trades:,} trades"
    )


def subject(summary: Summary, setup: Setup) -> str:
    """What was run, in one line."""
    bars = " and ".join(span_text(ms) for ms in sorted(set(setup.intervals_ms.values())))
    return (
        f"{setup.model} on {_named(summary.symbols)}: {summary.bars:,} bars of {bars}, "
        f"{day_of(summary.first_ms)} to {day_of(summary.last_ms - 1)}"
    )


def assumptions(setup: Setup) -> list[str]:
    """What the numbers rest on. Whoever disagrees knows what to change."""
    rules, venue = setup.rules, matching_rules(setup.rules)
    limits = rules.limits
    return [
        "A decision is taken when a bar has closed and trades at that close, "
        f"{venue.slippage_ticks} tick and {venue.slippage_bps:f} bp worse. Our orders do not move "
        "the market.",
        "Inside a bar only its four prices are known. The extreme that hurts the position is taken "
        "to come first, so a bar that reaches both stop and target was stopped.",
        "A stop trades at its trigger, or at the open when the price jumped over it. A target "
        f"fills only when the price goes {venue.queue_ticks} tick beyond it.",
        f"Fees are {percent_text(rules.fees.taker_frac, 3)} for taking and "
        f"{percent_text(rules.fees.maker_frac, 3)} for resting orders. {_funding(setup)}",
        f"An entry nobody sized risks {percent_text(limits.risk_frac)} of equity at its stop: at "
        f"most {usd_text(limits.notional_max_usd, 0)} a trade, "
        f"{usd_text(limits.gross_notional_max_usd, 0)} in all, {limits.positions_max} positions, "
        f"leverage {limits.leverage_default}x. Margin is isolated, and liquidation is real.",
        f"A trade is closed after {span_text(rules.exits.hold_max_ms)} at the latest, and at the "
        f"last price where a recording ends or is silent for more than {span_text(HOLE_MS)}.",
        "Sharpe is the mean daily return over its deviation, times the root of 365, on UTC days "
        "from the first to the last, days without a record included.",
    ]


def _funding(setup: Setup) -> str:
    missing = [symbol for symbol in setup.intervals_ms if symbol not in setup.funded]
    if not missing:
        return "Funding is settled at the recorded rates."
    if not setup.funded:
        return "No funding rates were recorded, so none was paid or received."
    return f"Funding is settled at the recorded rates; for {_named(missing)} there are none."


def _named(symbols: Sequence[str]) -> str:
    if len(symbols) <= SYMBOLS_NAMED:
        return ", ".join(symbols)
    return f"{', '.join(symbols[:SYMBOLS_NAMED])} and {len(symbols) - SYMBOLS_NAMED} more"
