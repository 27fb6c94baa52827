"""A bus without a server, for replays and tests; it keeps every promise but durability.

Nothing here waits unless a read has to, so between two awaits of its user a call is atomic.
"""

from collections.abc import Callable, Mapping, Sequence

from quantum_trader.adapters.bus import keys
from quantum_trader.adapters.bus.memory_log import Group, Log
from quantum_trader.adapters.bus.refusals import (
    another_content,
    behind,
    check_fields,
    check_start,
    fenced,
    no_group,
    not_after,
)
from quantum_trader.adapters.waiter import Waiter
from quantum_trader.core.errors import StoreError
from quantum_trader.core.stream_info import Backlog, StreamInfo
from quantum_trader.ports import Commit, CommitOutcome, Entry, Fields, Output, Saved
from quantum_trader.streams.ids import EntryId, parse, show

NOWHERE = "0-0"


class _Store:
    """What all instances on one memory share."""

    def __init__(self) -> None:
        self.logs: dict[str, Log] = {}
        self.hashes: dict[str, dict[str, bytes]] = {}
        self.epochs: dict[str, int] = {}
        self.snapshots: dict[str, tuple[bytes, str]] = {}
        self.waiting: list[Waiter] = []

    def copy(self) -> "_Store":
        """The same content in another store, without anybody who waits."""
        other = _Store()
        other.logs = {key: log.copy() for key, log in self.logs.items()}
        other.hashes = {key: dict(fields) for key, fields in self.hashes.items()}
        other.epochs, other.snapshots = dict(self.epochs), dict(self.snapshots)
        return other

    def log(self, key: str) -> Log:
        """The log of a key, made when it is missing."""
        try:
            return self.logs[key]
        except KeyError:
            found = self.logs[key] = Log(key)
            return found

    def announce(self) -> None:
        """Wake the readers that wait for what is there now."""
        for one in self.waiting:
            one.nudge()

    def last(self, key: str) -> EntryId:
        """The last id of a stream, ``(0, 0)`` when there is none."""
        found = self.logs.get(key)
        return (0, 0) if found is None else found.last


class _Reading:
    """The streams a service reads together, each with its group; found once, for none goes away."""

    __slots__ = ("consumer", "places", "seen_ms", "streams")

    def __init__(
        self, consumer: str, streams: tuple[str, ...], places: Sequence[tuple[Log, Group]]
    ) -> None:
        self.consumer = consumer
        self.streams = streams
        self.places = places
        self.seen_ms: int | None = None

    def ready(self) -> bool:
        """Whether there is anything to take."""
        for log, group in self.places:  # noqa: SIM110 - a generator takes twice as long
            if group.next < log.added:
                return True
        return False

    def take(self, count: int, now_ms: int) -> list[Entry]:
        """The next entries, stream by stream; at most ``count`` of each."""
        if now_ms != self.seen_ms:
            self._see(now_ms)
        found: list[Entry] = []
        for log, group in self.places:
            if group.next < log.added:
                taken = log.take(group, self.consumer, count, now_ms)
                found = found + taken if found else taken
        return found

    def _see(self, now_ms: int) -> None:
        """Note in every group when the consumer last came by."""
        self.seen_ms = now_ms
        for _, group in self.places:
            group.seen_ms[self.consumer] = now_ms


