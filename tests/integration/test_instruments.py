"""Instruments are kept as the venue has them: what changes there becomes a rule here."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec
import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.core.errors import InDoubt
from quantum_trader.core.events import RulesAdopted
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.out import Stamp
from quantum_trader.services.instruments import InstrumentKeeper
from quantum_trader.streams import OPERATOR_STREAM
from tests.loops import told
from tests.support import some_rules

SYMBOL = "BTCUSDT"


class Told:
    """A venue whose instruments a test decides."""

    def __init__(self, instruments: Mapping[str, Instrument]) -> None:
        self.instruments = dict(instruments)
        self.silent = False

    async def ask(self) -> Mapping[str, Instrument]:
        """What it says, or nothing."""
        if self.silent:
            raise InDoubt("no answer")
        return self.instruments


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
