"""The streams as far back as their archive reaches: what was trimmed, and then what is live."""

from bisect import bisect_left

import structlog

from quantum_trader.core.stream_info import Segment
from quantum_trader.ports import RECORD, Archive, Bus, Entry, Saved
from quantum_trader.services.recovery import Log
from quantum_trader.streams import inbox_of
from quantum_trader.streams.ids import FIRST, bound, parse

_log = structlog.get_logger()


class History:
    """A ``Log`` that reads the archive first, and the live streams from where it ends.

    The archive of a stream is its beginning, without a hole, so the two never have to be mixed.
    Raises ``StoreError`` naming a segment that is torn or missing.
    """

    def __init__(self, live: Log, archive: Archive) -> None:
        self._live = live
        self._archive = archive
        self._loaded: dict[str, tuple[Segment, list[Entry]]] = {}

    async def saved(self, service: str) -> Saved:
        """The last snapshot and inbox position of a service."""
        return await self._live.saved(service)

    async def inbox(self, service: str, after: str, count: int) -> list[tuple[str, bytes]]:
        """Inbox records after an id, oldest first."""
        old, goes_on = await self._archived(inbox_of(service), "(" + after, "+", count)
        found = [(one.id, one.fields[RECORD]) for one in old if one.fields is not None]
        if len(found) < count:
            live_after = goes_on or after
            found += await self._live.inbox(service, live_after, count - len(found))
        return found

    async def span(self, stream: str, first: str, last: str, count: int) -> list[Entry]:
        """Entries from ``first`` to ``last``, wherever they are."""
        found, goes_on = await self._archived(stream, first, last, count)
        if len(found) < count:
            live_first = f"({goes_on}" if goes_on else first
            found += await self._live.span(stream, live_first, last, count - len(found))
        return found

    async def _archived(
        self, stream: str, first: str, last: str, count: int
    ) -> tuple[list[Entry], str | None]:
        """What the archive has of it, and the id behind which the live stream goes on.

        None when the archive ends before ``first``.
        """
        segments = await self._archive.segments(stream)
        low, high = bound(first, upper=False), bound(last, upper=True)
        if not segments or parse(segments[-1].last) < low:
            return [], None
        found: list[Entry] = []
        for segment in segments[bisect_left(segments, low, key=lambda one: parse(one.last)) :]:
            if len(found) >= count or parse(segment.first) > high:
                break
            entries = await self._entries(segment)
            start = bisect_left(entries, low, key=lambda one: parse(one.id))
            end = bisect_left(entries, (high[0], high[1] + 1), key=lambda one: parse(one.id))
            found += entries[start : min(end, start + count - len(found))]
        return found, segments[-1].last

    async def _entries(self, segment: Segment) -> list[Entry]:
        """One segment of every stream is kept at hand: whoever replays comes back for its rest."""
        loaded = self._loaded.get(segment.stream)
        if loaded is None or loaded[0] != segment:
            loaded = self._loaded[segment.stream] = segment, await self._archive.load(segment)
        return loaded[1]


async def set_aside_of_others(bus: Bus, archive: Archive) -> None:
    """Set an archive aside that is ahead of its streams: they were lost, or came back older.

    Their ids begin again somewhere before its end, so nobody could tell whose entries it holds.
    """
    for stream in await archive.streams():
        segments, info = await archive.segments(stream), await bus.info(stream)
        last = FIRST if info is None else parse(info.last_id)
        if segments and last < parse(segments[-1].last):
            where = await archive.set_aside()
            _log.warning("the archive is of streams that are gone", stream=stream, kept_in=where)
            return
