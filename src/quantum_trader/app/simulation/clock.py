"""The clocks of one machine in a world: virtual time, and whatever the wall's was set to."""

import asyncio

from quantum_trader.adapters.clock import sleep_on_wall
from quantum_trader.app.simulation.scheduler import Scheduler

BEGAN_MS = 1_735_732_800_000
"""When every world begins: 2025-01-01 12:00 UTC."""


class WallClock:
    """``ports.Clock``; ``offset_ms`` is how far it is from the truth."""

    def __init__(self, loop: Scheduler) -> None:
        self._loop = loop
        self.offset_ms = 0

    def true_ms(self) -> int:
        """The time by which the venue lives."""
        return BEGAN_MS + self._loop.now_ms

    def now_ms(self) -> int:
        """What the clock on the wall says."""
        return BEGAN_MS + self._loop.now_ms + self.offset_ms

    async def sleep_until(self, at_ms: int) -> None:
        """As ``SystemClock``: asleep by the monotonic clock, awake by this one."""
        await sleep_on_wall(self.now_ms, at_ms)


class SteadyTime:
    """``ports.Clock`` as ``SteadyClock``: milliseconds since the world began."""

    def __init__(self, loop: Scheduler) -> None:
        self._loop = loop

    def now_ms(self) -> int:
        """How long the world has been."""
        return self._loop.now_ms

    async def sleep_until(self, at_ms: int) -> None:
        """Return at ``at_ms`` or, when that has passed, after everybody else had a turn."""
        await asyncio.sleep(max(0, at_ms - self.now_ms()) / 1000)
