"""The consumer loop: what it promises about every message, on a bus in memory."""

import asyncio
from base64 import b64decode
from collections.abc import Mapping
from contextlib import suppress

import msgspec
import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import ManualClock
from quantum_trader.core.errors import BrokenInvariant, BusUnreachable, Fenced, StoreError
from quantum_trader.core.events import DeadLettered, Fact
from quantum_trader.services import wire
from quantum_trader.services.batch import Handled
from quantum_trader.services.fold import Fold
from quantum_trader.services.inbox import Taken
from quantum_trader.services.loop_settings import LoopSettings
from quantum_trader.services.recovery import restore
from quantum_trader.services.snapshots import snapshots_of
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
    Diary,
    diary_fold,
    drain,
    drain_all,
    ended,
    heartbeat_of,
    records_of,
    second,
    start_until_it_lives,
    tell,
    tick,
    told,
    trader_on,
)


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
    await tell(bus, tick(3))
    consumer = trader_on(bus, fold)
    await consumer.start()
    await drain_all(consumer)
    assert fold.state.seen == ["t1", "t2", "t3"]


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
    clock.move_to(clock.now_ms() + 1_000)
    assert await drain_all(consumer) == 1
    assert fold.state.seen == ["t1"]
    await tell(bus, tick(2))
    await bus.read(TRADER, [MARKET_TICK], count=9, block_ms=0)
    clock.move_to(clock.now_ms() - 900_000)
    assert await drain_all(consumer) == 1, "although the clock was set back"
    assert fold.state.seen == ["t1", "t2"]


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
    fold, deaths = await start_until_it_lives(bus)
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
    with pytest.raises(BrokenInvariant, match="cannot be"):
        await consumer.poll_once()


async def test_a_loop_that_was_never_started_says_so() -> None:
    bus = MemoryBus()
    await trader_on(bus).start()
    await tell(bus, tick(1))
    with pytest.raises(BrokenInvariant, match="never started"):
        await drain_all(trader_on(bus))


async def test_whoever_finds_a_loop_failed_is_told_why_and_no_other_failure() -> None:
    bus = MemoryBus()
    consumer = trader_on(bus)
    await consumer.start()

    async def news() -> Handled:
        raise StoreError("the disk is full")

    with pytest.raises(StoreError, match="the disk is full"):
        await consumer.publish(news)
    await tell(bus, tick(1))
    with pytest.raises(StoreError, match="the disk is full"):
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
    with pytest.raises(Fenced):
        await old.poll_once()


async def test_when_one_delivery_is_all_a_whole_batch_is_not_blamed_for_one() -> None:
    bus = MemoryBus()
    settings = LoopSettings(account="a", deliveries_max=1)
    await tell(bus, tick(1), tick(2, POISON), tick(3))
    for _ in range(3):
        consumer = trader_on(bus, settings=settings)
        await consumer.start()
        with suppress(BrokenInvariant):
            await drain_all(consumer)
    assert (await restore(bus, TRADER, diary_fold())).state.seen == ["t1", "t3"]
    assert len(await letters_on(bus, dead_letters_of(TRADER, MARKET_TICK))) == 1


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


async def test_batches_about_which_nothing_is_said_wait_for_each_other() -> None:
    clock, bus = ManualClock(1_000_000), MemoryBus()
    mute = Fold(lambda state, fact: (), Diary, snapshots_of(Diary), wire.Reader("a"))
    consumer = trader_on(bus, mute, clock, LoopSettings(account="a", silent_max=2))
    await consumer.start()
    for n, commits in ((1, 0), (2, 0), (3, 1), (4, 1)):
        await tell(bus, second(n))
        await consumer.poll_once()
        assert len(await records_of(bus)) == commits
    assert await consumer.poll_once() == 0
    assert [[run.count for run in one.took] for one in await records_of(bus)] == [[3], [1]]
    clock.move_to(1_001_000)
    await consumer.poll_once()
    beat = await heartbeat_of(bus)
    assert (beat["processed"], beat["seq"]) == (b"4", b"2")


async def test_what_cannot_be_read_does_not_wait() -> None:
    bus = MemoryBus()
    consumer = trader_on(bus, settings=LoopSettings(account="a", silent_max=9))
    await consumer.start()
    await bus.append(CLOCK_STREAM, [{b"payload": b"?"}], writer="test")
    await consumer.poll_once()
    assert len(await letters_on(bus, dead_letters_of(TRADER, CLOCK_STREAM))) == 1


async def test_a_clock_that_was_set_back_does_not_silence_the_heartbeat() -> None:
    clock, bus = ManualClock(1_000_000), MemoryBus()
    consumer = trader_on(bus, clock=clock)
    await consumer.start()
    await consumer.poll_once()
    clock.move_to(500_000)
    await consumer.poll_once()
    assert (await heartbeat_of(bus))["at"] == b"500000"


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
