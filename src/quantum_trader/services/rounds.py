"""Doing something again and again, and bearing a server that does not answer for a while."""

from collections.abc import Awaitable, Callable
from typing import NoReturn

from quantum_trader.core.errors import BusUnreachable
from quantum_trader.ports import Clock
from quantum_trader.services.patience import Patience


async def go_round(look: Callable[[], Awaitable[object]], every_ms: int, clock: Clock) -> NoReturn:
    """Look, wait, and look again for ever. Raises ``BusUnreachable`` after too long a silence."""
    patience = Patience(clock)
    while True:
        try:
            await look()
            patience.relieved()
            await clock.sleep_until(clock.now_ms() + every_ms)
        except BusUnreachable as error:
            await patience.bear(error)
