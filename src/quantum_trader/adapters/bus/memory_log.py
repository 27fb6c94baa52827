"""One stream held in memory, with the groups that read it."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from copy import copy

import msgspec

from quantum_trader.adapters.bus.keys import service_of
from quantum_trader.core.errors import StoreError
from quantum_trader.core.stream_info import GroupInfo, StreamInfo
from quantum_trader.ports import Entry, Fields
from quantum_trader.streams.ids import FIRST, EntryId, bound, parse, show


class Delivery(msgspec.Struct, gc=False):
    """An entry somebody was given and has not acknowledged."""

    entry: Entry
    position: int
    consumer: str
    at_ms: int
    times: int = 1


class Group:
    """How far one service has come in a log. Positions count entries since the log began."""

    __slots__ = ("base", "consumed", "last_delivered", "next", "pending", "seen_ms")

    def __init__(self, start: int, base: int, last_delivered: str) -> None:
        self.next = start
        self.base = base
        self.consumed = 0
        self.last_delivered = last_delivered
        self.pending: dict[str, Delivery] = {}
        self.seen_ms: dict[str, int] = {}

    def copy(self) -> "Group":
        """The same group, apart."""
        other = Group(self.next, self.base, self.last_delivered)
        other.consumed = self.consumed
        other.pending = {key: copy(one) for key, one in self.pending.items()}
        other.seen_ms = dict(self.seen_ms)
        return other

    def passed(self) -> int:
        """The position before which nothing is needed any more."""
        return min((one.position for one in self.pending.values()), default=self.next)

    def acknowledge(self, ids: Iterable[str]) -> None:
        """Forget deliveries; ids that are not pending do not count."""
        pending = self.pending
        before = len(pending)
        for entry_id in ids:
            pending.pop(entry_id, None)
        self.consumed += before - len(pending)


class Log:
    """An ordered list of entries.

    ``added`` is how many there ever were, ``start`` the position of the first one that is left.
    """

    __slots__ = ("added", "entries", "groups", "key", "last", "lost", "start")

    def __init__(self, key: str) -> None:
        self.key = key
        self.entries: list[Entry] = []
        self.start = 0
        self.added = 0
        self.last: EntryId = FIRST
        self.lost = False
        self.groups: dict[str, Group] = {}

    def copy(self) -> "Log":
        """The same log, apart; entries never change."""
        other = Log(self.key)
        other.entries = list(self.entries)
        other.start, other.added, other.last = self.start, self.added, self.last
        other.groups = {name: group.copy() for name, group in self.groups.items()}
        return other

    @property
    def length(self) -> int:
        """How many entries still have their data."""
        return sum(entry.fields is not None for entry in self.entries)

    def put(self, entry_id: EntryId | None, fields: Fields, now_ms: int) -> None:
        """Append an entry; without an id it gets the next one that is not before now."""
        if entry_id is None:
            ms, seq = self.last
            ms, seq = (now_ms, 0) if now_ms > ms else (ms, seq + 1)
            self.last = ms, seq
        else:
            self.last = ms, seq = entry_id
        self.added += 1
        self.entries.append(Entry(self.key, f"{ms}-{seq}", dict(fields), 1))

    def open(self, name: str, start: str) -> None:
        """Create a group where it is missing."""
        if name in self.groups:
            return
        if start == "$":
            self.groups[name] = Group(self.added, self.added, show(self.last))
        else:
            self.groups[name] = Group(self.start, self.added - self.length, show(FIRST))

    def take(self, group: Group, consumer: str, count: int, now_ms: int) -> list[Entry]:
        """Deliver the next entries; what was lost before its delivery is never delivered."""
        if self.lost:
            return self._take_around_lost(group, consumer, count, now_ms)
        at, pending = group.next, group.pending
        first = at - self.start
        found = self.entries[first : first + count]
        for entry in found:
            pending[entry.id] = Delivery(entry, at, consumer, now_ms)
            at += 1
        if found:
            group.next, group.last_delivered = at, entry.id
        return found

    def _take_around_lost(
        self, group: Group, consumer: str, count: int, now_ms: int
    ) -> list[Entry]:
        found: list[Entry] = []
        at = group.next
        while at < self.added and len(found) < count:
            entry = self.entries[at - self.start]
            if entry.fields is not None:
                group.pending[entry.id] = Delivery(entry, at, consumer, now_ms)
                found.append(entry)
                group.last_delivered = entry.id
            at += 1
        group.next = at
        return found

    def again(self, group: Group, consumer: str, count: int, now_ms: int) -> list[Entry]:
        """Deliver once more what the consumer has not acknowledged, oldest first."""
        group.seen_ms[consumer] = now_ms
        own = [one for one in group.pending.values() if one.consumer == consumer]
        own.sort(key=lambda one: one.position)
        for one in own[:count]:
            if one.entry.fields is not None:  # What is lost is shown, and not delivered.
                one.times += 1
                one.at_ms = now_ms
        return [Entry(self.key, one.entry.id, one.entry.fields, one.times) for one in own[:count]]

    def claim(self, group: Group, consumer: str, idle_ms: int, count: int, now_ms: int) -> int:
        """Take over deliveries of others; those whose data is lost are dropped."""
        idle = [
            one
            for one in group.pending.values()
            if one.consumer != consumer and now_ms - one.at_ms >= idle_ms
        ]
        idle.sort(key=lambda one: one.position)
        moved = 0
        for one in idle:
            if moved == count:
                break
            if one.entry.fields is None:
                del group.pending[one.entry.id]
                continue
            one.consumer, one.at_ms = consumer, now_ms
            group.seen_ms[consumer] = now_ms
            moved += 1
        return moved

    def between(self, first: str, last: str) -> list[Entry]:
        """Entries with data from one id to another, both included."""
        low = bisect_left(self.entries, bound(first, upper=False), key=_id_of)
        high = bisect_right(self.entries, bound(last, upper=True), key=_id_of)
        return [entry for entry in self.entries[low:high] if entry.fields is not None]

    def lose(self, entry_id: str) -> None:
        """Forget the data of an entry. Raises ``StoreError`` when there is no such entry."""
        at = bisect_left(self.entries, parse(entry_id), key=_id_of)
        if at == len(self.entries) or self.entries[at].id != entry_id:
            raise StoreError(f"{self.key} has no entry {entry_id}")
        self.lost = True
        tombstone = Entry(self.key, entry_id, None, 1)
        self.entries[at] = tombstone
        for group in self.groups.values():
            if entry_id in group.pending:
                group.pending[entry_id].entry = tombstone

    def trim(self, before: int) -> None:
        """Drop the entries before a position."""
        gone = min(before - self.start, len(self.entries))
        if gone > 0:
            del self.entries[:gone]
            self.start += gone

    def trim_before(self, entry_id: EntryId) -> int:
        """Drop the entries before an id that no group needs; how many had data."""
        wanted = self.start + bisect_left(self.entries, entry_id, key=_id_of)
        before = min([wanted, *(group.passed() for group in self.groups.values())])
        gone = self.entries[: max(0, before - self.start)]
        self.trim(before)
        return sum(entry.fields is not None for entry in gone)

    def drop(self, group: Group, consumer: str, idle_ms: int, now_ms: int) -> bool:
        """Forget a consumer that holds nothing and has not come by for so long."""
        seen_ms = group.seen_ms.get(consumer)
        holds = any(one.consumer == consumer for one in group.pending.values())
        if seen_ms is None or holds or now_ms - seen_ms < idle_ms:
            return False
        del group.seen_ms[consumer]
        return True

    def backlog(self, group: Group, to: EntryId) -> tuple[list[str], list[Entry]]:
        """Ids given and not acknowledged, and entries not given, up to an id; in order."""
        held = [one for one in group.pending.values() if _id_of(one.entry) <= to]
        held.sort(key=lambda one: one.position)
        end = bisect_right(self.entries, to, key=_id_of)
        waiting = self.entries[max(0, group.next - self.start) : end]
        return [one.entry.id for one in held], [one for one in waiting if one.fields is not None]

    def skip(self, group: Group, held: Sequence[str], waiting: Sequence[Entry]) -> None:
        """Acknowledge what ``backlog`` found, as if it had been read."""
        group.acknowledge(held)
        group.consumed += len(waiting)
        if waiting:
            last = waiting[-1]
            group.next = self.start + bisect_left(self.entries, _id_of(last), key=_id_of) + 1
            group.last_delivered = last.id

    def info(self, now_ms: int) -> StreamInfo:
        """The log as a server would describe it."""
        groups = tuple(
            self._group_info(name, group, now_ms) for name, group in sorted(self.groups.items())
        )
        return StreamInfo(self.key, self.length, self.added, show(self.last), groups)

    def _group_info(self, name: str, group: Group, now_ms: int) -> GroupInfo:
        oldest = min(group.pending.values(), key=lambda one: one.position, default=None)
        held = [one.consumer for one in group.pending.values()]
        return GroupInfo(
            service_of(name),
            len(group.pending),
            None if oldest is None else now_ms - oldest.at_ms,
            None if oldest is None else oldest.entry.id,
            tuple(
                (consumer, held.count(consumer), now_ms - seen_ms)
                for consumer, seen_ms in sorted(group.seen_ms.items())
            ),
            group.last_delivered,
            self.added - group.base - group.consumed,
        )


def _id_of(entry: Entry) -> EntryId:
    return parse(entry.id)
