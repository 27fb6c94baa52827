"""The market of a source, played to the venue: trade by trade, each at its time."""

import heapq
from collections.abc import AsyncIterator, Iterator
from itertools import groupby

from quantum_trader.app.venue.board import Bar, Board
from quantum_trader.app.venue.entry import Told
from quantum_trader.app.venue.market_source import MINUTE_MS, Source
from quantum_trader.app.venue.tape import mark_after, trades_of
from quantum_trader.app.venue.venue import Venue
from quantum_trader.core.events import (
    CandleClosed,
    FundingRatePublished,
    MarketFact,
    MarkPriced,
    Tick,
)
from quantum_trader.core.units import decimal_of

FUNDING_EVERY_MS = 8 * 3_600_000
FUNDING_FRAC = 0.0001


class Player:
    """Bars become trades and marks; funding is settled where the source does not do it."""

    def __init__(self, venue: Venue, source: Source) -> None:
        self._venue = venue
        self._source = source
        self._due_ms: dict[str, int] = {}
        self._rates: dict[str, float] = {}

    def warm_up(self) -> None:
        """Show the past on the boards, and let every symbol have a first price."""
        boards = self._venue.hall.boards
        by_symbol = sorted(self._source.warm_up, key=lambda bar: bar.symbol)
        for symbol, bars in groupby(by_symbol, key=lambda bar: bar.symbol):
            if symbol in boards:
                _show(boards[symbol], bars)
        for board in boards.values():
            if board.last is not None:
                tick = _first(board, self._source.start_ms)
                self._venue.take(tick)
                self._venue.take(self._mark(tick))

    async def run(self) -> None:
        """Play the market to its end."""
        self._venue.pace.begin(max(self._source.start_ms, self._venue.hall.at_ms))
        async for fact in self._timed():
            if fact.at_ms < self._venue.hall.at_ms and not isinstance(fact, FundingRatePublished):
                continue
            await self._venue.pace.wait_for(fact.at_ms)
            self._venue.take(fact)

    async def _timed(self) -> AsyncIterator[Told]:
        """Every fact at its time: a bar is told when it is over, its trades were before."""
        waiting: list[tuple[int, int, Told]] = []
        number, newest_ms = 0, 0
        async for fact in self._source.facts:
            if fact.at_ms > newest_ms:
                # All bars that end at one moment are here; what lies before it can be played.
                while waiting and waiting[0][0] <= newest_ms:
                    yield heapq.heappop(waiting)[2]
                newest_ms = fact.at_ms
            for one in self._told(fact):
                number += 1
                heapq.heappush(waiting, (one.at_ms, number, one))
        while waiting:
            yield heapq.heappop(waiting)[2]

    def _told(self, fact: MarketFact) -> Iterator[Told]:
        if fact.symbol not in self._venue.hall.boards:
            return
        if isinstance(fact, CandleClosed):
            for tick in trades_of(fact):
                yield from self._traded(tick)
        elif isinstance(fact, FundingRatePublished):
            self._rates[fact.symbol] = float(fact.rate_frac)
            yield fact
        elif isinstance(fact, Tick):
            yield from self._traded(fact)
        elif isinstance(fact, MarkPriced) and self._source.marked:
            yield fact

    def _traded(self, tick: Tick) -> Iterator[Told]:
        """A trade on the grid of its symbol, and the mark and the settlement that follow it."""
        instrument = self._venue.hall.catalog.instruments[tick.symbol]
        on_grid = Tick(
            id=tick.id,
            at_ms=tick.at_ms,
            symbol=tick.symbol,
            source=tick.source,
            price=float(instrument.price_of(tick.price)),
            qty=tick.qty,
        )
        yield on_grid
        if not self._source.marked:
            yield self._mark(on_grid)
        yield from self._settlement(on_grid)

    def _mark(self, tick: Tick) -> MarkPriced:
        rate_frac = self._rates.get(tick.symbol, FUNDING_FRAC)
        return mark_after(tick, _next_funding(tick.at_ms), rate_frac)

    def _settlement(self, tick: Tick) -> Iterator[FundingRatePublished]:
        """The first trade at or after a settlement's time settles it, for its symbol."""
        due_ms = self._due_ms.setdefault(tick.symbol, _next_funding(self._source.start_ms))
        if tick.symbol in self._source.settled or tick.at_ms < due_ms:
            return
        self._due_ms[tick.symbol] = _next_funding(tick.at_ms)
        yield FundingRatePublished(
            id=f"{tick.symbol}:funding:{due_ms}",
            at_ms=tick.at_ms,
            symbol=tick.symbol,
            source=tick.source,
            rate_frac=decimal_of(self._rates.get(tick.symbol, FUNDING_FRAC)),
        )


def _next_funding(at_ms: int) -> int:
    return (at_ms // FUNDING_EVERY_MS + 1) * FUNDING_EVERY_MS


def _show(board: Board, bars: Iterator[CandleClosed]) -> None:
    """The past, in minutes."""
    for bar in bars:
        open_ms = bar.open_ms // MINUTE_MS * MINUTE_MS
        if not board.bars or board.bars[-1].open_ms < open_ms:
            board.remember(Bar(open_ms, bar.open, bar.high, bar.low, bar.close))
        minute = board.bars[-1]
        board.trade_id += 1
        minute.add(bar.high, 0.0, bought=True, trade_id=board.trade_id)
        minute.add(bar.low, 0.0, bought=False, trade_id=board.trade_id)
        minute.add(bar.close, bar.volume, bought=bar.close >= bar.open, trade_id=board.trade_id)
        minute.trades -= 2
        board.last, board.last_ms = bar.close, bar.open_ms


def _first(board: Board, at_ms: int) -> Tick:
    return Tick(
        id=f"{board.symbol}:first",
        at_ms=at_ms,
        symbol=board.symbol,
        source="venue",
        price=board.last or 0.0,
        qty=0.0,
    )
