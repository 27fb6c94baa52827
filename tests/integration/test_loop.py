"""The consumer loop: what it promises about every message, on a bus in memory."""

import asyncio
from base64 import b64decode
from collections.abc import Mapping

import msgspec
import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import ManualClock, SystemClock
from quantum_trader.core.errors import BrokenInvariant, BusUnreachable, Fenced, StoreError
from quantum_trader.core.events import DeadLettered, Fact
from quantum_trader.ports import Commit, CommitOutcome, Entry
from quantum_trader.services import inbox, wire
from quantum_trader.services.batch import Handled
from quantum_trader.services.inbox import Taken
from quantum_trader.services.loop import LoopSettings
from quantum_trader.services.recovery import rebuild_from_log, restore
from quantum_trader.streams import (
    APPLY_PLAN,
    CLOCK_STREAM,
    MARKET_TICK,
    TRADE_INTENT,
    TRADE_INTENT_DLQ,
    TRADER,
    dead_letters_of,
)
from tests.loops import (
    POISON,
    diary_fold,
    drain,
    drain_all,
    ended,
    heartbeat_of,
    second,
    tell,
    tick,
    told,
    trader_on,
)


async def records_of(bus: MemoryBus) -> list[inbox.InboxRecord]:
    """Every commit of the trader."""
    return [inbox.decode(record) for _, record in await bus.inbox(TRADER, "0-0", 1_000)]


async def letters_on(bus: MemoryBus, stream: str) -> list[DeadLettered]:
    """The dead letters of a stream of them."""
    letters = await told(bus, stream)
    return [letter for letter in letters if isinstance(letter, DeadLettered)]


async def test_streams_are_read_in_the_order_of_the_table() -> None:
    bus, fold = MemoryBus(), diary_fold()
    await tell(bus, tick(1), second(1), drain(1))
    consumer = trader_on(bus, fold)
    await consumer.start()
    assert await consumer.poll_once() == 3
    assert fold.state.seen == ["d1", "s1", "t1"]


async def test_what_was_handed_out_and_not_finished_comes_before_anything_new() -> None:
    bus, fold = MemoryBus(), diary_fold()
    first = trader_on(bus)
    await first.start()
    await tell(bus, tick(1), tick(2))
    await bus.read(TRADER, [MARKET_TICK], count=9, block_ms=0)
    await tell(bus, drain(1))
    consumer = trader_on(bus, fold)
    await consumer.start()
    await drain_all(consumer)
    assert fold.state.seen == ["t1", "t2", "d1"]


async def test_entries_that_another_consumer_left_alone_are_taken_over_in_time() -> None:
    clock = ManualClock(1_000_000)
    bus, fold = MemoryBus(consumer="a", now_ms=clock.now_ms), diary_fold()
    consumer = trader_on(bus, fold, clock)
    await consumer.start()
    await tell(bus, tick(1), tick(2))
    await bus.beside("b").read(TRADER, [MARKET_TICK], count=9, block_ms=0)
    assert await drain_all(consumer) == 0
    clock.move_to(clock.now_ms() + 59_999)
    assert await drain_all(consumer) == 0
    clock.move_to(clock.now_ms() + 30_000)
    assert await drain_all(consumer) == 2
    assert fold.state.seen == ["t1", "t2"]


async def test_what_a_fenced_instance_read_under_our_name_is_found_without_a_restart() -> None:
    clock = ManualClock(1_000_000)
    bus, fold = MemoryBus(now_ms=clock.now_ms), diary_fold()
    consumer = trader_on(bus, fold, clock)
    await consumer.start()
    await drain_all(consumer)
    await tell(bus, tick(1))
    await bus.read(TRADER, [MARKET_TICK], count=9, block_ms=0)
    clock.move_to(clock.now_ms() + 30_000)
    assert await drain_all(consumer) == 1
    assert fold.state.seen == ["t1"]


async def test_one_commit_makes_everything_of_a_batch_visible() -> None:
    bus = MemoryBus()
    consumer = trader_on(bus, diary_fold(snapshot_every=3))
    await consumer.start()
    await tell(bus, second(1), second(2), tick(1))
    await consumer.poll_once()
    (record,) = await records_of(bus)
    plans = await bus.span(APPLY_PLAN, "-", "+", 9)
    assert [plan.id for plan in plans] == [f"1-{n}" for n in range(1, len(plans) + 1)]
    clock_ids = [entry.id for entry in await bus.span(CLOCK_STREAM, "-", "+", 9)]
    tick_ids = [entry.id for entry in await bus.span(MARKET_TICK, "-", "+", 9)]
    assert (record.n, record.out) == (1, len(plans))
    assert record.took == [
        Taken(CLOCK_STREAM, clock_ids[0], clock_ids[1], 2),
        Taken(MARKET_TICK, tick_ids[0], tick_ids[0], 1),
    ]
    saved = await bus.saved(TRADER)
    assert saved.snapshot is not None
    assert (saved.snapshot_at, saved.last) == ("1-1", "1-1")


