"""The events of market streams, in the venue's own letters."""

from typing import Any

from quantum_trader.app.venue.board import Bar, Board, Print
from quantum_trader.app.venue.hall import Hall
from quantum_trader.app.venue.market_data import DAY_MS, text
from quantum_trader.app.venue.tickers import best_of

Event = dict[str, Any]


def agg_trade(hall: Hall, board: Board, one: Print) -> Event:
    """aggTrade: every trade of the tape is an aggregate of its own."""
    digits = hall.catalog.digits[board.symbol]
    return {
        "e": "aggTrade",
        "E": one.at_ms,
        "a": one.trade_id,
        "s": board.symbol,
        "p": text(one.price, digits.price),
        "q": text(one.qty, digits.qty),
        "f": one.trade_id,
        "l": one.trade_id,
        "T": one.at_ms,
        "m": one.maker_bought,
    }


def trade(hall: Hall, board: Board, one: Print) -> Event:
    """trade."""
    digits = hall.catalog.digits[board.symbol]
    return {
        "e": "trade",
        "E": one.at_ms,
        "T": one.at_ms,
        "s": board.symbol,
        "t": one.trade_id,
        "p": text(one.price, digits.price),
        "q": text(one.qty, digits.qty),
        "X": "MARKET",
        "m": one.maker_bought,
    }


def book_ticker(hall: Hall, board: Board) -> Event:
    """bookTicker."""
    best = best_of(hall, board)
    return {
        "e": "bookTicker",
        "u": board.update_id,
        "s": board.symbol,
        "b": best["bidPrice"],
        "B": best["bidQty"],
        "a": best["askPrice"],
        "A": best["askQty"],
        "T": board.last_ms,
        "E": board.last_ms,
    }


def depth(board: Board, first_id: int, before_id: int, sides: dict[str, list[list[str]]]) -> Event:
    """depthUpdate: changed levels, or the levels there are."""
    return {
        "e": "depthUpdate",
        "E": board.last_ms,
        "T": board.last_ms,
        "s": board.symbol,
        "U": first_id,
        "u": board.update_id,
        "pu": before_id,
        "b": sides["bids"],
        "a": sides["asks"],
    }


def mark_price(hall: Hall, board: Board) -> Event:
    """markPriceUpdate."""
    mark = text(board.mark or board.last, 8)
    return {
        "e": "markPriceUpdate",
        "E": hall.at_ms,
        "s": board.symbol,
        "p": mark,
        "ap": mark,
        "P": mark,
        "i": mark,
        "r": text(board.funding_frac, 8),
        "T": board.next_funding_ms,
    }


def kline(hall: Hall, board: Board, bar: Bar, name: str, span_ms: int) -> Event:
    """kline; a bar that is over is told as such, once."""
    digits = hall.catalog.digits[board.symbol]
    return {
        "e": "kline",
        "E": hall.at_ms,
        "s": board.symbol,
        "k": {
            "t": bar.open_ms,
            "T": bar.open_ms + span_ms - 1,
            "s": board.symbol,
            "i": name,
            "f": bar.first_id,
            "L": bar.last_id,
            "o": text(bar.open, digits.price),
            "c": text(bar.close, digits.price),
            "h": text(bar.high, digits.price),
            "l": text(bar.low, digits.price),
            "v": text(bar.volume, digits.qty),
            "n": bar.trades,
            "x": bar.open_ms + span_ms <= board.last_ms,
            "q": text(bar.quote_usd, 5),
            "V": text(bar.taker_volume, digits.qty),
            "Q": text(bar.taker_quote_usd, 5),
            "B": "0",
        },
    }


def continuous_kline(event: Event) -> Event:
    """The same bar as continuous_kline tells it."""
    inner = {name: value for name, value in event["k"].items() if name != "s"}
    return {
        "e": "continuous_kline",
        "E": event["E"],
        "ps": event["s"],
        "ct": "PERPETUAL",
        "k": inner,
    }


def ticker(hall: Hall, board: Board) -> Event:
    """24hrTicker."""
    bar, digits = board.day() or Bar(0, 0, 0, 0, 0), hall.catalog.digits[board.symbol]
    change = bar.close - bar.open
    average = bar.quote_usd / bar.volume if bar.volume else bar.close
    return {
        "e": "24hrTicker",
        "E": hall.at_ms,
        "s": board.symbol,
        "p": text(change, digits.price),
        "P": text(change / bar.open * 100 if bar.open else 0.0, 3),
        "w": text(average, digits.price),
        "c": text(bar.close, digits.price),
        "Q": text(board.last_qty, digits.qty),
        "o": text(bar.open, digits.price),
        "h": text(bar.high, digits.price),
        "l": text(bar.low, digits.price),
        "v": text(bar.volume, digits.qty),
        "q": text(bar.quote_usd, 2),
        "O": board.last_ms - DAY_MS,
        "C": board.last_ms,
        "F": bar.first_id,
        "L": bar.last_id,
        "n": bar.trades,
    }


def mini_ticker(hall: Hall, board: Board) -> Event:
    """24hrMiniTicker."""
    whole = ticker(hall, board)
    kept = {name: whole[name] for name in ("E", "s", "c", "o", "h", "l", "v", "q")}
    return {"e": "24hrMiniTicker", **kept}


def force_order(update: Event) -> Event:
    """forceOrder: somebody's liquidation, from the event that told its owner."""
    order = update["o"]
    kept = {name: order[name] for name in ("s", "S", "o", "f", "q", "p", "ap", "X", "l", "z", "T")}
    return {"e": "forceOrder", "E": update["E"], "o": kept}
