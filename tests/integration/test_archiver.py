"""The archiver: nothing goes too early, nothing is lost, and whoever is in the way is named."""

import msgspec
import pytest

from quantum_trader.adapters.archive.memory import MemoryArchive
from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import ManualClock
from quantum_trader.core.errors import StoreError
from quantum_trader.core.events import Blocked, TrimmingBlocked
from quantum_trader.ports import Archive, Bus, Output
from quantum_trader.services.archiver import NO_ARCHIVE, Archiver, ArchiverSettings
from quantum_trader.services.history import History, set_aside_of_others
from quantum_trader.services.recovery import rebuild_from_log, restore
from quantum_trader.streams import (
    ARCHIVER,
    KEPT,
    LIVE,
    MARKET_TICK,
    OPERATOR_STREAM,
    PAPER,
    PREFIX,
    TRADER,
    Stream,
    inbox_of,
    read_by,
)
from tests.loops import (
    Diary,
    diary_fold,
    drain_all,
    second,
    tell,
    tick,
    told,
    trader_on,
)

NOW_MS = 1_000_000_000
HOUR_MS = 3_600_000
SETTINGS = ArchiverSettings(account="a", segment_entries=10, newest_kept=5)


def small(keep_entries: int = 20, entries_max: int = 1_000) -> list[Stream]:
    """The table with little room."""
    return [
        msgspec.structs.replace(row, keep_entries=keep_entries, entries_max=entries_max)
        for row in KEPT
    ]


class House:
    """A trader that keeps a diary, on a bus with an archiver."""

    def __init__(self, table: list[Stream] | None = None, snapshot_every: int = 25) -> None:
        self.clock = ManualClock(NOW_MS)
        self.bus = MemoryBus(now_ms=self.clock.now_ms)
        self.archive = MemoryArchive()
        self.fold = diary_fold(snapshot_every)
        self.trader = trader_on(self.bus, self.fold, self.clock)
        self.table = table or small()
        self.archiver = self.new_archiver(self.archive)
        self.told = 0

    def new_archiver(self, archive: Archive | None) -> Archiver:
        return Archiver(self.bus, archive, self.clock, SETTINGS, self.table)

    async def live(self, ticks: int, *, listening: bool = True) -> None:
        """Let prices come, one at a time, and the archiver look now and then."""
        for _ in range(ticks):
            self.told += 1
            await tell(self.bus, tick(self.told, f"S{self.told % 3}"))
            if listening:
                await drain_all(self.trader)
            if self.told % 7 == 0:
                await self.look()

    async def look(self) -> None:
        self.clock.move_to(self.clock.now_ms() + SETTINGS.round_ms)
        await self.archiver.look()

    async def length(self, stream: str = MARKET_TICK) -> int:
        info = await self.bus.info(stream)
        assert info is not None
        return info.length

    async def archived(self, stream: str = MARKET_TICK) -> int:
        return sum(one.count for one in await self.archive.segments(stream))

    async def blocked(self) -> list[tuple[Blocked, ...]]:
        facts = await told(self.bus, OPERATOR_STREAM)
        return [one.blocked for one in facts if isinstance(one, TrimmingBlocked)]

    async def status(self) -> dict[str, bytes]:
        return await self.bus.heartbeat(ARCHIVER)


@pytest.fixture
async def house() -> House:
    """Return a house whose trader has started."""
    made = House()
    await made.trader.start()
    return made


async def test_what_everybody_has_passed_is_archived_and_then_trimmed(house: House) -> None:
    await house.live(300)
    assert await house.archived() >= 280
    assert 20 <= await house.length() <= 60
    assert await house.length(inbox_of(TRADER)) <= 60
    assert not await house.blocked()
    status = await house.status()
    assert int(status["archived"]) >= 500
    assert int(status["trimmed"]) >= 400
    assert (status["problems"], status["blocked"]) == (b"[]", b"[]")


