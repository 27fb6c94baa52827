"""Public market data in the venue's own shapes."""

from collections.abc import Sequence
from decimal import Decimal
from math import inf
from typing import Any

from quantum_trader.app.venue.board import Bar, Board
from quantum_trader.app.venue.call import Call
from quantum_trader.app.venue.hall import Hall
from quantum_trader.app.venue.params import Params
from quantum_trader.app.venue.refusals import Refused
from quantum_trader.core.matching.book import levels
from quantum_trader.core.units import OrderSide, decimal_of

Row = dict[str, Any]
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
INTERVALS_MS = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": HOUR_MS,
    "2h": 2 * HOUR_MS,
    "4h": 4 * HOUR_MS,
    "6h": 6 * HOUR_MS,
    "8h": 8 * HOUR_MS,
    "12h": 12 * HOUR_MS,
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
    "1w": 7 * DAY_MS,
}
WEEK_OFFSET_MS = 4 * DAY_MS
"""The epoch began on a Thursday, weeks begin on a Monday."""
INTEREST_FRAC = "0.00010000"
FUNDING_HOURS = 8
DEPTH_LIMITS = (5, 10, 20, 50, 100, 500, 1000)


def offset_of(interval: str) -> int:
    """Where the bars of an interval begin, after the epoch."""
    return WEEK_OFFSET_MS if interval == "1w" else 0


def board_of(call: Call) -> Board:
    """The market of the symbol asked for. Refuses with -1121."""
    return call.hall.boards[call.params.symbol(call.hall.catalog.rows)]


def one_or_all(call: Call, shape: Any) -> Row | list[Row]:
    """A row for the symbol asked for, or all rows of symbols that have traded."""
    symbol = call.params.maybe_symbol(call.hall.catalog.rows)
    if symbol is not None:
        board = call.hall.boards[symbol]
        if board.last is None:
            raise Refused(-1112, "No orders on book for symbol.")
        row: Row = shape(call.hall, board)
        return row
    return [shape(call.hall, one) for one in call.hall.boards.values() if one.last is not None]


def text(value: float | None, digits: int) -> str:
    """A statistic as the venue writes it."""
    return f"{value or 0.0:.{digits}f}"


def exchange_info(call: Call) -> Row:
    """GET exchangeInfo."""
    return call.hall.catalog.info(call.wall_ms)


def depth(call: Call) -> Row:
    """GET depth: the book that orders would meet now."""
    limit = call.params.whole("limit", 500)
    if limit not in DEPTH_LIMITS:
        raise Refused(-4021, f"{limit} is not valid depth limit.")
    board = board_of(call)
    return {
        "lastUpdateId": board.update_id + 1,
        "E": call.hall.at_ms,
        "T": board.last_ms,
        **book(call.hall, board, limit),
    }


def book(hall: Hall, board: Board, limit: int) -> dict[str, list[list[str]]]:
    """Both sides of a book as text, best price first."""
    if board.last is None:
        return {"bids": [], "asks": []}
    instrument, digits = hall.catalog.instruments[board.symbol], hall.catalog.digits[board.symbol]
    last = decimal_of(board.last)
    facing: dict[str, OrderSide] = {"bids": "SELL", "asks": "BUY"}
    return {
        name: [
            [digits.price_text(one.price), digits.qty_text(one.qty)]
            for one in levels(hall.house.depth, instrument, side, last)
        ][:limit]
        for name, side in facing.items()
    }


def trades(call: Call) -> list[Row]:
    """GET trades and historicalTrades."""
    board, limit = board_of(call), call.params.whole("limit", 500)
    digits = call.hall.catalog.digits[board.symbol]
    return [
        {
            "id": one.trade_id,
            "price": text(one.price, digits.price),
            "qty": text(one.qty, digits.qty),
            "quoteQty": text(one.price * one.qty, 2),
            "time": one.at_ms,
            "isBuyerMaker": one.maker_bought,
        }
        for one in board.prints[-max(1, min(limit, 1000)) :]
    ]


def agg_trades(call: Call) -> list[Row]:
    """GET aggTrades: every trade of the tape is an aggregate of its own."""
    board, limit = board_of(call), call.params.whole("limit", 500)
    digits = call.hall.catalog.digits[board.symbol]
    start, end = span(call.params)
    first_id = call.params.maybe_whole("fromId") or 0
    found = [one for one in board.prints if start <= one.at_ms <= end and one.trade_id >= first_id]
    return [
        {
            "a": one.trade_id,
            "p": text(one.price, digits.price),
            "q": text(one.qty, digits.qty),
            "f": one.trade_id,
            "l": one.trade_id,
            "T": one.at_ms,
            "m": one.maker_bought,
        }
        for one in page(found, call.params, limit, 1000)
    ]


