"""The latch: a file that holds a kill level, and the service that sees to it."""

import asyncio
import errno
import os
from pathlib import Path

import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import ManualClock
from quantum_trader.adapters.latch import BY_HAND, FILE, FileLatch
from quantum_trader.core.errors import BusUnreachable, StoreError
from quantum_trader.core.events import Fact, KillLevelSet
from quantum_trader.core.events.ops import KillLevel
from quantum_trader.core.kill_level import LEVELS, includes
from quantum_trader.core.out import Stamp
from quantum_trader.ports import Entry, Latched
from quantum_trader.services import wire
from quantum_trader.services.latch import LatchKeeper
from quantum_trader.streams import OPERATOR_STREAM
from tests.loops import told
from tests.support import NOON_MS, kill


def latched(level: KillLevel, who: str = "ann", why: str = "the news") -> Latched:
    """What somebody wants to hold."""
    return Latched(level=level, who=who, why=why, at_ms=NOON_MS)


def what(held: Latched | None) -> tuple[str, str, str] | None:
    """What is latched, without since when."""
    return None if held is None else (held.level, held.who, held.why)


def test_a_level_includes_what_is_below_it_and_nothing_above() -> None:
    assert list(LEVELS) == ["RUN", "HALT", "FLATTEN"]
    for place, level in enumerate(LEVELS):
        assert [includes(level, other) for other in LEVELS] == [n <= place for n in range(3)]


def test_what_is_latched_is_read_back_by_anybody(tmp_path: Path) -> None:
    latch = FileLatch(tmp_path)
    assert latch.read() is None
    assert latch.hold(latched("HALT", why="two\nlines: here")).level == "HALT"
    assert what(FileLatch(tmp_path).read()) == ("HALT", "ann", "two lines: here")
    assert [file.name for file in tmp_path.iterdir()] == [FILE], "nothing is left beside it"


def test_a_latch_is_only_ever_raised_and_the_first_reason_stays(tmp_path: Path) -> None:
    latch = FileLatch(tmp_path)
    latch.hold(latched("HALT"))
    assert latch.hold(latched("HALT", who="bob")).who == "ann"
    assert latch.hold(latched("FLATTEN", who="bob")).level == "FLATTEN"
    assert what(latch.hold(latched("HALT", who="eve"))) == ("FLATTEN", "bob", "the news")
    assert latch.release()
    assert not latch.release()
    assert latch.read() is None


@pytest.mark.parametrize(
    ("text", "level"),
    [
        (b"", "HALT"),
        (b"\n\n", "HALT"),
        (b"stop everything", "HALT"),
        (b"RUN", "HALT"),
        (b"HALT\nFLATTEN", "HALT"),
        (b"\xff\xfe\x00", "HALT"),
        (b"FLATTEN", "FLATTEN"),
        (b" flatten \r\n", "FLATTEN"),
        (b"FLATTEN\n" + b"x" * 100_000, "FLATTEN"),
    ],
)
def test_a_file_that_somebody_put_there_by_hand_halts_whatever_it_says(
    tmp_path: Path, text: bytes, level: str
) -> None:
    (tmp_path / FILE).write_bytes(text)
    held = FileLatch(tmp_path).read()
    assert held is not None
    assert (held.level, held.who) == (level, BY_HAND)


def test_what_cannot_be_read_counts_as_halt(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    held = FileLatch(tmp_path).read()
    assert held is not None
    assert held.level == "HALT"
    assert "cannot be read" in held.why
    (tmp_path / FILE).rmdir()
    (tmp_path / FILE).symlink_to(tmp_path / "nowhere")
    held = FileLatch(tmp_path).read()
    assert held is not None
    assert held.level == "HALT"
    assert FileLatch(tmp_path).hold(latched("FLATTEN")).level == "FLATTEN"
    assert what(FileLatch(tmp_path).read()) == ("FLATTEN", "ann", "the news")


def test_a_latch_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be changed"):
        FileLatch(tmp_path / "missing").hold(latched("HALT"))
    (tmp_path / FILE).mkdir()
    with pytest.raises(StoreError, match="cannot be changed"):
        FileLatch(tmp_path).hold(latched("FLATTEN"))
    assert os.listdir(tmp_path) == [FILE]


def test_on_a_full_disk_an_empty_file_still_halts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_file: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StoreError, match="No space"):
        FileLatch(tmp_path).hold(latched("FLATTEN"))
    assert what(FileLatch(tmp_path).read()) == ("HALT", BY_HAND, "")
    assert os.listdir(tmp_path) == [FILE]


