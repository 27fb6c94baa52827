"""The loop in a world where every call to the bus may fail before or after its effect."""

from collections.abc import Mapping, Sequence
from random import Random

import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.core.errors import BrokenInvariant, BusUnreachable
from quantum_trader.core.events import Fact
from quantum_trader.core.state import state_hash
from quantum_trader.ports import Commit, CommitOutcome, Entry
from quantum_trader.services.loop import Consumer
from quantum_trader.services.recovery import rebuild_from_log, restore
from quantum_trader.streams import MARKET_TICK, TRADER, dead_letters_of, read_by
from tests.loops import (
    POISON,
    Diary,
    diary_fold,
    drain,
    keep_diary,
    second,
    tell,
    tick,
    told,
    trader_on,
)

SEEDS = range(200)
FACTS = 60


class TornBus(MemoryBus):
    """Loses answers, before the call has its effect or after it."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.random = random
        self.torn = 0
        self.calm = False

    def _tear(self, share: float = 0.12) -> None:
        if not self.calm and self.random.random() < share:
            self.torn += 1
            raise BusUnreachable("the line is dead")

    async def commit(self, commit: Commit) -> CommitOutcome:
        self._tear()
        outcome = await super().commit(commit)
        self._tear()
        return outcome

    async def read(
        self, service: str, streams: Sequence[str], *, count: int, block_ms: int
    ) -> list[Entry]:
        few = self.random.randint(1, count)
        entries = await super().read(service, streams, count=few, block_ms=block_ms)
        self._tear()
        return entries

    async def pending(self, service: str, stream: str, *, count: int) -> list[Entry]:
        entries = await super().pending(service, stream, count=count)
        self._tear(0.02)
        return entries

    async def take_lease(self, service: str) -> int:
        epoch = await super().take_lease(service)
        self._tear()
        return epoch

    async def beat(self, service: str, status: Mapping[str, bytes]) -> None:
        await super().beat(service, status)
        self._tear()


class World:
    """One seed: facts that come while a loop dies and is born again."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.bus = TornBus(self.random)
        makers = (second, drain, tick)
        self.coming = [self.random.choice(makers)(n) for n in range(1, FACTS)]
        self.told: dict[str, Fact] = {}
        self.consumer = self._born()
        self.started = False

    def _born(self) -> Consumer:
        return trader_on(self.bus, diary_fold(self.random.choice((5, 20, 10_000))))

    async def live(self) -> Diary:
        """Let everything happen; the state that is left in the store."""
        while self.coming:
            for _ in range(min(self.random.randint(0, 8), len(self.coming))):
                fact = self.coming.pop(0)
                self.told[fact.id] = fact
                await tell(self.bus, fact)
            await self._step()
        self.bus.calm = True
        while await self._step():
            pass
        return (await restore(self.bus, TRADER, diary_fold())).state

    def die(self) -> None:
        """The process is gone; another one begins."""
        self.consumer, self.started = self._born(), False
        self.bus.calm = False

    async def _step(self) -> int:
        try:
            if not self.started:
                await self.consumer.start()
                self.started = True
            return await self.consumer.poll_once()
        except BusUnreachable:
            self.started = False
            if self.random.random() < 0.5:
                self.consumer = self._born()
            return 0


@pytest.mark.parametrize("seed", SEEDS)
async def test_a_loop_that_dies_anywhere_ends_where_a_straight_fold_does(seed: int) -> None:
    world = World(seed)
    left = await world.live()
    assert sorted(left.seen) == sorted(world.told)
    await check_against_a_straight_fold(world, left)


@pytest.mark.parametrize("seed", SEEDS[:60])
async def test_poison_is_given_up_once_and_nothing_else_is_whatever_crashes(seed: int) -> None:
    world = World(seed)
    world.coming.insert(world.random.randrange(FACTS), tick(0, POISON))
    deaths = 0
    left = None
    while left is None:
        try:
            left = await world.live()
        except BrokenInvariant:
            deaths += 1
            world.die()
    assert deaths >= 1
    assert sorted([*left.seen, "t0"]) == sorted(world.told)
    letters = await told(world.bus, dead_letters_of(TRADER, MARKET_TICK))
    assert [letter.id.split(":")[0] for letter in letters] == ["dead"]
    await check_against_a_straight_fold(world, left, without="t0")


async def check_against_a_straight_fold(world: World, left: Diary, without: str = "") -> None:
    """The state says in which order facts were taken; the same order gives the same outputs."""
    for stream in read_by(TRADER):
        ids = [fact.id for fact in await told(world.bus, stream) if fact.id != without]
        known = set(ids)
        assert [one for one in left.seen if one in known] == ids
    straight = Diary()
    said: list[Fact] = []
    for fact_id in left.seen:
        said += keep_diary(straight, world.told[fact_id])
    assert left == straight
    assert await told(world.bus) == said
    rebuilt = await rebuild_from_log(world.bus, TRADER, diary_fold())
    assert state_hash(rebuilt.state) == state_hash(straight)


async def test_the_worlds_are_hostile() -> None:
    torn = []
    for seed in SEEDS[:20]:
        world = World(seed)
        await world.live()
        torn.append(world.bus.torn)
    assert sum(torn) > 5 * len(torn)
