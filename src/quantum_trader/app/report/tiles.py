"""The summary tiles of the page: a name, a number, and what it means."""

from decimal import Decimal

import msgspec

from quantum_trader.app.report.summary import GAP_MAX_USD, Summary
from quantum_trader.app.report.words import signed_percent, signed_usd
from quantum_trader.core.units import percent_text, usd_text

NOT_DEFINED = "n/a"


class Tile(msgspec.Struct, frozen=True):
    """One number for people. ``mood`` is good, bad or empty; words always say the same."""

    name: str
    value: str
    note: str
    mood: str = ""


def result_tiles(summary: Summary) -> list[Tile]:
    """How well it went."""
    return [
        Tile(
            "Net result",
            signed_usd(summary.net_usd),
            f"{signed_percent(summary.return_frac)} of {usd_text(summary.deposit_usd, 0)}",
            _mood(summary.net_usd),
        ),
        Tile(
            "Max drawdown",
            percent_text(summary.max_drawdown_frac),
            "deepest fall from a peak of equity",
        ),
        Tile("Sharpe", _number(summary.sharpe), "yearly, from daily returns"),
        Tile(
            "Profit factor",
            _number(summary.profit_factor),
            "what winners won over what losers lost",
        ),
        Tile(
            "Win rate",
            _percent(summary.win_rate_frac),
            f"of {summary.trades:,} trades, after costs",
        ),
        Tile("Average R", _number(summary.r_mean), "net result over the risk of the first stop"),
        Tile("Exposure", _percent(summary.exposure_frac), "of the time with an open position"),
        Tile("Fees", usd_text(summary.fees_usd), "paid"),
        Tile(
            "Funding",
            signed_usd(summary.funding_usd),
            "received" if summary.funding_usd > 0 else "paid" if summary.funding_usd else "none",
        ),
    ]


def proof_tiles(summary: Summary) -> list[Tile]:
    """Why the numbers can be believed."""
    naked, gap_usd = summary.unprotected_bars, summary.equity_gap_usd
    return [
        Tile(
            "Bars without a stop",
            f"{naked:,}",
            f"of {summary.exposed_bars:,} with an open position",
            _proof(not naked),
        ),
        Tile(
            "Sum of the ledger",
            _exact(summary.ledger_sum_usd),
            "every amount left one account and reached another",
            _proof(not summary.ledger_sum_usd),
        ),
        Tile(
            "Gap to the venue",
            _exact(gap_usd),
            "largest difference between our books and its account",
            _proof(gap_usd <= GAP_MAX_USD),
        ),
        Tile("Speed", f"{summary.bars_per_s:,.0f} bars/s", f"{summary.bars:,} bars in all"),
    ]


def _exact(amount_usd: Decimal) -> str:
    return f"{amount_usd.normalize():f} USDT" if amount_usd else "0 USDT"


def _number(value: float | None) -> str:
    return NOT_DEFINED if value is None else f"{value:.2f}".replace("-", "\u2212")


def _percent(frac: float | None) -> str:
    return NOT_DEFINED if frac is None else percent_text(frac, 1)


def _mood(amount_usd: Decimal) -> str:
    return "good" if amount_usd > 0 else "bad" if amount_usd < 0 else ""


def _proof(holds: bool) -> str:
    return "good" if holds else "bad"
