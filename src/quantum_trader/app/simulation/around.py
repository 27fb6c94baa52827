"""What surrounds the processes of a world."""

from dataclasses import dataclass

from quantum_trader.app.simulation.bus import Server
from quantum_trader.app.simulation.clock import WallClock
from quantum_trader.app.simulation.disk import Disk
from quantum_trader.app.simulation.faults import Faults
from quantum_trader.app.simulation.market import Market
from quantum_trader.app.simulation.moods import Moods
from quantum_trader.app.simulation.people import Latch
from quantum_trader.app.simulation.scheduler import Scheduler
from quantum_trader.app.simulation.tape import Tape
from quantum_trader.core.rules import Rules


@dataclass(frozen=True, kw_only=True)
class Around:
    """Everything that is there whether or not a process runs."""

    loop: Scheduler
    rules: Rules
    faults: Faults
    clock: WallClock
    server: Server
    disk: Disk
    moods: Moods
    market: Market
    latch: Latch
    tape: Tape
