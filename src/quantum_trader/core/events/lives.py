"""The streams are behind the journal: their server lost something, or all of it."""

from quantum_trader.core.events.base import Fact
from quantum_trader.core.events.reconcile import SeenOrder


class LifeBegan(Fact, frozen=True, kw_only=True, tag="life.began", gc=False):
    """The streams begin anew behind everything that the journal has: ``life`` counts from 1.

    What was decided in the life before may be unknown here, and what was said of it comes again.
    ``orders`` are those that the venue has accepted and that have not ended, by the journal.
    """

    life: int
    orders: tuple[SeenOrder, ...]
    why: str


class LifeTaken(Fact, frozen=True, kw_only=True, tag="life.taken", gc=False):
    """The trader has heard of a life: what it commands from here on is meant, nothing before."""

    life: int
