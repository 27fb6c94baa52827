"""The bus over a Redis-compatible server."""

import asyncio
import secrets
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import count as counter
from typing import Any, TypeVar

from quantum_trader.adapters.bus import keys, scripts, upkeep_scripts
from quantum_trader.adapters.bus.connection import ANSWER_TIMEOUT_S, answers, connect
from quantum_trader.adapters.bus.lines import Argument, Lines
from quantum_trader.adapters.bus.namespace import PAPER, Namespace
from quantum_trader.adapters.bus.redis_commit import commit_call, outcome, pairs
from quantum_trader.adapters.bus.redis_info import describe
from quantum_trader.adapters.bus.refusals import check_fields, check_start, no_group
from quantum_trader.adapters.bus.scripts import Script
from quantum_trader.core.errors import BusUnreachable, StoreError
from quantum_trader.core.stream_info import Backlog, StreamInfo
from quantum_trader.ports import Commit, CommitOutcome, Entry, Fields, Output, Saved
from quantum_trader.streams.ids import parse

COUNT_MAX = 64
"""Entries of one stream per answer: a larger answer takes several reads of the socket."""
BLOCK_MS_MAX = 2_000
BLOCK_GRACE_S = 2.0
RETRY_PAUSES_S = (0.05, 0.25)
"""Pauses before the second and third attempt of a call that may be repeated."""

Answer = TypeVar("Answer")
Rows = list[tuple[bytes | None, dict[bytes, bytes] | None]]


