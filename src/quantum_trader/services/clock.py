"""The clock service: every second that passes becomes a fact, so that a replay ages alike."""

from contextlib import suppress
from typing import NoReturn

from quantum_trader.core.errors import BusUnreachable
from quantum_trader.core.events import SecondPassed
from quantum_trader.core.trader import CATCHING_UP_MS
from quantum_trader.ports import Bus, Clock
from quantum_trader.services import wire
from quantum_trader.services.patience import Patience
from quantum_trader.services.pulse import Pulse
from quantum_trader.streams import CLOCK, CLOCK_STREAM

SECOND_MS = 1_000
LOOKED_AT = 100
"""So many entries at the end of the stream are searched for the last second that was told."""


def second_passed(at_ms: int) -> SecondPassed:
    """The fact that the second before ``at_ms`` is over."""
    return SecondPassed(id=f"second:{at_ms}", at_ms=at_ms, trace_id="", account="")


class ClockService:
    """Appends the seconds of a clock, each once and in order.

    Seconds during which nothing could be appended are left out: a fact about now is worth more
    than a row of facts about then.
    """

    def __init__(self, bus: Bus, clock: Clock) -> None:
        self._bus = bus
        self._clock = clock
        self._pulse = Pulse(bus, CLOCK)
        self._last_ms: int | None = None

    async def begin(self) -> None:
        """Tell the second that is over, so that nobody judges by the last one before a start."""
        self._last_ms = await self._told_last_ms()
        at_ms = self._clock.now_ms() // SECOND_MS * SECOND_MS
        if at_ms > self._last_ms:
            await self._tell(at_ms)

    async def run(self) -> NoReturn:
        """Tell the time for ever."""
        patience = Patience(self._clock)
        while True:
            try:
                if self._last_ms is None:
                    self._last_ms = await self._told_last_ms()
                await self.tell_next()
                patience.relieved()
            except BusUnreachable as error:
                await patience.bear(error)

    async def tell_next(self) -> None:
        """Wait for the next full second and append it.

        While the clock is behind what was told, because it was set back, time goes on at half its
        pace: what hangs on it (an unprotected position) must not wait until the clock has caught
        up, and the clock has to catch up.
        """
        now_ms = self._clock.now_ms()
        await self._clock.sleep_until((now_ms // SECOND_MS + 1) * SECOND_MS)
        now_ms = self._clock.now_ms()
        last_ms, second_ms = self._last_ms or 0, now_ms // SECOND_MS * SECOND_MS
        await self._tell(second_ms if second_ms > last_ms else last_ms + CATCHING_UP_MS)
        await self._pulse.beat(now_ms)

    async def _tell(self, at_ms: int) -> None:
        # Noted before it is sent: whether a lost one arrived is unknown, and twice is worse.
        self._last_ms = at_ms
        await self._bus.append(CLOCK_STREAM, [wire.write(second_passed(at_ms))], writer=CLOCK)
        self._pulse.count(1)

    async def _told_last_ms(self) -> int:
        """The last second that was told; what nobody can read was not told by us."""
        for entry in await self._bus.last(CLOCK_STREAM, LOOKED_AT):
            with suppress(*wire.UNREADABLE):
                return wire.read(entry).at_ms
        return 0
