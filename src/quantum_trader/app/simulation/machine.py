"""The machine of a world: it starts the real system as a process, and starts it again."""

import asyncio
from contextvars import Context

from quantum_trader.app.parts import INSTANCE, Parts
from quantum_trader.app.simulation.around import Around
from quantum_trader.app.simulation.bus import ProcessBus
from quantum_trader.app.simulation.clock import SteadyTime
from quantum_trader.app.simulation.dice import dice
from quantum_trader.app.simulation.disk import ProcessJournal
from quantum_trader.app.simulation.door import Socket, VenueDoor
from quantum_trader.app.simulation.scheduler import Killed, Process
from quantum_trader.app.simulation.sentry import Sentry
from quantum_trader.app.simulation.violation import Violated
from quantum_trader.app.wiring import System
from quantum_trader.core.errors import ExchangeError, StoreError
from quantum_trader.core.signals import MODELS
from quantum_trader.core.state import TraderState

SNAPSHOT_EVERY = 150
RESTART_S = (0.2, 4.0)
AWAY_LOOK_S = 0.5
THE_WORLD = (StoreError, ExchangeError)
"""What a process may end with: the world failed it, and it says so."""


class Running:
    """One process of the system. ``ready`` from when it has restored everything and goes on."""

    def __init__(self, process: Process, system: System) -> None:
        self.process = process
        self.system = system
        self.ready = False

    @property
    def state(self) -> TraderState:
        """What its trader knows."""
        return self.system.trader.state

    async def live(self) -> None:
        """Start, and run every service until one of them ends."""
        await self.system.start(drain=False)
        self.ready = True
        async with asyncio.TaskGroup() as group:
            for name, start in self.system.services().items():
                group.create_task(start(), name=name)


class Machine:
    """Starts processes, ends them, and starts them again after a while.

    ``socket`` watches what leaves them, ``sentry`` is the guardian beside them. ``defects`` are
    ends of a process that only a defect of our own explains.
    """

    def __init__(self, seed: int, around: Around, socket: Socket) -> None:
        self._around = around
        self._socket = socket
        self._dice = dice(seed, "machine")
        self.started = 0
        self.alive: list[Running] = []
        self.defects: list[Violated] = []
        self._down_until_s = 0.0
        self.sentry = Sentry(seed, around)

    @property
    def leader(self) -> Running | None:
        """The youngest process that runs; None while there is none."""
        return self.alive[-1] if self.alive else None

    def spawn(self) -> Running:
        """Start a process."""
        around = self._around
        self.started += 1
        process = Process(self.started, self.kill)
        around.loop.processes.append(process)
        around.tape("machine", f"process {process.number} starts")
        running = Running(process, System(self._parts(process)))
        self.alive.append(running)
        task = around.loop.start(process, running.live())
        # In no context of a process: what ends one must not depend on another that has ended.
        task.add_done_callback(lambda done: self._ended(running, done), context=Context())
        return running

    def kill(self, process: Process) -> None:
        """Kill a process where it stands, and start another one in a while."""
        if not process.dead:
            self._around.tape("machine", f"process {process.number} is killed")
            self._bury(process)
            self._restart_soon()

    def keep_down(self, for_s: float) -> None:
        """Kill what runs; for a while nobody starts it again."""
        self._down_until_s = self._around.loop.now_s + for_s
        for running in list(self.alive):
            self.kill(running.process)

    def kill_at_some_step(self, running: Running) -> None:
        """Kill a process before one of its next steps."""
        running.process.dies_at = running.process.steps + self._dice.randrange(1, 120)

    def kill_all_but_the_leader(self) -> None:
        """End what is not the youngest process."""
        for running in self.alive[:-1]:
            self._around.tape("machine", f"process {running.process.number} is killed")
            self._bury(running.process)

    def _parts(self, process: Process) -> Parts:
        around = self._around
        clock = around.clock
        venue = VenueDoor(around.moods, process, self._socket, clock.now_ms)
        return Parts(
            rules=around.rules,
            models=[MODELS["ema_cross"]()],
            data=around.market.source(),
            venue=venue,
            simulated=venue,
            journal=ProcessJournal(around.disk, process, around.faults, self.kill),
            latch=around.latch,
            archive=None,
            keeps_house=False,
            bus_of=lambda service: ProcessBus(around.server, process, around.faults, INSTANCE),
            wall=clock,
            time=clock,
            steady=SteadyTime(around.loop),
            snapshot_every=SNAPSHOT_EVERY,
        )

    def _bury(self, process: Process) -> None:
        process.kill()
        self.alive = [one for one in self.alive if one.process is not process]

    def _ended(self, running: Running, done: asyncio.Task[None]) -> None:
        """A process came to its end by itself."""
        process = running.process
        if process.dead or process.over or done.cancelled():
            return
        failures = list(_leaves(done.exception()))
        if any(isinstance(one, Killed) for one in failures):
            return
        told = "; ".join(f"{type(one).__name__}: {one}" for one in failures) or "it returned"
        self._around.tape("machine", f"process {process.number} ends: {told}")
        violated = [one for one in failures if isinstance(one, Violated)]
        if violated or not failures or not all(isinstance(one, THE_WORLD) for one in failures):
            self.defects.append(violated[0] if violated else Violated("alive", told))
        self._bury(process)
        self._restart_soon()

    def _restart_soon(self) -> None:
        pause_s = 0.2 if self._around.faults.calm else self._dice.uniform(*RESTART_S)
        self._around.loop.call_later(pause_s, self._restart, context=Context())

    def _restart(self) -> None:
        around = self._around
        if around.loop.now_s < self._down_until_s and not around.faults.calm:
            around.loop.call_later(AWAY_LOOK_S, self._restart, context=Context())
        elif not self.alive:
            self.spawn()


def _leaves(failure: BaseException | None) -> "list[BaseException]":
    """The failures that a group of failures holds."""
    if failure is None:
        return []
    if isinstance(failure, BaseExceptionGroup):
        return [leaf for one in failure.exceptions for leaf in _leaves(one)]
    return [failure]