class MemoryBus:
    """A ``Bus`` in this process.

    Without ``now_ms`` no time passes (``int()`` is 0): open streams count their ids from ``0-1``
    and nothing grows idle, so that two replays of the same facts give the same ids. ``consumer``
    names the instance.
    """

    def __init__(self, *, consumer: str = "memory", now_ms: Callable[[], int] = int) -> None:
        self._consumer = consumer
        self._now_ms = now_ms
        self._store = _Store()
        self._readings: dict[str, _Reading] = {}

    def beside(self, consumer: str) -> "MemoryBus":
        """Another instance on the same memory."""
        other = MemoryBus(consumer=consumer, now_ms=self._now_ms)
        other._store = self._store
        return other

    def copy(self) -> "MemoryBus":
        """All of this memory as of now, apart from it."""
        other = MemoryBus(consumer=self._consumer, now_ms=self._now_ms)
        other._store = self._store.copy()
        return other

    def ready(self, service: str, streams: Sequence[str]) -> bool:
        """Whether a read would return something now."""
        reading = self._readings.get(service)
        if reading is None or reading.streams != streams:
            found = [self._find(service, stream) for stream in streams]
            return any(one is not None and one[1].next < one[0].added for one in found)
        return reading.ready()

    def forget(self) -> None:
        """Drop what every group has passed, and inbox records before the one of a snapshot.

        A stream that nobody reads in a group keeps everything.
        """
        for log in self._store.logs.values():
            if log.groups:
                log.trim(min(group.passed() for group in log.groups.values()))
        for service, (_, at) in self._store.snapshots.items():
            records = self._store.log(keys.inbox(service))
            records.trim(records.added - len(records.between(at, "+")))

    def lose(self, stream: str, entry_id: str) -> None:
        """Lose the data of one entry, as a careless hand would: it becomes a tombstone."""
        self._log_of(stream).lose(entry_id)

    async def append(self, stream: str, entries: Sequence[Fields], *, writer: str) -> None:
        """Append a batch; a call cannot get lost here, so ``writer`` is not needed."""
        check_fields(stream, entries)
        if entries:
            store, now_ms = self._store, self._now_ms()
            log = store.log(stream)
            for fields in entries:
                log.put(None, fields, now_ms)
            if store.waiting:
                store.announce()

    async def open_group(self, service: str, stream: str, start: str) -> None:
        """Create the group of a service where it is missing. ``start`` is ``0`` or ``$``."""
        check_start(start)
        self._store.log(stream).open(keys.group(service), start)

    async def read(
        self, service: str, streams: Sequence[str], *, count: int, block_ms: int
    ) -> list[Entry]:
        """New entries, stream by stream; at most ``count`` of each stream."""
        reading = self._readings.get(service)
        if reading is None or reading.streams != streams:
            reading = self._readings[service] = self._open_reading(service, streams)
        found = reading.take(count, self._now_ms())
        if found or block_ms <= 0:
            return found
        await Waiter(reading.ready).wait(self._store.waiting, block_ms)
        return reading.take(count, self._now_ms())

    async def pending(self, service: str, stream: str, *, count: int) -> list[Entry]:
        """Entries delivered to this consumer and not acknowledged, oldest first."""
        log, group = self._group(service, stream)
        return log.again(group, self._consumer, count, self._now_ms())

    async def claim(self, service: str, stream: str, *, idle_ms: int, count: int) -> int:
        """Move entries that other consumers left idle into our own pending list; how many."""
        log, group = self._group(service, stream)
        return log.claim(group, self._consumer, idle_ms, count, self._now_ms())

    async def take_lease(self, service: str) -> int:
        """Become the writer of this service: a new, larger epoch."""
        used = self._store.last(keys.inbox(service))[0]
        epoch = max(self._store.epochs.get(service, 0), used) + 1
        self._store.epochs[service] = epoch
        return epoch

    async def commit(self, commit: Commit) -> CommitOutcome:
        """Apply a commit, or refuse it and change nothing."""
        store = self._store
        lease = store.epochs.get(commit.service)
        if lease != commit.epoch:
            raise fenced(commit, "" if lease is None else str(lease))
        inbox = keys.inbox(commit.service)
        record_id = (commit.epoch, commit.seq)
        last = store.last(inbox)
        if last == record_id:
            return self._already(commit, inbox)
        if last > record_id:
            raise not_after(inbox, show(record_id), show(last))
        if last[1] + 1 != commit.seq:
            raise behind(commit, show(last))
        placed = self._placed(commit.outputs, {inbox: record_id})
        self._apply(commit, placed)
        return "committed"

    async def saved(self, service: str) -> Saved:
        """The last snapshot and inbox position of a service."""
        blob, at = self._store.snapshots.get(service, (None, NOWHERE))
        return Saved(blob, at, show(self._store.last(keys.inbox(service))))

    async def inbox(self, service: str, after: str, count: int) -> list[tuple[str, bytes]]:
        """Inbox records after an id, oldest first."""
        found = await self.span(keys.inbox(service), _following(after), "+", count)
        return [(one.id, one.fields[keys.RECORD]) for one in found if one.fields is not None]

    async def span(self, stream: str, first: str, last: str, count: int) -> list[Entry]:
        """Entries from ``first`` to ``last`` inclusive (``-`` and ``+`` are the ends)."""
        found = self._store.logs.get(stream)
        return [] if found is None else _undelivered(found.between(first, last)[:count])

    async def last(self, stream: str, count: int) -> list[Entry]:
        """The newest entries of a stream, newest first."""
        found = self._store.logs.get(stream)
        return [] if found is None else _undelivered(found.between("-", "+")[::-1][:count])

    async def projection(self, key: str) -> dict[str, bytes]:
        """A projected hash, empty when there is none."""
        return dict(self._store.hashes.get(keys.state(key), {}))

    async def beat(self, service: str, status: Mapping[str, bytes]) -> None:
        """Write the heartbeat of a loop."""
        self._store.hashes.setdefault(keys.heartbeat(service), {}).update(status)

    async def heartbeat(self, service: str) -> dict[str, bytes]:
        """The last heartbeat of a loop, empty when there was none."""
        return dict(self._store.hashes.get(keys.heartbeat(service), {}))

    async def info(self, stream: str) -> StreamInfo | None:
        """What is known of a stream, None when it does not exist."""
        found = self._store.logs.get(stream)
        return None if found is None else found.info(self._now_ms())

    async def streams(self) -> list[str]:
        """The names of all streams, in order."""
        return sorted(self._store.logs)

    async def trim(self, stream: str, before: str) -> int:
        """Drop the entries before an id, but none that any group still needs; how many went."""
        wanted = parse(before)
        found = self._store.logs.get(stream)
        return 0 if found is None else found.trim_before(wanted)

    async def drop_consumer(
        self, service: str, stream: str, consumer: str, *, idle_ms: int
    ) -> bool:
        """Forget a consumer that holds nothing and was idle for so long; whether it was."""
        log = self._store.logs.get(stream)
        group = None if log is None else log.groups.get(keys.group(service))
        if log is None or group is None:
            return False
        return log.drop(group, consumer, idle_ms, self._now_ms())

    async def backlog(self, service: str, stream: str, to: str) -> Backlog:
        """What the group of a service has not acknowledged up to an id."""
        log, group = self._group(service, stream)
        return _backlog(*log.backlog(group, parse(to)))

    async def skip(self, service: str, stream: str, to: str, seen: Backlog, audit: Output) -> bool:
        """Acknowledge a backlog unread and append ``audit``, in one step."""
        check_fields(audit.stream, (audit.fields,))
        log, group = self._group(service, stream)
        held, waiting = log.backlog(group, parse(to))
        if not (held or waiting) or _backlog(held, waiting) != seen:
            return False
        self._store.log(audit.stream).put(None, audit.fields, self._now_ms())
        log.skip(group, held, waiting)
        self._store.announce()
        return True

    async def close(self) -> None:
        """Nothing is held open."""

    def _log_of(self, stream: str) -> Log:
        found = self._store.logs.get(stream)
        if found is None:
            raise StoreError(f"there is no stream {stream}")
        return found

    def _group(self, service: str, stream: str) -> tuple[Log, Group]:
        found = self._find(service, stream)
        if found is None:
            raise no_group(service, stream)
        return found

    def _find(self, service: str, stream: str) -> tuple[Log, Group] | None:
        log = self._store.logs.get(stream)
        group = None if log is None else log.groups.get(keys.group(service))
        return None if log is None or group is None else (log, group)

    def _open_reading(self, service: str, streams: Sequence[str]) -> _Reading:
        places = [self._group(service, stream) for stream in streams]
        return _Reading(self._consumer, tuple(streams), places)

    def _already(self, commit: Commit, inbox: str) -> CommitOutcome:
        record = self._store.logs[inbox].entries[-1:]
        if record and (record[0].fields or {}).get(keys.RECORD) != commit.inbox:
            raise another_content(commit)
        return "already"

    def _placed(
        self, outputs: Sequence[Output], tops: dict[str, EntryId | None]
    ) -> list[EntryId | None]:
        """The ids of the outputs; raises where a stream would refuse one."""
        placed: list[EntryId | None] = []
        for one in outputs:
            check_fields(one.stream, (one.fields,))
            entry_id = None if one.id == "*" else parse(one.id)
            if entry_id is not None:
                top = tops.get(one.stream, self._store.last(one.stream))
                if top is None or entry_id <= top:
                    raise not_after(one.stream, one.id, "*" if top is None else show(top))
            tops[one.stream] = entry_id
            placed.append(entry_id)
        return placed

    def _apply(self, commit: Commit, placed: Sequence[EntryId | None]) -> None:
        store, now_ms = self._store, self._now_ms()
        record_id = (commit.epoch, commit.seq)
        records = store.log(keys.inbox(commit.service))
        records.put(record_id, {keys.RECORD: commit.inbox}, now_ms)
        for one, entry_id in zip(commit.outputs, placed, strict=True):
            store.log(one.stream).put(entry_id, one.fields, now_ms)
        name = keys.group(commit.service)
        for stream, ids in commit.acks.items():
            log = store.logs.get(stream)
            if log is not None and name in log.groups:
                log.groups[name].acknowledge(ids)
        for key, changes in commit.projections.items():
            _change(store.hashes.setdefault(keys.state(key), {}), changes)
        if commit.snapshot:
            store.snapshots[commit.service] = (commit.snapshot, show(record_id))
        if store.waiting:
            store.announce()


def _backlog(held: Sequence[str], waiting: Sequence[Entry]) -> Backlog:
    ids = [*held, *(one.id for one in waiting)]
    return Backlog(len(ids), ids[0], ids[-1]) if ids else Backlog(0, "", "")


def _following(text: str) -> str:
    first, second = parse(text)
    return show((first, second + 1))


def _change(fields: dict[str, bytes], changes: Mapping[str, bytes | None]) -> None:
    for field, value in changes.items():
        if value is None:
            fields.pop(field, None)
        else:
            fields[field] = value


def _undelivered(found: Sequence[Entry]) -> list[Entry]:
    return [Entry(one.stream, one.id, one.fields, 0) for one in found]
