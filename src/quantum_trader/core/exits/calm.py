"""Bounds within which the exit brain has nothing to say about a position that does not change.

Most bars change nothing but price and time. Whoever has looked once knows how far both may go
before it is worth looking again, and two comparisons then do for a look.
"""

from math import inf

import msgspec

from quantum_trader.core.exits.context import Glance

NEVER_MS = 1 << 62
ROUNDING_FRAC = 1e-9
"""By so much of the price bounds are drawn in: what is near one is looked at."""


class Calm(msgspec.Struct, frozen=True, gc=False):
    """Quiet while a mark is better than ``worst``, the best price below ``best``, and time is left.

    Prices are times the sign of the position: larger is better, for SHORT as well.
    """

    worst: float = -inf
    best: float = inf
    until_ms: int = NEVER_MS

    def holds(self, mark: float, best: float, now_ms: int) -> bool:
        """Whether a moment is within; both prices times the sign."""
        return mark > self.worst and best < self.best and now_ms < self.until_ms

    def within(self, other: "Calm") -> "Calm":
        """Where both hold."""
        return Calm(
            max(self.worst, other.worst),
            min(self.best, other.best),
            min(self.until_ms, other.until_ms),
        )


ANYWHERE = Calm()


def unmoved(_: Glance, __: object) -> Calm:
    """Of a rule whose waking depends on neither price nor time."""
    return ANYWHERE


def drawn_in(calm: Calm, glance: Glance) -> Calm:
    """The same, less what rounding may have added."""
    room = ROUNDING_FRAC * glance.entry_price
    return Calm(calm.worst + room, calm.best - room, calm.until_ms)
