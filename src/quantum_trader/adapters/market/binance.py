"""Binance USD-M perpetuals as a market: history by REST, then live streams without a hole.

Only closed bars are told, each once and in order; what a lost connection missed is fetched by REST
before the stream goes on. Trades and the best bid and ask are told once a second. Beside the quotes
an order book is kept from the venue's changes, and held against them: a break in its sequence, or a
best price that differs, takes it out of use until a snapshot has made it whole.
"""

import asyncio
import heapq
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
    Sequence,
)
from contextlib import aclosing

import msgspec

from quantum_trader.adapters.clock import SystemClock
from quantum_trader.adapters.market.backoff import Backoff
from quantum_trader.adapters.market.bars import Bars
from quantum_trader.adapters.market.binance_messages import (
    BAR_MS,
    EVERY_SECOND,
    SOURCE,
    UNREADABLE,
    stream_names,
)
from quantum_trader.adapters.market.binance_reading import BinanceReader
from quantum_trader.adapters.market.binance_rest import BinanceRest
from quantum_trader.adapters.market.faults import Faults
from quantum_trader.adapters.market.line import Line, Patience
from quantum_trader.adapters.market.merging import merged
from quantum_trader.core.errors import Unreachable
from quantum_trader.core.events import CandleClosed, MarketFact, MarkPriced
from quantum_trader.ports import Clock

HISTORY_BARS = 300
SYMBOLS_A_LINE = 60
"""Symbols on one connection: their names have to fit into its address."""
RESTORE_FIRST_S = 1.0
"""Whole books are expensive to ask for: pauses between two rounds begin here and grow."""

Fetch = Callable[[str, int], Awaitable[Sequence[CandleClosed]]]

HOLE = "bars that were missed could not be fetched"
NO_SNAPSHOT = "snapshot of a book could not be fetched"


class Venue(msgspec.Struct, frozen=True, kw_only=True):
    """Where the public market data of the venue is, and how long it may be silent."""

    rest: str = "https://fapi.binance.com"
    streams: str = "wss://fstream.binance.com"
    first_word_s: float = 20.0
    silence_s: float = 10.0


