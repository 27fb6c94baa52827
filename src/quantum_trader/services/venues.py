"""Venues compared: the newest quote of each, and once a second how far they disagree.

What is compared is told once a second, however fast the venues speak: what came in between is
older than what is told. A second that the streams did not take is not told later; the next one is
about the present.
"""

import asyncio
from collections.abc import Sequence

import structlog

from quantum_trader.core.errors import BusUnreachable
from quantum_trader.core.events import Fact, VenueQuoted
from quantum_trader.core.market.divergence import Comparison
from quantum_trader.ports import Bus, Clock, QuoteSource
from quantum_trader.services import wire
from quantum_trader.services.pulse import Pulse
from quantum_trader.streams import EXCHANGE_NORMALIZED, EXCHANGE_RAW, VENUES

EVERY_MS = 1_000

_log = structlog.get_logger()


class Venues:
    """Tells what several venues bid and ask, and how far they disagree."""

    def __init__(self, bus: Bus, source: QuoteSource, own: str, clock: Clock) -> None:
        self._bus = bus
        self._source = source
        self._clock = clock
        self._comparison = Comparison(own, source.venues)
        self._pulse = Pulse(bus, VENUES)
        self._new: dict[tuple[str, str], VenueQuoted] = {}

    async def run(self) -> None:
        """Listen and tell, for ever; a source that ends is a failure."""
        async with asyncio.TaskGroup() as group:
            telling = group.create_task(self._tell_for_ever())
            async for quote in self._source.quotes():
                self.take(quote)
            telling.cancel()

    def take(self, quote: VenueQuoted) -> None:
        """Remember a quote until the next second is told."""
        if self._comparison.take(quote):
            self._new[quote.symbol, quote.source] = quote

    async def tell(self, now_ms: int) -> None:
        """Tell what is new, and every comparison as of now."""
        quotes, self._new = list(self._new.values()), {}
        compared = list(self._comparison.compared(now_ms))
        try:
            await self._append(EXCHANGE_RAW, quotes)
            await self._append(EXCHANGE_NORMALIZED, compared)
            self._pulse.count(len(quotes) + len(compared))
            await self._pulse.beat(now_ms)
        except BusUnreachable as error:
            _log.warning("a second of comparisons was not told", reason=str(error))

    async def _append(self, stream: str, facts: Sequence[Fact]) -> None:
        if facts:
            await self._bus.append(stream, [wire.write(fact) for fact in facts], writer=VENUES)

    async def _tell_for_ever(self) -> None:
        while True:
            due_ms = (self._clock.now_ms() // EVERY_MS + 1) * EVERY_MS
            await self._clock.sleep_until(due_ms)
            await self.tell(due_ms)