async def test_counters_go_on_after_a_restart_under_a_new_epoch() -> None:
    bus = MemoryBus()
    for round_ in range(3):
        consumer = trader_on(bus)
        await consumer.start()
        await tell(bus, *[second(10 * round_ + n) for n in range(10)])
        await drain_all(consumer)
    ids = [entry.id.split("-") for entry in await bus.span(APPLY_PLAN, "-", "+", 99)]
    assert [int(number) for _, number in ids] == list(range(1, len(ids) + 1))
    assert {epoch for epoch, _ in ids} == {"1", "2", "3"}
    assert [record.n for record in await records_of(bus)] == [1, 2, 3]


async def test_an_undecodable_message_becomes_a_dead_letter_with_its_original_bytes() -> None:
    bus, fold = MemoryBus(), diary_fold()
    consumer = trader_on(bus, fold)
    await consumer.start()
    broken: Mapping[bytes, bytes] = {b"payload": b"\xff{", b"n\xe9": b"\x00\x01"}
    await bus.append(MARKET_TICK, [wire.write(tick(1)), broken, wire.write(tick(2))], writer="x")
    assert await consumer.poll_once() == 3
    (letter,) = await letters_on(bus, dead_letters_of(TRADER, MARKET_TICK))
    kept = {name.encode("latin-1"): b64decode(text) for name, text in letter.original.items()}
    assert kept == broken
    assert letter.reason
    assert fold.state.seen == ["t1", "t2"]
    (record,) = await records_of(bus)
    assert record.dead == [(MARKET_TICK, letter.entry_id)]
    assert (await restore(bus, TRADER, diary_fold())).state == fold.state


