"""The gateway in a world where the process may die before or after every single effect.

Whatever happened, in the end the venue saw each order at most once, every command has an outcome,
and the stream tells each fact of the journal once and in order.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.journal.memory import MemoryJournal
from quantum_trader.adapters.journal.sqlite import SqliteJournal, audit
from quantum_trader.core.errors import StoreError
from quantum_trader.core.events import (
    Fact,
    OrderAccepted,
    OrderCommanded,
    OrderFilled,
    OrderRejected,
)
from quantum_trader.core.events.orders import OrderFact, OrderRequest
from quantum_trader.core.orders.ids import Command
from quantum_trader.core.venue import AnyVenueUpdate, Placement, Rejected, VenueFill, VenueOrder
from quantum_trader.ports import Commit, CommitOutcome, Entry, Journal
from tests.commands import ACCOUNT, cancel_command, order_command
from tests.fake_exchange import FakeExchange
from tests.gateways import World

SEEDS = range(200)
SEEDS_ON_DISK = range(12)
ROUNDS = 60
RECEIVE_WINDOW_MS = 2_000


class Crash(StoreError):
    """The process died here."""


class Fate:
    """Decides when the process dies, and how the way to the venue fails."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.calm = False
        self.deaths = 0

    def strike(self, share: float = 0.04) -> None:
        """Die here, perhaps."""
        if not self.calm and self.random.random() < share:
            self.deaths += 1
            raise Crash("the process died")

    def trouble(self, *hows: str) -> str:
        """How the next call to the venue goes."""
        return "well" if self.calm else self.random.choice(["well"] * 8 + list(hows))


class DeadlyBus(MemoryBus):
    """Dies around commits and reads."""

    fate: Fate

    async def commit(self, commit: Commit) -> CommitOutcome:
        self.fate.strike()
        outcome = await super().commit(commit)
        self.fate.strike()
        return outcome

    async def read(
        self, service: str, streams: Sequence[str], *, count: int, block_ms: int
    ) -> list[Entry]:
        few = self.fate.random.randint(1, count)
        entries = await super().read(service, streams, count=few, block_ms=block_ms)
        self.fate.strike()
        return entries

    async def take_lease(self, service: str) -> int:
        epoch = await super().take_lease(service)
        self.fate.strike()
        return epoch

    async def beat(self, service: str, status: Mapping[str, bytes]) -> None:
        self.fate.strike(0.01)


class DeadlyJournal:
    """Dies around every write."""

    def __init__(self, journal: Journal, fate: Fate) -> None:
        self.inner = journal
        self._fate = fate
        self.known = journal.known
        self.has_ended = journal.has_ended
        self.unresolved = journal.unresolved
        self.buried = journal.buried
        self.books = journal.books
        self.is_recorded = journal.is_recorded
        self.outbox = journal.outbox
        self.standing = journal.standing
        self.life = journal.life
        self.venue_seq = journal.venue_seq
        self.verify = journal.verify
        self.close = journal.close

    def intend(self, commands: Sequence[Command], taken: str = "") -> list[bool]:
        self._fate.strike()
        fresh = self.inner.intend(commands, taken)
        self._fate.strike()
        return fresh

    def conclude(self, facts: Sequence[Fact], *, venue_seq: int | None) -> int:
        self._fate.strike()
        new = self.inner.conclude(facts, venue_seq=venue_seq)
        self._fate.strike()
        return new


