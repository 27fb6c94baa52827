"""How much asking is allowed: the venue counts what every request weighs, by the minute."""

from collections import deque

from quantum_trader.ports import Clock

MINUTE_MS = 60_000


class Allowance:
    """A share of the venue's minute. What was spent is known, for whoever wants to show it."""

    def __init__(self, clock: Clock, weight_per_minute: int) -> None:
        self._clock = clock
        self._most = weight_per_minute
        self._spent: deque[tuple[int, int]] = deque()
        self.refused = 0

    def take(self, weight: int) -> bool:
        """Spend a weight if the minute has room for it; else it is refused, and counted."""
        if self.spent() + weight > self._most:
            self.refused += 1
            return False
        self._spent.append((self._clock.now_ms(), weight))
        return True

    def pace_ms(self, weight: int) -> int:
        """How far apart such weights may be, so that what is left lasts until there is more.

        Whoever spends it all at once sees nothing for the rest of the minute. Zero while less than
        half is spent.
        """
        left = self._most - self.spent()
        if 2 * left > self._most:
            return 0
        oldest_ms = self._spent[0][0] if self._spent else self._clock.now_ms()
        more_ms = oldest_ms + MINUTE_MS - self._clock.now_ms()
        return more_ms // max(left // weight, 1)

    def spent(self) -> int:
        """What was spent in the last minute."""
        since_ms = self._clock.now_ms() - MINUTE_MS
        while self._spent and self._spent[0][0] <= since_ms:
            self._spent.popleft()
        return sum(weight for _, weight in self._spent)