@pytest.mark.parametrize(
    "fields",
    [
        {b"payload": wire.write(ended("x", "wrong stream"))[b"payload"]},
        {b"data": b"1"},
        {b"payload": b'{"type":"no.such.thing"}'},
        {b"payload": b'{"type":"tick","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"},
    ],
    ids=["wrong stream", "no payload", "unknown tag", "nested without end"],
)
async def test_nothing_unreadable_reaches_the_handler(fields: Mapping[bytes, bytes]) -> None:
    bus, fold = MemoryBus(), diary_fold()
    consumer = trader_on(bus, fold)
    await consumer.start()
    await bus.append(MARKET_TICK, [fields], writer="x")
    await drain_all(consumer)
    assert fold.state.seen == []
    assert len(await letters_on(bus, dead_letters_of(TRADER, MARKET_TICK))) == 1


async def test_an_unreadable_intent_goes_to_the_dead_letters_of_intents() -> None:
    bus = MemoryBus()
    consumer = trader_on(bus)
    await consumer.start()
    await bus.append(TRADE_INTENT, [{b"symbol": b"BTCUSDT", b"side": b"SIDEWAYS"}], writer="x")
    await drain_all(consumer)
    (letter,) = await letters_on(bus, TRADE_INTENT_DLQ)
    assert letter.reason.startswith("Malformed: ")


async def test_a_message_whose_data_was_deleted_is_counted_and_survives_recovery() -> None:
    bus, fold = MemoryBus(), diary_fold()
    consumer = trader_on(bus, fold)
    await consumer.start()
    await tell(bus, tick(1), tick(2), tick(3))
    entries = await bus.read(TRADER, [MARKET_TICK], count=9, block_ms=0)
    bus.lose(MARKET_TICK, entries[1].id)
    consumer = trader_on(bus, fold)
    await consumer.start()
    await drain_all(consumer)
    (letter,) = await letters_on(bus, dead_letters_of(TRADER, MARKET_TICK))
    assert letter.entry_id == entries[1].id
    assert fold.state.seen == ["t1", "t3"]
    assert (await restore(bus, TRADER, diary_fold())).state == fold.state


async def test_poison_is_given_up_after_five_deliveries_and_its_neighbours_are_not() -> None:
    bus = MemoryBus()
    await tell(bus, tick(1), tick(2, POISON), tick(3), tick(4))
    deaths = 0
    while True:
        fold = diary_fold()
        consumer = trader_on(bus, fold)
        await consumer.start()
        try:
            await drain_all(consumer)
            break
        except BrokenInvariant:
            deaths += 1
    assert deaths == 5
    (letter,) = await letters_on(bus, dead_letters_of(TRADER, MARKET_TICK))
    assert letter.deliveries == 5
    assert "cannot be" in letter.reason
    assert fold.state.seen == ["t1", "t3", "t4"]
    skipped = [place for record in await records_of(bus) for place in record.skipped]
    assert skipped == [(MARKET_TICK, letter.entry_id)]
    assert (await restore(bus, TRADER, diary_fold())).state == fold.state


async def test_a_loop_that_failed_does_nothing_more_until_it_is_restored() -> None:
    bus = MemoryBus()
    consumer = trader_on(bus)
    await consumer.start()
    await tell(bus, tick(2, POISON), tick(3))
    with pytest.raises(BrokenInvariant, match="cannot be"):
        await consumer.poll_once()
    await tell(bus, tick(4))
    with pytest.raises(BrokenInvariant, match="failed"):
        await consumer.poll_once()


async def test_a_stale_instance_is_fenced_and_changes_nothing() -> None:
    bus = MemoryBus()
    old, new = trader_on(bus), trader_on(bus.beside("b"))
    await old.start()
    await new.start()
    await tell(bus, tick(1))
    with pytest.raises(Fenced):
        await drain_all(old)
    assert await records_of(bus) == []
    await tell(bus, tick(2))
    with pytest.raises(BrokenInvariant, match="failed"):
        await old.poll_once()


@pytest.mark.parametrize("snapshot_every", [1, 7, 64, 10_000])
async def test_a_snapshot_and_the_tail_make_the_same_state_as_the_whole_log(
    snapshot_every: int,
) -> None:
    bus, fold = MemoryBus(), diary_fold(snapshot_every)
    consumer = trader_on(bus, fold)
    await consumer.start()
    for n in range(100):
        await tell(bus, second(n), tick(n, f"S{n * 7 % 10}"))
        await consumer.poll_once()
    restored = await restore(bus, TRADER, diary_fold())
    rebuilt = await rebuild_from_log(bus, TRADER, diary_fold())
    assert restored.state == rebuilt.state == fold.state
    # Mappings are walked in the same order too, not only equal.
    assert list(restored.state.by_symbol) == list(fold.state.by_symbol)
    assert restored.standing == rebuilt.standing
    assert rebuilt.replayed == 200
    assert restored.replayed < 200 or snapshot_every > 200


async def test_recovery_refuses_a_log_with_a_hole_and_says_what_to_do() -> None:
    bus = MemoryBus()
    consumer = trader_on(bus)
    await consumer.start()
    await tell(bus, tick(1), tick(2), tick(3))
    await drain_all(consumer)
    middle = (await bus.span(MARKET_TICK, "-", "+", 9))[1].id
    bus.lose(MARKET_TICK, middle)
    with pytest.raises(StoreError, match="archive"):
        await restore(bus, TRADER, diary_fold())


class CountingBus(MemoryBus):
    """Counts the questions a recovery asks."""

    questions = 0

    async def span(self, stream: str, first: str, last: str, count: int) -> list[Entry]:
        self.questions += 1
        return await super().span(stream, first, last, count)


async def test_recovery_does_not_ask_for_every_entry() -> None:
    bus = CountingBus()
    consumer = trader_on(bus)
    await consumer.start()
    for n in range(1_500):
        await tell(bus, second(n), tick(n))
        await consumer.poll_once()
    bus.questions = 0
    await rebuild_from_log(bus, TRADER, diary_fold())
    assert bus.questions < 20


class BlinkingBus(MemoryBus):
    """Loses every third answer to a commit after its effect."""

    commits = 0

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


async def test_the_heartbeat_comes_from_progress_and_from_nothing_else() -> None:
    clock, bus = ManualClock(1_000_000), MemoryBus()
    consumer = trader_on(bus, clock=clock)
    await consumer.start()
    assert await heartbeat_of(bus) == {}
    await consumer.poll_once()
    assert (await heartbeat_of(bus))["at"] == b"1000000"
    await tell(bus, second(1))
    await consumer.poll_once()
    assert (await heartbeat_of(bus))["processed"] == b"0"
    clock.move_to(1_001_000)
    await asyncio.sleep(0)
    assert (await heartbeat_of(bus))["at"] == b"1000000"
    await consumer.poll_once()
    beat = await heartbeat_of(bus)
    assert (beat["at"], beat["processed"], beat["seq"]) == (b"1001000", b"1", b"1")
    assert msgspec.json.decode(beat["last"]) == {
        CLOCK_STREAM: (await bus.last(CLOCK_STREAM, 1))[0].id
    }


async def test_what_a_service_says_of_its_own_is_committed_in_order_with_its_answers() -> None:
    bus = MemoryBus()
    consumer = trader_on(bus)

    async def news() -> Handled:
        facts: list[tuple[str, Fact]] = [(APPLY_PLAN, ended("news", "of our own"))]
        return Handled(facts)

    with pytest.raises(BusUnreachable, match="not started"):
        await consumer.publish(news)
    await consumer.start()
    await tell(bus, *[second(n) for n in range(9)])
    await drain_all(consumer)
    before = len(await told(bus))
    assert await consumer.publish(news) == 1
    assert (await told(bus))[before:] == [ended("news", "of our own")]
    last = (await bus.last(APPLY_PLAN, 1))[0]
    assert last.id == f"1-{before + 1}"
    again = trader_on(bus)
    await again.start()
    assert await again.publish(news) == 1
    assert (await bus.last(APPLY_PLAN, 1))[0].id == f"2-{before + 2}"