class DeadlyExchange(FakeExchange):
    """Dies around calls, loses answers, lets requests be late, and repeats its reports."""

    fate: Fate

    async def configure(self, symbol: str, leverage: int) -> Rejected | None:
        self.fate.strike()
        self.knobs.failures["configure"] = [self.fate.trouble("unreachable", "lost")]
        return await super().configure(symbol, leverage)

    async def place(self, order: OrderRequest) -> Placement:
        self.fate.strike()
        self.knobs.failures["place"] = [self.fate.trouble("unreachable", "lost", "late", "nowhere")]
        answer = await super().place(order)
        self.fate.strike()
        return answer

    async def cancel(self, symbol: str, client_order_id: str) -> Placement:
        self.fate.strike()
        self.knobs.failures["cancel"] = [self.fate.trouble("unreachable", "lost", "nowhere")]
        answer = await super().cancel(symbol, client_order_id)
        self.fate.strike()
        return answer

    async def find(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        self.fate.strike()
        self.knobs.failures["find"] = [self.fate.trouble("unreachable", "lost")]
        return await super().find(symbol, client_order_id)

    async def updates(self, after: int, wait_ms: int) -> Sequence[AnyVenueUpdate]:
        self.fate.strike()
        self.knobs.failures["updates"] = [self.fate.trouble("unreachable")]
        self.repeat_reports = self.fate.random.random() < 0.3
        return await super().updates(after, 0)


class DeadlyWorld(World):
    """One seed: commands that arrive while the gateway dies and is born again."""

    def __init__(self, seed: int, path: Path | None = None) -> None:
        self.fate = Fate(Random(seed))
        self.path = path
        super().__init__(self.open_journal())
        self.bus = DeadlyBus()
        self.bus.fate = self.fate
        self.exchange = DeadlyExchange(self.clock.now_ms)
        self.exchange.fate = self.fate
        self.service = self.new_service()
        self.commands = list(commands_of(self.fate.random))

    def open_journal(self) -> Journal:
        """The journal, as whoever starts the process would open it."""
        inner = MemoryJournal() if self.path is None else SqliteJournal(self.path, ACCOUNT)
        return DeadlyJournal(inner, self.fate)

    async def live(self) -> None:
        """The bad days, and then the good ones until nothing is left to do."""
        waiting = list(self.commands)
        await self.be_born()
        for _ in range(ROUNDS):
            if waiting and self.fate.random.random() < 0.6:
                count = self.fate.random.randint(1, 5)
                await self.command(*waiting[:count])
                del waiting[:count]
            await self.one_round()
        await self.command(*waiting)
        self.fate.calm = True
        await self.be_born()
        while await self.service.poll_once():
            pass
        await self.wait(200_000, every_ms=1_000)

    async def one_round(self) -> None:
        """A batch, the pump, some time; or death, and another life."""
        try:
            await self.service.poll_once()
            await self.service.pump_once(0)
            self.clock.move_to(self.clock.now_ms() + self.fate.random.randint(1, 900))
            self.let_in_what_is_in_time()
            self.fill_something()
        except Crash:
            await self.be_born()

    async def be_born(self) -> None:
        """Start a new process until one lives."""
        while True:
            if self.path is not None:
                self.journal.close()
                self.journal = self.open_journal()
            try:
                await self.restart()
            except Crash:
                continue
            return

    def let_in_what_is_in_time(self) -> None:
        """Late requests arrive, unless the venue finds them too old."""
        oldest_ms = self.clock.now_ms() - RECEIVE_WINDOW_MS
        self.exchange.let_late_orders_in(since_ms=oldest_ms)

    def fill_something(self) -> None:
        """A resting order fills now and then."""
        if self.fate.random.random() < 0.2:
            resting = self.exchange.resting()
            if resting:
                self.exchange.fill(self.fate.random.choice(resting))


def commands_of(random: Random) -> Sequence[Command]:
    """A handful of plans on two symbols; some orders are canceled later."""
    commands: list[Command] = []
    for number in range(6):
        plan, symbol = f"plan-{number}", random.choice(["BTCUSDT", "ETHUSDT"])
        stop = order_command("stop", plan, symbol=symbol)
        target = order_command("target", plan, symbol=symbol)
        commands += [order_command("entry", plan, symbol=symbol), stop, target]
        commands += [cancel_command(one) for one in (stop, target) if random.random() < 0.7]
        commands.append(order_command("exit", plan, symbol=symbol))
    return commands


async def check(world: DeadlyWorld) -> None:
    """Everything that must hold in the end."""
    facts = await world.results()
    assert [fact.id for fact in facts] == list(dict.fromkeys(fact.id for fact in facts))
    assert [fact for _, fact in world.journal.outbox(0, 1_000_000)] == facts
    assert world.journal.unresolved() == []
    said: dict[str, Counter[type[Fact]]] = {}
    for fact in facts:
        assert isinstance(fact, OrderFact)
        said.setdefault(fact.client_order_id, Counter())[type(fact)] += 1
    for command in world.commands:
        if isinstance(command, OrderCommanded):
            check_order(world, command, said[command.order.client_order_id])
    trades = [one.trade_id for one in world.exchange.reports() if isinstance(one, VenueFill)]
    assert [fact.trade_id for fact in facts if isinstance(fact, OrderFilled)] == trades


def check_order(world: DeadlyWorld, command: OrderCommanded, said: Counter[type[Fact]]) -> None:
    """One order was carried out once or not at all, and that is what was said."""
    name = command.order.client_order_id
    times = world.exchange.executions[name]
    assert times <= 1
    known = world.journal.known(name)
    assert known is not None
    assert known.command == command
    assert known.outcome is not None
    assert said[OrderRejected] == 1 - times
    if not times:
        assert said[OrderAccepted] == said[OrderFilled] == 0


@pytest.mark.parametrize("seed", SEEDS)
async def test_whenever_the_process_dies_nothing_is_sent_twice_and_nothing_is_lost(
    seed: int,
) -> None:
    world = DeadlyWorld(seed)
    await world.live()
    await check(world)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS_ON_DISK)
async def test_the_same_holds_when_every_life_opens_the_journal_from_disk(
    seed: int, tmp_path: Path
) -> None:
    world = DeadlyWorld(seed, tmp_path / "journal.db")
    await world.live()
    await check(world)
    assert audit(tmp_path / "journal.db") == world.journal.verify()


async def test_the_worlds_are_deadly_enough_to_mean_something() -> None:
    deaths, doubts = 0, 0
    for seed in range(20):
        world = DeadlyWorld(seed)
        await world.live()
        deaths += world.fate.deaths
        doubts += sum("in_doubt" in fact.id for fact in await world.results())
    assert deaths > 100
    assert doubts > 20
