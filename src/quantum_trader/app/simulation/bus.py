"""The stream server of a world: real semantics in memory, and everything that may befall it."""

import asyncio
from collections.abc import Mapping, Sequence

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.app.simulation.clock import WallClock
from quantum_trader.app.simulation.faults import Faults
from quantum_trader.app.simulation.scheduler import Process
from quantum_trader.app.simulation.tape import Tape
from quantum_trader.core.errors import BusUnreachable
from quantum_trader.core.stream_info import Backlog, StreamInfo
from quantum_trader.ports import Commit, CommitOutcome, Entry, Fields, Output, Saved
from quantum_trader.services.patience import PAUSE_MS_MAX


class Server:
    """The server as a whole: which memory it serves now, and whether it can be reached."""

    def __init__(self, faults: Faults, clock: WallClock, tape: Tape) -> None:
        self._faults = faults
        self._clock = clock
        self._tape = tape
        self._backups: list[MemoryBus] = []
        self.memory = MemoryBus(now_ms=clock.true_ms)
        self.down_until_ms = 0
        self.generation = 0
        self.commits = 0

    @property
    def is_down(self) -> bool:
        """Whether nobody can reach it."""
        return self._clock.true_ms() < self.down_until_ms and not self._faults.calm

    @property
    def is_missed(self) -> bool:
        """Whether nobody can reach it, or whoever could not may still be waiting to try again."""
        return self._clock.true_ms() < self.down_until_ms + PAUSE_MS_MAX

    def go_down(self, for_ms: int) -> None:
        """Be out of reach for a while."""
        self._tape("bus", f"out of reach for {for_ms} ms")
        self.down_until_ms = self._clock.true_ms() + for_ms

    def lose_everything(self) -> None:
        """Come back empty."""
        self._tape("bus", "lost everything")
        self._replace(MemoryBus(now_ms=self._clock.true_ms))

    def roll_back(self, to: int) -> bool:
        """Come back as of a backup, counted from the newest; whether there was one."""
        if not self._backups:
            return False
        backup = self._backups[max(-1 - to, -len(self._backups))]
        self._tape("bus", "came back with an older state")
        self._replace(backup.copy())
        return True

    def back_up(self) -> None:
        """Remember this moment."""
        self._backups = [*self._backups[-5:], self.memory.copy()]

    def _replace(self, memory: MemoryBus) -> None:
        self.memory = memory
        self.generation += 1


class ProcessBus:
    """``ports.Bus`` of one service of one process."""

    def __init__(self, server: Server, process: Process, faults: Faults, consumer: str) -> None:
        self._server = server
        self._process = process
        self._faults = faults
        self._consumer = consumer
        self._generation = -1
        self._inner = server.memory

    async def append(self, stream: str, entries: Sequence[Fields], *, writer: str) -> None:
        """Append a batch."""
        inner = await self._arrive()
        await inner.append(stream, entries, writer=writer)
        self._answer()

    async def open_group(self, service: str, stream: str, start: str) -> None:
        """Create the group of a service where it is missing."""
        await self._now().open_group(service, stream, start)

    async def read(
        self, service: str, streams: Sequence[str], *, count: int, block_ms: int
    ) -> list[Entry]:
        """New entries for this service."""
        inner = self._now()
        entries = await inner.read(service, streams, count=count, block_ms=block_ms)
        self._process.check()
        if inner is not self._inner or self._server.generation != self._generation:
            raise BusUnreachable("the stream server went away")
        self._answer()
        return entries

    async def pending(self, service: str, stream: str, *, count: int) -> list[Entry]:
        """Entries that were delivered and not acknowledged.

        Where there are none nobody could tell when that was said, so nobody waits for it.
        """
        entries = await self._now().pending(service, stream, count=count)
        if entries:
            await self._arrive()
        return entries

    async def claim(self, service: str, stream: str, *, idle_ms: int, count: int) -> int:
        """Take over what others left idle."""
        return await self._now().claim(service, stream, idle_ms=idle_ms, count=count)

    async def take_lease(self, service: str) -> int:
        """Become the writer of a service."""
        inner = await self._arrive()
        epoch = await inner.take_lease(service)
        self._answer()
        return epoch

    async def commit(self, commit: Commit) -> CommitOutcome:
        """Apply a commit."""
        inner = await self._arrive()
        outcome = await inner.commit(commit)
        self._server.commits += 1
        self._answer()
        await asyncio.sleep(0)
        self._process.check()
        return outcome

    async def saved(self, service: str) -> Saved:
        """The last snapshot and inbox position."""
        return await self._now().saved(service)

    async def inbox(self, service: str, after: str, count: int) -> list[tuple[str, bytes]]:
        """Inbox records after an id."""
        return await self._now().inbox(service, after, count)

    async def span(self, stream: str, first: str, last: str, count: int) -> list[Entry]:
        """Entries from one id to another."""
        return await self._now().span(stream, first, last, count)

    async def last(self, stream: str, count: int) -> list[Entry]:
        """The newest entries."""
        return await self._now().last(stream, count)

    async def projection(self, key: str) -> dict[str, bytes]:
        """A projected hash."""
        return await self._now().projection(key)

    async def beat(self, service: str, status: Mapping[str, bytes]) -> None:
        """Write the heartbeat of a loop."""
        await self._now().beat(service, status)

    async def heartbeat(self, service: str) -> dict[str, bytes]:
        """The last heartbeat of a loop."""
        return await self._now().heartbeat(service)

    async def info(self, stream: str) -> StreamInfo | None:
        """What is known of a stream."""
        return await self._now().info(stream)

    async def streams(self) -> list[str]:
        """The names of all streams."""
        return await self._now().streams()

    async def trim(self, stream: str, before: str) -> int:
        """Drop what nobody needs."""
        return await self._now().trim(stream, before)

    async def drop_consumer(
        self, service: str, stream: str, consumer: str, *, idle_ms: int
    ) -> bool:
        """Forget a consumer."""
        return await self._now().drop_consumer(service, stream, consumer, idle_ms=idle_ms)

    async def backlog(self, service: str, stream: str, to: str) -> Backlog:
        """What a group has not acknowledged."""
        return await self._now().backlog(service, stream, to)

    async def skip(self, service: str, stream: str, to: str, seen: Backlog, audit: Output) -> bool:
        """Pass over a backlog."""
        return await self._now().skip(service, stream, to, seen, audit)

    async def close(self) -> None:
        """Nothing is held."""

    async def _arrive(self) -> MemoryBus:
        """The way there: others get their turn first."""
        self._process.check()
        await asyncio.sleep(0)
        return self._now()

    def _now(self) -> MemoryBus:
        self._process.check()
        server = self._server
        if server.is_down:
            raise BusUnreachable("the stream server gave no answer")
        if self._generation != server.generation:
            self._generation = server.generation
            self._inner = server.memory.beside(self._consumer)
        return self._inner

    def _answer(self) -> None:
        """The way back."""
        if self._server.is_down or self._faults.strikes("bus_reply_lost"):
            raise BusUnreachable("no answer in time")
