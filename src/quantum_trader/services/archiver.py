"""The archiver: what the streams hold is copied to the archive, and only then, and late, trimmed.

An entry goes when all of this is true: it is archived, every group on its stream has passed it,
no service would need it to start again from its snapshot, and it is old or far behind the newest
(``streams/row.py``). Where somebody keeps a stream above its limit all the same, the trader is
told, and takes no new risk until it has recovered.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NoReturn

import msgspec
import structlog

from quantum_trader.core.errors import StoreError
from quantum_trader.core.events import Blocked, TrimmingBlocked
from quantum_trader.core.stream_info import Segment, StreamInfo
from quantum_trader.ports import Archive, Bus, Clock
from quantum_trader.services import wire
from quantum_trader.services.needs import Need, RestartNeeds, first_of, slowest_group
from quantum_trader.services.rounds import go_round
from quantum_trader.streams import (
    ARCHIVER,
    KEPT,
    OPERATOR_STREAM,
    PREFIX,
    Stream,
)
from quantum_trader.streams.ids import following, parse

NOTHING_YET = "0-0"
HOUR_MS = 3_600_000
ORDERS_LOOKED_AT = 1_000
NO_ARCHIVE = "there is no archive: polars is not installed (quantum-trader[archive])"

OLDER = (
    "{stream} ends at {last}, before its archive, which ends at {end}: an older copy of the "
    "streams was put back. Put the archive of that time back too, or move this one away"
)

_log = structlog.get_logger()


class ArchiverSettings(msgspec.Struct, frozen=True, kw_only=True):
    """When a segment is due: so many entries wait, or the first has waited so long.

    ``newest_kept`` entries of every stream are never trimmed: whoever looks at the end of a
    stream, without a group, finds them.
    """

    account: str
    round_ms: int = 10_000
    segment_entries: int = 10_000
    segment_after_ms: int = HOUR_MS
    newest_kept: int = 1_000


class _Course(msgspec.Struct):
    """How far the archive of one stream has come.

    ``stood`` is the last id of the round before: what stood there then is on disk by now, and a
    server that dies cannot take it back. ``waiting`` is how many entries are not archived, of
    ``added`` that there ever were; ``since_ms`` is since when any wait.
    """

    stood: str
    waiting: int
    added: int
    since_ms: int | None

    def see(self, info: StreamInfo, now_ms: int) -> None:
        """Count what has come since."""
        self.waiting += info.added - self.added
        self.added = info.added
        if self.waiting and self.since_ms is None:
            self.since_ms = now_ms


class Archiver:
    """Archives and trims, round by round. Without an archive it only watches the limits."""

    def __init__(
        self,
        bus: Bus,
        archive: Archive | None,
        clock: Clock,
        settings: ArchiverSettings,
        table: Sequence[Stream] = KEPT,
    ) -> None:
        self._bus = bus
        self._archive = archive
        self._clock = clock
        self._settings = settings
        self._rows = {row.key: row for row in table}
        self._courses: dict[str, _Course] = {}
        self._restarts = RestartNeeds(bus)
        self._told: tuple[tuple[str, str], ...] | None = None
        self._problems: dict[str, str] = {}
        self._archived = self._trimmed = 0

    async def run(self) -> NoReturn:
        """Go round for ever."""
        await go_round(self.look, self._settings.round_ms, self._clock)

    async def look(self) -> None:
        """One round: archive, trim, and say who is in the way."""
        held = await self._held()
        needs: dict[str, Need] = {}
        if self._archive is None:
            self._note("", NO_ARCHIVE)
        else:
            for info in held:
                await self._archive_what_is_due(self._archive, info)
            # Asked after the groups: what a group finishes in between is in its inbox by now.
            needs = await self._restarts.look()
            for info in held:
                await self._trim(self._archive, info, needs.get(info.stream))
        held = await self._held()
        blocked = tuple(self._blocked(held, needs))
        await self._tell(blocked)
        await self._beat(blocked)

    async def _held(self) -> list[StreamInfo]:
        found = [await self._bus.info(key) for key in self._rows]
        return [info for info in found if info is not None]

    async def _archive_what_is_due(self, archive: Archive, info: StreamInfo) -> None:
        stream = info.stream
        try:
            segments = await archive.segments(stream)
        except StoreError as error:
            return self._note(stream, str(error))
        end = segments[-1].last if segments else NOTHING_YET
        if parse(info.last_id) < parse(end):
            return self._note(stream, OLDER.format(stream=stream, last=info.last_id, end=end))
        self._problems.pop(stream, None)
        course = self._courses.get(stream)
        if course is None:
            course = self._courses[stream] = await self._begin(info, end)
        course.see(info, self._clock.now_ms())
        while self._is_due(course) and await self._store(archive, info, course, end):
            end = (await archive.segments(stream))[-1].last
        course.stood = info.last_id
        return None

    async def _begin(self, info: StreamInfo, end: str) -> _Course:
        return _Course(NOTHING_YET, await self._waiting(info, end), info.added, None)

    async def _waiting(self, info: StreamInfo, end: str) -> int:
        """How many entries are not archived; a segment's worth stands for all that are more."""
        size = self._settings.segment_entries
        return len(await self._bus.span(info.stream, f"({end}", info.last_id, size))

    def _is_due(self, course: _Course) -> bool:
        if course.waiting >= self._settings.segment_entries:
            return True
        waited_ms = self._clock.now_ms() - (course.since_ms or self._clock.now_ms())
        return waited_ms >= self._settings.segment_after_ms

    async def _store(
        self, archive: Archive, info: StreamInfo, course: _Course, end: str
    ) -> Segment | None:
        """Archive one segment of what stood there a round ago; None when there is nothing."""
        if parse(course.stood) <= parse(end):
            return None
        size = self._settings.segment_entries
        page = await self._bus.span(info.stream, f"({end}", course.stood, size)
        if not page:
            return None
        try:
            segment = await archive.store(info.stream, page, self._clock.now_ms())
        except StoreError as error:
            self._note(info.stream, str(error))
            return None
        self._archived += segment.count
        course.waiting = await self._waiting(info, segment.last)
        course.since_ms = self._clock.now_ms() if course.waiting else None
        return segment

    async def _trim(self, archive: Archive, info: StreamInfo, restart: Need | None) -> None:
        if info.stream in self._problems or info.stream not in self._courses:
            return
        ripe = self._ripe(info, await archive.segments(info.stream))
        if ripe is not None:
            first = first_of(Need(ripe, ""), slowest_group(info), restart)
            assert first is not None
            self._trimmed += await self._bus.trim(info.stream, first.first)

    def _ripe(self, info: StreamInfo, segments: Sequence[Segment]) -> str | None:
        """Before which id all is archived, and old or far behind."""
        row = self._rows[info.stream]
        newer = self._courses[info.stream].waiting
        for segment in reversed(segments):
            old = row.keep_hours is not None and (
                segment.written_ms + row.keep_hours * HOUR_MS <= self._clock.now_ms()
            )
            if newer >= self._settings.newest_kept and (old or newer >= row.keep_entries):
                return following(segment.last)
            newer += segment.count
        return None

    def _note(self, stream: str, problem: str) -> None:
        if self._problems.get(stream) != problem:
            _log.error("not archived, and so not trimmed", stream=stream, reason=problem)
        self._problems[stream] = problem

    def _blocked(self, held: Iterable[StreamInfo], needs: Mapping[str, Need]) -> Iterable[Blocked]:
        for info in held:
            row = self._rows[info.stream]
            if info.length > row.entries_max:
                by = self._in_the_way(info, needs.get(info.stream))
                yield Blocked(row.key.removeprefix(PREFIX), by, info.length, row.entries_max)

    def _in_the_way(self, info: StreamInfo, restart: Need | None) -> str:
        """Who keeps a stream from being trimmed."""
        problem = self._problems.get(info.stream) or self._problems.get("")
        if problem:
            return f"the archive ({problem})"
        first = first_of(slowest_group(info), restart)
        return "the archive, which is behind" if first is None else first.by

    async def _tell(self, blocked: tuple[Blocked, ...]) -> None:
        """Say who is in the way when that has changed; the trader refuses entries meanwhile."""
        names = tuple((one.stream, one.by) for one in blocked)
        if self._told is None:
            self._told = await self._told_before()
        if names == self._told:
            return
        at_ms = self._clock.now_ms()
        fact = TrimmingBlocked(
            id=f"{ARCHIVER}:{at_ms}",
            at_ms=at_ms,
            trace_id="",
            account=self._settings.account,
            blocked=blocked,
        )
        _log.warning("what keeps streams from being trimmed has changed", blocked=names)
        await self._bus.append(OPERATOR_STREAM, [wire.write(fact)], writer=ARCHIVER)
        self._told = names

    async def _told_before(self) -> tuple[tuple[str, str], ...]:
        """What an archiver before us said last."""
        for entry in await self._bus.last(OPERATOR_STREAM, ORDERS_LOOKED_AT):
            with suppress(*wire.UNREADABLE):
                fact = wire.read(entry)
                if isinstance(fact, TrimmingBlocked):
                    return tuple((one.stream, one.by) for one in fact.blocked)
        return ()

    async def _beat(self, blocked: Sequence[Blocked]) -> None:
        """Show that we live, and what the doctor shall know."""
        now_ms = self._clock.now_ms()
        waited = [now_ms - one.since_ms for one in self._courses.values() if one.since_ms]
        status = {
            "at": str(now_ms).encode(),
            "archived": str(self._archived).encode(),
            "trimmed": str(self._trimmed).encode(),
            "waited_ms": str(max(waited, default=0)).encode(),
            "problems": msgspec.json.encode(sorted(set(self._problems.values()))),
            "blocked": msgspec.json.encode(blocked),
        }
        await self._bus.beat(ARCHIVER, status)
