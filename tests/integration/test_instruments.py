"""Instruments are kept as the venue has them: what changes there becomes a rule here."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec
import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.core.errors import BusUnreachable, InDoubt
from quantum_trader.core.events import OrderCommanded, RulesAdopted
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.orders.venue_codes import OFF_RULES
from quantum_trader.core.out import Stamp
from quantum_trader.services.gateway import Gateway
from quantum_trader.services.instruments import EVERY_MS, HURRIED_EVERY_MS, InstrumentKeeper
from quantum_trader.streams import OPERATOR_STREAM
from tests.commands import ACCOUNT, order_command
from tests.gateways import START_MS, PatientClock, World
from tests.loops import told
from tests.support import some_rules

SYMBOL = "BTCUSDT"


class Told:
    """A venue whose instruments a test decides."""

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self.instruments = dict(instruments)
        self.silent = False
        self.asked = 0

    async def ask(self) -> Mapping[str, Instrument]:
        """What it says, or nothing."""
        self.asked += 1
        if self.silent:
            raise InDoubt("no answer")
        return self.instruments


class Over(Exception):
    """The time that a test gives is over."""


class Hours(PatientClock):
    """A clock on which waiting takes no time, until a moment that a test names."""

    def __init__(self) -> None:
        super().__init__(START_MS)
        self.end_ms = START_MS

    async def sleep_until(self, at_ms: int) -> None:
        """Let it be ``at_ms``, or be over."""
        if at_ms > self.end_ms:
            raise Over
        await super().sleep_until(at_ms)


async def pass_time(keeper: InstrumentKeeper, clock: Hours, ms: int) -> None:
    """Let a keeper keep for so long."""
    clock.end_ms = clock.now_ms() + ms
    with pytest.raises(Over):
        await keeper.run(clock)


def stamp(what: str) -> Stamp:
    return {"id": what, "at_ms": 1, "trace_id": "", "account": "paper"}


@pytest.fixture
def venue() -> Told:
    return Told(some_rules().instruments)


async def orders(bus: MemoryBus) -> list[RulesAdopted]:
    return [fact for fact in await told(bus, OPERATOR_STREAM) if isinstance(fact, RulesAdopted)]


async def test_what_changes_at_the_venue_is_ordered_once(venue: Told) -> None:
    bus, rules = MemoryBus(), some_rules()
    keeper = InstrumentKeeper(bus, venue.ask, rules, stamp)
    await keeper.look()
    assert not await orders(bus)
    changed = msgspec.structs.replace(venue.instruments[SYMBOL], tick=Decimal("0.5"))
    venue.instruments[SYMBOL] = changed
    venue.instruments["NEWUSDT"] = changed
    for _ in range(2):
        await keeper.look()
    (order,) = await orders(bus)
    assert order.rules == msgspec.structs.replace(
        rules, instruments={**rules.instruments, SYMBOL: changed}
    )


async def test_silence_and_a_symbol_that_is_gone_change_nothing(venue: Told) -> None:
    bus = MemoryBus()
    keeper = InstrumentKeeper(bus, venue.ask, some_rules(), stamp)
    del venue.instruments[SYMBOL]
    await keeper.look()
    venue.silent = True
    await keeper.look()
    assert not await orders(bus)


async def test_a_venue_is_asked_every_half_hour(venue: Told) -> None:
    keeper, clock = InstrumentKeeper(MemoryBus(), venue.ask, some_rules(), stamp), Hours()
    await pass_time(keeper, clock, EVERY_MS - 1)
    assert venue.asked == 0
    await pass_time(keeper, Hours(), 4 * EVERY_MS)
    assert venue.asked == 4


async def test_a_refusal_by_rules_that_we_do_not_have_is_a_reason_to_ask_soon(venue: Told) -> None:
    """For half an hour every stop that was to move was refused, and nobody asked why."""
    bus = MemoryBus()
    keeper, clock = InstrumentKeeper(bus, venue.ask, some_rules(), stamp), Hours()
    venue.instruments[SYMBOL] = msgspec.structs.replace(
        venue.instruments[SYMBOL], tick=Decimal("0.5")
    )
    keeper.hurry()
    await pass_time(keeper, clock, HURRIED_EVERY_MS)
    assert (venue.asked, len(await orders(bus))) == (1, 1)


async def test_what_is_refused_for_ever_is_no_reason_to_ask_for_ever(venue: Told) -> None:
    async def ask() -> Mapping[str, Instrument]:
        keeper.hurry()
        return await venue.ask()

    keeper = InstrumentKeeper(MemoryBus(), ask, some_rules(), stamp)
    keeper.hurry()
    await pass_time(keeper, Hours(), 60_000)
    assert venue.asked == 60_000 // HURRIED_EVERY_MS


async def test_what_could_not_be_ordered_is_asked_for_again_soon(venue: Told) -> None:
    bus = MemoryBus()

    async def ask() -> Mapping[str, Instrument]:
        if venue.asked == 0:
            venue.asked += 1
            raise BusUnreachable("no answer")
        return await venue.ask()

    keeper = InstrumentKeeper(bus, ask, some_rules(), stamp)
    keeper.hurry()
    await pass_time(keeper, Hours(), 3 * HURRIED_EVERY_MS)
    assert venue.asked == 2


@pytest.mark.parametrize("code", sorted(OFF_RULES))
async def test_the_gateway_says_that_an_order_was_not_to_the_rules(code: int) -> None:
    assert await misfits(order_command("stop"), code) == 1


@pytest.mark.parametrize("code", [-2019, -2021, -2022, -1003])
async def test_other_refusals_say_nothing_about_the_rules(code: int) -> None:
    assert await misfits(order_command("stop"), code) == 0


async def misfits(command: OrderCommanded, code: int) -> int:
    """How often the gateway says so when an order is refused with this code."""
    world, told_of = World(), list[None]()
    gateway = Gateway(world.exchange, world.journal, ACCOUNT, world.clock, world.clock.now_ms)
    gateway.on_misfit = lambda: told_of.append(None)
    world.exchange.refuse[command.order.client_order_id] = code
    await gateway.carry_out([command])
    return len(told_of)
