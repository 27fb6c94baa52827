"""The gateway's loops: commands, the venue's reports, and looks at its account."""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import NoReturn

from quantum_trader.core.errors import BusUnreachable
from quantum_trader.core.events import Fact
from quantum_trader.ports import Bus, Clock
from quantum_trader.services import progress
from quantum_trader.services.gateway import Gateway
from quantum_trader.services.loop import Consumer
from quantum_trader.services.loop_settings import LoopSettings
from quantum_trader.services.patience import Patience
from quantum_trader.services.reconciler import Reconciler
from quantum_trader.services.together import run_together
from quantum_trader.streams import GATEWAY, read_by

COMMANDS = "commands"
PUMP = "reports"
PUMP_WAIT_MS = 200
RECONCILE = "account"
RECONCILE_STEP_MS = 1_000


class GatewayService:
    """The gateway's loops: commands from the bus, the venue's reports, and looks at its account."""

    def __init__(self, bus: Bus, gateway: Gateway, settings: LoopSettings, clock: Clock) -> None:
        self._gateway = gateway
        self._clock = clock
        self._consumer = Consumer(bus, GATEWAY, read_by(GATEWAY), gateway, settings, clock=clock)

    @property
    def reconciler(self) -> Reconciler:
        """Who looks at the venue's account."""
        return self._gateway.reconciler

    @property
    def awaits_life(self) -> bool:
        """Whether the streams lost something, and the trader does not know it yet."""
        return self._gateway.awaits_life

    async def start(self) -> None:
        """Fence predecessors and resolve what they left open."""
        await self._consumer.start()

    async def poll_once(self, block_ms: int = 0) -> int:
        """Carry out one batch of commands; how many."""
        return await self._consumer.poll_once(block_ms)

    async def say(self, outputs: Sequence[tuple[str, Fact]]) -> int:
        """Publish facts that no command caused, each on its stream; how many."""
        return await self._consumer.say(outputs)

    async def pump_once(self, wait_ms: int = 0) -> int:
        """Publish what the venue reports by itself and what doubts came to; how many facts."""
        news = await self._gateway.listen(wait_ms)
        if not self._gateway.is_news(news):
            return 0
        return await self._consumer.publish(partial(self._gateway.take, news))

    async def reconcile_once(self) -> int:
        """Look at the venue's account, if it is time, and publish what it shows; how many facts."""
        sighting = await self.reconciler.look()
        if sighting is None:
            return 0
        return await self._consumer.publish(partial(self._gateway.take_sighting, sighting))

    async def run(self) -> NoReturn:
        """All loops for ever; the first failure of any ends all and is raised."""
        loops = {COMMANDS: self._consumer.run, PUMP: self._pump, RECONCILE: self._reconcile}
        await run_together(loops)

    async def _pump(self) -> NoReturn:
        patience = Patience(self._clock)
        while True:
            try:
                await self.pump_once(PUMP_WAIT_MS)
                progress.made(PUMP)
                patience.relieved()
                await asyncio.sleep(0)
            except BusUnreachable as error:
                await patience.bear(error)

    async def _reconcile(self) -> NoReturn:
        patience, reconciler = Patience(self._clock), self.reconciler
        while True:
            try:
                await self.reconcile_once()
                progress.made(RECONCILE)
                patience.relieved()
                # In small steps: something may ask for haste meanwhile.
                await reconciler.rest(RECONCILE_STEP_MS)
                await asyncio.sleep(0)
            except BusUnreachable as error:
                await patience.bear(error)
