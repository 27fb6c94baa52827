"""What the market did, told to those who listen, stream by stream."""

from typing import Any

from quantum_trader.app.venue import market_events as told
from quantum_trader.app.venue.board import Board, Print
from quantum_trader.app.venue.entry import Outcome
from quantum_trader.app.venue.hall import Hall
from quantum_trader.app.venue.hub import Hub
from quantum_trader.app.venue.market_data import INTERVALS_MS, book, offset_of
from quantum_trader.core.events import MarkPriced, Tick

Sides = dict[str, list[list[str]]]
LEVELS_MAX = 1000
DAY_EVERY_MS = 1_000


class Broadcast:
    """Remembers of every stream what it told last, for as long as somebody listens."""

    def __init__(self, hall: Hall, hub: Hub) -> None:
        self._hall = hall
        self._hub = hub
        self._books: dict[str, tuple[int, Sides]] = {}
        self._bars: dict[str, int] = {}
        self._days: dict[str, int] = {}

    def tell(self, outcome: Outcome) -> None:
        """Tell what one input of the hall did to the market."""
        fact = outcome.entry.fact
        symbol = fact.symbol if fact is not None else outcome.entry.params.get("symbol", "")
        board = self._hall.boards.get(symbol)
        if board is not None and board.last is not None and not board.halted:
            moved = fact is None and outcome.entry.operation in ("control.jump", "control.mark")
            if (isinstance(fact, Tick) or moved) and board.prints:
                self._trade(board, board.prints[-1])
            if isinstance(fact, MarkPriced) or moved:
                self._mark(board)
        for _, event in outcome.said:
            if event["e"] == "ORDER_TRADE_UPDATE" and event["o"]["x"] == "CALCULATED":
                self._publish(told.force_order(event), event["o"]["s"], "@forceOrder")
                self._hub.publish("!forceOrder@arr", told.force_order(event))

    def _publish(self, event: Any, symbol: str, suffix: str) -> None:
        self._hub.publish(symbol.lower() + suffix, event)

    def _trade(self, board: Board, one: Print) -> None:
        hub, low = self._hub, board.symbol.lower()
        if not hub.listeners:
            return
        for name in [each for each in hub.heard() if each.startswith((low, "!"))]:
            stream = name.removeprefix(low)
            if stream == "@aggTrade":
                hub.publish(name, told.agg_trade(self._hall, board, one))
            elif stream == "@trade":
                hub.publish(name, told.trade(self._hall, board, one))
            elif name == "!bookTicker" or stream == "@bookTicker":
                hub.publish(name, told.book_ticker(self._hall, board))
            elif stream.startswith("@depth"):
                self._depth(board, name, stream)
            elif "line_" in stream:
                self._kline(board, name, stream)
            elif "icker" in name:
                self._day(board, name)

    def _mark(self, board: Board) -> None:
        event = None
        low = board.symbol.lower()
        arrays = ("!markPrice@arr", "!markPrice@arr@1s")
        for name in (f"{low}@markPrice", f"{low}@markPrice@1s", *arrays):
            if self._hub.is_heard(name):
                event = event or told.mark_price(self._hall, board)
                self._hub.publish(name, [event] if name in arrays else event)

    def _depth(self, board: Board, name: str, stream: str) -> None:
        wanted = stream.partition("@")[2].partition("@")[0].removeprefix("depth")
        before = self._books.get(name)
        now = book(self._hall, board, int(wanted) if wanted.isdecimal() else LEVELS_MAX)
        self._books[name] = board.update_id, now
        if before is None:
            # Nobody listened before this trade: the numbers of its change are known, not more.
            before = board.update_id - 10, {"bids": [], "asks": []}
        sides = now if wanted else changed(before[1], now)
        self._hub.publish(name, told.depth(board, before[0] + 1, before[0], sides))

    def baseline(self, name: str) -> None:
        """A stream of changes begins at the book as it stands when the first one subscribes."""
        low, _, stream = name.partition("@")
        board = self._hall.boards.get(low.upper())
        if board is None or not stream.startswith("depth") or self._hub.is_heard(name):
            return
        self._books[name] = board.update_id, book(self._hall, board, LEVELS_MAX)

    def _kline(self, board: Board, name: str, stream: str) -> None:
        interval = stream.rpartition("_")[2]
        span_ms = INTERVALS_MS.get(interval)
        if span_ms is None:
            return
        now = board.bar_now(span_ms, offset_of(interval))
        if now is None:
            return
        last_ms = self._bars.get(name, now.open_ms)
        self._bars[name] = now.open_ms
        bars = [now]
        if last_ms < now.open_ms:
            closed = board.bar_now(span_ms, offset_of(interval), back=1)
            bars = [now] if closed is None else [closed, now]
        for bar in bars:
            event = told.kline(self._hall, board, bar, interval, span_ms)
            continuous = "continuous" in stream
            self._hub.publish(name, told.continuous_kline(event) if continuous else event)

    def _day(self, board: Board, name: str) -> None:
        key = f"{name}/{board.symbol}"
        if self._days.get(key, -DAY_EVERY_MS) + DAY_EVERY_MS > board.last_ms:
            return
        self._days[key] = board.last_ms
        shape = told.mini_ticker if "miniTicker" in name else told.ticker
        event = shape(self._hall, board)
        self._hub.publish(name, [event] if name.startswith("!") else event)


def changed(before: Sides, after: Sides) -> Sides:
    """The levels that are new, different, or gone (quantity zero)."""
    sides: Sides = {}
    for side, rows in after.items():
        old = {price: qty for price, qty in before[side]}  # noqa: C416 - pairs are lists
        new = {price: qty for price, qty in rows}  # noqa: C416
        gone = [[price, "0"] for price in old if price not in new]
        sides[side] = [[price, qty] for price, qty in new.items() if old.get(price) != qty] + gone
    return sides
