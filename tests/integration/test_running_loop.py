"""The loop as it runs: what it bears from a server, and for how long."""

import asyncio
from collections.abc import Sequence

import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import ManualClock, SystemClock
from quantum_trader.core.errors import BusUnreachable, StoreError
from quantum_trader.ports import Commit, CommitOutcome, Entry
from quantum_trader.services.batch import Handled
from quantum_trader.services.loop_settings import LoopSettings
from quantum_trader.services.patience import Patience
from quantum_trader.services.recovery import rebuild_from_log
from quantum_trader.streams import APPLY_PLAN, TRADER
from tests.loops import (
    diary_fold,
    ended,
    records_of,
    second,
    tell,
    trader_on,
)


class BlinkingBus(MemoryBus):
    """Loses every third answer to a commit, and the first with news, after their effects."""

    commits = 0
    blinked = False

    async def read(
        self, service: str, streams: Sequence[str], *, count: int, block_ms: int
    ) -> list[Entry]:
        entries = await super().read(service, streams, count=count, block_ms=block_ms)
        if entries and not self.blinked:
            self.blinked = True
            raise BusUnreachable("no answer")
        return entries

    async def commit(self, commit: Commit) -> CommitOutcome:
        outcome = await super().commit(commit)
        self.commits += 1
        if self.commits % 3 == 0:
            raise BusUnreachable("no answer")
        return outcome


async def until(bus: MemoryBus, count: int) -> None:
    """Wait until so many seconds were consumed."""
    while True:
        taken = [one.count for record in await records_of(bus) for one in record.took]
        if sum(taken) == count:
            return
        await asyncio.sleep(0.005)


async def test_a_running_loop_bears_lost_answers_and_takes_everything_once() -> None:
    bus = BlinkingBus()
    consumer = trader_on(bus, settings=LoopSettings(account="a", batch_max=2), clock=SystemClock())
    running = asyncio.create_task(consumer.run())
    for n in range(12):
        await tell(bus, second(n))
        await asyncio.sleep(0)
    await asyncio.wait_for(until(bus, 12), 5)
    running.cancel()
    rebuilt = await rebuild_from_log(bus, TRADER, diary_fold())
    assert rebuilt.state.seen == [f"s{n}" for n in range(12)]
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_loop_starts_again_when_a_commit_of_its_own_news_had_no_answer() -> None:
    bus = BlinkingBus()
    bus.blinked, bus.commits = True, 2
    consumer = trader_on(bus, settings=LoopSettings(account="a"), clock=SystemClock())

    async def news() -> Handled:
        return Handled([(APPLY_PLAN, ended("news", "by itself"))])

    await consumer.start()
    running = asyncio.create_task(consumer.run())
    await asyncio.sleep(0.01)
    with pytest.raises(BusUnreachable):
        await consumer.publish(news)
    for n in range(4):
        await tell(bus, second(n))
    await asyncio.wait_for(until(bus, 4), 5)
    assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_a_batch_after_a_commit_without_an_answer_asks_for_a_new_start() -> None:
    bus = BlinkingBus()
    bus.blinked, bus.commits = True, 2
    consumer = trader_on(bus)

    async def news() -> Handled:
        return Handled([(APPLY_PLAN, ended("news", "by itself"))])

    await consumer.start()
    with pytest.raises(BusUnreachable, match="no answer"):
        await consumer.publish(news)
    await tell(bus, second(1))
    with pytest.raises(BusUnreachable, match="starts again"):
        await consumer.poll_once()
    await consumer.start()
    assert await consumer.poll_once() == 1


async def test_what_waits_in_silence_behind_a_commit_without_an_answer_is_taken_again() -> None:
    bus = BlinkingBus()
    bus.blinked = True
    consumer = trader_on(bus, settings=LoopSettings(account="a", silent_max=9))

    async def news() -> Handled:
        return Handled([(APPLY_PLAN, ended("news", "by itself"))])

    await consumer.start()
    silent = 0
    while not consumer._silent:
        silent, bus.commits = silent + 1, 0
        await tell(bus, second(silent))
        assert await consumer.poll_once() == 1
    bus.commits = 2
    with pytest.raises(BusUnreachable, match="no answer"):
        await consumer.publish(news)
    with pytest.raises(BusUnreachable, match="starts again"):
        await consumer.poll_once()
    await consumer.start()
    await consumer.poll_once()
    taken = [one.count for record in await records_of(bus) for one in record.took]
    assert sum(taken) == silent, "each once"


class DeadBus(MemoryBus):
    """Answers nothing."""

    async def open_group(self, service: str, stream: str, start: str) -> None:
        raise BusUnreachable("nobody there")


async def test_a_loop_without_a_server_gives_up_when_its_patience_ends() -> None:
    clock = ManualClock(1_000_000)
    running = asyncio.create_task(trader_on(DeadBus(), clock=clock).run())
    for _ in range(40):
        await asyncio.sleep(0)
        assert not running.done() or clock.now_ms() >= 1_030_000
        clock.move_to(clock.now_ms() + 1_000)
    with pytest.raises(BusUnreachable, match="nobody there"):
        await asyncio.wait_for(running, 1)


async def test_patience_begins_anew_after_an_answer() -> None:
    clock = ManualClock(1_000_000)
    patience, error = Patience(clock, limit_ms=10), BusUnreachable("nobody there")
    for _ in range(3):
        bearing = asyncio.create_task(patience.bear(error))
        await asyncio.sleep(0)
        clock.move_to(clock.now_ms() + 50)
        await bearing
        patience.relieved()
    bearing = asyncio.create_task(patience.bear(error))
    await asyncio.sleep(0)
    clock.move_to(clock.now_ms() + 50)
    await bearing
    with pytest.raises(BusUnreachable):
        await patience.bear(error)


async def test_patience_ends_in_time_although_the_clock_was_set_back() -> None:
    clock = ManualClock(1_000_000)
    patience, error = Patience(clock), BusUnreachable("nobody there")
    for now_ms in (1_000_000, 500_000):
        clock.move_to(now_ms)
        bearing = asyncio.create_task(patience.bear(error))
        await asyncio.sleep(0)
        clock.move_to(now_ms + 1_000)
        await bearing
    clock.move_to(530_000)
    with pytest.raises(BusUnreachable):
        await patience.bear(error)


async def test_a_store_that_came_back_older_than_what_was_committed_ends_the_loop() -> None:
    bus = MemoryBus()
    consumer = trader_on(bus, settings=LoopSettings(account="a"), clock=SystemClock())
    await consumer.start()
    older = bus.copy()
    await tell(bus, second(1))
    await consumer.poll_once()
    await consumer.start()
    bus._store = older._store
    bus._readings.clear()
    with pytest.raises(
        StoreError, match="1 commits of trader were made and the stream server has 0"
    ):
        await consumer.start()
