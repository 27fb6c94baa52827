"""How long a loop bears a server that does not answer."""

from quantum_trader.core.errors import BusUnreachable
from quantum_trader.ports import Clock
from quantum_trader.services import progress

PATIENCE_MS = 30_000
FIRST_PAUSE_MS = 50
PAUSE_MS_MAX = 2_000


class Patience:
    """Pauses longer and longer while nothing answers, and ends when it has lasted too long."""

    def __init__(self, clock: Clock, limit_ms: int = PATIENCE_MS) -> None:
        self._clock = clock
        self._limit_ms = limit_ms
        self._pause_ms = FIRST_PAUSE_MS
        self._since_ms: int | None = None

    def relieved(self) -> None:
        """There was an answer."""
        self._since_ms = None
        self._pause_ms = FIRST_PAUSE_MS

    async def bear(self, error: BusUnreachable) -> None:
        """Wait a little; raise ``error`` when there has been no answer for the whole limit."""
        progress.made()
        now_ms = self._clock.now_ms()
        if self._since_ms is None or now_ms < self._since_ms:
            # Or the clock was set back: nobody is borne for as long as that.
            self._since_ms = now_ms
        if now_ms - self._since_ms >= self._limit_ms:
            raise error
        await self._clock.sleep_until(now_ms + self._pause_ms)
        self._pause_ms = min(2 * self._pause_ms, PAUSE_MS_MAX)
