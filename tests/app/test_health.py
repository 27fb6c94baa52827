"""What the doctor finds: one planted fault, one finding."""

from collections.abc import Awaitable, Callable

import pytest

from quantum_trader import streams
from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import ManualClock
from quantum_trader.adapters.exchanges.breaking import BreakingExchange
from quantum_trader.app.finding import KINDS, Finding
from quantum_trader.app.health import BEATING, LAG_MAX, findings, look
from quantum_trader.app.letters import By, Desk, find
from quantum_trader.core.breaker import BreakerSettings
from quantum_trader.core.errors import Locked
from quantum_trader.ports import Entry
from quantum_trader.services.dead_letters import dead_letter
from quantum_trader.services.exchange_health import ExchangeHealth
from quantum_trader.services.wire import write
from tests.fake_exchange import FakeExchange
from tests.support import ACCOUNT, NOON_MS

MINUTE_MS = 60_000


class Machine:
    """A system on a memory bus whose time is moved by hand."""

    def __init__(self) -> None:
        self.now_ms = NOON_MS
        self.bus = MemoryBus(consumer="one", now_ms=lambda: self.now_ms)

    async def start(self) -> "Machine":
        """Open what a running system has opened."""
        for service, key in streams.groups():
            await self.bus.open_group(service, key, "0")
        await self.beat(*BEATING)
        return self

    async def beat(self, *services: str) -> None:
        """These loops show that they live."""
        for service in services:
            await self.bus.beat(service, {"at": str(self.now_ms).encode()})

    async def examine(self) -> tuple[Finding, ...]:
        """What the doctor says now."""
        return findings(await look(self.bus), self.now_ms)

    async def letter(self, key: str, stream: str = streams.MARKET_TICK) -> str:
        """Put something into a stream of dead letters; its id."""
        entry = Entry(stream, f"{len(await self.bus.last(key, 9)) + 1}-0", {b"a": b"b"}, 1)
        fact = dead_letter(entry, "a reason", at_ms=self.now_ms, account=ACCOUNT)
        await self.bus.append(key, [write(fact)], writer="trader")
        return (await self.bus.last(key, 1))[0].id


async def test_a_system_that_runs_as_declared_is_green() -> None:
    machine = await Machine().start()
    assert await machine.examine() == ()


async def test_an_empty_server_is_red_for_every_group_and_loop() -> None:
    found = await Machine().examine()
    assert {each.level for each in found} == {"red"}
    assert len(found) == len(streams.groups()) + len(BEATING)


async def test_an_exchange_that_fails_is_red_and_says_at_what() -> None:
    machine = await Machine().start()
    door = BreakingExchange(
        FakeExchange(lambda: NOON_MS), lambda: 0, BreakerSettings(failures_max=1)
    )
    health = ExchangeHealth(machine.bus, door.troubles, ManualClock(NOON_MS))
    await health.tell()
    assert await machine.examine() == ()
    with pytest.raises(Locked):
        await _ask_in_vain(door)
    await health.tell()
    (found,) = await machine.examine()
    assert (found.level, found.where) == ("red", "exchange")
    assert "fails at ask" in found.what
    assert "the key was refused" in found.what


async def _ask_in_vain(door: BreakingExchange) -> None:
    venue = door._exchange
    assert isinstance(venue, FakeExchange)
    venue.knobs.fail("find", "locked")
    await door.find("BTCUSDT", "x")


async def behind(machine: Machine) -> None:
    entries = [{b"a": b"b"}] * (LAG_MAX + 1)
    await machine.bus.append(streams.ORDER_COMMAND, entries, writer="trader")


async def taken_and_left(machine: Machine) -> None:
    await machine.bus.append(streams.ORDER_COMMAND, [{b"a": b"b"}], writer="trader")
    await machine.bus.read("gateway", [streams.ORDER_COMMAND], count=1, block_ms=0)
    machine.now_ms += 2 * MINUTE_MS
    await machine.beat(*BEATING)


async def silent(machine: Machine) -> None:
    machine.now_ms += MINUTE_MS
    await machine.beat(*(service for service in BEATING if service != "gateway"))


