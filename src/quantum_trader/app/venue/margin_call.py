"""MARGIN_CALL: the warning before a liquidation."""

from typing import Any

from quantum_trader.app.venue.account import Account
from quantum_trader.core.books.margin import maintenance_usd
from quantum_trader.core.books.position import unrealized_usd
from quantum_trader.core.matching.desk import Desk
from quantum_trader.core.matching.margin import cross_wallet_usd
from quantum_trader.core.matching.sides import side_of_leg, symbol_of
from quantum_trader.core.matching.state import Market, is_isolated, mark_of
from quantum_trader.core.units import ZERO

CALL_FROM_RATIO = 0.8
"""Maintenance over margin from which on the venue warns; at one it liquidates."""
CALL_EVERY_MS = 30_000


def call_margins(account: Account) -> None:
    """Warn of every position whose margin is nearly used up, at most twice a minute."""
    desk = account.desk
    at_ms = desk.state.at_ms
    if at_ms < account.warned_ms + CALL_EVERY_MS:
        return
    rows = [
        _row(desk, one) for one in account.markets() if one.position.qty and _is_thin(desk, one)
    ]
    if rows:
        account.warned_ms = at_ms
        cross_usd = f"{cross_wallet_usd(desk):.8f}"
        account.said.append({"e": "MARGIN_CALL", "E": at_ms, "cw": cross_usd, "p": rows})


def _is_thin(desk: Desk, market: Market) -> bool:
    if is_isolated(desk.rules, market):
        keep_usd = maintenance_usd(desk.instrument(market), market.position, mark_of(market))
        margin_usd = market.isolated_usd + unrealized_usd(market.position, mark_of(market))
    else:
        keep_usd = desk.tally.keep_usd
        margin_usd = cross_wallet_usd(desk) + desk.tally.profit_usd
    return margin_usd <= ZERO or float(keep_usd / margin_usd) >= CALL_FROM_RATIO


def _row(desk: Desk, market: Market) -> dict[str, Any]:
    isolated, mark = is_isolated(desk.rules, market), mark_of(market)
    keep_usd = maintenance_usd(desk.instrument(market), market.position, mark)
    return {
        "s": symbol_of(market.symbol),
        "ps": side_of_leg(market.symbol),
        "pa": f"{market.position.qty:f}",
        "mt": "ISOLATED" if isolated else "CROSSED",
        "iw": f"{market.isolated_usd:.8f}" if isolated else "0",
        "mp": f"{mark:f}",
        "up": f"{unrealized_usd(market.position, mark):.8f}",
        "mm": f"{keep_usd:.8f}",
    }
