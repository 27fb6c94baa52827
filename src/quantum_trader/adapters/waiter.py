"""Waiting for something that somebody else in this process brings about."""

import asyncio
from collections.abc import Callable


class Waiter:
    """One who waits until ``is_ready`` says so; half the cost of an event and a timeout."""

    __slots__ = ("_is_ready", "_woken")

    def __init__(self, is_ready: Callable[[], bool]) -> None:
        self._is_ready = is_ready
        self._woken: asyncio.Future[bool] | None = None

    async def wait(self, among: "list[Waiter]", for_ms: int) -> bool:
        """Wait among others, each of whom is nudged; False when the time is over."""
        loop = asyncio.get_running_loop()
        self._woken = loop.create_future()
        over = loop.call_later(for_ms / 1000, self._wake, False)
        among.append(self)
        try:
            return await self._woken
        finally:
            over.cancel()
            if self in among:
                among.remove(self)

    def nudge(self) -> None:
        """Something has happened: perhaps it is what this one waits for."""
        if self._is_ready():
            self._wake(True)

    def _wake(self, in_time: bool) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(in_time)
