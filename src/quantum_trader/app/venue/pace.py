"""How the time of the market follows the server's clock: at a speed, never past what is next."""

from quantum_trader.ports import Clock

CATCH_UP_MAX_MS = 120_000
PAUSE_MAX_MS = 5_000
"""Nobody waits longer than this for the next fact: a hole in a recording is passed over."""


class Pace:
    """``speed`` is how many seconds of the market pass in one second of the server."""

    def __init__(self, speed: float, clock: Clock) -> None:
        self.speed = speed
        self._clock = clock
        self._at_ms = 0
        self._wall_ms = float(clock.now_ms())
        self._next_ms: int | None = None

    def now_ms(self) -> int:
        """The time of the market now."""
        passed_ms = max(0.0, self._clock.now_ms() - self._wall_ms) * self.speed
        now_ms = int(self._at_ms + passed_ms)
        if self._next_ms is not None:
            now_ms = max(self._at_ms, min(now_ms, self._next_ms - 1))
        return now_ms

    def begin(self, at_ms: int) -> None:
        """The market begins, or goes on, at this time."""
        now_ms = self._clock.now_ms()
        late = self.speed == 1.0 and 0 <= now_ms - at_ms < CATCH_UP_MAX_MS
        # At true speed a market that is a little late hurries until both clocks agree.
        self._at_ms, self._wall_ms, self._next_ms = at_ms, float(at_ms if late else now_ms), None

    async def wait_for(self, at_ms: int) -> None:
        """Return when the market is at a time; from then on it is not earlier."""
        self._next_ms = at_ms
        due_ms = self._wall_ms + min((at_ms - self._at_ms) / self.speed, PAUSE_MAX_MS)
        if due_ms > self._clock.now_ms():
            await self._clock.sleep_until(int(due_ms))
        self._at_ms, self._wall_ms = max(self._at_ms, at_ms), due_ms
        if self._clock.now_ms() - due_ms > CATCH_UP_MAX_MS:
            # It cannot keep up; what was missed is not made good by running faster for ever.
            self._wall_ms = float(self._clock.now_ms())
