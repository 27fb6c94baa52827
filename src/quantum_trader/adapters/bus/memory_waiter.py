"""Waiting for anything to arrive on a bus in memory."""

import asyncio


class Waiter:
    """A reader that waits; half the cost of an event and a timeout."""

    __slots__ = ("_over", "_woken")

    def __init__(self) -> None:
        self._over = False
        self._woken: asyncio.Future[None] | None = None

    async def wait(self, among: "list[Waiter]") -> bool:
        """Wait among others until something arrives; False when the time is over."""
        self._woken = asyncio.get_running_loop().create_future()
        among.append(self)
        await self._woken
        return not self._over

    def wake(self) -> None:
        """Something has arrived."""
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)

    def end(self) -> None:
        """The time is over."""
        self._over = True
        self.wake()
