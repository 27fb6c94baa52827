"""The venue's rules change while we trade: filters and margin tiers are asked for now and then.

An order that was not to its symbol's rules is a reason to ask soon: until new ones are adopted,
stops are refused that were right yesterday.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import NoReturn

import msgspec
import structlog

from quantum_trader.core.errors import BusUnreachable, ExchangeError
from quantum_trader.core.events import RulesAdopted
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.out import Stamp
from quantum_trader.core.rules import Rules
from quantum_trader.core.state import state_hash
from quantum_trader.ports import Bus, Clock
from quantum_trader.services import progress, wire
from quantum_trader.services.patience import Patience
from quantum_trader.streams import OPERATOR, OPERATOR_STREAM

INSTRUMENTS = "instruments"
EVERY_MS = 1_800_000
LOOK_EVERY_MS = 1_000
HURRIED_EVERY_MS = 10_000
"""So often at most, for what is refused for ever is no reason to ask for ever."""

Ask = Callable[[], Awaitable[Mapping[str, Instrument]]]

_log = structlog.get_logger()


class InstrumentKeeper:
    """Orders new rules when the venue's instruments are others than those that were adopted.

    ``ask`` raises an ``ExchangeError`` when the venue does not tell; then the old ones hold. A
    symbol that the venue does not list any more keeps what was known of it, for its exits.
    """

    def __init__(self, bus: Bus, ask: Ask, rules: Rules, stamp: Callable[[str], Stamp]) -> None:
        self._bus = bus
        self._ask = ask
        self._rules = rules
        self._stamp = stamp
        self._hurries = False

    def hurry(self) -> None:
        """Ask soon: an order was refused by rules that we do not have."""
        self._hurries = True

    async def look(self) -> None:
        """Ask once, and order what has changed."""
        try:
            told = await self._ask()
        except ExchangeError as error:
            _log.warning("the venue does not tell its instruments", reason=str(error))
            return
        known = self._rules.instruments
        found = {symbol: told.get(symbol, each) for symbol, each in known.items()}
        if found == known:
            return
        changed = sorted(symbol for symbol in known if found[symbol] != known[symbol])
        _log.warning("the venue has changed its instruments", symbols=changed)
        self._rules = rules = msgspec.structs.replace(self._rules, instruments=found)
        order = RulesAdopted(**self._stamp(f"rules:{state_hash(rules)}"), rules=rules)
        await self._bus.append(OPERATOR_STREAM, [wire.write(order)], writer=OPERATOR)

    async def run(self, clock: Clock) -> NoReturn:
        """Ask every half hour and whenever there is reason to, for ever."""
        patience = Patience(clock)
        looked_ms = clock.now_ms()
        while True:
            try:
                every_ms = HURRIED_EVERY_MS if self._hurries else EVERY_MS
                if not looked_ms <= clock.now_ms() < looked_ms + every_ms:
                    self._hurries = False
                    await self.look()
                    looked_ms = clock.now_ms()
                progress.made()
                patience.relieved()
                await clock.sleep_until(clock.now_ms() + LOOK_EVERY_MS)
            except BusUnreachable as error:
                self._hurries = True  # What was seen could not be ordered.
                await patience.bear(error)
