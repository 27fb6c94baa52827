"""The janitor: consumers that nobody has been for an hour leave their groups.

What they hold is taken over first, by the consumer that lives; one that holds anything is never
removed, because the server would forget what it holds.
"""

from typing import NoReturn

import structlog

from quantum_trader.core.stream_info import GroupInfo
from quantum_trader.ports import Bus, Clock
from quantum_trader.services.rounds import go_round
from quantum_trader.streams import JANITOR, groups

HOUR_MS = 3_600_000
ROUND_MS = 60_000
CLAIMED_AT_ONCE = 1_000

_log = structlog.get_logger()


class Janitor:
    """Looks after all groups of the table; its bus has the consumer name of the living."""

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._claimed = self._dropped = 0

    async def run(self) -> NoReturn:
        """Go round for ever."""
        await go_round(self.look, ROUND_MS, self._clock)

    async def look(self) -> None:
        """One round through all groups."""
        for service, stream in groups():
            info = await self._bus.info(stream)
            for group in () if info is None else info.groups:
                if group.service == service:
                    await self._tidy(stream, group)
        status = {
            "at": str(self._clock.now_ms()).encode(),
            "claimed": str(self._claimed).encode(),
            "dropped": str(self._dropped).encode(),
        }
        await self._bus.beat(JANITOR, status)

    async def _tidy(self, stream: str, group: GroupInfo) -> None:
        gone = [(name, held) for name, held, idle_ms in group.consumers if idle_ms >= HOUR_MS]
        if any(held for _, held in gone):
            self._claimed += await self._bus.claim(
                group.service, stream, idle_ms=HOUR_MS, count=CLAIMED_AT_ONCE
            )
        for name, _ in gone:
            if await self._bus.drop_consumer(group.service, stream, name, idle_ms=HOUR_MS):
                self._dropped += 1
                _log.info("a consumer without a process left", stream=stream, consumer=name)
