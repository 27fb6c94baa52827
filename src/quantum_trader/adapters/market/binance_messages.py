"""What the venue's public market endpoints say, as facts.

Numbers come as text. A bar whose prices contradict each other is refused, not repaired.
"""

from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from math import inf

import msgspec

from quantum_trader.core.errors import Malformed
from quantum_trader.core.events import CandleClosed, FundingRatePublished, MarkPriced, Tick

SOURCE = "binance"
INTERVAL = "1m"
BAR_MS = 60_000


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


class Message(msgspec.Struct, frozen=True):
    """One message of a combined stream."""

    stream: str
    data: KlineEvent | MarkEvent | TradeEvent


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
_rows = msgspec.json.Decoder(list[Row], strict=False)
_time = msgspec.json.Decoder(_Time)


def stream_names(symbol: str) -> tuple[str, ...]:
    """The streams of one symbol: its bars, its mark price, its trades."""
    name = symbol.lower()
    return (f"{name}@kline_{INTERVAL}", f"{name}@markPrice@1s", f"{name}@aggTrade")


def read_message(text: str | bytes) -> Message:
    """One message of a combined stream. Raises ``msgspec.DecodeError``."""
    return _message.decode(text)


def read_time(body: bytes) -> int:
    """The venue's clock. Raises ``msgspec.DecodeError``."""
    return _time.decode(body).serverTime


def read_rows(body: bytes, symbol: str) -> Sequence[CandleClosed]:
    """Bars of a REST answer, closed or not. Raises ``msgspec.DecodeError`` or ``Malformed``."""
    return [_candle(symbol, row) for row in _rows.decode(body)]


def candle_of(event: KlineEvent) -> CandleClosed:
    """The bar of an event. Raises ``Malformed``."""
    bar = event.k
    return _candle(event.s, Row(bar.t, bar.o, bar.h, bar.l, bar.c, bar.v))


def mark_of(event: MarkEvent) -> MarkPriced:
    """The mark price of an event. Raises ``Malformed``."""
    if not 0.0 < event.p < inf:
        raise Malformed("mark price", event.p, "a price above zero")
    rate = rate_of(event)
    return MarkPriced(
        id=f"{event.s}:mark:{event.E}",
        at_ms=event.E,
        symbol=event.s,
        source=SOURCE,
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


def settled_of(event: MarkEvent, rate_frac: Decimal) -> FundingRatePublished:
    """The settlement an event announced, once its time has come."""
    return FundingRatePublished(
        id=f"{event.s}:funding:{event.T}",
        at_ms=event.T,
        symbol=event.s,
        source=SOURCE,
        rate_frac=rate_frac,
    )


def tick_of(event: TradeEvent) -> Tick:
    """The trade of an event. Raises ``Malformed``."""
    if not 0.0 < event.p < inf:
        raise Malformed("trade price", event.p, "a price above zero")
    return Tick(
        id=f"{event.s}:trade:{event.a}",
        at_ms=event.T,
        symbol=event.s,
        source=SOURCE,
        price=event.p,
        qty=event.q,
    )


def _candle(symbol: str, row: Row) -> CandleClosed:
    inner = min(row.open, row.close), max(row.open, row.close)
    if not 0.0 < row.low <= inner[0] <= inner[1] <= row.high < inf or not 0.0 <= row.volume < inf:
        raise Malformed(f"bar of {symbol}", row, "prices above zero between low and high")
    return CandleClosed(
        id=f"{symbol}:{BAR_MS}:{row.open_ms}",
        at_ms=row.open_ms + BAR_MS,
        symbol=symbol,
        source=SOURCE,
        interval_ms=BAR_MS,
        open_ms=row.open_ms,
        open=row.open,
        high=row.high,
        low=row.low,
        close=row.close,
        volume=row.volume,
    )
