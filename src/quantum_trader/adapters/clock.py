"""Time: the system's, and one that a test or a replay moves by hand."""

import asyncio
import heapq
import time
from collections.abc import Callable

LOOK_EVERY_S = 1.0
"""How long a sleeper may not notice that the clock on the wall was set ahead."""
EARLY_MS_MAX = 100
"""A sleep is measured by another clock than the wall's and may end so much too early."""


async def sleep_on_wall(now_ms: Callable[[], int], at_ms: int) -> None:
    """Return at ``at_ms``, or when as much time has passed as that was away.

    A clock that is set back an hour must not make anybody sleep for that hour.
    """
    loop = asyncio.get_running_loop()
    over_s = loop.time() + max(0, at_ms - now_ms()) / 1000
    while True:
        await asyncio.sleep(min(max(0.0, over_s - loop.time()), LOOK_EVERY_S))
        short_ms = at_ms - now_ms()
        if short_ms <= 0:
            return
        if loop.time() >= over_s:
            if short_ms > EARLY_MS_MAX:
                return
            over_s = loop.time() + short_ms / 1000


class SystemClock:
    """The wall clock of this machine."""

    def now_ms(self) -> int:
        """Epoch milliseconds, UTC."""
        return time.time_ns() // 1_000_000

    async def sleep_until(self, at_ms: int) -> None:
        """Return at ``at_ms`` or, when that has passed, after everybody else had a turn."""
        await sleep_on_wall(self.now_ms, at_ms)


class SteadyClock:
    """Milliseconds since some moment that nobody can set: for waiting and for ages, not for dates.

    It goes on while the process is stopped by a signal.
    """

    def now_ms(self) -> int:
        """Milliseconds since some moment before this process."""
        return time.monotonic_ns() // 1_000_000

    async def sleep_until(self, at_ms: int) -> None:
        """Return at ``at_ms`` or, when that has passed, after everybody else had a turn."""
        await asyncio.sleep(max(0, at_ms - self.now_ms()) / 1000)


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now_ms: int = 0) -> None:
        self._now_ms = now_ms
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._slept = 0

    def now_ms(self) -> int:
        """The time it was moved to."""
        return self._now_ms

    async def sleep_until(self, at_ms: int) -> None:
        """Return when the clock has been moved to ``at_ms``."""
        if at_ms <= self._now_ms:
            await asyncio.sleep(0)
            return
        self._slept += 1
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (at_ms, self._slept, woken))
        await woken

    def move_to(self, now_ms: int) -> None:
        """Let it be ``now_ms``, and wake whoever waited for that, the earliest first."""
        self._now_ms = now_ms
        while self._sleepers and self._sleepers[0][0] <= now_ms:
            woken = heapq.heappop(self._sleepers)[2]
            if not woken.done():
                woken.set_result(None)