async def test_archive_and_stream_together_are_everything_that_was_ever_said(house: House) -> None:
    await house.live(300)
    history = History(house.bus, house.archive)
    found = await history.span(MARKET_TICK, "-", "+", 10_000)
    ids = [msgspec.json.decode((one.fields or {})[b"payload"])["id"] for one in found]
    assert ids == [f"t{n}" for n in range(1, 301)]
    part = await history.span(MARKET_TICK, f"({found[3].id}", found[250].id, 100)
    assert part == found[4:104]
    edge = await house.archived() - 2
    assert await history.span(MARKET_TICK, found[edge].id, "+", 5) == found[edge : edge + 5]
    assert await history.span(MARKET_TICK, found[-1].id, "+", 5) == found[-1:]


async def test_a_trimmed_run_recovers_without_its_archive_and_is_rebuilt_with_it(
    house: House,
) -> None:
    await house.live(300)
    restored = await restore(house.bus, TRADER, diary_fold())
    assert restored.state == house.fold.state
    with pytest.raises(StoreError, match="archive"):
        await rebuild_from_log(house.bus, TRADER, diary_fold())
    history = History(house.bus, house.archive)
    rebuilt = await rebuild_from_log(history, TRADER, diary_fold())
    assert rebuilt.state == house.fold.state
    assert rebuilt.standing == restored.standing
    assert rebuilt.replayed == 300


async def test_recovery_works_after_every_round(house: House) -> None:
    for _ in range(40):
        await house.live(7)
        restored = await restore(house.bus, TRADER, diary_fold())
        assert restored.state == house.fold.state
    assert await house.length() < 280


async def test_without_a_snapshot_everything_is_still_needed() -> None:
    house = House(snapshot_every=10_000)
    await house.trader.start()
    await house.live(200)
    assert await house.archived() >= 180
    assert await house.length() == 200
    assert await house.length(inbox_of(TRADER)) == 200


async def test_what_only_just_came_waits_for_the_next_round(house: House) -> None:
    await tell(house.bus, *(tick(n) for n in range(30)))
    await house.look()
    assert await house.archived() == 0
    await house.look()
    assert await house.archived() == 30


async def test_a_few_entries_are_archived_after_an_hour(house: House) -> None:
    await tell(house.bus, tick(1), tick(2))
    for _ in range(5):
        await house.look()
    assert await house.archived() == 0
    house.clock.move_to(house.clock.now_ms() + HOUR_MS)
    await house.look()
    assert await house.archived() == 2


async def test_what_is_archived_and_a_day_old_goes_except_the_newest() -> None:
    house = House(small(keep_entries=1_000))
    await house.trader.start()
    await house.live(112)
    assert await house.length() == 112
    house.clock.move_to(NOW_MS + 25 * HOUR_MS)
    await house.look()
    assert 5 <= await house.length() <= 30


async def test_the_slowest_group_keeps_what_it_needs_and_is_named_and_entries_wait() -> None:
    house = House(small(entries_max=100))
    await house.trader.start()
    await house.bus.open_group(PAPER, MARKET_TICK, "0")
    await house.live(210)
    assert await house.length() == 210, "nothing is lost to a slow group"
    name = MARKET_TICK.removeprefix(PREFIX)
    ((first,),) = await house.blocked()
    assert (first.stream, first.by, first.entries_max) == (name, "the group paper", 100)
    assert first.entries > 100
    assert msgspec.json.decode((await house.status())["blocked"])[0]["by"] == "the group paper"
    again = house.new_archiver(house.archive)
    await again.look()
    assert len(await house.blocked()) == 1, "a new archiver does not repeat the old one"
    await pass_all(house.bus, PAPER)
    await house.look()
    assert await house.length() < 100
    assert (await house.blocked())[-1] == ()


async def pass_all(bus: Bus, service: str) -> None:
    """Have a group finish what it has before it."""
    info = await bus.info(MARKET_TICK)
    assert info is not None
    seen = await bus.backlog(service, MARKET_TICK, info.last_id)
    audit = Output("elsewhere", "*", {b"a": b"b"})
    assert await bus.skip(service, MARKET_TICK, info.last_id, seen, audit)


