"""Binance USD-M perpetuals as a market: history by REST, then live streams without a hole.

Only closed bars are told, each once and in order. What a lost connection missed is fetched by REST
before the stream goes on. A stream that was asked for on the wrong route stays silent instead of
failing, so every stream has to say its first word in time.
"""

import asyncio
import heapq
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from itertools import chain
from urllib.parse import urlencode

import msgspec
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from quantum_trader.adapters.market.backoff import Backoff
from quantum_trader.adapters.market.binance_messages import (
    BAR_MS,
    INTERVAL,
    SOURCE,
    KlineEvent,
    MarkEvent,
    Message,
    TradeEvent,
    candle_of,
    mark_of,
    rate_of,
    read_message,
    read_rows,
    read_time,
    settled_of,
    stream_names,
    tick_of,
)
from quantum_trader.adapters.market.fetching import fetch
from quantum_trader.core.errors import Malformed, Unreachable
from quantum_trader.core.events import CandleClosed, MarketFact

HISTORY_BARS = 300
ROWS_MAX = 1_000
CONNECT_S = 10.0
FETCH_S = 10.0
TICK_EVERY_MS = 1_000
"""Of the tape one trade a second is told; the bars hold the extremes of the rest."""
BAR_LATE_MS = 15_000
"""A bar that nobody traded in is not streamed; so late after its end it is asked for."""
MESSAGE_BYTES_MAX = 1 << 20

_UNREADABLE = (Malformed, msgspec.DecodeError)
_LOST = (OSError, WebSocketException)

_log = structlog.get_logger()


class Venue(msgspec.Struct, frozen=True, kw_only=True):
    """Where the public market data of the venue is, and how long it may be silent."""

    rest: str = "https://fapi.binance.com"
    streams: str = "wss://fstream.binance.com"
    first_word_s: float = 20.0
    silence_s: float = 10.0


class _Tape(msgspec.Struct):
    """How far one symbol has been told."""

    next_open_ms: int = 0
    asked_ms: int = 0
    tick_ms: int = 0
    mark: MarkEvent | None = None


