"""Frames of the venue's streams into facts: what is told, what is only kept, what is refused.

No I/O and no waiting: a frame and the time of its receipt go in, the facts that follow come out.
Every frame leaves a trace: a fact, a newer state, or a named count among the faults.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from quantum_trader.adapters.market.binance_messages import (
    INTERVAL,
    UNREADABLE,
    DepthEvent,
    Event,
    KlineEvent,
    MarkEvent,
    QuoteEvent,
    SingleTradeEvent,
    TradeEvent,
    candle_of,
    change_of,
    check_quote,
    check_time,
    mark_of,
    quote_of,
    rate_of,
    read_depth,
    read_message,
    settled_of,
    tick_of,
)
from quantum_trader.adapters.market.depth import DepthBook
from quantum_trader.adapters.market.faults import Faults
from quantum_trader.core.events import MarketFact

TICK_EVERY_MS = 1_000
"""Of the tape one trade a second is told; the bars hold the extremes of the rest."""
QUOTE_EVERY_MS = 1_000
"""Of the best bid and ask too: the newest counts, and it is old at once."""
QUOTES_KEPT = 512
"""So many quotes wait to be compared with the book, which is told of ten times a second."""

UNREADABLE_FRAME = "unreadable frame"
STRANGER = "frame of a symbol nobody asked for"
BROKEN_BOOK = "break in the sequence of a book"
BOOK_DISAGREES = "book and quote disagree"
UNREADABLE_BOOK = "unreadable snapshot of a book"
OLD_BOOK = "snapshot older than the changes that wait for it"

_NOTHING: tuple[MarketFact, ...] = ()


class Reading(NamedTuple):
    """Which stream a frame was of (empty where it cannot be read), and the facts in it."""

    stream: str
    facts: Sequence[MarketFact]


class _Symbol:
    """What was heard of one symbol."""

    def __init__(self) -> None:
        self.tick_ms = 0
        self.mark: MarkEvent | None = None
        self.quote_ms = 0
        self.quotes: deque[QuoteEvent] = deque(maxlen=QUOTES_KEPT)
        self.book = DepthBook()
        self.checked: bool | None = None
        self.compared: int | None = None


class _Envelope(msgspec.Struct, frozen=True):
    stream: str


_envelope = msgspec.json.Decoder(_Envelope)


class BinanceReader:
    """Everything heard so far, symbol by symbol. Bars are told as they come, also twice."""

    def __init__(self, symbols: Sequence[str], faults: Faults) -> None:
        self._symbols = {symbol: _Symbol() for symbol in symbols}
        self._faults = faults
        self.wanting: set[str] = set()
        """Symbols whose book waits for a snapshot."""

    def take(self, frame: str | bytes, received_ms: int) -> Reading:
        """One frame of a combined stream."""
        try:
            message = read_message(frame)
            event = message.data
            heard = self._symbols.get(event.s)
            if heard is None:
                self._faults.note(STRANGER, message.stream)
                return Reading(message.stream, _NOTHING)
            return Reading(message.stream, _READERS[type(event)](self, heard, event, received_ms))
        except UNREADABLE as error:
            name = _name_in(frame)
            self._faults.note(UNREADABLE_FRAME, f"{name or 'no stream'}: {error}")
            return Reading(name, _NOTHING)

    def restore(self, symbol: str, body: bytes) -> bool:
        """Make a book whole with a snapshot of REST; False when another one is needed."""
        heard = self._symbols[symbol]
        try:
            answer = read_depth(body)
        except UNREADABLE as error:
            self._faults.note(UNREADABLE_BOOK, f"{symbol}: {error}")
            return False
        if not heard.book.restore(answer.lastUpdateId, answer.bids, answer.asks):
            self._faults.note(OLD_BOOK, symbol)
            return False
        self.wanting.discard(symbol)
        return True

    def lose_books(self, symbols: Sequence[str]) -> None:
        """The connection was lost, and with it an unknown number of changes."""
        for symbol in symbols:
            heard = self._symbols[symbol]
            heard.book.lose()
            heard.checked = None
            heard.quotes.clear()

    def is_whole(self, symbol: str) -> bool:
        """Whether the book of a symbol can be believed."""
        return self._symbols[symbol].book.is_whole

    def _bar(self, _heard: _Symbol, event: KlineEvent, received_ms: int) -> Sequence[MarketFact]:
        if event.k.i != INTERVAL:
            return _NOTHING
        bar = candle_of(event, received_ms)
        check_time(bar.at_ms, received_ms)
        return (bar,) if event.k.x else _NOTHING

    def _mark(self, heard: _Symbol, event: MarkEvent, received_ms: int) -> Sequence[MarketFact]:
        """The mark, and before it the settlement of funding that has passed since the last one."""
        check_time(event.E, received_ms)
        fact = mark_of(event, received_ms)
        before, heard.mark = heard.mark, event
        if before is not None and before.T and event.T > before.T:
            rate_frac = rate_of(before)
            if rate_frac is not None:
                return settled_of(before, rate_frac, received_ms), fact
        return (fact,)

    def _trade(
        self, heard: _Symbol, event: TradeEvent | SingleTradeEvent, received_ms: int
    ) -> Sequence[MarketFact]:
        check_time(event.T, received_ms)
        fact = tick_of(event, received_ms)
        if heard.tick_ms + TICK_EVERY_MS > event.T:
            return _NOTHING
        heard.tick_ms = event.T
        return (fact,)

    def _quote(self, heard: _Symbol, event: QuoteEvent, received_ms: int) -> Sequence[MarketFact]:
        check_quote(event)
        check_time(event.T, received_ms)
        quotes = heard.quotes
        if quotes and event.u <= quotes[-1].u:
            return _NOTHING  # The same, or one that was overtaken.
        quotes.append(event)
        self._compare(heard, event.s)
        if heard.quote_ms + QUOTE_EVERY_MS > event.T:
            return _NOTHING
        heard.quote_ms = event.T
        return (quote_of(event, heard.checked, received_ms),)

    def _depth(self, heard: _Symbol, event: DepthEvent, _received_ms: int) -> Sequence[MarketFact]:
        step = heard.book.take(change_of(event))
        if step == "broken":
            self._faults.note(BROKEN_BOOK, f"{event.s}: after {event.pu}, which was not the last")
            heard.checked = None
        if step == "kept":
            self._compare(heard, event.s)
        else:
            self.wanting.add(event.s)
        return _NOTHING

    def _compare(self, heard: _Symbol, symbol: str) -> None:
        """Hold the book against the quote of the same moment, once a later quote was heard.

        Until then that quote may not be the last one before the book's newest change.
        """
        last, quotes = heard.book.last, heard.quotes
        if last is None or last == heard.compared:
            return
        while len(quotes) > 1 and quotes[1].u <= last:
            quotes.popleft()
        if len(quotes) < 2 or quotes[0].u > last:
            return
        heard.compared = last
        top, quote = heard.book.top(), quotes[0]
        if top is None:
            return
        same = (quote.b, quote.B, quote.a, quote.A)
        heard.checked = same == (top.bid, top.bid_qty, top.ask, top.ask_qty)
        if not heard.checked:
            self._faults.note(BOOK_DISAGREES, f"{symbol}: book {top}, quote {quote}")
            heard.book.lose()


_READERS: Mapping[type[Event], Callable[..., Sequence[MarketFact]]] = {
    KlineEvent: BinanceReader._bar,
    MarkEvent: BinanceReader._mark,
    TradeEvent: BinanceReader._trade,
    SingleTradeEvent: BinanceReader._trade,
    QuoteEvent: BinanceReader._quote,
    DepthEvent: BinanceReader._depth,
}


def _name_in(frame: str | bytes) -> str:
    """Which stream a frame says it is of, empty where not even that can be read."""
    try:
        return _envelope.decode(frame).stream
    except UNREADABLE:
        return ""
