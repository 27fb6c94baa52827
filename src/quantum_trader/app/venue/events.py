"""The events of the user stream, in the venue's own letters."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import msgspec

from quantum_trader.app.venue.account import Account
from quantum_trader.app.venue.catalog import Digits
from quantum_trader.app.venue.ticket import Algo, Ticket, Trade
from quantum_trader.core.books.position import unrealized_usd
from quantum_trader.core.matching.margin import cross_wallet_usd
from quantum_trader.core.matching.sides import side_of_leg, symbol_of
from quantum_trader.core.matching.state import Market, is_isolated, mark_of
from quantum_trader.core.units import ZERO

Event = dict[str, Any]
ASSET = "USDT"


class Execution(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to an order: ``kind`` is the venue's execution type, with the fill if one."""

    kind: str
    trade: Trade | None = None
    expiry_reason: int = 0


def usd(amount: Decimal) -> str:
    """Money as the venue writes it."""
    return f"{amount:.8f}"


def order_update(ticket: Ticket, execution: Execution, digits: Digits, at_ms: int) -> Event:
    """ORDER_TRADE_UPDATE."""
    terms, trade = ticket.terms, execution.trade
    price, qty = digits.price_text, digits.qty_text
    order: Event = {
        "s": terms.symbol,
        "c": terms.client_id,
        "S": terms.side,
        "o": terms.kind,
        "f": terms.force,
        "q": qty(terms.qty),
        "p": price(terms.price),
        "ap": price(ticket.average_price),
        "sp": price(ticket.trigger_price),
        "x": execution.kind,
        "X": ticket.status,
        "i": ticket.order_id,
        "l": qty(trade.qty if trade else ZERO),
        "z": qty(ticket.filled_qty),
        "L": price(trade.price if trade else ZERO),
        "n": usd(trade.fee_usd) if trade else "0",
        "N": ASSET,
        "T": at_ms,
        "t": trade.trade_id if trade else 0,
        "b": "0",
        "a": "0",
        "m": trade.maker if trade else False,
        "R": terms.reduce_only,
        "wt": ticket.working,
        "ot": ticket.first_kind,
        "ps": terms.position_side,
        "cp": ticket.closes_position,
        "rp": usd(trade.realized_usd) if trade else "0",
        "pP": ticket.protected,
        "si": 0,
        "ss": 0,
        "V": terms.self_trade,
        "pm": terms.price_match,
        "gtd": terms.good_till_ms,
        "er": str(execution.expiry_reason),
    }
    return {"e": "ORDER_TRADE_UPDATE", "T": at_ms, "E": at_ms, "o": order}


def trade_lite(ticket: Ticket, trade: Trade, digits: Digits) -> Event:
    """TRADE_LITE: a fill, sooner and with less."""
    return {
        "e": "TRADE_LITE",
        "E": trade.at_ms,
        "T": trade.at_ms,
        "s": trade.symbol,
        "q": digits.qty_text(ticket.terms.qty),
        "p": digits.price_text(ticket.terms.price),
        "m": trade.maker,
        "c": ticket.terms.client_id,
        "S": trade.side,
        "L": digits.price_text(trade.price),
        "l": digits.qty_text(trade.qty),
        "t": trade.trade_id,
        "i": trade.order_id,
    }


def algo_update(algo: Algo, digits: Digits, at_ms: int) -> Event:
    """ALGO_UPDATE."""
    terms = algo.terms
    price, qty = digits.price_text, digits.qty_text
    order: Event = {
        "caid": terms.client_id,
        "aid": algo.algo_id,
        "at": "CONDITIONAL",
        "o": terms.kind,
        "s": terms.symbol,
        "S": terms.side,
        "ps": terms.position_side,
        "f": terms.force,
        "q": qty(terms.qty),
        "X": algo.status,
        "ai": str(algo.order_id) if algo.order_id else "",
    }
    if algo.order_id:
        order |= {
            "ap": price(algo.average_price),
            "aq": qty(algo.filled_qty),
            "act": algo.placed_kind,
        }
    order |= {
        "tp": price(algo.trigger_price),
        "p": price(terms.price),
        "V": terms.self_trade,
        "wt": algo.working,
        "pm": terms.price_match,
        "cp": algo.closes_position,
        "pP": algo.protected,
        "R": terms.reduce_only,
        "tt": algo.triggered_ms,
        "gtd": terms.good_till_ms,
        "rm": algo.reason,
    }
    return {"e": "ALGO_UPDATE", "T": at_ms, "E": at_ms, "o": order}


def account_update(
    account: Account, reason: str, change_usd: Decimal, legs: Iterable[str]
) -> Event:
    """ACCOUNT_UPDATE: the wallet now, and the legs that something happened to.

    ``change_usd`` is what came in or went out other than by profit and fees.
    """
    desk, at_ms = account.desk, account.desk.state.at_ms
    balance = {
        "a": ASSET,
        "wb": usd(desk.state.wallet_usd),
        "cw": usd(cross_wallet_usd(desk)),
        "bc": usd(change_usd) if change_usd else "0",
    }
    positions = [_position(account, desk.state.markets[leg]) for leg in legs]
    return {
        "e": "ACCOUNT_UPDATE",
        "T": at_ms,
        "E": at_ms,
        "a": {"B": [balance], "P": positions, "m": reason},
    }


def _position(account: Account, market: Market) -> Event:
    position, book = market.position, account.records.leg(market.symbol)
    isolated = is_isolated(account.desk.rules, market)
    held = bool(position.qty)
    return {
        "s": symbol_of(market.symbol),
        "pa": f"{position.qty:f}",
        "ep": f"{position.entry_price or ZERO:.8f}",
        "cr": usd(book.realized_usd),
        "up": usd(unrealized_usd(position, mark_of(market))) if held else "0",
        "mt": "isolated" if isolated else "cross",
        "iw": usd(market.isolated_usd) if isolated else "0",
        "ps": side_of_leg(market.symbol),
        "ma": ASSET,
        "bep": f"{break_even(account, market):.8f}",
    }


def break_even(account: Account, market: Market) -> Decimal:
    """The price at which what is held brings back the fees and losses since it was opened."""
    position = market.position
    if position.entry_price is None:
        return ZERO
    return position.entry_price + account.records.leg(market.symbol).open_cost_usd / position.qty


def config_update(symbol: str, leverage: int, at_ms: int) -> Event:
    """ACCOUNT_CONFIG_UPDATE after a change of leverage."""
    change = {"s": symbol, "l": leverage}
    return {"e": "ACCOUNT_CONFIG_UPDATE", "T": at_ms, "E": at_ms, "ac": change}


def assets_update(multi_assets: bool, at_ms: int) -> Event:
    """ACCOUNT_CONFIG_UPDATE after a change of the multi-assets mode."""
    return {"e": "ACCOUNT_CONFIG_UPDATE", "T": at_ms, "E": at_ms, "ai": {"j": multi_assets}}
