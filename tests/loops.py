"""A small service to try the loop on: its state and outputs depend on every fact and its order."""

from collections.abc import Sequence

import msgspec

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import ManualClock
from quantum_trader.core.errors import BrokenInvariant
from quantum_trader.core.events import DrainSwitched, Fact, PlanEnded, SecondPassed, Tick
from quantum_trader.ports import Bus, Clock
from quantum_trader.services import inbox, wire
from quantum_trader.services.fold import Fold
from quantum_trader.services.loop import Consumer
from quantum_trader.services.loop_settings import LoopSettings
from quantum_trader.services.snapshots import snapshots_of
from quantum_trader.streams import APPLY_PLAN, ROUTES, TRADER, read_by

POISON = "POISON"


class Diary(msgspec.Struct):
    """What was seen, in order, and a number that remembers the order."""

    seen: list[str] = []
    mixed: int = 0
    by_symbol: dict[str, int] = {}


def keep_diary(state: Diary, fact: Fact) -> Sequence[Fact]:
    """Note a fact; every third number is worth telling, every ninth twice."""
    state.mixed += 1
    if isinstance(fact, Tick) and fact.symbol == POISON:
        raise BrokenInvariant("this tick cannot be")
    state.seen.append(fact.id)
    state.mixed = (state.mixed * 31 + sum(fact.id.encode())) % 1_000_003
    if isinstance(fact, Tick):
        state.by_symbol[fact.symbol] = state.by_symbol.get(fact.symbol, 0) + 1
    times = (state.mixed % 3 == 0) + (state.mixed % 9 == 0)
    return [ended(f"{fact.id}/{n}", str(state.mixed)) for n in range(times)]


def ended(fact_id: str, reason: str) -> PlanEnded:
    """An output."""
    return PlanEnded(
        id=fact_id, at_ms=1, trace_id="", account="a", plan_id="p", symbol="BTCUSDT", reason=reason
    )


def second(n: int) -> SecondPassed:
    """The n-th second."""
    return SecondPassed(id=f"s{n}", at_ms=1_000 * n, trace_id="", account="")


def drain(n: int) -> DrainSwitched:
    """The n-th order of a person."""
    return DrainSwitched(
        id=f"d{n}", at_ms=n, trace_id="", account="", on=True, who="me", why="because"
    )


def tick(n: int, symbol: str = "ETHUSDT") -> Tick:
    """The n-th trade."""
    return Tick(id=f"t{n}", at_ms=n, symbol=symbol, source="SIMULATED", price=1.0, qty=1.0)


def diary_fold(snapshot_every: int = 10_000) -> Fold[Diary]:
    """The handler of the service."""
    return Fold(keep_diary, Diary, snapshots_of(Diary, snapshot_every), wire.Reader("a"))


def trader_on(
    bus: Bus,
    fold: Fold[Diary] | None = None,
    clock: Clock | None = None,
    settings: LoopSettings | None = None,
) -> Consumer:
    """A loop that reads what the trader reads."""
    return Consumer(
        bus,
        TRADER,
        read_by(TRADER),
        fold or diary_fold(),
        settings or LoopSettings(account="a"),
        clock=clock or ManualClock(1_000_000),
    )


async def tell(bus: Bus, *facts: Fact) -> None:
    """Append facts, each to its stream."""
    for fact in facts:
        await bus.append(ROUTES[type(fact)], [wire.write(fact)], writer="test")


async def told(bus: Bus, stream: str = APPLY_PLAN) -> list[Fact]:
    """Everything on a stream of facts."""
    return [wire.read(entry) for entry in await bus.span(stream, "-", "+", 1_000_000)]


async def drain_all(consumer: Consumer) -> int:
    """Poll until nothing is left; how many entries there were."""
    total = 0
    while done := await consumer.poll_once():
        total += done
    return total


async def start_until_it_lives(bus: Bus) -> tuple[Fold[Diary], int]:
    """Start a loop again as often as it dies; the last one, and how often it died."""
    deaths = 0
    while True:
        fold = diary_fold()
        consumer = trader_on(bus, fold)
        await consumer.start()
        try:
            await drain_all(consumer)
            return fold, deaths
        except BrokenInvariant:
            deaths += 1


async def heartbeat_of(bus: MemoryBus) -> dict[str, bytes]:
    """The last heartbeat of the trader's loop."""
    return await bus.heartbeat(TRADER)


async def records_of(bus: MemoryBus) -> list[inbox.InboxRecord]:
    """Every commit of the trader."""
    return [inbox.decode(record) for _, record in await bus.inbox(TRADER, "0-0", 1_000)]
