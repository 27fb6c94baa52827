"""Which market a running system lives on, and what follows from that: its label, account and time.

Real prices where they can be had; otherwise a simulated market that says so on every fact. Facts of
one market never reach the books of another, so each has an account of its own.
"""

from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import msgspec

from quantum_trader.adapters.clock import ManualClock, SystemClock
from quantum_trader.adapters.market.binance import BinanceMarket, Venue
from quantum_trader.adapters.market.continued import ContinuedMarket
from quantum_trader.adapters.market.market_clock import TimedMarket
from quantum_trader.adapters.market.synthetic import SIMULATED, SyntheticMarket
from quantum_trader.app.config import Config
from quantum_trader.app.instance import check_owner, owner_of
from quantum_trader.app.venues import compared
from quantum_trader.core.errors import ConfigError, Unreachable
from quantum_trader.core.events import CandleClosed
from quantum_trader.core.events.market import RECORDED
from quantum_trader.ports import Bus, Clock, MarketData, QuoteSource
from quantum_trader.services import wire
from quantum_trader.streams import MARKET_KLINES

MarketChoice = Literal["auto", "binance", "synthetic"]

REACH_S = 3.0
SEED = 38
"""A market in which the usual model has something to do in its first half minute."""
SPEED_MAX = 600.0
"""Faster than this, recorded bars would overtake the orders that answer them."""
BARS_LOOKED_AT = 2_000
RECORDING = "quantum_trader.app.recording"

SECOND_BARS: Mapping[str, Any] = {
    "intent_age_ms_max": 5_000,
    "cooldown_open_ms": 5_000,
    "cooldown_close_ms": 15_000,
}
"""Limits for a market whose bars last a second: the usual ones are meant for bars of a minute."""


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a person asked for. ``recording`` is a folder or file; None plays none."""

    choice: MarketChoice = "auto"
    seed: int = SEED
    recording: Path | None = None
    speed: float = 60.0


class Market(msgspec.Struct, frozen=True, kw_only=True):
    """The market of a system. ``time`` is the time it lives in; ``note`` explains it to people.

    ``limits`` are the limits that suit it where nobody set others. ``quotes`` is what other venues
    bid and ask; None where nobody is compared.
    """

    data: MarketData
    label: str
    account: str
    time: Clock
    real: bool
    ends: bool
    note: str
    limits: Mapping[str, Any] = {}
    quotes: QuoteSource | None = None


async def choose(wanted: Wanted, config: Config, bus: Bus, venue: Venue | None = None) -> Market:
    """Open the market that was asked for.

    Raises ``ConfigError`` for one that cannot be had and nothing else will do: because it was
    insisted on, or because the positions in the data folder came from it.
    """
    if wanted.recording is not None:
        return await _recorded(wanted, wanted.recording, config, bus)
    owner = owner_of(config.home)
    if wanted.choice == "synthetic" or (
        wanted.choice == "auto" and owner == account_on(config, SIMULATED)
    ):
        note = "prices are made up by this program; they prove that it works, never that it earns"
        return await _synthetic(wanted, config, bus, note)
    try:
        return await _binance(config, venue)
    except Unreachable as error:
        if wanted.choice == "binance":
            raise ConfigError(f"--market binance: {error}") from error
        if owner is not None:
            raise ConfigError(
                f"{error}; {config.home} holds positions of that market, so no other prices will "
                "do. Try again later, or trade a simulated market in a folder of its own: "
                "--market synthetic --data-dir FOLDER"
            ) from error
        note = f"no real prices ({error}), so they are made up by this program"
        return await _synthetic(wanted, config, bus, note)


def account_on(config: Config, label: str | None) -> str:
    """The account of a market; None is the real one."""
    return config.account if label is None else f"{config.account}-{label}"


async def _binance(config: Config, venue: Venue | None) -> Market:
    data = BinanceMarket(config.symbols, venue)
    await data.open(REACH_S)
    quotes, told = None, "not compared with other venues"
    if venue is None:  # A market on this machine has nothing to do with the real ones.
        quotes, told = await compared(config.symbols, config.compared_venues)
    return Market(
        data=data,
        label=data.label,
        account=account_on(config, None),
        time=SystemClock(),
        real=True,
        ends=False,
        note=f"real prices of Binance USD-M perpetuals, {told}; orders go to the paper exchange",
        quotes=quotes,
    )


async def _synthetic(wanted: Wanted, config: Config, bus: Bus, note: str) -> Market:
    clock = SystemClock()
    walk = SyntheticMarket(config.symbols, wanted.seed, clock)
    return Market(
        data=ContinuedMarket(walk, await _newest_bars(bus)),
        label=SIMULATED,
        account=account_on(config, SIMULATED),
        time=clock,
        real=False,
        ends=False,
        note=note,
        limits=SECOND_BARS,
    )


async def _recorded(wanted: Wanted, recording: Path, config: Config, bus: Bus) -> Market:
    """Play a recording from its beginning, or from where an earlier run stopped."""
    if not 0 < wanted.speed <= SPEED_MAX:
        raise ConfigError(
            f"--speed {wanted.speed:g}: above 0 and at most {SPEED_MAX:g}; "
            "`quantum replay` plays recordings as fast as they go"
        )
    # Before the recording is cut to what these books have not seen: they may be others' books.
    check_owner(config.home, account_on(config, RECORDED))
    # Reading recordings takes a library as large as all the rest of this process.
    module = import_module(RECORDING)
    clock = ManualClock()
    told = await _newest_bars(bus)
    played: TimedMarket = module.open_recording(
        recording, config.symbols, wanted.speed, told.values(), clock
    )
    return Market(
        data=played,
        label=played.label,
        account=account_on(config, played.label),
        time=clock,
        real=False,
        ends=True,
        note=f"a recording, played at {wanted.speed:g} times its speed; the time shown is its own",
    )


async def _newest_bars(bus: Bus) -> dict[str, CandleClosed]:
    """The newest bar that was told of each symbol."""
    newest: dict[str, CandleClosed] = {}
    for entry in await bus.last(MARKET_KLINES, BARS_LOOKED_AT):
        with suppress(*wire.UNREADABLE):
            fact = wire.read(entry)
            if isinstance(fact, CandleClosed):
                newest.setdefault(fact.symbol, fact)
    return newest
