"""How an order of the people at the desk reaches the trader."""

import secrets
from collections.abc import Callable
from typing import TypeVar

from quantum_trader.app.connection import account_of, time_there, wall_ms
from quantum_trader.core.events import DrainSwitched, KillLevelSet
from quantum_trader.core.out import Stamp
from quantum_trader.ports import Bus
from quantum_trader.services.wire import write
from quantum_trader.streams import OPERATOR, ROUTES

AnOrder = TypeVar("AnOrder", DrainSwitched, KillLevelSet)


async def give_order(bus: Bus, make: Callable[[Stamp], AnOrder]) -> AnOrder:
    """Write one order to the operator stream, in the running system's account and time."""
    now = await time_there(bus, wall_ms())
    order = make(
        {
            "id": f"operator:{now.at_ms}:{secrets.token_hex(4)}",
            "at_ms": now.at_ms,
            "trace_id": "",
            "account": await account_of(bus),
        }
    )
    await bus.append(ROUTES[type(order)], [write(order)], writer=OPERATOR)
    return order
