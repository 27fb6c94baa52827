"""Tickers: the last price, the best of the book, and the day."""

from quantum_trader.app.venue.board import Board
from quantum_trader.app.venue.call import Call
from quantum_trader.app.venue.hall import Hall
from quantum_trader.app.venue.market_data import DAY_MS, Row, book, one_or_all, text


def price(call: Call) -> Row | list[Row]:
    """GET ticker/price."""
    return one_or_all(call, _price)


def _price(hall: Hall, board: Board) -> Row:
    digits = hall.catalog.digits[board.symbol]
    return {
        "symbol": board.symbol,
        "price": text(board.last, digits.price),
        "time": board.last_ms,
    }


def book_ticker(call: Call) -> Row | list[Row]:
    """GET ticker/bookTicker."""
    return one_or_all(call, best_of)


def best_of(hall: Hall, board: Board) -> Row:
    """The best bid and ask of a symbol."""
    sides = book(hall, board, 1)
    bid, ask = sides["bids"][0], sides["asks"][0]
    return {
        "symbol": board.symbol,
        "bidPrice": bid[0],
        "bidQty": bid[1],
        "askPrice": ask[0],
        "askQty": ask[1],
        "time": board.last_ms,
        "lastUpdateId": board.update_id,
    }


def day(call: Call) -> Row | list[Row]:
    """GET ticker/24hr."""
    return one_or_all(call, day_of)


def day_of(hall: Hall, board: Board) -> Row:
    """What the last twenty-four hours of a symbol were like."""
    bar, digits = board.day(), hall.catalog.digits[board.symbol]
    if bar is None:
        return {"symbol": board.symbol}
    change = bar.close - bar.open
    return {
        "symbol": board.symbol,
        "priceChange": text(change, digits.price),
        "priceChangePercent": text(change / bar.open * 100, 3),
        "weightedAvgPrice": text(
            bar.quote_usd / bar.volume if bar.volume else bar.close, digits.price
        ),
        "lastPrice": text(bar.close, digits.price),
        "lastQty": text(board.last_qty, digits.qty),
        "openPrice": text(bar.open, digits.price),
        "highPrice": text(bar.high, digits.price),
        "lowPrice": text(bar.low, digits.price),
        "volume": text(bar.volume, digits.qty),
        "quoteVolume": text(bar.quote_usd, 2),
        "openTime": board.last_ms - DAY_MS,
        "closeTime": board.last_ms,
        "firstId": bar.first_id,
        "lastId": bar.last_id,
        "count": bar.trades,
    }
