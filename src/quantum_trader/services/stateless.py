"""What a handler needs that keeps no state in the store beside its counters."""

from quantum_trader.core.events import Fact
from quantum_trader.ports import Bus, Entry
from quantum_trader.services import wire
from quantum_trader.services.batch import Standing
from quantum_trader.services.recovery import standing


class Stateless:
    """The ``read`` and ``restore`` of such a handler."""

    def read(self, entry: Entry) -> Fact:
        """What one of our own entries says."""
        return wire.read(entry)

    async def restore(self, bus: Bus, service: str) -> Standing:
        """Nothing but the counters comes back."""
        return await standing(bus, service)
