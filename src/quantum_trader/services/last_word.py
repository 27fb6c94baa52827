"""The last word before an entry leaves: what people have ordered, as of this moment.

An entry may have waited since before the order: behind a slow venue, or while the process was
down. The trader, which judged it, is not asked again, so the order itself is.
"""

from contextlib import suppress

from quantum_trader.core.events import DrainSwitched, KillLevelSet
from quantum_trader.core.events.ops import KillLevel
from quantum_trader.ports import Bus, Entry
from quantum_trader.services import wire
from quantum_trader.streams import OPERATOR_STREAM

NEWEST = 16
ORDERS_LOOKED_AT = 1_000


async def why_no_entry(bus: Bus) -> str | None:
    """Why no entry may leave now, as a sentence; None when it may. Raises ``BusUnreachable``."""
    level, drain = await _ordered(bus)
    if level is not None and level.level != "RUN":
        return f"{level.level} was ordered by {level.who} before it left"
    if drain is not None and drain.on:
        return f"safe-drain was ordered by {drain.who} before it left"
    return None


async def level_ordered(bus: Bus) -> KillLevel | None:
    """The kill level that was ordered last; None where none was, as far as the stream goes."""
    level, _ = await _ordered(bus)
    return None if level is None else level.level


async def _ordered(bus: Bus) -> tuple[KillLevelSet | None, DrainSwitched | None]:
    orders = await bus.last(OPERATOR_STREAM, NEWEST)
    level, drain = _newest(orders)
    if (level is None or drain is None) and len(orders) == NEWEST:
        level, drain = _newest(await bus.last(OPERATOR_STREAM, ORDERS_LOOKED_AT))
    return level, drain


def _newest(orders: list[Entry]) -> tuple[KillLevelSet | None, DrainSwitched | None]:
    level: KillLevelSet | None = None
    drain: DrainSwitched | None = None
    for entry in orders:
        with suppress(*wire.UNREADABLE):
            fact = wire.read(entry)
            if isinstance(fact, KillLevelSet):
                level = level or fact
            elif isinstance(fact, DrainSwitched):
                drain = drain or fact
    return level, drain
