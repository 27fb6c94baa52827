"""What the doctor says of those who keep house: silent, behind, in the way, or late."""

from typing import Any

import msgspec
import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import ManualClock
from quantum_trader.app.finding import Finding
from quantum_trader.app.health import Seen, look
from quantum_trader.app.upkeep import ARCHIVE_WAIT_MAX_MS, upkeep_findings
from quantum_trader.core.events import Blocked, CanarySung
from quantum_trader.core.stream_info import GroupInfo, StreamInfo
from quantum_trader.services.archiver import NO_ARCHIVE, Archiver, ArchiverSettings
from quantum_trader.services.canary import BOUND_MS, Canary, Late
from quantum_trader.services.janitor import Janitor
from quantum_trader.services.wire import write
from quantum_trader.streams import (
    ARCHIVER,
    CANARY,
    JANITOR,
    KEEPERS,
    MARKET_TICK,
    PREFIX,
    STREAMS,
    groups,
)
from quantum_trader.streams.row import ENTRIES_MAX
from tests.support import ACCOUNT, NOON_MS

MINUTE_MS = 60_000


async def seen(**told: dict[str, Any]) -> Seen:
    """All three go round; what each of them says beside that it does."""
    bus = MemoryBus()
    for keeper in KEEPERS:
        said = told.get(keeper, {})
        beat = {name: msgspec.json.encode(value) for name, value in said.items()}
        await bus.beat(keeper, {"at": str(NOON_MS).encode(), **beat})
    return await look(bus)


def found(what: Seen, now_ms: int = NOON_MS) -> list[Finding]:
    return list(upkeep_findings(what, now_ms))


def one_of(what: Seen, now_ms: int = NOON_MS) -> Finding:
    (finding,) = found(what, now_ms)
    return finding


async def test_while_they_go_round_and_find_nothing_nothing_is_said() -> None:
    assert found(await seen()) == []


async def test_whoever_never_went_round_or_stopped_is_named() -> None:
    nobody = await look(MemoryBus())
    assert [(one.name, one.where) for one in found(nobody)] == [
        ("keeper.silent", keeper) for keeper in KEEPERS
    ]
    later = found(await seen(), NOON_MS + 3 * MINUTE_MS - 1)
    assert [one.where for one in later] == [ARCHIVER, CANARY], "the janitor goes round more seldom"
    assert "silent for" in later[0].what
    assert {one.level for one in later} == {"yellow"}


async def test_a_canary_that_is_late_is_red_and_names_the_edge() -> None:
    late = Late("order.command", "gateway", NOON_MS - MINUTE_MS)
    what = one_of(await seen(canary={"late": [late]}))
    assert (what.name, what.level) == ("canary.late", "red")
    assert what.where == "order.command gateway"
    assert "1 min 00 s" in what.what


async def test_an_archive_that_is_missing_can_wait_and_one_that_fails_cannot() -> None:
    archiver = {"problems": ["disk full", NO_ARCHIVE]}
    names = {one.name: one.level for one in found(await seen(archiver=archiver))}
    assert names == {"archive.failing": "red", "archive.off": "yellow"}


async def test_an_archive_that_is_behind_is_told_after_two_hours() -> None:
    assert found(await seen(archiver={"waited_ms": ARCHIVE_WAIT_MAX_MS})) == []
    what = one_of(await seen(archiver={"waited_ms": ARCHIVE_WAIT_MAX_MS + 1}))
    assert (what.name, what.level) == ("archive.behind", "yellow")


@pytest.mark.parametrize(
    ("by", "remedy"),
    [
        ("the group spy", "`quantum drain backlog market.tick --group spy --to ID`"),
        ("the group trader", "See in the log what trader does"),
        ("the archive (disk full)", "See what is said of the archive"),
        ("the next start of trader", "See what is said of the archive"),
    ],
)
async def test_who_keeps_a_stream_from_being_trimmed_is_named_with_a_way_out(
    by: str, remedy: str
) -> None:
    blocked = Blocked("market.tick", by, 1_000_001, 1_000_000)
    what = one_of(await seen(archiver={"blocked": [blocked]}))
    assert (what.name, what.level, what.where) == ("trimming.blocked", "red", "market.tick")
    assert by in what.what
    assert remedy in what.remedy


async def test_a_stream_on_its_way_to_the_limit_is_told_before_entries_are_refused() -> None:
    quiet = await seen()
    slow = GroupInfo("spy", 0, None, None, (), "5-0", 9)
    fast = GroupInfo("trader", 0, None, None, (), "9-0", 0)

    def holding(length: int, *groups: GroupInfo) -> Seen:
        info = StreamInfo(MARKET_TICK, length, length, "9-0", groups)
        return msgspec.structs.replace(quiet, held={MARKET_TICK: info})

    half = ENTRIES_MAX // 2
    assert found(holding(half, fast, slow)) == []
    what = one_of(holding(half + 1, fast, slow))
    assert (what.name, what.level, what.where) == ("stream.growing", "yellow", "market.tick")
    assert "the group spy is farthest behind" in what.what
    assert "the archive is farthest behind" in one_of(holding(half + 1)).what
    told = Blocked("market.tick", "the group spy", half + 1, half)
    status = (await seen(archiver={"blocked": [told]})).heartbeats
    both = msgspec.structs.replace(holding(half + 1, slow), heartbeats=status)
    assert [one.name for one in found(both)] == ["trimming.blocked"], "once is enough"


async def test_the_janitor_says_nothing_else() -> None:
    assert found(await seen(janitor={"claimed": 3, "dropped": 1})) == []
    assert JANITOR in KEEPERS


async def test_what_the_keepers_really_say_is_understood() -> None:
    clock = ManualClock(NOON_MS)
    bus = MemoryBus(consumer="one", now_ms=clock.now_ms)
    for service, key in groups():
        await bus.open_group(service, key, "0")
    row = msgspec.structs.replace(STREAMS["market.tick"], entries_max=1)
    archiver = Archiver(bus, None, clock, ArchiverSettings(account=ACCOUNT), [row])

    async def say(stream: str, fact: CanarySung) -> None:
        await bus.append(stream, [write(fact)], writer="somebody")

    canary = Canary(bus, clock, clock, ACCOUNT, say)
    for _ in range(2):
        await canary.look()
        clock.move_to(clock.now_ms() + BOUND_MS)
    await bus.append(MARKET_TICK, [{b"a": b"b"}], writer="feed")
    await archiver.look()
    await Janitor(bus, clock).look()
    told = found(await look(bus), clock.now_ms())
    late = {one.where for one in told if one.name == "canary.late"}
    assert late == {f"{key.removeprefix(PREFIX)} {service}" for service, key in groups()}
    assert [one.name for one in told if one.name != "canary.late"] == [
        *("archive.off", "trimming.blocked"),
    ]