class BinanceMarket:
    """``ports.MarketData`` over the venue's public streams. Call ``open`` first."""

    label = SOURCE

    def __init__(
        self,
        symbols: Sequence[str],
        venue: Venue | None = None,
        backoff: Backoff | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._symbols = tuple(symbols)
        self._venue = venue or Venue()
        self._clock = clock or SystemClock()
        self._pace = backoff or Backoff()
        self._faults = Faults(SOURCE)
        self._rest = BinanceRest(self._venue.rest, self._clock)
        self._bars = Bars(symbols, BAR_MS)
        self._reader = BinanceReader(symbols, self._faults)
        self._wanting = asyncio.Event()
        self._history: list[CandleClosed] = []

    @property
    def faults(self) -> Mapping[str, int]:
        """What went wrong so far, counted by name."""
        return self._faults.counts

    async def open(self, timeout_s: float) -> None:
        """Fetch the history. Raises ``Unreachable`` when that takes longer than ``timeout_s``."""
        try:
            async with asyncio.timeout(timeout_s):
                now_ms = await self._rest.now_ms(timeout_s)
                self._bars.begin(now_ms // BAR_MS * BAR_MS - HISTORY_BARS * BAR_MS)
                self._history = [bar async for bar in self._missed(now_ms, self._fetched)]
        except TimeoutError as error:
            raise Unreachable(f"{self._venue.rest} took longer than {timeout_s:g} s") from error

    def history(self) -> Sequence[MarketFact]:
        """The bars before ``open``."""
        return self._history

    async def facts(self) -> AsyncIterator[MarketFact]:
        """Bars, marks, trades and quotes for ever; connections that are lost are made again."""
        starts = range(0, len(self._symbols), SYMBOLS_A_LINE)
        crowds = [self._symbols[start : start + SYMBOLS_A_LINE] for start in starts]
        lines = [self._told("market", crowd) for crowd in crowds]
        lines += [self._told("public", crowd) for crowd in crowds]
        async for fact in merged(lines, [self._keep_books_whole()]):
            yield fact

    async def _told(self, route: str, symbols: Sequence[str]) -> AsyncGenerator[MarketFact, None]:
        """What one connection says, after what was missed before it."""
        names = stream_names(route, symbols)
        certain = [name for name in names if name.endswith(EVERY_SECOND)]
        patience = Patience(first_word_s=self._venue.first_word_s, silence_s=self._venue.silence_s)
        line = Line(
            self._venue.streams, route, names, certain, (patience, self._pace.copy(), self._faults)
        )
        async with aclosing(line.frames()) as frames:
            async for frame in frames:
                if frame is None:
                    async for bar in self._connected(route, symbols):
                        yield bar
                    continue
                for fact in self._read(line, frame):
                    async for told in self._in_order(fact):
                        yield told

    def _read(self, line: Line, frame: str | bytes) -> Sequence[MarketFact]:
        reader = self._reader
        name, facts = reader.take(frame, self._clock.now_ms())
        line.heard(name)
        if reader.wanting:
            self._wanting.set()
        return facts

    async def _connected(self, route: str, symbols: Sequence[str]) -> AsyncIterator[MarketFact]:
        """Whatever was said before is past: books are lost, bars are caught up with."""
        if route == "market":
            async for bar in self._caught_up():
                yield bar
        else:
            self._reader.lose_books(symbols)

    async def _in_order(self, fact: MarketFact) -> AsyncIterator[MarketFact]:
        """A fact, and the bars that belong before it or should have been there by now."""
        if not isinstance(fact, CandleClosed):
            yield fact
            if isinstance(fact, MarkPriced) and self._bars.is_late(fact.symbol, fact.at_ms):
                async for bar in self._caught_up():
                    yield bar
            return
        if self._bars.is_after_a_hole(fact):
            async for bar in self._caught_up():
                yield bar
        if self._bars.accept(fact):
            yield fact

    async def _caught_up(self) -> AsyncIterator[CandleClosed]:
        """The bars that were missed, as far as they can be had: a hole is better than silence."""
        try:
            now_ms = await self._rest.now_ms()
        except (Unreachable, *UNREADABLE) as error:
            self._faults.note(HOLE, error)
            return
        async for bar in self._missed(now_ms, self._had):
            yield bar

    async def _missed(self, now_ms: int, fetch: Fetch) -> AsyncIterator[CandleClosed]:
        """Closed bars of all symbols that were not told yet, in the order in which they closed."""
        behind = self._bars.behind(now_ms)
        found = await asyncio.gather(*(fetch(symbol, now_ms) for symbol in behind))
        for bar in heapq.merge(*found, key=lambda one: (one.at_ms, one.symbol)):
            if self._bars.accept(bar):
                yield bar

    async def _fetched(self, symbol: str, now_ms: int) -> Sequence[CandleClosed]:
        return await self._rest.bars(symbol, self._bars.next_open_ms(symbol), now_ms)

    async def _had(self, symbol: str, now_ms: int) -> Sequence[CandleClosed]:
        """The same, or nothing: one that the venue delists must not cost the others their bars."""
        try:
            return await self._fetched(symbol, now_ms)
        except (Unreachable, *UNREADABLE) as error:
            self._faults.note(HOLE, error)
            return ()

    async def _keep_books_whole(self) -> None:
        """Fetch a snapshot for every book that waits for one, for ever, and never in a hurry."""
        backoff = Backoff(RESTORE_FIRST_S)
        while True:
            await self._wanting.wait()
            self._wanting.clear()
            before = len(self._reader.wanting)
            for symbol in sorted(self._reader.wanting):
                try:
                    self._reader.restore(symbol, await self._rest.book(symbol))
                except Unreachable as error:
                    self._faults.note(NO_SNAPSHOT, f"{symbol}: {error}")
            if len(self._reader.wanting) < before:
                backoff.reset()
            await backoff.pause()
