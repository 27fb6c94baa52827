"""Which entries are still needed: by the groups that read them, and to start again."""

import msgspec

from quantum_trader.core.stream_info import GroupInfo, StreamInfo
from quantum_trader.ports import Bus
from quantum_trader.services.recovery import BEFORE_EVERYTHING, records
from quantum_trader.streams import FOLDS, inbox_of, read_by
from quantum_trader.streams.ids import following, parse


class Need(msgspec.Struct, frozen=True):
    """The first entry that somebody needs; ``by`` says who that is, for people."""

    first: str
    by: str


def group_need(group: GroupInfo) -> Need:
    """The first entry that a group has not finished."""
    return Need(
        group.oldest_pending or following(group.last_delivered), f"the group {group.service}"
    )


def slowest_group(info: StreamInfo) -> Need | None:
    """The need of the group that is farthest behind; None on a stream without groups."""
    needs = [group_need(group) for group in info.groups]
    return min(needs, key=_order, default=None)


def first_of(*needs: Need | None) -> Need | None:
    """The need that begins first."""
    return min((one for one in needs if one is not None), key=_order, default=None)


class RestartNeeds:
    """What services would fold again if they started now.

    Records are read once: a look goes on where the last one ended, until there is a newer snapshot.
    """

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._seen: dict[str, _Seen] = {}

    async def look(self) -> dict[str, Need]:
        """By stream, the first entry that a start from the snapshots would read."""
        found: dict[str, Need] = {}
        for service in FOLDS:
            by = f"the next start of {service}"
            for stream, first in (await self._firsts(service)).items():
                need = first_of(found.get(stream), Need(first, by))
                if need is not None:
                    found[stream] = need
        return found

    async def _firsts(self, service: str) -> dict[str, str]:
        saved = await self._bus.saved(service)
        if saved.snapshot is None:
            return dict.fromkeys((inbox_of(service), *read_by(service)), BEFORE_EVERYTHING)
        seen = self._seen.get(service)
        if seen is None or seen.snapshot_at != saved.snapshot_at:
            seen = self._seen[service] = _Seen(saved.snapshot_at, saved.snapshot_at)
        async for record in records(self._bus, service, seen.after):
            for taken in record.took:
                known = seen.firsts.get(taken.stream, taken.first)
                seen.firsts[taken.stream] = min(known, taken.first, key=parse)
        seen.after = saved.last
        return {**seen.firsts, inbox_of(service): saved.snapshot_at}


class _Seen(msgspec.Struct):
    """What was taken since a snapshot, as far as the records were read."""

    snapshot_at: str
    after: str
    firsts: dict[str, str] = {}


def _order(need: Need) -> tuple[int, int]:
    return parse(need.first)
