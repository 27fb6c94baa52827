"""What holds the sources of a market together: quiet streams, lost connections, and one order."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing, suppress

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from quantum_trader.adapters.clock import ManualClock
from quantum_trader.adapters.market.backoff import Backoff
from quantum_trader.adapters.market.binance import NO_SNAPSHOT, BinanceMarket, Venue
from quantum_trader.adapters.market.binance_reading import BROKEN_BOOK
from quantum_trader.adapters.market.line import LOST, SILENT
from quantum_trader.adapters.market.merging import merged
from quantum_trader.core.events import MarketFact, QuoteChanged
from tests.fake_market import FakeMarket, book_body, depth, mark, quote, serving
from tests.integration.test_binance_market import START_MS, until


def a_market(venue: Venue) -> BinanceMarket:
    """The adapter in a hurry."""
    return BinanceMarket(["BTCUSDT"], venue, Backoff(0.01, 0.02), ManualClock(START_MS + 7))


async def collect(data: BinanceMarket, into: list[MarketFact]) -> None:
    """Take facts for ever."""
    async for fact in data.facts():
        into.append(fact)  # noqa: PERF401 - whoever watches wants to see them as they come


class Session:
    """An open market whose facts are collected until the end of the test."""

    def __init__(self, venue: Venue) -> None:
        self.data = a_market(venue)
        self.facts: list[MarketFact] = []

    async def __aenter__(self) -> "Session":
        await self.data.open(3)
        self._collecting = asyncio.create_task(collect(self.data, self.facts))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._collecting.cancel()
        with suppress(asyncio.CancelledError):
            await self._collecting

    def checked(self) -> list[bool | None]:
        """What the quotes say of the book."""
        return [fact.checked for fact in self.facts if isinstance(fact, QuoteChanged)]


class Live(FakeMarket):
    """Sends on the public route what it is given, while it lasts; marks on the other one."""

    def __init__(self) -> None:
        super().__init__(START_MS + 100)
        self.outbox: asyncio.Queue[str | None] = asyncio.Queue()

    async def play(self, socket: ServerConnection) -> None:
        """One connection; None in the outbox ends it."""
        assert socket.request is not None
        with suppress(ConnectionClosed):
            if socket.request.path.startswith("/market"):
                self.asked.append(socket.request.path)
                await socket.send(mark(START_MS, 0))
                await socket.wait_closed()
                return
            self.asked_public.append(socket.request.path)
            gone = asyncio.create_task(socket.wait_closed())
            while not gone.done():
                getting = asyncio.create_task(self.outbox.get())
                await asyncio.wait((getting, gone), return_when=asyncio.FIRST_COMPLETED)
                if not getting.done():
                    getting.cancel()
                    break
                frame = getting.result()
                if frame is None:
                    await socket.close()
                else:
                    await socket.send(frame)

    def say(self, *frames: str | None) -> None:
        """More to send."""
        for frame in frames:
            self.outbox.put_nowait(frame)


async def test_a_book_that_broke_is_made_whole_by_rest_and_quotes_are_checked_again() -> None:
    market = Live()
    market.books = [book_body(10), book_body(30)]
    async with serving(market) as venue, Session(venue) as session:
        market.say(depth(9, 10), quote(START_MS, 11))
        await until(lambda: session.data._reader.is_whole("BTCUSDT"))
        market.say(depth(10, 12), quote(START_MS + 1_000, 13), quote(START_MS + 2_000, 14))
        await until(lambda: len(session.checked()) == 3)
        assert session.checked() == [None, True, True]
        market.say(depth(20, 25), quote(START_MS + 3_000, 26))
        await until(lambda: session.data.faults.get(BROKEN_BOOK) == 1)
        await until(lambda: session.data._reader.is_whole("BTCUSDT"))
        market.say(depth(25, 32), quote(START_MS + 4_000, 33), quote(START_MS + 5_000, 34))
        await until(lambda: len(session.checked()) == 6)
        assert session.checked()[3:] == [None, True, True]
    asked = [path for path in market.fetched if "/fapi/v1/depth" in path]
    assert len(asked) == 2


async def test_a_book_of_a_lost_connection_is_not_believed_on_the_next_one() -> None:
    market = Live()
    market.books = [book_body(10)]
    async with serving(market) as venue, Session(venue) as session:
        market.say(depth(9, 10))
        await until(lambda: session.data._reader.is_whole("BTCUSDT"))
        market.books = []
        market.say(None)
        await until(lambda: len(market.asked_public) == 2)
        market.say(depth(12, 14), quote(START_MS, 15))
        await until(lambda: session.data.faults.get(NO_SNAPSHOT, 0) >= 1)
        assert not session.data._reader.is_whole("BTCUSDT")
        assert session.checked() == [None]
        assert len(market.asked) == 1, "the other route goes on"
        # Where snapshots can be had again, the next change asks for one.
        market.books = [book_body(14)]
        for number in range(200):
            market.say(depth(14 + number, 15 + number))
            await asyncio.sleep(0.02)
            if session.data._reader.is_whole("BTCUSDT"):
                break
        assert session.data._reader.is_whole("BTCUSDT")


class Quiet(FakeMarket):
    """Marks every moment, and neither a trade nor a bar."""

    async def play(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        with suppress(ConnectionClosed):
            if socket.request.path.startswith("/public"):
                await socket.wait_closed()
            self.asked.append("")
            for number in range(100_000):
                await socket.send(mark(START_MS + number, 0))
                await asyncio.sleep(0.02)


async def test_streams_that_may_be_quiet_are_asked_for_once_more_and_then_named_and_borne() -> None:
    market = Quiet(START_MS + 100)
    async with serving(market, first_word_s=0.15) as venue, Session(venue) as session:
        await until(lambda: session.data.faults.get(SILENT, 0) >= 2)
        told = len(session.facts)
        await until(lambda: len(session.facts) > told + 30)
        assert len(market.asked) == 2
        assert session.data.faults[SILENT] == 2


async def test_a_silent_stream_is_told_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    market = Quiet(START_MS + 100)
    async with serving(market, first_word_s=0.15) as venue, Session(venue) as session:
        await until(lambda: LOST in session.data.faults)
    said = capsys.readouterr().out
    assert "not a word of btcusdt@aggTrade, btcusdt@kline_1m" in said
    assert "/market" in said


async def count(start: int, many: int) -> AsyncGenerator[int, None]:
    for number in range(start, start + many):
        yield number
        await asyncio.sleep(0)


async def for_ever() -> None:
    await asyncio.Event().wait()


async def drained(
    sources: Sequence[AsyncGenerator[int, None]],
    helpers: Sequence[Coroutine[None, None, None]] = (),
) -> list[int]:
    return [item async for item in merged(sources, helpers)]


async def test_merged_sources_keep_each_its_own_order_and_the_first_end_ends_all() -> None:
    async def endless() -> AsyncGenerator[int, None]:
        for number in range(100, 105):
            yield number
        await asyncio.Event().wait()

    found = await asyncio.wait_for(drained([count(0, 20), endless()]), 5)
    assert [item for item in found if item < 100] == list(range(20))
    assert [item for item in found if item >= 100] == list(range(100, 105))


async def test_what_a_source_or_a_helper_raises_is_raised_after_what_was_said() -> None:
    async def failing() -> AsyncGenerator[int, None]:
        yield 1
        raise LookupError("a bug")

    async def bad_helper() -> None:
        raise ArithmeticError("another")

    with pytest.raises(LookupError, match="a bug"):
        await drained([failing()])
    with pytest.raises(ArithmeticError, match="another"):
        await drained([count(0, 10_000_000)], [bad_helper()])


async def test_a_slow_listener_holds_the_sources_back() -> None:
    made = 0

    async def eager() -> AsyncGenerator[int, None]:
        nonlocal made
        while True:
            made += 1
            yield made

    async with aclosing(merged([eager()], [for_ever()])) as items:
        await anext(items)
        for _ in range(50):
            await asyncio.sleep(0)
        assert made < 1_100
