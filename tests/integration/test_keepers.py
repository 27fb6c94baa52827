"""The janitor and the canary: who has left is let go, and every edge is sung down."""

from collections.abc import Sequence

import msgspec
import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import ManualClock
from quantum_trader.core.errors import BusUnreachable
from quantum_trader.core.events import CanarySung, PlanEnded
from quantum_trader.core.state import TraderState, state_hash
from quantum_trader.core.trader import step
from quantum_trader.ports import Fields, Output
from quantum_trader.services import wire
from quantum_trader.services.canary import BOUND_MS, EVERY_MS, ROUND_MS, Canary, Late
from quantum_trader.services.janitor import HOUR_MS, Janitor
from quantum_trader.streams import (
    APPLY_PLAN,
    CANARY,
    JANITOR,
    MARKET_TICK,
    TRADE_INTENT,
    TRADER,
    groups,
    is_numbered,
    read_by,
    writer_of,
)
from tests.app.test_wiring import started
from tests.bus_house import words
from tests.loops import diary_fold, drain_all, tell, tick, told, trader_on
from tests.support import some_rules

NOW_MS = 1_000_000_000


class Crew:
    """Two consumers of the trader's group, and a clock."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW_MS)
        self.bus = MemoryBus(consumer="main", now_ms=self.clock.now_ms)
        self.gone = self.bus.beside("main-before")

    async def names(self) -> list[str]:
        info = await self.bus.info(MARKET_TICK)
        assert info is not None
        return [name for name, _, _ in info.groups[0].consumers]


@pytest.fixture
async def crew() -> Crew:
    """Return a crew of which one has read something and will not come back."""
    made = Crew()
    await made.bus.open_group(TRADER, MARKET_TICK, "0")
    await made.bus.append(MARKET_TICK, [{b"word": b"a"}], writer="w")
    await made.gone.read(TRADER, [MARKET_TICK], count=1, block_ms=0)
    return made


async def test_whoever_was_away_for_an_hour_is_let_go_and_what_it_held_is_kept(crew: Crew) -> None:
    janitor = Janitor(crew.bus, crew.clock)
    crew.clock.move_to(NOW_MS + HOUR_MS - 1)
    await crew.bus.read(TRADER, [MARKET_TICK], count=1, block_ms=0)
    await janitor.look()
    assert await crew.names() == ["main", "main-before"]
    crew.clock.move_to(NOW_MS + HOUR_MS)
    await janitor.look()
    assert await crew.names() == ["main"]
    assert words(await crew.bus.pending(TRADER, MARKET_TICK, count=9)) == ["a"]
    status = await crew.bus.heartbeat(JANITOR)
    assert (status["claimed"], status["dropped"]) == (b"1", b"1")


async def test_groups_of_strangers_are_their_own_business(crew: Crew) -> None:
    await crew.bus.open_group("stranger", MARKET_TICK, "0")
    await crew.gone.read("stranger", [MARKET_TICK], count=1, block_ms=0)
    crew.clock.move_to(NOW_MS + 9 * HOUR_MS)
    await Janitor(crew.bus, crew.clock).look()
    info = await crew.bus.info(MARKET_TICK)
    assert info is not None
    kept = {one.service: [name for name, _, _ in one.consumers] for one in info.groups}
    assert kept["stranger"] == ["main-before"]


async def listen(bus: MemoryBus, deaf: tuple[str, str] | None = None) -> None:
    """Have every group of the table finish all it has, except a deaf one."""
    for service, stream in groups():
        info = await bus.info(stream)
        if info is None or (service, stream) == deaf:
            continue
        seen = await bus.backlog(service, stream, info.last_id)
        await bus.skip(service, stream, info.last_id, seen, Output("else", "*", {b"a": b"b"}))


async def sing(bus: MemoryBus, clock: ManualClock) -> Canary:
    """A canary on a bus on which everything is open to it."""

    async def say(stream: str, fact: CanarySung) -> None:
        await bus.append(stream, [wire.write(fact)], writer="w")

    for service, stream in groups():
        await bus.open_group(service, stream, "0")
    canary = Canary(bus, clock, clock, "a", say)
    await canary.look()
    return canary


class SilentBus(MemoryBus):
    """A bus on which one stream takes nothing."""

    silent = ""

    async def append(self, stream: str, entries: Sequence[Fields], *, writer: str) -> None:
        if stream == self.silent:
            raise BusUnreachable("no answer")
        await super().append(stream, entries, writer=writer)


async def late(bus: MemoryBus) -> list[Late]:
    return msgspec.json.decode((await bus.heartbeat(CANARY))["late"], type=list[Late])


async def test_a_canary_goes_down_every_stream_that_is_consumed() -> None:
    clock = ManualClock(NOW_MS)
    bus = MemoryBus(now_ms=clock.now_ms)
    await sing(bus, clock)
    for stream in {stream for _, stream in groups()}:
        (entry,) = await bus.span(stream, "-", "+", 9)
        fact = wire.Reader("a")(entry)
        assert isinstance(fact, CanarySung)
        assert stream.endswith(fact.stream)


async def test_canaries_that_arrive_are_not_late_and_the_next_is_sung_in_half_a_minute() -> None:
    clock = ManualClock(NOW_MS)
    bus = MemoryBus(now_ms=clock.now_ms)
    canary = await sing(bus, clock)
    for _ in range(2 * EVERY_MS // ROUND_MS):
        await listen(bus)
        clock.move_to(clock.now_ms() + ROUND_MS)
        await canary.look()
        assert await late(bus) == []
    info = await bus.info(MARKET_TICK)
    assert info is not None
    assert info.added == 3


@pytest.mark.parametrize("deaf", groups(), ids="-".join)
async def test_an_edge_that_nobody_listens_on_is_named(deaf: tuple[str, str]) -> None:
    clock = ManualClock(NOW_MS)
    bus = MemoryBus(now_ms=clock.now_ms)
    canary = await sing(bus, clock)
    await listen(bus, deaf)
    clock.move_to(NOW_MS + BOUND_MS)
    await canary.look()
    service, stream = deaf
    expected = [Late(stream.removeprefix("quantum:stream:"), service, NOW_MS)]
    assert await late(bus) == expected
    clock.move_to(NOW_MS + 3 * EVERY_MS)
    await canary.look()
    assert await late(bus) == expected, "it is still the same one"
    await listen(bus)
    await canary.look()
    assert await late(bus) == []


async def test_a_canary_that_never_comes_to_its_stream_is_late() -> None:
    clock = ManualClock(NOW_MS)
    bus = MemoryBus(now_ms=clock.now_ms)

    async def lost(stream: str, fact: CanarySung) -> None:
        return None

    for service, stream in groups():
        await bus.open_group(service, stream, "0")
    canary = Canary(bus, clock, clock, "a", lost)
    await canary.look()
    await listen(bus)
    clock.move_to(NOW_MS + BOUND_MS)
    await canary.look()
    numbered = {stream for _, stream in groups() if is_numbered(stream)}
    assert {f"quantum:stream:{one.stream}" for one in await late(bus)} == numbered


@pytest.mark.parametrize("silent", sorted({stream for _, stream in groups()}))
async def test_a_canary_that_could_not_be_sung_is_late_until_it_is_sung_again(silent: str) -> None:
    clock = ManualClock(NOW_MS)
    bus = SilentBus(now_ms=clock.now_ms)
    bus.silent = silent
    canary = await sing(bus, clock)
    readers = [service for service, stream in groups() if stream == silent]
    for since_ms in range(0, 2 * EVERY_MS, ROUND_MS):
        clock.move_to(NOW_MS + since_ms)
        await canary.look()
        await listen(bus)
        name = silent.removeprefix("quantum:stream:")
        waited = readers if since_ms >= BOUND_MS else []
        assert await late(bus) == [Late(name, service, NOW_MS) for service in waited]
    bus.silent = ""
    for _ in range(2):
        await canary.look()
        await listen(bus)
    await canary.look()
    assert await late(bus) == []


async def test_no_decision_and_no_change_of_state_comes_of_a_canary() -> None:
    bus = MemoryBus()
    fold = diary_fold()
    consumer = trader_on(bus, fold)
    await consumer.start()
    await tell(bus, tick(1))
    state = TraderState()
    before = state_hash(state)
    for stream in read_by(TRADER):
        name = stream.removeprefix("quantum:stream:")
        fact = CanarySung(id=name, at_ms=9, trace_id="", account="a", stream=name)
        await bus.append(stream, [wire.write(fact)], writer="w")
        assert list(step(state, fact)) == []
    assert state_hash(state) == before
    await drain_all(consumer)
    assert set(fold.state.seen) == {"t1", *(one.split(":")[-1] for one in read_by(TRADER))}
    assert await bus.span(TRADE_INTENT.replace("intent", "intent.dlq"), "-", "+", 9) == []


async def test_the_writer_of_a_numbered_stream_sings_on_it_and_goes_on_counting() -> None:
    bus = MemoryBus()
    system = await started(bus, some_rules())
    for stream in sorted({stream for _, stream in groups() if is_numbered(stream)}):
        name = stream.removeprefix("quantum:stream:")
        fact = CanarySung(id=name, at_ms=9, trace_id="", account="paper", stream=name)
        before = (await bus.saved(writer_of(stream))).last
        await system._say(stream, fact)
        assert (await bus.saved(writer_of(stream))).last != before, "its own writer said it"
        (entry,) = await bus.span(stream, "-", "+", 9)
        assert wire.read(entry) == fact
        assert entry.id.startswith("1-")
    again = await started(bus, some_rules())
    await again._trader.poll_once()
    assert not [one for one in await told(bus, APPLY_PLAN) if isinstance(one, PlanEnded)]
