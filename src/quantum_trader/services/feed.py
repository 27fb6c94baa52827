"""The feed: market facts from one source onto their streams, each once."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress

from quantum_trader.core.errors import BusUnreachable
from quantum_trader.core.events import MarketFact
from quantum_trader.ports import Bus, Clock, MarketData
from quantum_trader.services import wire
from quantum_trader.services.patience import Patience
from quantum_trader.services.pulse import Pulse
from quantum_trader.streams import FEED, MARKET_KLINES, MARKET_TICK, ROUTES

REMEMBERED = 20_000
"""How much of the ends of the streams is read at start: many moments of all symbols."""
BATCH_MAX = 256
WAITING_MAX = 1_024
QUIET_S = 1.0

Kind = tuple[type[MarketFact], str]


class Newest:
    """The newest fact of every kind and symbol, so that none is told twice or out of order."""

    def __init__(self) -> None:
        self._at_ms: dict[Kind, int] = {}
        self._ids: dict[Kind, set[str]] = {}

    def is_new(self, fact: MarketFact) -> bool:
        """Whether the fact is later than all told ones, or another one of the same moment."""
        kind = (type(fact), fact.symbol)
        newest_ms = self._at_ms.get(kind)
        if newest_ms is None or fact.at_ms > newest_ms:
            return True
        return fact.at_ms == newest_ms and fact.id not in self._ids[kind]

    def take(self, fact: MarketFact) -> bool:
        """Remember a new fact; False for one that is not."""
        if not self.is_new(fact):
            return False
        kind = (type(fact), fact.symbol)
        if self._at_ms.get(kind) != fact.at_ms:
            self._at_ms[kind], self._ids[kind] = fact.at_ms, set()
        self._ids[kind].add(fact.id)
        return True


class Feed:
    """Appends what a source says: its history first, then facts as they become true."""

    def __init__(self, bus: Bus, data: MarketData, clock: Clock) -> None:
        self._bus = bus
        self._data = data
        self._clock = clock
        self._pulse = Pulse(bus, FEED)
        self._patience = Patience(clock)
        self._newest = Newest()
        self._waiting: asyncio.Queue[MarketFact | None] = asyncio.Queue(WAITING_MAX)

    async def run(self) -> None:
        """Append until the source ends; of a live market that is a failure."""
        await self._remember_patiently()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen())
            history = self._data.history()
            for start in range(0, len(history), BATCH_MAX):
                await self._append_patiently(history[start : start + BATCH_MAX])
            goes_on = True
            while goes_on:
                ready = await self._ready()
                goes_on = None not in ready
                await self._append_patiently([fact for fact in ready if fact is not None])

    async def append(self, facts: Iterable[MarketFact]) -> int:
        """Append the facts that are new, in order; how many."""
        by_stream: dict[str, list[MarketFact]] = {}
        for fact in facts:
            if self._newest.take(fact):
                by_stream.setdefault(ROUTES[type(fact)], []).append(fact)
        for stream, told in by_stream.items():
            await self._bus.append(stream, [wire.write(fact) for fact in told], writer=FEED)
        told_count = sum(map(len, by_stream.values()))
        self._pulse.count(told_count)
        return told_count

    async def remember(self) -> None:
        """Learn from the streams what was told already."""
        self._newest = Newest()
        for stream in (MARKET_KLINES, MARKET_TICK):
            for entry in await self._bus.last(stream, REMEMBERED):
                # What is no market fact was not told by us; its readers will complain.
                with suppress(*wire.UNREADABLE):
                    fact = wire.read(entry)
                    if isinstance(fact, MarketFact):
                        self._newest.take(fact)

    async def _append_patiently(self, facts: Sequence[MarketFact]) -> None:
        """Append; after a lost answer the streams say what is still missing."""
        while True:
            try:
                await self.append(facts)
                await self._pulse.beat(self._clock.now_ms())
                self._patience.relieved()
                return
            except BusUnreachable as error:
                await self._patience.bear(error)
                await self._remember_patiently()

    async def _remember_patiently(self) -> None:
        while True:
            try:
                return await self.remember()
            except BusUnreachable as error:
                await self._patience.bear(error)

    async def _listen(self) -> None:
        async for fact in self._data.facts():
            await self._waiting.put(fact)
        await self._waiting.put(None)

    async def _ready(self) -> list[MarketFact | None]:
        """Everything that waits, up to a batch; nothing after a quiet second. None is the end."""
        try:
            async with asyncio.timeout(QUIET_S):
                ready = [await self._waiting.get()]
        except TimeoutError:
            return []
        while len(ready) < BATCH_MAX and not self._waiting.empty():
            ready.append(self._waiting.get_nowait())
        return ready