class BinanceMarket:
    """``ports.MarketData`` over the venue's public streams. Call ``open`` first."""

    label = SOURCE

    def __init__(
        self, symbols: Sequence[str], venue: Venue | None = None, backoff: Backoff | None = None
    ) -> None:
        self._venue = venue or Venue()
        self._backoff = backoff or Backoff()
        self._tapes = {symbol: _Tape() for symbol in symbols}
        self._names = frozenset(chain.from_iterable(map(stream_names, symbols)))
        self._history: list[CandleClosed] = []

    async def open(self, timeout_s: float) -> None:
        """Fetch the history. Raises ``Unreachable`` when that takes longer than ``timeout_s``."""
        try:
            async with asyncio.timeout(timeout_s):
                now_ms = await self._time_there(timeout_s)
                first_ms = now_ms // BAR_MS * BAR_MS - HISTORY_BARS * BAR_MS
                for tape in self._tapes.values():
                    tape.next_open_ms = first_ms
                self._history = [bar async for bar in self._missed(now_ms)]
        except TimeoutError as error:
            raise Unreachable(f"{self._venue.rest} took longer than {timeout_s:g} s") from error

    def history(self) -> Sequence[MarketFact]:
        """The bars before ``open``."""
        return self._history

    async def facts(self) -> AsyncIterator[MarketFact]:
        """Bars, marks and trades for ever; connections that are lost are made again."""
        query = "/".join(sorted(self._names))
        url = f"{self._venue.streams}/market/stream?streams={query}"
        while True:
            try:
                async with connect(
                    url, open_timeout=CONNECT_S, max_size=MESSAGE_BYTES_MAX
                ) as socket:
                    async for fact in self._listen(socket):
                        yield fact
            except _LOST as error:
                _log.warning("market stream lost; connecting again", reason=str(error))
            await self._backoff.pause()

    async def _listen(self, socket: ClientConnection) -> AsyncIterator[MarketFact]:
        """What one connection says, after the bars that were missed before it."""
        silent = set(self._names)
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + self._venue.first_word_s
        async for bar in self._caught_up():
            yield bar
        warned = False
        while True:
            text = await self._next(socket)
            if silent and loop.time() > deadline_s:
                raise TimeoutError(f"not a word of {', '.join(sorted(silent))}")
            try:
                message = read_message(text)
                silent.discard(message.stream)
                async for fact in self._told(message):
                    yield fact
            except _UNREADABLE as error:
                if not warned:
                    _log.warning("unreadable market message left out", reason=str(error))
                warned = True
            if not silent:
                self._backoff.reset()

    async def _next(self, socket: ClientConnection) -> str | bytes:
        try:
            async with asyncio.timeout(self._venue.silence_s):
                return await socket.recv()
        except TimeoutError as error:
            raise TimeoutError(f"silent for {self._venue.silence_s:g} s") from error

    async def _told(self, message: Message) -> AsyncIterator[MarketFact]:
        event = message.data
        tape = self._tapes.get(event.s)
        if tape is None:
            return
        match event:
            case KlineEvent():
                async for bar in self._bars(tape, event):
                    yield bar
            case MarkEvent():
                for fact in _marks(tape, event):
                    yield fact
                if max(tape.next_open_ms + BAR_MS, tape.asked_ms) + BAR_LATE_MS <= event.E:
                    tape.asked_ms = event.E
                    async for bar in self._caught_up():
                        yield bar
            case TradeEvent() if tape.tick_ms + TICK_EVERY_MS <= event.T:
                tape.tick_ms = event.T
                yield tick_of(event)

    async def _bars(self, tape: _Tape, event: KlineEvent) -> AsyncIterator[CandleClosed]:
        """A closed bar, and before it those between it and the last one."""
        if not event.k.x or event.k.i != INTERVAL:
            return
        bar = candle_of(event)
        if bar.open_ms > tape.next_open_ms:
            async for missed in self._caught_up():
                yield missed
        if bar.open_ms >= tape.next_open_ms:
            tape.next_open_ms = bar.at_ms
            yield bar

    async def _caught_up(self) -> AsyncIterator[CandleClosed]:
        """The bars that were missed, as far as they can be had: a hole is better than silence."""
        try:
            async for bar in self._missed(await self._time_there(FETCH_S)):
                yield bar
        except (Unreachable, *_UNREADABLE) as error:
            _log.warning("bars that were missed could not be fetched", reason=str(error))

    async def _missed(self, now_ms: int) -> AsyncIterator[CandleClosed]:
        """Closed bars of all symbols that were not told yet, in the order in which they closed."""
        tapes = self._tapes
        behind = [symbol for symbol, tape in tapes.items() if tape.next_open_ms + BAR_MS <= now_ms]
        found = await asyncio.gather(*(self._rows(symbol, now_ms) for symbol in behind))
        for bar in heapq.merge(*found, key=lambda one: (one.at_ms, one.symbol)):
            tape = tapes[bar.symbol]
            if tape.next_open_ms <= bar.open_ms and bar.at_ms <= now_ms:
                tape.next_open_ms = bar.at_ms
                yield bar

    async def _rows(self, symbol: str, now_ms: int) -> list[CandleClosed]:
        """All bars of a symbol from the first untold one on, page by page."""
        rows: list[CandleClosed] = []
        first_ms = self._tapes[symbol].next_open_ms
        while first_ms + BAR_MS <= now_ms:
            query = {
                "symbol": symbol,
                "interval": INTERVAL,
                "startTime": first_ms,
                "limit": ROWS_MAX,
            }
            page = read_rows(await self._get("/fapi/v1/klines", query, FETCH_S), symbol)
            rows += page
            if len(page) < ROWS_MAX:
                break
            first_ms = page[-1].at_ms
        return rows

    async def _time_there(self, timeout_s: float) -> int:
        """The venue's clock: ours may be wrong, and a bar is closed by theirs."""
        return read_time(await self._get("/fapi/v1/time", {}, timeout_s))

    async def _get(self, path: str, query: Mapping[str, object], timeout_s: float) -> bytes:
        return await fetch(f"{self._venue.rest}{path}?{urlencode(query)}", timeout_s)


def _marks(tape: _Tape, event: MarkEvent) -> Iterator[MarketFact]:
    """The mark, and before it the settlement of funding that has passed since the last one."""
    before, tape.mark = tape.mark, event
    if before is not None and before.T and event.T > before.T:
        rate_frac = rate_of(before)
        if rate_frac is not None:
            yield settled_of(before, rate_frac)
    yield mark_of(event)
