"""Tells onlookers how the exchange is: what it fails at, how its clock is, what it says oddly."""

from collections.abc import Callable, Mapping
from typing import NoReturn

import msgspec

from quantum_trader.core.errors import BusUnreachable
from quantum_trader.ports import Bus, Clock
from quantum_trader.services import progress
from quantum_trader.services.patience import Patience

EXCHANGE = "exchange"
EVERY_MS = 1_000
TROUBLES = "troubles"
CLOCK_OFFSET_MS = "clock_offset_ms"
ODDITIES = "oddities"

Offset = Callable[[], int | None]
"""How far the venue's clock is from ours; None while nobody knows."""
Counts = Callable[[], Mapping[str, int]]
"""How often what was odd about the venue's words, by name, since the start."""


class ExchangeHealth:
    """Writes the heartbeat of the exchange; ``troubles`` are what it fails at, and why.

    ``offset`` and ``oddities`` are None where the venue is in this process: it has our clock.
    """

    def __init__(
        self,
        bus: Bus,
        troubles: Callable[[], Mapping[str, str]],
        clock: Clock,
        offset: Offset | None = None,
        oddities: Counts | None = None,
    ) -> None:
        self._bus = bus
        self._offset = offset
        self._oddities = oddities
        self._troubles = troubles
        self._clock = clock

    async def run(self) -> NoReturn:
        """Tell for ever."""
        patience = Patience(self._clock)
        while True:
            try:
                await self.tell()
                progress.made()
                patience.relieved()
                await self._clock.sleep_until(self._clock.now_ms() + EVERY_MS)
            except BusUnreachable as error:
                await patience.bear(error)

    async def tell(self) -> None:
        """Tell once."""
        status = {
            "at": str(self._clock.now_ms()).encode(),
            TROUBLES: msgspec.json.encode(dict(self._troubles())),
        }
        if self._offset is not None:
            status[CLOCK_OFFSET_MS] = msgspec.json.encode(self._offset())
        if self._oddities is not None:
            status[ODDITIES] = msgspec.json.encode(self._oddities())
        await self._bus.beat(EXCHANGE, status)
