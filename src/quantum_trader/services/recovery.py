"""Becoming again what the last commit left behind: a snapshot, and the entries taken since.

A pure step does the same again when it is given the same entries in the same order, so the
outputs are not needed; they are on their streams already.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Generic, Protocol, TypeVar

import msgspec

from quantum_trader.core.errors import Malformed, StoreError
from quantum_trader.core.events import Fact
from quantum_trader.ports import Entry, Saved
from quantum_trader.services import inbox
from quantum_trader.services.batch import Standing
from quantum_trader.services.inbox import InboxRecord, Taken

BEFORE_EVERYTHING = "0-0"
RECORDS_PER_READ = 1000
ENTRIES_PER_READ = 1000

S = TypeVar("S")


class Log(Protocol):
    """What recovery asks of the streams; every bus can answer it."""

    async def saved(self, service: str) -> Saved:
        """The last snapshot and inbox position of a service."""

    async def inbox(self, service: str, after: str, count: int) -> list[tuple[str, bytes]]:
        """Inbox records after an id, oldest first."""

    async def span(self, stream: str, first: str, last: str, count: int) -> list[Entry]:
        """Entries from ``first`` to ``last``."""


class Replayable(Protocol[S]):
    """A pure step with its state: how it begins, is read back, and goes on."""

    def read(self, entry: Entry) -> Fact:
        """What an entry says."""

    def begin(self) -> S:
        """The state before the first fact."""

    def load(self, snapshot: bytes) -> S:
        """The state a snapshot holds."""

    def step(self, state: S, fact: Fact) -> Sequence[Fact]:
        """Fold one fact into the state."""


class Restored(msgspec.Struct, Generic[S], frozen=True):
    """A state, where its service stands, and how many facts were folded again to get there."""

    state: S
    standing: Standing
    replayed: int


async def standing(bus: Log, service: str) -> Standing:
    """Where the last commit of a service left its counters; zeros before the first."""
    last = (await bus.saved(service)).last
    if last == BEFORE_EVERYTHING:
        return Standing()
    epoch, _, seq = last.partition("-")
    for _, record in await bus.inbox(service, f"{epoch}-{int(seq) - 1}", 1):
        found = inbox.decode(record)
        return Standing(found.n, found.out)
    raise StoreError(f"the inbox of {service} ends at {last}, but that record is missing")


async def restore(bus: Log, service: str, fold: Replayable[S]) -> Restored[S]:
    """The state after the last commit: from the snapshot, where there is one, and the rest.

    Raises ``StoreError`` when the streams no longer hold what the inbox says was taken.
    """
    saved = await bus.saved(service)
    if saved.snapshot is None:
        return await rebuild_from_log(bus, service, fold)
    try:
        state = fold.load(saved.snapshot)
    except msgspec.DecodeError:
        # Another version wrote it. A snapshot only saves time; the log is what happened.
        return await rebuild_from_log(bus, service, fold)
    return await _forward(bus, service, fold, state, saved.snapshot_at)


async def rebuild_from_log(bus: Log, service: str, fold: Replayable[S]) -> Restored[S]:
    """The state after the last commit from the first entry on, as if there were no snapshot.

    Raises ``StoreError`` when the streams no longer hold what the inbox says was taken.
    """
    return await _forward(bus, service, fold, fold.begin(), BEFORE_EVERYTHING)


async def _forward(
    bus: Log, service: str, fold: Replayable[S], state: S, after: str
) -> Restored[S]:
    """Fold into the state what every record after ``after`` says was taken."""
    tapes: dict[str, _Tape] = {}
    replayed = 0
    expected = 1 if after == BEFORE_EVERYTHING else None
    async for record in records(bus, service, after):
        if expected not in (None, record.n):
            raise StoreError(
                f"the inbox of {service} goes on with commit {record.n} where commit {expected} "
                "belongs: it was trimmed or changed. Put its archive back, or start over with a "
                "reconciliation"
            )
        expected = record.n + 1
        left_out = {*record.dead, *record.skipped}
        for taken in record.took:
            tape = tapes.setdefault(taken.stream, _Tape(bus, taken.stream))
            replayed += taken.count
            for entry in await tape.play(taken):
                if not left_out or (entry.stream, entry.id) not in left_out:
                    fold.step(state, _read(fold, entry))
    return Restored(state, await standing(bus, service), replayed)


def _read(fold: Replayable[S], entry: Entry) -> Fact:
    try:
        return fold.read(entry)
    except (Malformed, msgspec.DecodeError) as error:
        raise StoreError(
            f"entry {entry.id} of {entry.stream} was understood when it was taken and is not any "
            f"more ({error}); use the version that wrote it"
        ) from error


async def records(bus: Log, service: str, after: str) -> AsyncIterator[InboxRecord]:
    """What a service took in every commit after an inbox id."""
    async for _, record in inboxed(bus, service, after):
        yield record


async def inboxed(bus: Log, service: str, after: str) -> AsyncIterator[tuple[str, InboxRecord]]:
    """The same, each with its id."""
    while page := await bus.inbox(service, after, RECORDS_PER_READ):
        for record_id, record in page:
            yield record_id, inbox.decode(record)
        after = page[-1][0]


class _Tape:
    """One stream, read far ahead of where it plays, so that few round trips are needed."""

    def __init__(self, bus: Log, stream: str) -> None:
        self._bus = bus
        self._stream = stream
        self._ahead: list[Entry] = []
        self._at = 0

    async def play(self, taken: Taken) -> list[Entry]:
        """Exactly the entries of one run. Raises ``StoreError`` when they are not there."""
        if not self._holds(taken):
            count = max(taken.count, ENTRIES_PER_READ)
            self._ahead = await self._bus.span(self._stream, taken.first, "+", count)
            self._at = 0
            if not self._holds(taken):
                raise StoreError(
                    f"the inbox says that {taken.count} entries of {taken.stream} were taken from "
                    f"{taken.first} to {taken.last}; the stream holds others. It was trimmed or "
                    "changed: put its archive back, or start over with a reconciliation"
                )
        start, self._at = self._at, self._at + taken.count
        return self._ahead[start : self._at]

    def _holds(self, taken: Taken) -> bool:
        last = self._at + taken.count - 1
        return (
            last < len(self._ahead)
            and self._ahead[self._at].id == taken.first
            and self._ahead[last].id == taken.last
        )
