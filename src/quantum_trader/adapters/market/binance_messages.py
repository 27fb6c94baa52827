"""What the venue's public market endpoints say, as facts.

Numbers come as text. A bar whose prices contradict each other is refused, not repaired, and so is a
time that cannot be: nothing newer would be believed after it.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from math import inf

import msgspec

from quantum_trader.adapters.market.depth import Change, Level
from quantum_trader.core.errors import Malformed
from quantum_trader.core.events import (
    CandleClosed,
    FundingRatePublished,
    MarkPriced,
    QuoteChanged,
    Tick,
)

SOURCE = "binance"
INTERVAL = "1m"
BAR_MS = 60_000
AHEAD_MS_MAX = 86_400_000
"""A clock of ours may be wrong by some hours; a time of the venue beyond that is none."""
UNREADABLE = (Malformed, msgspec.DecodeError, UnicodeError, RecursionError)
"""What reading a frame raises when it makes no sense."""


class Bar(msgspec.Struct, frozen=True, kw_only=True):
    """The bar inside a kline event; ``x`` says that it will not change any more."""

    t: int
    i: str
    o: float
    h: float
    l: float  # noqa: E741 - the venue's name
    c: float
    v: float
    x: bool


class KlineEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="e", tag="kline"):
    """A bar as it stands."""

    s: str
    k: Bar


class MarkEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="e", tag="markPriceUpdate"):
    """The mark price ``p``, and the funding rate ``r`` that will be settled at ``T``.

    ``r`` is empty for contracts without funding.
    """

    E: int
    s: str
    p: float
    r: str
    T: int


class TradeEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="e", tag="aggTrade"):
    """A trade of the tape at ``T``."""

    a: int
    s: str
    p: float
    q: float
    T: int


class SingleTradeEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="e", tag="trade"):
    """A trade of the tape at ``T``, not added up with its neighbours."""

    t: int
    s: str
    p: float
    q: float
    T: int


class QuoteEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="e", tag="bookTicker"):
    """The best bid ``b`` and ask ``a`` after update ``u``."""

    u: int
    s: str
    b: float
    B: float
    a: float
    A: float
    T: int


class DepthEvent(msgspec.Struct, frozen=True, kw_only=True, tag_field="e", tag="depthUpdate"):
    """Levels that changed with the updates after ``pu`` up to ``u``."""

    s: str
    u: int
    pu: int
    b: list[Level]
    a: list[Level]


class DepthAnswer(msgspec.Struct, frozen=True):
    """The whole book as REST tells it."""

    lastUpdateId: int  # noqa: N815 - the venue's name
    bids: list[Level]
    asks: list[Level]


Event = KlineEvent | MarkEvent | TradeEvent | SingleTradeEvent | QuoteEvent | DepthEvent


class Message(msgspec.Struct, frozen=True):
    """One message of a combined stream."""

    stream: str
    data: Event


class Row(msgspec.Struct, frozen=True, array_like=True):
    """One bar of the REST answer; what follows the volume is of no use here."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class _Time(msgspec.Struct, frozen=True):
    serverTime: int  # noqa: N815 - the venue's name


_message = msgspec.json.Decoder(Message, strict=False)
_depth = msgspec.json.Decoder(DepthAnswer, strict=False)
_rows = msgspec.json.Decoder(list[Row], strict=False)
_time = msgspec.json.Decoder(_Time)


ROUTES: Mapping[str, tuple[str, ...]] = {
    "market": (f"kline_{INTERVAL}", "markPrice@1s", "aggTrade"),
    "public": ("bookTicker", "depth@100ms"),
}
"""The venue's routes, and the streams of a symbol that speak on each; elsewhere they are silent."""
EVERY_SECOND = "@markPrice@1s"
"""The stream that cannot be quiet for want of trades."""


def stream_names(route: str, symbols: Sequence[str]) -> list[str]:
    """The streams of these symbols on one route."""
    return [f"{symbol.lower()}@{kind}" for symbol in symbols for kind in ROUTES[route]]


def read_message(text: str | bytes) -> Message:
    """One message of a combined stream. Raises one of ``UNREADABLE``."""
    return _message.decode(text)


def read_time(body: bytes) -> int:
    """The venue's clock. Raises ``msgspec.DecodeError``."""
    return _time.decode(body).serverTime


def read_rows(body: bytes, symbol: str, received_ms: int | None = None) -> Sequence[CandleClosed]:
    """Bars of a REST answer, closed or not. Raises ``msgspec.DecodeError`` or ``Malformed``."""
    return [_candle(symbol, row, received_ms) for row in _rows.decode(body)]


def read_depth(body: bytes) -> DepthAnswer:
    """The whole book. Raises one of ``UNREADABLE``."""
    answer = _depth.decode(body)
    _check_levels("snapshot", answer.bids, answer.asks)
    return answer