class Desk:
    """A latch, a stream of orders, and a trader that does as it is told when it is let."""

    def __init__(self, folder: Path) -> None:
        self.latch = FileLatch(folder)
        self.bus = MemoryBus()
        self.level: KillLevel = "RUN"
        self.keeper = LatchKeeper(self.bus, self.latch, lambda: self.level, self._stamp)

    def _stamp(self, name: str) -> Stamp:
        return {"id": f"operator:{name}", "at_ms": NOON_MS, "trace_id": "", "account": "paper"}

    async def orders(self) -> list[tuple[str, str, str]]:
        """What was ordered so far."""
        facts: list[Fact] = await told(self.bus, OPERATOR_STREAM)
        return [
            (fact.level, fact.who, fact.why) for fact in facts if isinstance(fact, KillLevelSet)
        ]

    async def order(self, level: KillLevel) -> None:
        """Somebody orders something on the stream."""
        await self.bus.append(OPERATOR_STREAM, [wire.write(kill(level))], writer="operator")


async def test_a_level_is_ordered_once_however_long_the_trader_takes(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    await desk.keeper.look()
    assert await desk.orders() == []
    desk.latch.hold(latched("HALT"))
    for _ in range(3):
        await desk.keeper.look()
    assert await desk.orders() == [("HALT", "ann", "the news")]
    desk.level = "HALT"
    desk.latch.hold(latched("FLATTEN", why=""))
    for _ in range(3):
        await desk.keeper.look()
    assert await desk.orders() == [
        ("HALT", "ann", "the news"),
        ("FLATTEN", "ann", "the latch is set"),
    ]


async def test_the_latch_is_a_floor_for_orders_on_the_stream(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.latch.hold(latched("HALT"))
    await desk.order("FLATTEN")
    desk.level = "FLATTEN"
    await desk.keeper.look()
    assert len(await desk.orders()) == 1, "more than was latched is no reason to speak"
    await desk.order("RUN")
    desk.level = "RUN"
    await desk.keeper.look()
    assert [level for level, *_ in await desk.orders()] == ["FLATTEN", "RUN", "HALT"]


async def test_a_latch_that_is_gone_orders_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.latch.hold(latched("HALT"))
    await desk.keeper.look()
    desk.level = "HALT"
    desk.latch.release()
    await desk.keeper.look()
    assert await desk.orders() == [("HALT", "ann", "the news")]


class ReleasingBus(MemoryBus):
    """A bus on which the latch is taken away while it is asked."""

    def __init__(self, latch: FileLatch) -> None:
        super().__init__()
        self._latch = latch

    async def last(self, stream: str, count: int) -> list[Entry]:
        """Answer late."""
        self._latch.release()
        return await super().last(stream, count)


async def test_a_latch_that_goes_away_while_the_stream_is_asked_orders_nothing(
    tmp_path: Path,
) -> None:
    latch = FileLatch(tmp_path)
    latch.hold(latched("FLATTEN"))
    desk = Desk(tmp_path)
    keeper = LatchKeeper(ReleasingBus(latch), latch, lambda: "RUN", desk._stamp)
    assert await keeper.due() is None


class DeafBus(MemoryBus):
    """A bus whose server does not answer."""

    async def last(self, stream: str, count: int) -> list[Entry]:
        """No answer."""
        raise BusUnreachable("no answer")


async def test_a_dead_server_is_borne_for_a_while_and_asked_only_when_something_is_due(
    tmp_path: Path,
) -> None:
    desk, clock = Desk(tmp_path), ManualClock(NOON_MS)
    keeper = LatchKeeper(DeafBus(), desk.latch, lambda: desk.level, desk._stamp)
    await keeper.look()
    desk.latch.hold(latched("HALT"))
    passes = asyncio.create_task(passing(clock))
    with pytest.raises(BusUnreachable):
        async with asyncio.timeout(10):
            await keeper.run(clock)
    passes.cancel()
    assert clock.now_ms() - NOON_MS >= 30_000


async def passing(clock: ManualClock) -> None:
    """Let time pass whenever everybody waits."""
    while True:
        await asyncio.sleep(0)
        clock.move_to(clock.now_ms() + 100)