async def poison(machine: Machine) -> None:
    await machine.letter("quantum:stream:dlq.trader")


async def unreadable(machine: Machine) -> None:
    await machine.letter(streams.TRADE_INTENT_DLQ)


async def stranger(machine: Machine) -> None:
    await machine.bus.append("quantum:stream:a.rumour", [{b"a": b"b"}], writer="somebody")


async def yesterday(machine: Machine) -> None:
    await machine.bus.append("quantum:stream:trading.plan", [{b"a": b"b"}], writer="somebody")


async def eavesdropper(machine: Machine) -> None:
    await machine.bus.open_group("spy", streams.TRADE_INTENT, "$")


async def offset(machine: Machine, offset_ms: int | None) -> None:
    clock = ManualClock(machine.now_ms)
    await ExchangeHealth(machine.bus, dict, clock, lambda: offset_ms).tell()


async def no_clock(machine: Machine) -> None:
    await offset(machine, None)


async def wrong_clock(machine: Machine) -> None:
    await offset(machine, -251)


async def test_a_clock_that_is_right_is_no_finding() -> None:
    machine = await Machine().start()
    await offset(machine, 250)
    assert await machine.examine() == ()


async def odd_words(machine: Machine) -> None:
    counts = {"unreadable": 2, "unknown: NEW_THING": 1_000}
    clock = ManualClock(machine.now_ms)
    await ExchangeHealth(machine.bus, dict, clock, lambda: 0, lambda: counts).tell()


async def test_a_venue_that_says_nothing_odd_is_no_finding() -> None:
    machine = await Machine().start()
    await ExchangeHealth(machine.bus, dict, ManualClock(machine.now_ms), None, dict).tell()
    assert await machine.examine() == ()


@pytest.mark.parametrize(
    ("plant", "level", "where", "words"),
    [
        (behind, "red", "order.command gateway", "1,001 entries behind"),
        (taken_and_left, "red", "order.command gateway", "1 entries taken and not finished"),
        (taken_and_left, "red", "order.command gateway", "consumer one has no process"),
        (silent, "red", "gateway", "silent for 1 min 00 s"),
        (poison, "red", "dlq.trader", "1 dead letter nobody"),
        (unreadable, "yellow", "trade.intent.dlq", "1 dead letter nobody"),
        (stranger, "yellow", "a.rumour", "not in the table"),
        (yesterday, "yellow", "trading.plan", "is retired"),
        (eavesdropper, "yellow", "trade.intent", "group spy is not in the table"),
        (no_clock, "red", "exchange", "was not measured lately"),
        (odd_words, "yellow", "exchange", "unknown: NEW_THING 1,000, unreadable 2"),
        (wrong_clock, "red", "exchange", "-251 ms from this machine's"),
    ],
)
async def test_a_planted_fault_is_found_with_a_remedy(
    plant: Callable[[Machine], Awaitable[None]], level: str, where: str, words: str
) -> None:
    machine = await Machine().start()
    await plant(machine)
    found = await machine.examine()
    (named,) = [each for each in found if words in each.what]
    assert named.level == level
    assert named.where.endswith(where)
    assert named.remedy
    assert named.money == KINDS[named.name].money
    assert all(each.where == named.where for each in found), "and nothing else"


async def test_the_dangerous_comes_first() -> None:
    machine = await Machine().start()
    await stranger(machine)
    await poison(machine)
    assert [each.level for each in await machine.examine()] == ["red", "yellow"]


async def test_a_letter_that_was_dealt_with_no_longer_counts() -> None:
    machine = await Machine().start()
    key = "quantum:stream:dlq.trader"
    names = [await machine.letter(key) for _ in range(2)]
    by = By(who="ann", why="", at_ms=NOON_MS, account=ACCOUNT)
    desk = await Desk.of(machine.bus, by)
    await desk.see(await find(machine.bus, names[0]))
    (found,) = await machine.examine()
    assert found.what.startswith("1 dead letter ")
    await desk.see(await find(machine.bus, names[1]))
    assert await machine.examine() == ()