class RedisBus:
    """A ``Bus`` over a server of version 7.0 or later.

    ``consumer`` is the stable name of this instance: the same after every restart, another for
    every instance that runs at the same time. Repeated by itself when an answer is lost: what
    changes nothing when repeated (``append``, ``commit``, ``take_lease``, ``open_group``). Never
    repeated: a read, whose entries wait in the pending list for the next look. ``names`` spell
    every name for the server; who calls and who is answered speaks as everybody does.
    """

    def __init__(
        self,
        url: str,
        *,
        consumer: str,
        names: Namespace = PAPER,
        answer_timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        self._url = url
        self._names = names
        self._consumer = consumer
        self._client = connect(url, answer_timeout_s=answer_timeout_s)
        self._lines = Lines(url, answer_timeout_s=answer_timeout_s)
        self._instance = secrets.token_hex(8)
        self._numbers = counter(1)
        self._turns: defaultdict[tuple[str, str], asyncio.Lock] = defaultdict(asyncio.Lock)
        self._unsettled: dict[tuple[str, str], tuple[list[Fields], int]] = {}

    @property
    def names(self) -> Namespace:
        """How the server spells the names."""
        return self._names

    async def append(self, stream: str, entries: Sequence[Fields], *, writer: str) -> None:
        """Append a batch once, also when the caller repeats it after ``BusUnreachable``."""
        check_fields(stream, entries)
        if not entries:
            return
        async with self._turns[stream, writer]:
            number = self._batch_number((stream, writer), entries)
            arguments: list[Argument] = [writer, self._instance, number]
            for fields in entries:
                arguments += pairs(fields)
            await self._script(scripts.APPEND, [stream, keys.appended(stream)], arguments)
            del self._unsettled[stream, writer]

    async def open_group(self, service: str, stream: str, start: str) -> None:
        """Create the group of a service where it is missing. ``start`` is ``0`` or ``$``."""
        check_start(start)
        names = [stream, keys.base(service), keys.consumed(service)]
        await self._script(scripts.OPEN_GROUP, names, [keys.group(service), start])

    async def read(
        self, service: str, streams: Sequence[str], *, count: int, block_ms: int
    ) -> list[Entry]:
        """New entries, stream by stream; at most ``count`` (and 64) of each stream.

        Waits at most ``block_ms`` (and two seconds) where there is nothing.
        """
        block = min(block_ms, BLOCK_MS_MAX) if block_ms > 0 else 0
        waiting = ("BLOCK", block) if block else ()
        spoken = {self._names.outer(stream): stream for stream in streams}
        with answers(self._url, service, tuple(spoken)):
            answer: Any = await self._lines.call(
                *("XREADGROUP", "GROUP", keys.group(service), self._consumer),
                *("COUNT", min(count, COUNT_MAX), *waiting),
                *("STREAMS", *spoken, *(">" for _ in spoken)),
                limit_s=block / 1000 + BLOCK_GRACE_S,
            )
        found: list[Entry] = []
        for key, rows in answer or ():
            stream = spoken[key.decode()]
            found += [Entry(stream, one.decode(), _fields(flat), 1) for one, flat in rows if one]
        return found

    async def pending(self, service: str, stream: str, *, count: int) -> list[Entry]:
        """Entries delivered to this consumer and not acknowledged, oldest first."""
        found: list[Entry] = []
        after = "0"
        while len(found) < count:
            size = min(COUNT_MAX, count - len(found))
            rows, times = await self._pending_page(service, stream, after, size)
            page = [
                Entry(stream, entry.id, entry.fields, times.get(entry.id, 1))
                for entry in _entries(stream, rows, 1)
            ]
            found += page
            if len(page) < size:
                break
            after = found[-1].id
        return found

    async def claim(self, service: str, stream: str, *, idle_ms: int, count: int) -> int:
        """Move entries that other consumers left idle into our own pending list; how many.

        The server drops entries whose data is gone; they stay in the lag for ever.
        """
        moved, after = 0, "-"
        key = self._names.outer(stream)
        while moved < count:
            with answers(self._url, service, (key,)):
                rows: Any = await self._client.xpending_range(
                    key, keys.group(service), after, "+", COUNT_MAX, idle=idle_ms
                )
            others = [row for row in rows if row["consumer"].decode() != self._consumer]
            while others and moved < count:
                # Those whose data is gone are dropped and do not count.
                part, others = others[: count - moved], others[count - moved :]
                moved += await self._take_over(service, key, idle_ms, part)
            if len(rows) < COUNT_MAX:
                break
            after = "(" + rows[-1]["message_id"].decode()
        return moved

    async def take_lease(self, service: str) -> int:
        """Become the writer of this service: a new, larger epoch. Older ones are fenced."""
        names = [keys.epoch(service), keys.inbox(service)]
        return int((await self._script(scripts.TAKE_LEASE, names, []))[1])

    async def commit(self, commit: Commit) -> CommitOutcome:
        """Apply a commit. Raises ``Fenced`` when a newer epoch exists; then nothing changed.

        ``already`` is also the answer to a first commit whose first answer was lost.
        """
        names, arguments = commit_call(commit)
        spelled = self._spelled(names)

        async def attempt() -> list[bytes]:
            with answers(self._url):
                return await scripts.COMMIT.run(self._lines, spelled, arguments)

        return outcome(commit, await _insist(attempt))

    async def saved(self, service: str) -> Saved:
        """The last snapshot and inbox position of a service."""
        names = [keys.snapshot(service), keys.inbox(service)]
        last, at, *blob = await self._script(scripts.SAVED, names, [])
        return Saved(blob[0] if blob else None, at.decode(), last.decode())

    async def inbox(self, service: str, after: str, count: int) -> list[tuple[str, bytes]]:
        """Inbox records after an id, oldest first."""
        found = await self.span(keys.inbox(service), "(" + after, "+", count)
        return [(one.id, one.fields[keys.RECORD]) for one in found if one.fields is not None]

    async def span(self, stream: str, first: str, last: str, count: int) -> list[Entry]:
        """Entries from ``first`` to ``last`` inclusive (``-`` and ``+`` are the ends)."""
        found: list[Entry] = []
        key = self._names.outer(stream)
        while len(found) < count:
            size = min(COUNT_MAX, count - len(found))
            with answers(self._url):
                rows: Any = await self._client.xrange(key, first, last, size)
            page = _entries(stream, rows, 0)
            found += page
            if len(page) < size:
                break
            first = "(" + found[-1].id
        return found

    async def last(self, stream: str, count: int) -> list[Entry]:
        """The newest entries of a stream, newest first."""
        found: list[Entry] = []
        newest, key = "+", self._names.outer(stream)
        while len(found) < count:
            size = min(COUNT_MAX, count - len(found))
            with answers(self._url):
                rows: Any = await self._client.xrevrange(key, newest, "-", size)
            page = _entries(stream, rows, 0)
            found += page
            if len(page) < size:
                break
            newest = "(" + found[-1].id
        return found

    async def projection(self, key: str) -> dict[str, bytes]:
        """A projected hash, empty when there is none."""
        return await self._hash(keys.state(key))

    async def beat(self, service: str, status: Mapping[str, bytes]) -> None:
        """Write the heartbeat of a loop."""
        if status:
            flat = [part for pair in status.items() for part in pair]
            with answers(self._url):
                await self._client.hset(self._names.outer(keys.heartbeat(service)), items=flat)

    async def heartbeat(self, service: str) -> dict[str, bytes]:
        """The last heartbeat of a loop, empty when there was none."""
        return await self._hash(keys.heartbeat(service))

    async def info(self, stream: str) -> StreamInfo | None:
        """What is known of a stream, None when it does not exist.

        The lag of a group that was not opened here counts everything the stream ever held.
        """
        with answers(self._url):
            return await describe(self._client, stream, self._names)

    async def streams(self) -> list[str]:
        """The names of all streams the server holds, in order; none of another mode's."""
        with answers(self._url):
            found = {key async for key in self._client.scan_iter(count=1000, _type="stream")}
        names = (self._names.inner(key.decode()) for key in found)
        return sorted(name for name in names if name is not None)

    async def trim(self, stream: str, before: str) -> int:
        """Drop the entries before an id, but none that any group still needs; how many went."""
        parse(before)
        return int((await self._script(upkeep_scripts.TRIM, [stream], [before]))[1])

    async def drop_consumer(
        self, service: str, stream: str, consumer: str, *, idle_ms: int
    ) -> bool:
        """Forget a consumer that holds nothing and was idle for so long; whether it was."""
        arguments: list[Argument] = [keys.group(service), consumer, idle_ms]
        return (await self._script(upkeep_scripts.DROP, [stream], arguments))[0] == b"dropped"

    async def backlog(self, service: str, stream: str, to: str) -> Backlog:
        """What the group of a service has not acknowledged up to an id."""
        parse(to)
        names = [stream, keys.consumed(service), stream]
        whose: list[Argument] = [keys.group(service), service]
        answer = await self._script(upkeep_scripts.SKIP, names, [*whose, to])
        if answer[0] == b"no group":
            raise no_group(service, stream)
        return Backlog(int(answer[1]), answer[2].decode(), answer[3].decode())

    async def skip(self, service: str, stream: str, to: str, seen: Backlog, audit: Output) -> bool:
        """Acknowledge a backlog unread and append ``audit``, in one step.

        False is also the answer to a first skip whose first answer was lost.
        """
        parse(to)
        check_fields(audit.stream, (audit.fields,))
        names = [stream, keys.consumed(service), audit.stream]
        whose: list[Argument] = [keys.group(service), service]
        told = [*whose, to, seen.count, seen.first, seen.last]
        answer = await self._script(upkeep_scripts.SKIP, names, [*told, *pairs(audit.fields)[1:]])
        if answer[0] == b"no group":
            raise no_group(service, stream)
        return answer[0] == b"skipped"

    async def close(self) -> None:
        """Let go of connections."""
        self._lines.close()
        await self._client.aclose()

    def _batch_number(self, who: tuple[str, str], entries: Sequence[Fields]) -> int:
        """The number of a batch; one whose fate is unknown keeps its number when it comes again."""
        known = self._unsettled.get(who)
        if known is None or known[0] != list(entries):
            known = self._unsettled[who] = ([dict(one) for one in entries], next(self._numbers))
        return known[1]

    async def _script(
        self, script: Script, names: Sequence[str], arguments: Sequence[Argument]
    ) -> list[bytes]:
        """Run a script that may be repeated; raises ``StoreError`` when it refuses."""

        spelled = self._spelled(names)

        async def attempt() -> list[bytes]:
            with answers(self._url):
                return await script.run(self._lines, spelled, arguments)

        answer = await _insist(attempt)
        if answer[0] == b"refused":
            raise StoreError(answer[1].decode())
        return answer

    async def _pending_page(
        self, service: str, stream: str, after: str, size: int
    ) -> tuple[Rows, dict[str, int]]:
        """One page of our pending list, and how often each entry was delivered."""
        group, key = keys.group(service), self._names.outer(stream)
        with answers(self._url, service, (key,)):
            async with self._client.pipeline(transaction=True) as ask:
                ask.xreadgroup(group, self._consumer, {key: after}, count=size)
                first = "-" if after == "0" else "(" + after
                ask.xpending_range(key, group, first, "+", size, self._consumer)
                answer, counts = await ask.execute()
        times = {row["message_id"].decode(): int(row["times_delivered"]) for row in counts}
        return (answer[0][1] if answer else []), times

    async def _take_over(
        self, service: str, key: str, idle_ms: int, rows: Sequence[Mapping[str, Any]]
    ) -> int:
        if not rows:
            return 0
        ids = [row["message_id"] for row in rows]
        with answers(self._url, service, (key,)):
            # With JUSTID a claim is no delivery; the look at the pending list counts it.
            moved = await self._client.xclaim(
                key, keys.group(service), self._consumer, idle_ms, ids, justid=True
            )
        return len(moved)

    async def _hash(self, key: str) -> dict[str, bytes]:
        with answers(self._url):
            fields: Any = await self._client.hgetall(self._names.outer(key))
        return {name.decode(): value for name, value in fields.items()}

    def _spelled(self, names: Sequence[str]) -> list[str]:
        return [self._names.outer(name) for name in names]


def _entries(stream: str, rows: Rows, deliveries: int) -> list[Entry]:
    """Entries of an answer. Without fields it is a tombstone; old servers even forget the id."""
    return [
        Entry(stream, entry_id.decode(), fields or None, deliveries)
        for entry_id, fields in rows
        if entry_id is not None
    ]


def _fields(flat: list[bytes] | None) -> Fields | None:
    """Names and values of an entry as they follow each other in an answer."""
    if not flat:
        return None
    parts = iter(flat)
    return dict(zip(parts, parts, strict=True))


async def _insist(attempt: Callable[[], Awaitable[Answer]]) -> Answer:
    """Repeat what may be repeated when no answer came, three attempts in all."""
    for pause_s in RETRY_PAUSES_S:
        try:
            return await attempt()
        except BusUnreachable:
            await asyncio.sleep(pause_s)
    return await attempt()