async def test_an_entry_that_is_taken_and_not_finished_is_kept(house: House) -> None:
    await house.bus.open_group(PAPER, MARKET_TICK, "0")
    await house.bus.read(PAPER, [MARKET_TICK], count=3, block_ms=0)
    await house.live(10)
    taken = await house.bus.read(PAPER, [MARKET_TICK], count=3, block_ms=0)
    await house.live(100)
    pending = await house.bus.pending(PAPER, MARKET_TICK, count=9)
    assert [one.id for one in pending] == [one.id for one in taken]
    assert all(one.fields for one in pending)


async def test_a_full_disk_loses_nothing_trims_nothing_and_is_said(house: House) -> None:
    await house.live(100)
    length = await house.length()
    house.archive.full = True
    await house.live(100)
    assert await house.length() >= length + 80
    assert b"No space left" in (await house.status())["problems"]
    house.archive.full = False
    await house.live(50)
    assert (await house.status())["problems"] == b"[]"
    assert await house.length() < 100
    history = History(house.bus, house.archive)
    assert len(await history.span(MARKET_TICK, "-", "+", 10_000)) == 250


async def test_a_disk_that_stays_full_ends_in_refused_entries() -> None:
    house = House(small(entries_max=50))
    await house.trader.start()
    house.archive.full = True
    await house.live(140)
    blocked = (await house.blocked())[-1]
    assert blocked[0].by.startswith("the archive (the archive cannot be written")


async def test_without_an_archive_nothing_is_trimmed_and_it_says_so() -> None:
    house = House(small(entries_max=50))
    await house.trader.start()
    house.archiver = house.new_archiver(None)
    await house.live(140)
    assert await house.length() == 140
    assert msgspec.json.decode((await house.status())["problems"]) == [NO_ARCHIVE]
    assert NO_ARCHIVE in (await house.blocked())[-1][0].by


async def test_streams_that_are_older_than_their_archive_are_left_alone(house: House) -> None:
    await house.live(100)
    older = House()
    older.archive = house.archive
    older.archiver = older.new_archiver(house.archive)
    await older.trader.start()
    await older.live(70)
    assert b"older copy" in (await older.status())["problems"]
    assert await older.length() == 70


async def test_an_archive_of_streams_that_are_gone_is_set_aside_before_anything_is_read(
    house: House,
) -> None:
    await house.live(100)
    await set_aside_of_others(house.bus, house.archive)
    assert await house.archive.segments(MARKET_TICK), "these streams go on behind it"
    await set_aside_of_others(MemoryBus(), house.archive)
    assert await house.archive.streams() == []


async def test_a_new_archiver_goes_on_where_the_old_one_ended(house: House) -> None:
    for _ in range(20):
        await house.live(15)
        house.archiver = house.new_archiver(house.archive)
    await house.live(20)
    history = History(house.bus, house.archive)
    assert len(await history.span(MARKET_TICK, "-", "+", 10_000)) == 320
    assert await house.length() < 100
    numbers = [one.number for one in await house.archive.segments(MARKET_TICK)]
    assert numbers == list(range(1, len(numbers) + 1))


async def test_more_than_a_segment_is_caught_up_at_once(house: House) -> None:
    await house.live(95, listening=False)
    await drain_all(house.trader)
    await house.look()
    assert await house.archived() >= 80


async def test_every_stream_of_the_table_and_every_inbox_is_watched() -> None:
    house = House()
    for row in LIVE:
        await house.bus.append(row.key, [{b"a": b"b"}] * 30, writer="w")
    for _ in range(3):
        await house.look()
    for row in LIVE:
        assert await house.archived(row.key) == 30, row.name
    assert set(read_by(TRADER)) <= set(await house.archive.streams())


async def test_a_state_that_was_restored_from_both_goes_on(house: House) -> None:
    await house.live(150)
    fold = diary_fold()
    fold.history = lambda bus: History(bus, house.archive)
    successor = trader_on(house.bus, fold, house.clock)
    await successor.start()
    await tell(house.bus, tick(151), second(1))
    await drain_all(successor)
    assert isinstance(fold.state, Diary)
    assert len(fold.state.seen) == 152
