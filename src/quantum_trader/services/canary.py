"""The canary: every half minute a fact that means nothing goes down every edge, and must arrive.

An edge is a stream and a service that consumes it. The fact arrived when the service's group has
passed it: read, handled and acknowledged by the very loop that trades. It is recorded like any
fact and changes no state, so hashes and decisions are what they are without it.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NoReturn

import msgspec
import structlog

from quantum_trader.core.errors import BusUnreachable
from quantum_trader.core.events import CanarySung
from quantum_trader.core.stream_info import StreamInfo
from quantum_trader.ports import Bus, Clock
from quantum_trader.services import wire
from quantum_trader.services.needs import group_need
from quantum_trader.services.rounds import go_round
from quantum_trader.streams import CANARY, PREFIX, groups, is_numbered
from quantum_trader.streams.ids import parse

ROUND_MS = 5_000
EVERY_MS = 30_000
BOUND_MS = 10_000
LOOKED_THROUGH = 10_000

Say = Callable[[str, CanarySung], Awaitable[object]]
"""Appends to a stream whose writer numbers its entries; only that writer can."""

_log = structlog.get_logger()


class Late(msgspec.Struct, frozen=True):
    """A canary that is not at the end of its edge although it should be."""

    stream: str
    service: str
    since_ms: int


class _Flight(msgspec.Struct):
    """One canary on one stream.

    What was there before it, whether it was sung without an error, and where it landed, once found.
    """

    fact: CanarySung
    since_ms: int
    behind: str
    sung: bool = False
    entry_id: str | None = None


class Canary:
    """Sings and listens. ``say`` is asked for the streams that only their writers may touch."""

    def __init__(self, bus: Bus, wall: Clock, time: Clock, account: str, say: Say) -> None:
        self._bus = bus
        self._wall = wall
        self._time = time
        self._account = account
        self._say = say
        self._flights: dict[str, _Flight] = {}
        self._sung_ms = 0
        self._late: tuple[Late, ...] = ()

    async def run(self) -> NoReturn:
        """Sing and listen for ever."""
        await go_round(self.look, ROUND_MS, self._wall)

    async def look(self) -> None:
        """See which canaries are late, sing again when it is time, and say how it stands."""
        now_ms = self._wall.now_ms()
        late = tuple([one async for one in self._overdue(now_ms)])
        for one in late:
            if one not in self._late:
                _log.error("a canary is late", stream=one.stream, service=one.service)
        self._late = late
        if now_ms - self._sung_ms >= EVERY_MS:
            self._sung_ms = now_ms
            # Those that are late are waited for: a new one would hide since when.
            waited_for = {PREFIX + one.stream for one in late}
            for stream in sorted({stream for _, stream in groups()} - waited_for):
                await self._start(stream, now_ms)
        for stream in [stream for stream, flight in self._flights.items() if not flight.sung]:
            await self._sing(stream)
        status = {
            "at": str(self._wall.now_ms()).encode(),
            "sung_ms": str(self._sung_ms).encode(),
            "late": msgspec.json.encode(late),
        }
        await self._bus.beat(CANARY, status)

    async def _start(self, stream: str, now_ms: int) -> None:
        info = await self._bus.info(stream)
        name = stream.removeprefix(PREFIX)
        fact = CanarySung(
            id=f"{CANARY}:{name}:{now_ms}",
            at_ms=self._time.now_ms(),
            trace_id="",
            account=self._account,
            stream=name,
        )
        self._flights[stream] = _Flight(fact, now_ms, "0-0" if info is None else info.last_id)

    async def _sing(self, stream: str) -> None:
        """Put a canary on its stream; one that could not be put there is sung again next time."""
        flight = self._flights[stream]
        try:
            # Without a time limit: to give up in the middle of a commit would end its loop.
            if is_numbered(stream):
                await self._say(stream, flight.fact)
            else:
                await self._bus.append(stream, [wire.write(flight.fact)], writer=CANARY)
            flight.sung = True
        except BusUnreachable as error:
            name = flight.fact.stream
            _log.warning("a canary could not be sung", stream=name, reason=str(error))

    async def _overdue(self, now_ms: int) -> AsyncIterator[Late]:
        """Every edge whose canary had its time. What has arrived everywhere is let go of."""
        for stream, flight in list(self._flights.items()):
            if now_ms - flight.since_ms < BOUND_MS:
                continue
            info = await self._bus.info(stream)
            readers = [service for service, key in groups() if key == stream]
            late = [one for one in readers if not await self._landed(flight, info, one)]
            for service in late:
                yield Late(stream.removeprefix(PREFIX), service, flight.since_ms)
            if not late:
                del self._flights[stream]

    async def _landed(self, flight: _Flight, info: StreamInfo | None, service: str) -> bool:
        if info is None:
            return False
        if flight.entry_id is None:
            flight.entry_id = await self._found(flight, info.stream)
        if flight.entry_id is None:
            return False
        return any(
            group.service == service and parse(group_need(group).first) > parse(flight.entry_id)
            for group in info.groups
        )

    async def _found(self, flight: _Flight, stream: str) -> str | None:
        """Where the canary is; None when it never came to the stream."""
        payload = wire.write(flight.fact)[b"payload"]
        for entry in await self._bus.span(stream, f"({flight.behind}", "+", LOOKED_THROUGH):
            if entry.fields is not None and entry.fields.get(b"payload") == payload:
                return entry.id
        return None
