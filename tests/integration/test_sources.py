"""What starts the flow: the clock, the feed, the models, and the paper venue's market."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from unittest.mock import create_autospec

import msgspec
import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import ManualClock, SystemClock
from quantum_trader.core.errors import BusUnreachable
from quantum_trader.core.events import CandleClosed, IntentProposed, MarketFact
from quantum_trader.core.signals import MODELS
from quantum_trader.ports import Fields, SimulatedVenue
from quantum_trader.services import wire
from quantum_trader.services.clock import ClockService, second_passed
from quantum_trader.services.feed import Feed
from quantum_trader.services.loop import Consumer
from quantum_trader.services.loop_settings import LoopSettings
from quantum_trader.services.paper_venue import PaperMarket
from quantum_trader.services.recovery import restore
from quantum_trader.services.signals import SignalsState, signals_fold
from quantum_trader.services.snapshots import snapshots_of
from quantum_trader.streams import (
    CLOCK_STREAM,
    MARKET_KLINES,
    MARKET_TICK,
    PAPER,
    SIGNALS,
    TRADE_INTENT,
    read_by,
)
from tests.loops import drain_all, tell, tick, told

MINUTE_MS = 60_000
START_MS = 29_000_000 * MINUTE_MS


def candle(n: int, symbol: str = "BTCUSDT", close: float = 100.0) -> CandleClosed:
    """The n-th minute."""
    return CandleClosed(
        id=f"{symbol}:{n}",
        at_ms=START_MS + (n + 1) * MINUTE_MS,
        symbol=symbol,
        source="SIMULATED",
        interval_ms=MINUTE_MS,
        open_ms=START_MS + n * MINUTE_MS,
        open=close,
        high=close,
        low=close,
        close=close,
        volume=1.0,
    )


class DeafBus(MemoryBus):
    """Loses the appends whose numbers it is given, or only the answers to them."""

    def __init__(self, lost: Sequence[int], unanswered: Sequence[int]) -> None:
        super().__init__()
        self.lost = lost
        self.unanswered = unanswered
        self.appends = 0

    async def append(self, stream: str, entries: Sequence[Fields], *, writer: str) -> None:
        self.appends += 1
        if self.appends not in self.lost:
            await super().append(stream, entries, writer=writer)
        if self.appends in (*self.lost, *self.unanswered):
            raise BusUnreachable("no answer")


async def turns(count: int = 20) -> None:
    """Let everybody have a few turns."""
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("bus", [MemoryBus(), DeafBus([], [2])], ids=["calm", "a lost answer"])
async def test_every_second_is_told_once_and_in_order(bus: MemoryBus) -> None:
    clock = ManualClock(10_400)
    running = asyncio.create_task(ClockService(bus, clock).run())
    for now_ms in range(10_500, 20_001, 100):
        await turns(8)
        clock.move_to(now_ms)
    await turns()
    running.cancel()
    assert [fact.id for fact in await told(bus, CLOCK_STREAM)] == [
        f"second:{at_ms}" for at_ms in range(11_000, 20_001, 1_000)
    ]


async def test_a_start_tells_the_time_before_anybody_judges_by_that_of_the_life_before() -> None:
    bus, clock = MemoryBus(), ManualClock(10_400)
    for now_ms in (10_400, 10_900, 75_300, 70_000):
        clock = ManualClock(now_ms)
        await ClockService(bus, clock).begin()
    assert [fact.at_ms for fact in await told(bus, CLOCK_STREAM)] == [10_000, 75_000]


async def test_what_a_start_told_is_not_told_again_by_the_clock_that_runs() -> None:
    bus, clock = MemoryBus(), ManualClock(10_400)
    service = ClockService(bus, clock)
    await service.begin()
    running = asyncio.create_task(service.run())
    for now_ms in (11_000, 12_000):
        await turns()
        clock.move_to(now_ms)
    await turns()
    running.cancel()
    assert [fact.at_ms for fact in await told(bus, CLOCK_STREAM)] == [10_000, 11_000, 12_000]


async def test_after_a_clock_was_set_back_time_goes_on_at_half_its_pace_until_it_is_right() -> None:
    """Told as one after the other at their full pace they stayed ahead for ever."""
    bus, clock = MemoryBus(), ManualClock(10_000)
    for now_ms in (12_000, 10_000, 11_000, 12_000, 13_000, 14_000, 15_000):
        running = asyncio.create_task(ClockService(bus, clock).run())
        await turns()
        clock.move_to(now_ms)
        await turns()
        running.cancel()
    told_ms = [fact.at_ms for fact in await told(bus, CLOCK_STREAM)]
    assert told_ms == [12_000, 12_500, 13_000, 13_500, 14_000, 15_000]


async def test_what_nobody_can_read_at_the_end_of_its_stream_does_not_stop_the_clock() -> None:
    bus, clock = MemoryBus(), ManualClock(10_000)
    await bus.append(CLOCK_STREAM, [wire.write(second_passed(20_000))], writer="clock")
    await bus.append(CLOCK_STREAM, [{b"payload": b"[1, 2"}, {b"other": b""}], writer="a hand")
    running = asyncio.create_task(ClockService(bus, clock).run())
    await turns()
    clock.move_to(11_000)
    await turns()
    assert not running.done()
    running.cancel()
    assert wire.read((await bus.last(CLOCK_STREAM, 1))[0]).at_ms == 20_500


async def test_a_clock_that_is_set_back_under_way_goes_on_from_the_last_second() -> None:
    bus, clock = MemoryBus(), ManualClock(10_000)
    running = asyncio.create_task(ClockService(bus, clock).run())
    await turns()
    clock.move_to(11_000)
    await turns()
    clock.move_to(12_000)
    for now_ms in (10_200, 11_000, 12_000):
        clock.move_to(now_ms)
        await turns()
    running.cancel()
    assert [fact.at_ms for fact in await told(bus, CLOCK_STREAM)] == [
        11_000,
        11_500,
        12_000,
        12_500,
    ]


async def test_the_system_clock_wakes_at_the_time_and_not_before() -> None:
    clock = SystemClock()
    for _ in range(10):
        at_ms = clock.now_ms() + 7
        await clock.sleep_until(at_ms)
        assert at_ms <= clock.now_ms() < at_ms + 1_000
    await asyncio.wait_for(clock.sleep_until(0), 1)


class WrongClock(SystemClock):
    """A clock on the wall that somebody sets."""

    offset_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.offset_ms


@pytest.mark.parametrize("jump_ms", [-3_600_000, 3_600_000])
async def test_a_clock_that_is_set_makes_nobody_sleep_for_as_long(jump_ms: int) -> None:
    clock = WrongClock()
    away_ms = 300 if jump_ms < 0 else 3_600_000
    asleep = asyncio.create_task(clock.sleep_until(clock.now_ms() + away_ms))
    await asyncio.sleep(0.01)
    clock.offset_ms = jump_ms
    await asyncio.wait_for(asleep, 20)


class Tape:
    """A source that has everything ready."""

    label = "SIMULATED"

    def __init__(self, past: Sequence[MarketFact], coming: Sequence[MarketFact]) -> None:
        self._past = past
        self._coming = coming

    def history(self) -> Sequence[MarketFact]:
        return self._past

    async def facts(self) -> AsyncIterator[MarketFact]:
        for fact in self._coming:
            yield fact


async def feed_all(bus: MemoryBus, past: Sequence[MarketFact], *coming: MarketFact) -> None:
    """Run a feed until its source ends."""
    await asyncio.wait_for(Feed(bus, Tape(past, coming), SystemClock()).run(), 5)


async def test_history_comes_first_and_every_fact_travels_on_its_stream() -> None:
    bus = MemoryBus()
    await feed_all(bus, [candle(0), candle(1)], tick(5), candle(2))
    assert await told(bus, MARKET_KLINES) == [candle(0), candle(1), candle(2)]
    assert await told(bus, MARKET_TICK) == [tick(5)]
    assert (await bus.heartbeat("feed"))["processed"] == b"2"


async def test_a_feed_that_starts_again_tells_nothing_twice_and_leaves_no_hole() -> None:
    bus = MemoryBus()
    await feed_all(bus, [], candle(0), candle(0, "ETHUSDT"), candle(1))
    past = [candle(0), candle(0, "ETHUSDT"), candle(1), candle(1, "ETHUSDT"), candle(2)]
    await feed_all(bus, past, candle(2), candle(3))
    ids = [fact.id for fact in await told(bus, MARKET_KLINES)]
    expected = ["BTCUSDT:0", "ETHUSDT:0", "BTCUSDT:1", "ETHUSDT:1", "BTCUSDT:2", "BTCUSDT:3"]
    assert ids == expected


async def test_facts_of_one_moment_are_all_told() -> None:
    bus = MemoryBus()
    twins = [tick(1), msgspec.structs.replace(tick(1), id="another")]
    await feed_all(bus, [], *twins, *twins)
    assert await told(bus, MARKET_TICK) == twins


async def test_a_dead_line_adds_nothing_and_loses_nothing() -> None:
    bus = DeafBus([2, 3], [1, 5])
    facts = [candle(n, symbol) for n in range(300) for symbol in ("BTCUSDT", "ETHUSDT")]
    await feed_all(bus, facts[:400], *facts[400:])
    assert await told(bus, MARKET_KLINES) == facts


NAMES = ("ema_cross", "trend")


async def test_the_models_propose_the_same_intents_whether_or_not_they_are_interrupted() -> None:
    closes = [100 + (n % 1_600 if n % 3_200 < 1_600 else 1_600 - n % 1_600) for n in range(4_000)]
    candles = [candle(n, close=float(close)) for n, close in enumerate(closes)]
    straight, broken = MemoryBus(), MemoryBus()
    await propose(straight, candles, chunk=len(candles))
    await propose(broken, candles, chunk=397)
    intents = await intents_on(straight)
    assert {intent.strategy for intent in intents} == set(NAMES)
    assert await intents_on(broken) == intents


async def test_intents_of_our_own_and_of_others_share_their_stream() -> None:
    bus = MemoryBus(now_ms=lambda: START_MS)
    await bus.append(TRADE_INTENT, [{b"symbol": b"FROMOUTSIDE"}], writer="someone")
    await propose(bus, [candle(n, close=float(abs(300 - n))) for n in range(600)], chunk=600)
    assert (await bus.span(TRADE_INTENT, "-", "+", 1))[0].fields == {b"symbol": b"FROMOUTSIDE"}
    assert len(await bus.span(TRADE_INTENT, "-", "+", 9)) > 1


async def propose(bus: MemoryBus, candles: Sequence[CandleClosed], chunk: int) -> None:
    """Run the models over candles, with a restart after every chunk."""
    for start in range(0, len(candles), chunk):
        models = [MODELS[name]() for name in NAMES]
        fold = signals_fold(models, "a", snapshots_of(SignalsState, 100))
        consumer = Consumer(
            bus, SIGNALS, read_by(SIGNALS), fold, LoopSettings(account="a"), clock=ManualClock(1)
        )
        await consumer.start()
        await tell(bus, *candles[start : start + chunk])
        await drain_all(consumer)
        left = await restore(bus, SIGNALS, signals_fold(models, "a"))
        assert left.state == fold.state


async def intents_on(bus: MemoryBus) -> list[IntentProposed]:
    """What was proposed."""
    read = wire.Reader("a")
    entries = await bus.span(TRADE_INTENT, "-", "+", 999)
    facts = [read(entry) for entry in entries]
    return [fact for fact in facts if isinstance(fact, IntentProposed)]


async def test_the_paper_venue_sees_every_market_fact_in_order() -> None:
    bus, venue = MemoryBus(), create_autospec(SimulatedVenue, instance=True)
    consumer = Consumer(
        bus,
        PAPER,
        read_by(PAPER),
        PaperMarket(venue),
        LoopSettings(account="a"),
        clock=ManualClock(1),
    )
    await consumer.start()
    await tell(bus, candle(0), tick(1), candle(1), tick(2))
    await drain_all(consumer)
    shown = [call.args[0] for call in venue.advance.await_args_list]
    assert shown == [tick(1), tick(2), candle(0), candle(1)]
