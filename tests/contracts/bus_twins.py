"""One random sequence of commands for two buses; whatever one answers, the other must too."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import msgspec

from quantum_trader.adapters.bus import keys
from quantum_trader.core.errors import TraderError
from quantum_trader.core.stream_info import Backlog, GroupInfo, StreamInfo
from quantum_trader.ports import Bus, Commit, Entry, Output

STREAMS = tuple(f"quantum:stream:{name}" for name in ("red", "green", "blue"))
NUMBERED = "quantum:stream:numbered"
SERVICES = ("cat", "dog")
EVERY_STREAM = (*STREAMS, NUMBERED)


class Side:
    """Two instances on one store, and the ids it gave, by when they were first seen.

    The two stores give different ids to the same entry of an open stream, so ids are compared by
    the order in which they appeared.
    """

    def __init__(self, one: Bus, two: Bus, lose: Callable[[str, str], Awaitable[Any]]) -> None:
        self.buses = (one, two)
        self.lose = lose
        self.ids: dict[str, list[str]] = {}

    async def learn(self) -> None:
        """Note every id that is new, stream by stream."""
        for stream in EVERY_STREAM:
            known = self.ids.setdefault(stream, [])
            first = f"({known[-1]}" if known else "-"
            known += [one.id for one in await self.buses[0].span(stream, first, "+", 10_000)]

    def nth(self, stream: str, number: int) -> str:
        """The n-th id of a stream; an id before everything when there is none yet."""
        known = self.ids.get(stream, [])
        return known[number % len(known)] if known else "0-1"

    def names(self, value: Any, stream: str = "") -> Any:
        """A reply in words that both sides share."""
        if isinstance(value, Entry):
            where = self._name(value.stream, value.id)
            return (value.stream, where, value.fields, value.deliveries)
        if isinstance(value, StreamInfo):
            groups = sorted(
                (self._group(value.stream, one) for one in value.groups), key=lambda one: one[0]
            )
            return (value.length, value.added, self._name(value.stream, value.last_id), groups)
        if isinstance(value, Backlog):
            return (value.count, self._name(stream, value.first), self._name(stream, value.last))
        if isinstance(value, list):
            return [self.names(one, stream) for one in value]
        return value

    def _group(self, stream: str, group: GroupInfo) -> Any:
        return (
            group.service,
            group.pending,
            group.oldest_pending_ms is None,
            self._name(stream, group.oldest_pending or ""),
            sorted((name, pending) for name, pending, _ in group.consumers),
            self._name(stream, group.last_delivered),
            group.lag,
        )

    def _name(self, stream: str, entry_id: str) -> str:
        known = self.ids.get(stream, [])
        return f"#{known.index(entry_id)}" if entry_id in known else entry_id


class Command(msgspec.Struct, frozen=True):
    """One command: who gives it, what it is called, and numbers that decide the rest."""

    who: int
    name: str
    stream: str
    service: str
    numbers: tuple[int, ...]


NAMES = {
    "append": 14,
    "open": 3,
    "read": 14,
    "pending": 6,
    "claim": 4,
    "lease": 1,
    "commit": 22,
    "saved": 2,
    "inbox": 3,
    "span": 4,
    "last": 3,
    "projection": 3,
    "info": 8,
    "trim": 4,
    "drop": 2,
    "backlog": 2,
    "skip": 1,
    "lose": 2,
    "beat": 1,
    "heartbeat": 1,
    "streams": 1,
}


def story(seed: int, length: int) -> list[Command]:
    """A random sequence; the same seed gives the same one."""
    dice = Random(seed)
    names, weights = list(NAMES), list(NAMES.values())
    return [
        Command(
            dice.randrange(2),
            name,
            dice.choice(EVERY_STREAM if name not in ("append", "lose") else STREAMS),
            dice.choice(SERVICES),
            tuple(dice.randrange(1_000) for _ in range(6)),
        )
        for name in dice.choices(names, weights, k=length)
    ]


class Player:
    """Plays commands on one side, and remembers what a service would remember."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self.epoch: dict[str, int] = {}
        self.seq: dict[str, int] = {}
        self.out = 0
        self.last: dict[str, Commit] = {}
        self.seen: dict[tuple[str, str], Backlog] = {}

    async def play(self, one: Command) -> Any:
        """The reply to one command, or the kind of error."""
        try:
            told = await getattr(self, f"_{one.name}")(one, self.side.buses[one.who])
        except TraderError as error:
            return type(error).__name__
        finally:
            await self.side.learn()
        return self.side.names(told, one.stream)

    async def _append(self, one: Command, bus: Bus) -> Any:
        entries = [{b"n": str(n).encode()} for n in one.numbers[: 1 + one.numbers[0] % 4]]
        return await bus.append(one.stream, entries, writer=f"w{one.who}")

    async def _open(self, one: Command, bus: Bus) -> Any:
        return await bus.open_group(one.service, one.stream, "0$"[one.numbers[0] % 2])

    async def _read(self, one: Command, bus: Bus) -> Any:
        wanted = [one.stream]
        if one.numbers[1] % 3 == 0:
            wanted = list(STREAMS)
        return await bus.read(one.service, wanted, count=1 + one.numbers[0] % 5, block_ms=0)

    async def _pending(self, one: Command, bus: Bus) -> Any:
        return await bus.pending(one.service, one.stream, count=1 + one.numbers[0] % 6)

    async def _claim(self, one: Command, bus: Bus) -> Any:
        idle_ms = 0 if one.numbers[1] % 4 else 3_600_000
        return await bus.claim(
            one.service, one.stream, idle_ms=idle_ms, count=1 + one.numbers[0] % 5
        )

    async def _lease(self, one: Command, bus: Bus) -> Any:
        epoch = await bus.take_lease(one.service)
        if one.numbers[0] % 3:
            self.epoch[one.service] = epoch  # Else whoever commits next is fenced.
        return epoch

    async def _commit(self, one: Command, bus: Bus) -> Any:
        before = self.last.get(one.service)
        if before is not None and one.numbers[0] % 9 == 0:
            return await bus.commit(before)
        if before is not None and one.numbers[0] % 17 == 0:
            return await bus.commit(msgspec.structs.replace(before, inbox=b"another"))
        if one.service not in self.epoch:
            self.epoch[one.service] = await bus.take_lease(one.service)
        commit = await self._fresh(one)
        outcome = await bus.commit(commit)
        self.last[one.service] = commit
        self.seq[one.service] = commit.seq
        return outcome

    async def _fresh(self, one: Command) -> Commit:
        numbers = one.numbers
        self.out += 1
        acks = {
            stream: [self.side.nth(stream, n) for n in numbers[: numbers[1] % 6]]
            for stream in EVERY_STREAM[: numbers[2] % 4]
        }
        outputs = [Output(STREAMS[numbers[3] % 3], "*", {b"o": str(self.out).encode()})]
        behind = 0 if numbers[4] % 11 else 3  # Now and then an id that was used.
        outputs += [Output(NUMBERED, f"1-{self.out - behind}", {b"o": b"n", b"more": b""})]
        return Commit(
            service=one.service,
            epoch=self.epoch[one.service],
            seq=self.seq.get(one.service, 0) + (numbers[5] % 13 > 0),
            inbox=f"record {self.out}".encode(),
            outputs=outputs[: numbers[4] % 3],
            acks=acks,
            projections={"p": {"a": str(self.out).encode(), "b": (None, b"1")[numbers[0] % 2]}},
            snapshot=str(self.out).encode() if numbers[2] % 10 == 0 else None,
        )

    async def _saved(self, one: Command, bus: Bus) -> Any:
        saved = await bus.saved(one.service)
        return (saved.snapshot, saved.snapshot_at, saved.last)

    async def _inbox(self, one: Command, bus: Bus) -> Any:
        last = (await bus.saved(one.service)).last.partition("-")
        after = f"{last[0]}-{max(0, int(last[2]) - one.numbers[0] % 5)}"
        return await bus.inbox(one.service, after, 1 + one.numbers[1] % 5)

    async def _span(self, one: Command, bus: Bus) -> Any:
        first = self.side.nth(one.stream, one.numbers[0])
        last = self.side.nth(one.stream, one.numbers[1])
        ends = [(first, last), ("-", last), ("(" + first, "+"), ("-", "+")][one.numbers[2] % 4]
        return await bus.span(one.stream, *ends, one.numbers[3] % 8)

    async def _last(self, one: Command, bus: Bus) -> Any:
        return await bus.last(one.stream, one.numbers[0] % 8)

    async def _projection(self, one: Command, bus: Bus) -> Any:
        return await bus.projection("p")

    async def _info(self, one: Command, bus: Bus) -> Any:
        return await bus.info(one.stream)

    async def _trim(self, one: Command, bus: Bus) -> Any:
        before = self.side.nth(one.stream, one.numbers[0])
        return await bus.trim(one.stream, "9999999999999-0" if one.numbers[1] % 3 == 0 else before)

    async def _drop(self, one: Command, bus: Bus) -> Any:
        consumer, idle_ms = ("one", "two")[one.numbers[0] % 2], 0
        return await bus.drop_consumer(one.service, one.stream, consumer, idle_ms=idle_ms)

    async def _backlog(self, one: Command, bus: Bus) -> Any:
        to = self.side.nth(one.stream, one.numbers[0])
        found = self.seen[one.service, one.stream] = await bus.backlog(one.service, one.stream, to)
        return found

    async def _skip(self, one: Command, bus: Bus) -> Any:
        to = self.side.nth(one.stream, one.numbers[0])
        seen = await bus.backlog(one.service, one.stream, to)
        if one.numbers[1] % 4 == 0:
            seen = self.seen.get((one.service, one.stream), seen)
        audit = Output(STREAMS[0], "*", {b"audit": b"1"})
        return await bus.skip(one.service, one.stream, to, seen, audit)

    async def _lose(self, one: Command, bus: Bus) -> Any:
        here = [entry.id for entry in await bus.span(one.stream, "-", "+", 1_000)]
        if here:
            await self.side.lose(one.stream, here[one.numbers[0] % len(here)])
        return len(here)

    async def _beat(self, one: Command, bus: Bus) -> Any:
        return await bus.beat(one.service, {"at": str(one.numbers[0]).encode()})

    async def _heartbeat(self, one: Command, bus: Bus) -> Any:
        return await bus.heartbeat(one.service)

    async def _streams(self, one: Command, bus: Bus) -> Any:
        known = {*EVERY_STREAM, *map(keys.inbox, SERVICES)}
        return [name for name in await bus.streams() if name in known]