def change_of(event: DepthEvent) -> Change:
    """What changed in a book. Raises ``Malformed``."""
    _check_levels(f"depth of {event.s}", event.b, event.a)
    return Change(event.pu, event.u, event.b, event.a)


def quote_of(event: QuoteEvent, checked: bool | None, received_ms: int) -> QuoteChanged:
    """The best bid and ask of an event, whose numbers were checked."""
    return QuoteChanged(
        id=f"{event.s}:quote:{event.u}",
        at_ms=event.T,
        symbol=event.s,
        source=SOURCE,
        received_ms=received_ms,
        bid=event.b,
        bid_qty=event.B,
        ask=event.a,
        ask_qty=event.A,
        checked=checked,
    )


def check_quote(event: QuoteEvent) -> None:
    """Raises ``Malformed`` for a quote that is none."""
    if not (0.0 < event.b < event.a < inf and 0.0 <= event.B < inf and 0.0 <= event.A < inf):
        raise Malformed(f"quote of {event.s}", event, "a bid above zero and below the ask")


def check_time(at_ms: int, received_ms: int) -> None:
    """Raises ``Malformed`` for a time that cannot be."""
    if not 0 < at_ms <= received_ms + AHEAD_MS_MAX:
        raise Malformed("time", at_ms, f"epoch milliseconds, not long after {received_ms}")


def _check_levels(what: str, *sides: Sequence[Level]) -> None:
    for side in sides:
        for price, qty in side:
            if not (0.0 < price < inf and 0.0 <= qty < inf):
                raise Malformed(what, (price, qty), "a price above zero and a quantity")


def candle_of(event: KlineEvent, received_ms: int | None = None) -> CandleClosed:
    """The bar of an event. Raises ``Malformed``."""
    bar = event.k
    return _candle(event.s, Row(bar.t, bar.o, bar.h, bar.l, bar.c, bar.v), received_ms)


def mark_of(event: MarkEvent, received_ms: int | None = None) -> MarkPriced:
    """The mark price of an event. Raises ``Malformed``."""
    if not 0.0 < event.p < inf:
        raise Malformed("mark price", event.p, "a price above zero")
    rate = rate_of(event)
    return MarkPriced(
        id=f"{event.s}:mark:{event.E}",
        at_ms=event.E,
        symbol=event.s,
        source=SOURCE,
        received_ms=received_ms,
        mark=event.p,
        funding_rate_frac=None if rate is None else float(rate),
        next_funding_ms=event.T or None,
    )


def rate_of(event: MarkEvent) -> Decimal | None:
    """The funding rate of an event, None for a contract without. Raises ``Malformed``."""
    if not event.r:
        return None
    try:
        rate = Decimal(event.r)
    except InvalidOperation:
        rate = Decimal("NaN")
    if not rate.is_finite():
        raise Malformed("funding rate", event.r, "a fraction")
    return rate


def settled_of(
    event: MarkEvent, rate_frac: Decimal, received_ms: int | None = None
) -> FundingRatePublished:
    """The settlement an event announced, once its time has come."""
    return FundingRatePublished(
        id=f"{event.s}:funding:{event.T}",
        at_ms=event.T,
        symbol=event.s,
        source=SOURCE,
        received_ms=received_ms,
        rate_frac=rate_frac,
    )


def tick_of(event: TradeEvent | SingleTradeEvent, received_ms: int | None = None) -> Tick:
    """The trade of an event. Raises ``Malformed``."""
    name = f"trade:{event.a}" if isinstance(event, TradeEvent) else f"single:{event.t}"
    if not 0.0 < event.p < inf or not 0.0 <= event.q < inf:
        raise Malformed("trade price", event.p, "a price above zero")
    return Tick(
        id=f"{event.s}:{name}",
        at_ms=event.T,
        symbol=event.s,
        source=SOURCE,
        received_ms=received_ms,
        price=event.p,
        qty=event.q,
    )


def _candle(symbol: str, row: Row, received_ms: int | None = None) -> CandleClosed:
    inner = min(row.open, row.close), max(row.open, row.close)
    if not 0.0 < row.low <= inner[0] <= inner[1] <= row.high < inf or not 0.0 <= row.volume < inf:
        raise Malformed(f"bar of {symbol}", row, "prices above zero between low and high")
    return CandleClosed(
        id=f"{symbol}:{BAR_MS}:{row.open_ms}",
        at_ms=row.open_ms + BAR_MS,
        symbol=symbol,
        source=SOURCE,
        received_ms=received_ms,
        interval_ms=BAR_MS,
        open_ms=row.open_ms,
        open=row.open,
        high=row.high,
        low=row.low,
        close=row.close,
        volume=row.volume,
    )
