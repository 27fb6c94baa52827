"""The real market's adapter against a venue on this machine that says what we want it to say."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from decimal import Decimal
from itertools import count
from urllib.parse import parse_qs, urlsplit

import pytest
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from quantum_trader.adapters.market.backoff import Backoff
from quantum_trader.adapters.market.binance import HISTORY_BARS, HOLE, BinanceMarket, Venue
from quantum_trader.adapters.market.binance_messages import (
    BAR_MS,
)
from quantum_trader.core.errors import Unreachable
from quantum_trader.core.events import (
    CandleClosed,
    FundingRatePublished,
    MarketFact,
    MarkPriced,
    Tick,
)
from tests.fake_market import FakeMarket, bar_row, kline, mark, serving, trade

START_MS = 29_000_000 * BAR_MS
HOUR_MS = 3_600_000


def minute(n: int) -> int:
    """The open of the n-th bar after the history."""
    return START_MS + n * BAR_MS


@pytest.fixture
def market() -> FakeMarket:
    """A venue whose clock stands a little after the first live bar began."""
    found = FakeMarket(minute(0) + 100)
    found.rows["BTCUSDT"] = [bar_row(minute(n)) for n in range(-HISTORY_BARS, 1)]
    return found


async def listen(venue: Venue, wanted: int) -> list[MarketFact]:
    """The first live facts, after the history."""
    data = BinanceMarket(["BTCUSDT"], venue, Backoff(0.01, 0.02))
    await data.open(3)
    return await take(data, wanted)


async def take(data: BinanceMarket, wanted: int) -> list[MarketFact]:
    """The next live facts."""
    found: list[MarketFact] = []
    async with asyncio.timeout(8), aclosing(_generator(data)) as facts:
        async for fact in facts:
            found.append(fact)
            if len(found) == wanted:
                break
    return found


async def _generator(data: BinanceMarket) -> AsyncGenerator[MarketFact, None]:
    async for fact in data.facts():
        yield fact


async def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    for _ in range(400):
        if holds():
            return
        await asyncio.sleep(0.02)
    raise AssertionError


def opens(facts: list[MarketFact]) -> list[int]:
    """Which bars these are, counted from the first live one."""
    return [(fact.open_ms - START_MS) // BAR_MS for fact in facts if isinstance(fact, CandleClosed)]


async def test_history_is_closed_bars_only_up_to_the_clock_of_the_venue(market: FakeMarket) -> None:
    async with serving(market) as venue:
        data = BinanceMarket(["BTCUSDT"], venue)
        await data.open(3)
        assert opens(list(data.history())) == list(range(-HISTORY_BARS, 0))
        assert {fact.source for fact in data.history()} == {"binance"}


async def test_every_stream_is_asked_for_on_the_route_it_speaks_on(market: FakeMarket) -> None:
    async with serving(market) as venue:
        data = BinanceMarket(["BTCUSDT"], venue)
        await data.open(3)
        listening = asyncio.create_task(take(data, 1))
        await until(lambda: bool(market.asked and market.asked_public))
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
    asked = {urlsplit(path).path: path for path in (*market.asked, *market.asked_public)}
    names = {
        route: sorted(parse_qs(urlsplit(path).query)["streams"][0].split("/"))
        for route, path in asked.items()
    }
    assert names == {
        "/market/stream": ["btcusdt@aggTrade", "btcusdt@kline_1m", "btcusdt@markPrice@1s"],
        "/public/stream": ["btcusdt@bookTicker", "btcusdt@depth@100ms"],
    }


async def test_only_closed_bars_are_told_each_once_and_in_order(market: FakeMarket) -> None:
    market.scripts = [
        [
            kline(minute(0), closed=False, close="90"),
            kline(minute(0)),
            kline(minute(0), close="77"),
            kline(minute(-1)),
            kline(minute(1), closed=False),
            kline(minute(1)),
            kline(minute(2)),
        ]
    ]
    async with serving(market) as venue:
        facts = await listen(venue, 3)
    assert opens(facts) == [0, 1, 2]
    assert [fact.close for fact in facts if isinstance(fact, CandleClosed)] == [100.0] * 3


async def test_bars_missed_while_the_connection_was_lost_come_first_and_once(
    market: FakeMarket,
) -> None:
    market.scripts = [[kline(minute(0))], [kline(minute(3)), kline(minute(5))]]
    async with serving(market) as venue:
        data = BinanceMarket(["BTCUSDT"], venue, Backoff(0.01, 0.02))
        await data.open(3)
        market.rows["BTCUSDT"] = [bar_row(minute(n)) for n in range(-2, 7)]
        market.now_ms = minute(5) + 1
        assert opens(await take(data, 6)) == [0, 1, 2, 3, 4, 5]


async def test_bars_missed_while_the_connection_was_lost_do_not_wait_for_the_next_bar(
    market: FakeMarket,
) -> None:
    market.scripts = [[mark(minute(0) + 1, 0)], [mark(minute(3) + 1, 0)]]
    async with serving(market) as venue:
        data = BinanceMarket(["BTCUSDT"], venue, Backoff(0.01, 0.02))
        await data.open(3)
        async with aclosing(_generator(data)) as facts:
            await anext(facts)
            market.rows["BTCUSDT"] = [bar_row(minute(n)) for n in range(4)]
            market.now_ms = minute(3)
            found = [await anext(facts) for _ in range(4)]
    assert opens(found[:3]) == [0, 1, 2]
    assert isinstance(found[3], MarkPriced)


async def test_a_bar_that_rest_told_first_is_not_told_again_by_the_stream(
    market: FakeMarket,
) -> None:
    market.scripts = [[kline(minute(0)), kline(minute(2)), kline(minute(3))]]
    async with serving(market) as venue:
        data = BinanceMarket(["BTCUSDT"], venue)
        await data.open(3)
        async with aclosing(_generator(data)) as facts:
            first = await anext(facts)
            market.rows["BTCUSDT"] = [bar_row(minute(n)) for n in range(4)]
            market.now_ms = minute(3) + 1
            rest = [await anext(facts) for _ in range(3)]
    assert opens([first, *rest]) == [0, 1, 2, 3]


async def test_a_bar_that_does_not_come_is_asked_for_now_and_then_only(
    market: FakeMarket,
) -> None:
    market.rows["BTCUSDT"] = []
    late_ms = minute(1) + 15_000
    market.scripts = [[mark(late_ms + n * 1_000, 0) for n in range(31)]]
    async with serving(market) as venue:
        data = BinanceMarket(["BTCUSDT"], venue)
        await data.open(3)
        asked_at_start = len(market.fetched)
        market.now_ms = late_ms
        assert len(await take(data, 31)) == 31
    bars_asked = [path for path in market.fetched[asked_at_start:] if "klines" in path]
    assert len(bars_asked) == 1 + 2


async def test_a_hole_in_the_stream_is_filled_before_the_bar_behind_it(market: FakeMarket) -> None:
    market.scripts = [[kline(minute(0)), kline(minute(4))]]
    async with serving(market) as venue:
        data = BinanceMarket(["BTCUSDT"], venue)
        await data.open(3)
        market.rows["BTCUSDT"] = [bar_row(minute(n), 100 + n) for n in range(6)]
        async with aclosing(_generator(data)) as facts:
            first = await anext(facts)
            market.now_ms = minute(4) + 30
            rest = [await anext(facts) for _ in range(4)]
    assert opens([first, *rest]) == [0, 1, 2, 3, 4]


async def test_where_the_hole_cannot_be_filled_the_market_goes_on(market: FakeMarket) -> None:
    market.scripts = [[kline(minute(3)), kline(minute(1)), kline(minute(4))]]
    async with serving(market) as venue:
        data = BinanceMarket(["BTCUSDT"], venue)
        await data.open(3)
        market.down = True
        assert opens(await take(data, 2)) == [3, 4]


async def test_a_symbol_that_the_venue_delists_costs_the_others_none_of_their_bars(
    market: FakeMarket,
) -> None:
    market.scripts = [[kline(minute(0)), kline(minute(4))]]
    async with serving(market) as venue:
        data = BinanceMarket(["BTCUSDT", "LUNAUSDT"], venue)
        await data.open(3)
        market.rows["BTCUSDT"] = [bar_row(minute(n), 100 + n) for n in range(6)]
        market.delisted.add("LUNAUSDT")
        async with aclosing(_generator(data)) as facts:
            first = await anext(facts)
            market.now_ms = minute(4) + 30
            rest = [await anext(facts) for _ in range(4)]
        assert opens([first, *rest]) == [0, 1, 2, 3, 4]
        assert data.faults[HOLE] > 0


async def test_a_bar_without_a_trade_is_asked_for_when_it_is_late(market: FakeMarket) -> None:
    late_ms = minute(1) + 15_000
    market.scripts = [[mark(late_ms - 1, 0), mark(late_ms, 0), mark(late_ms + 1, 0)]]
    async with serving(market) as venue:
        data = BinanceMarket(["BTCUSDT"], venue)
        await data.open(3)
        async with aclosing(_generator(data)) as facts:
            await anext(facts)
            market.now_ms = late_ms
            found = [await anext(facts) for _ in range(3)]
    assert [type(fact) for fact in found] == [MarkPriced, CandleClosed, MarkPriced]
    assert opens(found) == [0]


async def test_bars_of_several_symbols_come_in_the_order_in_which_they_closed(
    market: FakeMarket,
) -> None:
    market.rows["ETHUSDT"] = [bar_row(minute(n)) for n in range(-HISTORY_BARS, 0)]
    async with serving(market) as venue:
        data = BinanceMarket(["ETHUSDT", "BTCUSDT"], venue)
        await data.open(3)
        order = [(fact.at_ms, fact.symbol) for fact in data.history()]
    assert order == sorted(order)
    assert len(order) == 2 * HISTORY_BARS


async def test_of_the_tape_one_trade_a_second_is_told(market: FakeMarket) -> None:
    times = [0, 400, 999, 1_000, 1_500, 2_100]
    market.scripts = [[trade(minute(0) + ms, number) for number, ms in enumerate(times)]]
    async with serving(market) as venue:
        facts = await listen(venue, 3)
    assert [fact.at_ms - minute(0) for fact in facts] == [0, 1_000, 2_100]
    assert all(isinstance(fact, Tick) and fact.qty == 2.0 for fact in facts)


async def test_funding_is_settled_when_its_time_has_passed(market: FakeMarket) -> None:
    due_ms = START_MS + HOUR_MS
    market.scripts = [
        [
            mark(due_ms - 2_000, due_ms, "0.0001"),
            mark(due_ms - 1_000, due_ms, "0.0003"),
            mark(due_ms + 1_000, due_ms + 8 * HOUR_MS, "-0.0002"),
        ]
    ]
    market.rows["BTCUSDT"] = []
    async with serving(market) as venue:
        facts = await listen(venue, 4)
    settled = [fact for fact in facts if isinstance(fact, FundingRatePublished)]
    assert [(fact.at_ms, fact.rate_frac) for fact in settled] == [(due_ms, Decimal("0.0003"))]
    last = facts[-1]
    assert isinstance(last, MarkPriced)
    assert last.next_funding_ms == due_ms + 8 * HOUR_MS


@pytest.mark.parametrize(
    "nonsense",
    [
        "not json",
        '{"stream":"x","data":{"e":"somethingNew"}}',
        kline(minute(0), close="NaN"),
        kline(minute(0), close="-1"),
        mark(minute(0), 0, rate="much"),
        trade(minute(0), price="0"),
    ],
)
async def test_a_message_that_makes_no_sense_is_left_out_and_the_next_one_told(
    market: FakeMarket, nonsense: str
) -> None:
    market.scripts = [[nonsense, kline(minute(0))]]
    async with serving(market) as venue:
        assert opens(await listen(venue, 1)) == [0]
    assert len(market.asked) == 1


class WrongRoute(FakeMarket):
    """Streams trades every now and then, and nothing else that was asked for."""

    async def play(self, socket: ServerConnection) -> None:
        """Talk until nobody listens."""
        assert socket.request is not None
        if socket.request.path.startswith("/public"):
            await socket.wait_closed()
            return
        self.asked.append("")
        with suppress(ConnectionClosed):
            for number in count(1):
                await socket.send(trade(minute(0) + number * 2_000, number))
                await asyncio.sleep(0.05)


async def test_a_stream_that_never_says_a_word_is_asked_for_again(market: FakeMarket) -> None:
    mute = WrongRoute(market.now_ms)
    mute.rows = market.rows
    async with serving(mute, first_word_s=0.2) as venue:
        data = BinanceMarket(["BTCUSDT"], venue, Backoff(0.01, 0.02))
        await data.open(3)
        listening = asyncio.create_task(take(data, 1_000))
        await until(lambda: len(mute.asked) == 3)
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening


async def test_silence_ends_a_connection_and_the_next_one_goes_on(market: FakeMarket) -> None:
    market.scripts = []
    async with serving(market, silence_s=0.2) as venue:
        data = BinanceMarket(["BTCUSDT"], venue, Backoff(0.01, 0.02))
        await data.open(3)
        listening = asyncio.create_task(take(data, 1))
        await until(lambda: len(market.asked) == 2)
        market.scripts = [[kline(minute(0))]]
        assert opens(await listening) == [0]


async def test_a_venue_that_is_not_there_is_unreachable_within_the_time_given() -> None:
    data = BinanceMarket(["BTCUSDT"], Venue(rest="http://127.0.0.1:9", streams="ws://127.0.0.1:9"))
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:9"):
        await data.open(2)


async def test_a_venue_that_refuses_says_so_with_its_code(market: FakeMarket) -> None:
    market.down = True
    async with serving(market) as venue:
        with pytest.raises(Unreachable, match="503"):
            await BinanceMarket(["BTCUSDT"], venue).open(2)


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (b'{"code":-1121,"msg":"Invalid symbol."}', "Bad Request: Invalid symbol.$"),
        (b'{"code":-1,"msg":"' + b"x" * 900 + b'"}', "Bad Request: x{200}$"),
        (b'{"code":-1121}', "Bad Request$"),
        (b"<html>no</html>", "Bad Request$"),
        (b"[" * 100_000, "Bad Request$"),
        (b"", "Bad Request$"),
    ],
)
async def test_what_a_venue_says_of_a_symbol_that_it_does_not_have_is_passed_on(
    market: FakeMarket, refusal: bytes, words: str
) -> None:
    market.delisted.add("LUNAUSDT")
    market.refusal = refusal
    async with serving(market) as venue:
        with pytest.raises(
            Unreachable, match=r"^the bars of LUNAUSDT: .* answered 400 " + words
        ) as told:
            await BinanceMarket(["BTCUSDT", "LUNAUSDT"], venue).open(2)
    assert "startTime" not in str(told.value), "of the address only the host is told"


async def test_a_venue_that_does_not_answer_is_unreachable_in_time() -> None:
    over = asyncio.Event()
    let_go = asyncio.Event()

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()
        await writer.wait_closed()
        let_go.set()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    began_s = asyncio.get_running_loop().time()
    with pytest.raises(Unreachable, match=r"no answer|took longer"):
        await BinanceMarket(["BTCUSDT"], Venue(rest=f"http://127.0.0.1:{port}")).open(0.3)
    assert asyncio.get_running_loop().time() - began_s < 1
    over.set()
    await let_go.wait()
    server.close()
    await server.wait_closed()
