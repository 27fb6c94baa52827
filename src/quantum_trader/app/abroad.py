"""Trading at a venue outside this process: its door, its market, its account.

So far that is a paper venue of our own, at an address on this machine. The door takes a library
that costs a second to load, so it is loaded by whoever trades, and by nobody else.
"""

from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from importlib import import_module
from typing import Any, Protocol

import msgspec

from quantum_trader.adapters.clock import ManualClock, SystemClock
from quantum_trader.adapters.exchanges.binance.hosts import hosts_of
from quantum_trader.adapters.exchanges.binance.report_log import time_of
from quantum_trader.adapters.market.binance import BinanceMarket, Venue
from quantum_trader.adapters.market.market_clock import TimedMarket
from quantum_trader.app.config import Config
from quantum_trader.app.credentials import find_credentials
from quantum_trader.app.market import Market, account_on
from quantum_trader.core.errors import ConfigError, ExchangeError
from quantum_trader.core.events import RulesAdopted
from quantum_trader.core.instrument import Instrument
from quantum_trader.ports import Bus, Exchange, Journal
from quantum_trader.services import wire
from quantum_trader.streams import OPERATOR_STREAM

DOOR = "quantum_trader.adapters.exchanges.binance.door"
EXTRA = "ccxt"
LABEL = "venue"
REACH_S = 10.0
ORDERS_LOOKED_AT = 1_000


class Door(Exchange, Protocol):
    """An exchange that has to be opened, and that knows its instruments."""

    @property
    def opened_seq(self) -> int:
        """The number of reports a new journal begins after."""

    async def open(self) -> None:
        """Check the account and learn about the venue."""

    async def instruments(self) -> Mapping[str, Instrument]:
        """Filters and margin tiers."""


class Abroad(msgspec.Struct, frozen=True):
    """An open door, and what the account began with."""

    door: Door
    deposit_usd: Decimal
    instruments: Mapping[str, Instrument]


async def open_door(config: Config, bus: Bus) -> Abroad:
    """Connect to the venue of ``config.venue``. Raises ``ConfigError``; no order was sent then."""
    hosts = hosts_of("paper", config.venue)
    keys = find_credentials("paper", config.key_file)
    door: Door = _door_class()(hosts, keys.key, keys.secret, config.symbols, SystemClock().now_ms)
    try:
        await door.open()
        wallet_usd = (await door.account()).wallet_usd
        instruments = await door.instruments()
    except ExchangeError as error:
        await door.close()
        raise ConfigError(f"the venue at {config.venue}: {error}") from error
    except ConfigError:
        await door.close()
        raise
    return Abroad(door, await _deposited(bus) or wallet_usd, instruments)


async def market_of(config: Config, abroad: Abroad) -> Market:
    """The market that the venue's own streams show. Raises ``Unreachable``.

    Time is the market's: a venue may play a recording, and faster than it happened.
    """
    hosts = hosts_of("paper", config.venue)
    data = BinanceMarket(config.symbols, Venue(rest=hosts.rest, streams=hosts.streams))
    await data.open(REACH_S)
    clock = ManualClock(time_of(abroad.door.opened_seq))
    return Market(
        data=TimedMarket(data, clock),
        label=LABEL,
        account=account_on(config, LABEL),
        time=clock,
        real=False,
        ends=False,
        note=f"prices and orders of the paper venue at {config.venue}",
    )


def begin_after(journal: Journal, door: Door) -> None:
    """Let a new journal begin now: what the account did before is not ours to book."""
    if journal.venue_seq() == 0:
        journal.conclude((), venue_seq=door.opened_seq)


async def _deposited(bus: Bus) -> Decimal | None:
    """What this account began with, when it has traded here before."""
    for entry in await bus.last(OPERATOR_STREAM, ORDERS_LOOKED_AT):
        with suppress(*wire.UNREADABLE):
            fact = wire.read(entry)
            if isinstance(fact, RulesAdopted):
                return fact.rules.deposit_usd
    return None


def _door_class() -> Any:
    try:
        return import_module(DOOR).BinanceExchange
    except ModuleNotFoundError as error:
        if error.name != EXTRA:
            raise
        raise ConfigError(
            "trading at a venue needs the library ccxt, which is not installed: "
            "`pip install 'quantum-trader[binance]'`"
        ) from error
