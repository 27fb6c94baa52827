"""Trading at a venue outside this process: its door, its market, its account.

That is a paper venue of our own on this machine, the venue's demo environment, or the venue. The
door takes a library that costs a second to load, so it is loaded by whoever trades, and by nobody
else.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from importlib import import_module
from typing import Any, Protocol

import msgspec

from quantum_trader.adapters.clock import ManualClock, SystemClock
from quantum_trader.adapters.exchanges.binance.hosts import hosts_of
from quantum_trader.adapters.exchanges.binance.report_log import time_of
from quantum_trader.adapters.exchanges.capped import CappedExchange
from quantum_trader.adapters.market.binance import BinanceMarket, Venue
from quantum_trader.adapters.market.market_clock import TimedMarket
from quantum_trader.app.config import Config
from quantum_trader.app.credentials import find_credentials
from quantum_trader.app.leave import leave_of, no_entry
from quantum_trader.app.market import Market, account_on
from quantum_trader.app.venues import compared
from quantum_trader.core.errors import ConfigError, ExchangeError
from quantum_trader.core.events import RulesAdopted
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.mode import mode_of
from quantum_trader.ports import Bus, Exchange, Journal
from quantum_trader.services import wire
from quantum_trader.streams import OPERATOR_STREAM

DOOR = "quantum_trader.adapters.exchanges.binance.door"
EXTRA = "ccxt"
LABEL = "venue"
NOTES: Mapping[str, str] = {
    "testnet": "prices and orders of the venue's demo environment: no real money",
    "live": "REAL MONEY once it is armed (`quantum arm`); until then nothing adds risk",
}
REACH_S = 10.0
ORDERS_LOOKED_AT = 1_000


class Door(Exchange, Protocol):
    """An exchange that has to be opened, and that knows its instruments and its clock."""

    @property
    def clock_offset_ms(self) -> int | None:
        """How far the venue's clock is from ours; None when that is not known."""

    @property
    def oddities(self) -> Mapping[str, int]:
        """How often the venue said what could not be read, was not known, or was missing."""

    async def mark(self, symbol: str) -> Decimal:
        """The mark price of a symbol now."""

    @property
    def opened_seq(self) -> int:
        """The number of reports a new journal begins after."""

    def fence(self, refusal: Callable[[], str | None]) -> None:
        """Send nothing that changes something while ``refusal`` gives a reason."""

    def fence_entries(self, refusal: Callable[[], str | None]) -> None:
        """Send no order that may open while ``refusal`` gives a reason."""

    async def open(self) -> None:
        """Check the account and learn about the venue."""

    async def instruments(self) -> Mapping[str, Instrument]:
        """Filters and margin tiers."""


class Abroad(msgspec.Struct, frozen=True, kw_only=True):
    """An open door, and what the account began with.

    ``exchange`` is the door with everything before it that an order has to pass.
    """

    door: Door
    exchange: Exchange
    deposit_usd: Decimal
    instruments: Mapping[str, Instrument]


def is_abroad(config: Config) -> bool:
    """Whether orders leave this process."""
    return config.mode != "paper" or config.venue is not None


async def open_door(config: Config, bus: Bus) -> Abroad:
    """Connect to the venue of the mode. Raises ``ConfigError``; no order was sent then."""
    mode = mode_of(config.account)
    caps = None if mode == "paper" else config.hard_caps
    hosts = hosts_of(mode, config.venue)
    keys = find_credentials(mode, config.key_file)
    door: Door = _door_class()(hosts, keys.key, keys.secret, config.symbols, SystemClock().now_ms)
    try:
        await door.open()
        wallet_usd = (await door.account()).wallet_usd
        instruments = await door.instruments()
        _demand_traded(config.symbols, instruments, hosts.rest)
    except ExchangeError as error:
        await door.close()
        raise ConfigError(f"the venue at {hosts.rest}: {error}") from error
    except ConfigError:
        await door.close()
        raise
    exchange: Exchange = door
    leave = None
    if caps is not None:
        leave = leave_of(config, caps, keys.key.fingerprint(), lambda: door.clock_offset_ms)
        exchange = CappedExchange(door, leave, door.mark, SystemClock().now_ms, config.account)
    door.fence_entries(lambda: no_entry(config.home, leave))
    return Abroad(
        door=door,
        exchange=exchange,
        deposit_usd=await _deposited(bus) or wallet_usd,
        instruments=instruments,
    )


def _demand_traded(symbols: Sequence[str], known: Mapping[str, Instrument], venue: str) -> None:
    """Say which symbols the venue does not have, before anything else of them is asked for."""
    missing = [symbol for symbol in symbols if symbol not in known]
    if missing:
        raise ConfigError(
            f"the venue at {venue} has no {', '.join(missing)}; trade others: "
            "--symbols, or symbols in the settings"
        )


async def market_of(config: Config, abroad: Abroad) -> Market:
    """The market that the venue's own streams show. Raises ``Unreachable``."""
    mode = mode_of(config.account)
    hosts = hosts_of(mode, config.venue)
    data = BinanceMarket(config.symbols, Venue(rest=hosts.rest, streams=hosts.streams))
    await data.open(REACH_S)
    if mode == "paper":
        return _paper_market(config, abroad, data)
    quotes, told = await compared(config.symbols, config.compared_venues)
    return Market(
        data=data,
        label=mode,
        account=config.account,
        time=SystemClock(),
        real=mode == "live",
        ends=False,
        note=f"{NOTES[mode]}; {told}",
        quotes=quotes,
    )


def _paper_market(config: Config, abroad: Abroad, data: BinanceMarket) -> Market:
    """Time is the market's: a paper venue may play a recording, and faster than it happened."""
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
