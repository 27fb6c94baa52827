"""A venue put together: symbols, accounts, keys, journal, market."""

import asyncio
from decimal import Decimal
from pathlib import Path

import msgspec

from quantum_trader.adapters.clock import SystemClock
from quantum_trader.app.venue.catalog import open_catalog
from quantum_trader.app.venue.hall import Hall, HouseRules
from quantum_trader.app.venue.journal import Journal
from quantum_trader.app.venue.keys import load_keys
from quantum_trader.app.venue.live_source import live
from quantum_trader.app.venue.market_source import END_MS, Reel, Source, generated
from quantum_trader.app.venue.player import Player
from quantum_trader.app.venue.session_file import SessionFile
from quantum_trader.app.venue.trade_reel import TradeReel
from quantum_trader.app.venue.venue import Venue
from quantum_trader.core.errors import ConfigError

JOURNAL_FILE = "venue.sqlite"
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants a venue to be.

    ``data`` are recorded candles, ``trades`` recorded trades, ``live`` is a market to listen to;
    without any, a walk from ``seed``.
    """

    folder: Path
    symbols: tuple[str, ...] | None = None
    accounts: int = 1
    deposit_usd: Decimal = Decimal(100_000)
    seed: int = 1
    data: tuple[Path, ...] = ()
    trades: tuple[Path, ...] = ()
    live: str | None = None
    from_ms: int = 0
    to_ms: int = END_MS
    speed: float = 1.0
    as_recorded: bool = False
    instruments: Path | None = None
    brackets: Path | None = None
    memory: bool = False
    legacy_conditional: bool = False
    limited: bool = True
    record: Path | None = None


class Opened(msgspec.Struct, frozen=True):
    """A venue that can be served. ``again`` inputs were done again to come where it was."""

    venue: Venue
    player: Player
    market: str
    again: int
    recording: SessionFile | None


async def open_venue(wanted: Wanted) -> Opened:
    """Raises ``ConfigError`` for what makes no sense, ``StoreError`` for a file that fails."""
    names = tuple(_name(number) for number in range(1, wanted.accounts + 1))
    keys = load_keys(wanted.folder, names)
    reel = _reel(wanted, None, None)
    symbols = wanted.symbols or (tuple(reel.symbols_in()) if reel else SYMBOLS)
    catalog = open_catalog(symbols, wanted.instruments, wanted.brackets)
    house = HouseRules(
        deposit_usd=wanted.deposit_usd,
        legacy_conditional=wanted.legacy_conditional,
        salt=keys.salt,
    )
    hall = Hall(catalog, house, names)
    clock = SystemClock()
    journal = None if wanted.memory else Journal(wanted.folder / JOURNAL_FILE)
    venue = Venue(
        hall,
        {one.key: one for one in keys.accounts if one.name in names},
        clock,
        journal,
        speed=wanted.speed,
        limited=wanted.limited,
    )
    again = venue.recover()
    player = Player(venue, await _source(wanted, venue, symbols))
    player.warm_up()
    # Let that be told and written before a recording begins behind it.
    await asyncio.sleep(0)
    venue.snapshot()
    recording = None if wanted.record is None else SessionFile(wanted.record, hall)
    if recording is not None:
        venue.truth.record(recording)
    label = "live" if wanted.live else "recorded" if reel else "SIMULATED"
    return Opened(venue, player, label, again, recording)


def _name(number: int) -> str:
    return "main" if number == 1 else f"account-{number}"


def _reel(
    wanted: Wanted, shift_to_ms: int | None, resume_ms: int | None
) -> Reel | TradeReel | None:
    if sum(map(bool, (wanted.data, wanted.trades, wanted.live))) > 1:
        raise ConfigError("--data, --trades and --live each say where the market is from; give one")
    if not wanted.data and not wanted.trades:
        return None
    kind: type[Reel | TradeReel] = Reel if wanted.data else TradeReel
    return kind(
        paths=wanted.data or wanted.trades,
        symbols=wanted.symbols,
        from_ms=wanted.from_ms,
        to_ms=wanted.to_ms,
        shift_to_ms=shift_to_ms,
        resume_ms=resume_ms,
    )


async def _source(wanted: Wanted, venue: Venue, symbols: tuple[str, ...]) -> Source:
    counters, now_ms = venue.hall.counters, venue.clock.now_ms()
    counters.began_ms = counters.began_ms or now_ms
    shift_to_ms = None if wanted.as_recorded else counters.began_ms
    reel = _reel(wanted, shift_to_ms, counters.at_ms or None)
    if reel is not None:
        return reel.open()
    if wanted.live is not None:
        return await live(wanted.live, symbols)
    last = {name: one.last for name, one in venue.hall.boards.items() if one.last is not None}
    return await generated(symbols, wanted.seed, max(now_ms, counters.at_ms), last)
