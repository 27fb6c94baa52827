"""A gateway with everything around it, for tests that look at what it does."""

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import ManualClock
from quantum_trader.adapters.journal.memory import MemoryJournal
from quantum_trader.core.events import Fact
from quantum_trader.ports import Bus, Exchange, Journal
from quantum_trader.services import wire
from quantum_trader.services.gateway import Gateway
from quantum_trader.services.gateway_loops import GatewayService
from quantum_trader.services.loop_settings import LoopSettings
from quantum_trader.streams import EXECUTION_RESULT, ORDER_COMMAND
from tests.commands import ACCOUNT
from tests.fake_exchange import FakeExchange

START_MS = 1_000_000


class PatientClock(ManualClock):
    """A clock on which waiting takes no time: whoever sleeps moves it."""

    async def sleep_until(self, at_ms: int) -> None:
        """Let it be ``at_ms``."""
        self.move_to(max(at_ms, self.now_ms()))


def service_on(
    bus: Bus, exchange: Exchange, journal: Journal, clock: ManualClock
) -> GatewayService:
    """A gateway as the application wires it."""
    gateway = Gateway(exchange, journal, ACCOUNT, clock, clock.now_ms)
    return GatewayService(bus, gateway, LoopSettings(account=ACCOUNT), clock)


class World:
    """A bus, a venue, a journal and a gateway that has started."""

    def __init__(self, journal: Journal | None = None) -> None:
        self.clock = PatientClock(START_MS)
        self.bus = MemoryBus()
        self.exchange = FakeExchange(self.clock.now_ms)
        self.journal = journal or MemoryJournal()
        self.service = self.new_service()

    def new_service(self) -> GatewayService:
        """The service as a new process would make it."""
        return service_on(self.bus, self.exchange, self.journal, self.clock)

    async def restart(self) -> None:
        """Forget everything that is in no store."""
        self.service = self.new_service()
        await self.service.start()

    async def command(self, *commands: Fact) -> None:
        """What the trader does."""
        await self.bus.append(ORDER_COMMAND, [wire.write(one) for one in commands], writer="test")

    async def carry_out(self, *commands: Fact) -> list[Fact]:
        """Give commands and let them be worked on; what was published since the test began."""
        await self.command(*commands)
        while await self.service.poll_once():
            pass
        return await self.results()

    async def wait(self, ms: int, every_ms: int = 100) -> list[Fact]:
        """Let time pass, with the pump running now and then."""
        end_ms = self.clock.now_ms() + ms
        while self.clock.now_ms() < end_ms:
            self.clock.move_to(self.clock.now_ms() + every_ms)
            await self.service.pump_once(0)
        return await self.results()

    async def results(self) -> list[Fact]:
        """Everything that was published."""
        entries = await self.bus.span(EXECUTION_RESULT, "-", "+", 1_000_000)
        return [wire.read(entry) for entry in entries]

    def called(self, *names: str) -> list[tuple[str, str]]:
        """The calls of some names that reached the venue's door."""
        return [call for call in self.exchange.calls if call[0] in names]


async def started(journal: Journal | None = None) -> World:
    """A world whose gateway has started."""
    world = World(journal)
    await world.service.start()
    return world