def span(params: Params) -> tuple[float, float]:
    """startTime and endTime, both included. Refuses with -1023 when they are in reverse."""
    start, end = params.maybe_whole("startTime"), params.maybe_whole("endTime")
    if start is not None and end is not None and start > end:
        raise Refused(-1023, "Start time is greater than end time.")
    return -inf if start is None else start, inf if end is None else end


def page(rows: Sequence[Any], params: Params, limit: int, most: int) -> Sequence[Any]:
    """The first rows of a span that was asked for from its start; the newest ones otherwise."""
    if not 1 <= limit <= most:
        raise Refused(-1130, "Data sent for parameter 'limit' is not valid.")
    from_start = params.maybe("startTime") is not None or params.maybe("fromId") is not None
    return rows[:limit] if from_start else rows[-limit:]


def klines(call: Call) -> list[list[Any]]:
    """GET klines and its kin: bars oldest first, the last one as it stands."""
    return [_kline(call.hall, *each) for each in _bars(call)]


def _bars(call: Call) -> list[tuple[Board, Bar, int]]:
    params = call.params
    symbol = params.maybe("symbol") or params.maybe("pair") or ""
    if symbol not in call.hall.catalog.rows:
        raise Refused(-1121, "Invalid symbol.")
    board = call.hall.boards[symbol]
    interval = params.text("interval")
    if interval not in INTERVALS_MS:
        raise Refused(-1120, "Invalid interval.")
    step, (start, end) = INTERVALS_MS[interval], span(params)
    bars = board.bars_of(step, offset_of(interval))
    found = [one for one in bars if start <= one.open_ms <= end]
    kept = page(found, params, params.whole("limit", 500), 1500)
    return [(board, one, step) for one in kept]


def _kline(hall: Hall, board: Board, bar: Bar, step: int) -> list[Any]:
    digits = hall.catalog.digits[board.symbol]
    return [
        bar.open_ms,
        text(bar.open, digits.price),
        text(bar.high, digits.price),
        text(bar.low, digits.price),
        text(bar.close, digits.price),
        text(bar.volume, digits.qty),
        bar.open_ms + step - 1,
        text(bar.quote_usd, 5),
        bar.trades,
        text(bar.taker_volume, digits.qty),
        text(bar.taker_quote_usd, 5),
        "0",
    ]


def mark_klines(call: Call) -> list[list[Any]]:
    """GET markPriceKlines and indexPriceKlines: as the last prices; they have no volume."""
    rows = [_kline(call.hall, *each) for each in _bars(call)]
    return [[*row[:5], "0", row[6], "0", row[8], "0", "0", "0"] for row in rows]


def premium_index(call: Call) -> Row | list[Row]:
    """GET premiumIndex."""
    return one_or_all(call, _premium)


def _premium(hall: Hall, board: Board) -> Row:
    mark = text(board.mark or board.last, 8)
    return {
        "symbol": board.symbol,
        "markPrice": mark,
        "indexPrice": mark,
        "estimatedSettlePrice": mark,
        "lastFundingRate": text(board.funding_frac, 8),
        "interestRate": INTEREST_FRAC,
        "nextFundingTime": board.next_funding_ms,
        "time": hall.at_ms,
    }


def funding_info(call: Call) -> list[Row]:
    """GET fundingInfo: every symbol settles as usual, so the list of exceptions says just that."""
    return [
        {
            "symbol": symbol,
            "adjustedFundingRateCap": "0.02000000",
            "adjustedFundingRateFloor": "-0.02000000",
            "fundingIntervalHours": FUNDING_HOURS,
            "disclaimer": False,
            "updateTime": call.hall.at_ms,
        }
        for symbol in call.hall.catalog.rows
    ]


def funding_rate(call: Call) -> list[Row]:
    """GET fundingRate: settlements, oldest first."""
    symbol = call.params.maybe_symbol(call.hall.catalog.rows)
    start, end = span(call.params)
    rows: list[Row] = [
        {
            "symbol": board.symbol,
            "fundingTime": rate.at_ms,
            "fundingRate": rate.rate_frac,
            "markPrice": text(rate.mark, 8),
        }
        for board in call.hall.boards.values()
        if symbol in (None, board.symbol)
        for rate in board.rates
        if start <= rate.at_ms <= end
    ]
    rows.sort(key=lambda row: int(row["fundingTime"]))
    return list(page(rows, call.params, call.params.whole("limit", 100), 1000))


def open_interest(call: Call) -> Row:
    """GET openInterest: what the accounts of this venue hold."""
    board = board_of(call)
    held = sum(
        (
            abs(market.position.qty)
            for account in call.hall.accounts.values()
            for market in account.markets()
            if market.symbol.partition(":")[0] == board.symbol
        ),
        Decimal(0),
    )
    digits = call.hall.catalog.digits[board.symbol]
    return {
        "symbol": board.symbol,
        "openInterest": digits.qty_text(held),
        "time": call.hall.at_ms,
    }
