"""Other venues' prices beside our own: compared where they can be had, left out aloud where not.

No decision waits for them. Without them the disagreement between venues is missing, as it is when
fewer than two of them are fresh.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol

from quantum_trader.adapters.clock import SystemClock
from quantum_trader.core.errors import Unreachable
from quantum_trader.ports import Clock, QuoteSource

REACH_S = 5.0
QUOTES = "quantum_trader.adapters.market.venue_quotes"


class Opening(QuoteSource, Protocol):
    """A source that has still to be opened."""

    async def open(self, timeout_s: float) -> None:
        """Listen until two venues have spoken. Raises ``Unreachable`` when they do not in time."""


class Make(Protocol):
    """How a source is made."""

    def __call__(self, symbols: Sequence[str], venues: Sequence[str], clock: Clock) -> Opening:
        """A source that was not opened yet."""


async def compared(
    symbols: Sequence[str], venues: Sequence[str], make: Make | None = None
) -> tuple[QuoteSource | None, str]:
    """A source that has spoken, or None; and what to tell people either way."""
    if not venues:
        return None, "not compared with other venues (compared_venues is empty)"
    try:
        # The library behind it takes a second and a hundred megabytes.
        source = (make or import_module(QUOTES).VenueQuotes)(symbols, venues, SystemClock())
    except ModuleNotFoundError:
        missing = "pip install 'quantum-trader[binance]' brings what that takes"
        return None, f"not compared with other venues ({missing})"
    try:
        await source.open(REACH_S)
    except Unreachable as error:
        return None, f"not compared with other venues ({error})"
    return source, f"compared with each other: {', '.join(venues)}"
