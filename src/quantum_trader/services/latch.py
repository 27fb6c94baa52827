"""Sees to it that the trader is at the level of the latch, whoever latched it and how.

The latch is a floor. While it holds, the trader is ordered to at least its level, and a lower
order is answered with that order again; a latch that is gone orders nothing.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

import structlog

from quantum_trader.core.errors import BusUnreachable
from quantum_trader.core.events import KillLevelSet
from quantum_trader.core.events.ops import KillLevel
from quantum_trader.core.kill_level import includes
from quantum_trader.core.out import Stamp
from quantum_trader.ports import Bus, Clock, Latch, Latched
from quantum_trader.services import progress, wire
from quantum_trader.services.patience import Patience
from quantum_trader.streams import OPERATOR, OPERATOR_STREAM

LATCH = "latch"
LOOK_EVERY_MS = 500
ORDERS_LOOKED_AT = 1_000

_log = structlog.get_logger()


async def newest_level(bus: Bus) -> KillLevelSet | None:
    """The kill level that was ordered last, whether or not the trader has come to it."""
    for entry in await bus.last(OPERATOR_STREAM, ORDERS_LOOKED_AT):
        with suppress(*wire.UNREADABLE):
            fact = wire.read(entry)
            if isinstance(fact, KillLevelSet):
                return fact
    return None


class LatchKeeper:
    """Looks at the latch and orders its level where nobody has.

    ``level`` is where the trader is now; ``stamp`` makes what every fact carries from a name.
    """

    def __init__(
        self, bus: Bus, latch: Latch, level: Callable[[], KillLevel], stamp: Callable[[str], Stamp]
    ) -> None:
        self._bus = bus
        self._latch = latch
        self._level = level
        self._stamp = stamp

    @property
    def is_met(self) -> bool:
        """Whether the trader is where the latch wants it."""
        held = self._latch.read()
        return held is None or includes(self._level(), held.level)

    async def due(self) -> KillLevelSet | None:
        """The order that the latch still wants; None when it was given, or nothing is latched."""
        if self.is_met:
            return None
        newest = await newest_level(self._bus)
        held = self._latch.read()  # Again: it may have been taken away while we asked.
        if held is None or (newest is not None and includes(newest.level, held.level)):
            return None
        return self._order(held)

    async def look(self) -> None:
        """Look once, and order what is due."""
        order = await self.due()
        if order is not None:
            _log.warning("the latch is set", level=order.level, who=order.who, why=order.why)
            await self._bus.append(OPERATOR_STREAM, [wire.write(order)], writer=OPERATOR)

    async def run(self, clock: Clock) -> NoReturn:
        """Look for ever."""
        patience = Patience(clock)
        while True:
            try:
                await self.look()
                progress.made()
                patience.relieved()
                await clock.sleep_until(clock.now_ms() + LOOK_EVERY_MS)
            except BusUnreachable as error:
                await patience.bear(error)

    def _order(self, held: Latched) -> KillLevelSet:
        stamp = self._stamp(f"{LATCH}:{held.level}:{held.at_ms}")
        return KillLevelSet(
            **stamp, level=held.level, who=held.who, why=held.why or "the latch is set"
        )
