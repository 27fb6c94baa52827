"""The running system as far as a command must know it: where, whose, and what time it is there."""

import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from quantum_trader.adapters.bus.leases import names_at
from quantum_trader.adapters.bus.namespace import names_of
from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.adapters.bus.server import URL_FILE
from quantum_trader.adapters.latch import FileLatch
from quantum_trader.app.config import Config, load
from quantum_trader.app.instance import owner_of
from quantum_trader.core.errors import BusUnreachable, ConfigError
from quantum_trader.core.events import CanarySung, RulesAdopted, SecondPassed
from quantum_trader.ports import Bus
from quantum_trader.services.wire import fact_in
from quantum_trader.streams import CLOCK_STREAM, OPERATOR_STREAM

CLOCK_FRESH_MS = 10_000
"""A clock that nobody has written for longer than this belongs to a system that has stopped."""
CLOCKS_APART_MS = 2_000
"""Two clocks that differ by less than this tell the same time."""
CLOCK_ENTRIES = 5
OPERATOR_ENTRIES = 1_000


class Now(msgspec.Struct, frozen=True):
    """A time to stamp by: ``clock`` is "wall" or "system", ``remark`` says why, for people."""

    at_ms: int
    clock: str
    remark: str | None


def server_url(config: Config) -> str:
    """Where the stream server is: as set, else as the running system wrote it down.

    Raises ``BusUnreachable`` when nobody wrote it down: then nothing runs there.
    """
    if config.redis_url:
        return config.redis_url
    file = config.home / URL_FILE
    try:
        url = file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        raise BusUnreachable(
            f"no system runs in {config.home} (there is no {URL_FILE}); start one: quantum run"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: cannot be read ({error})") from error
    if not url:
        raise ConfigError(f"{file}: it is empty")
    return url


def latch_of(url: str | None, data_dir: Path | None) -> FileLatch | None:
    """The latch of the system meant; None where its folder is not known, or is nobody's yet.

    A typed address alone names no folder: the usual one may be that of another system.
    """
    if url is not None and data_dir is None:
        return None
    home = load(typed={"redis_url": url, "data_dir": data_dir}).home
    return None if owner_of(home) is None else FileLatch(home)


@asynccontextmanager
async def connected(url: str | None, data_dir: Path | None) -> AsyncIterator[RedisBus]:
    """A bus to the running system: ``url``, else QT_REDIS_URL, else the file in the data folder.

    Its mode is that of the account whose server it is. Raises ``BusUnreachable``.
    """
    config = load(typed={"redis_url": url, "data_dir": data_dir})
    bus = await bus_at(server_url(config), config, "shell")
    try:
        yield bus
    finally:
        await bus.close()


async def bus_at(url: str, config: Config, visitor: str) -> RedisBus:
    """A bus to a server, in the names of whose it is; nobody's yet is read as ``config`` has it.

    Raises ``BusUnreachable``, and ``ConfigError`` for an address that is none.
    """
    try:
        names = await names_at(url, names_of(config.account))
    except ValueError as error:
        raise ConfigError(f"redis_url: {error}") from error
    return RedisBus(url, consumer=f"{visitor}-{secrets.token_hex(4)}", names=names)


async def account_of(bus: Bus) -> str:
    """Whose money the running system trades: by its latest rules, else by the settings here."""
    for entry in await bus.last(OPERATOR_STREAM, OPERATOR_ENTRIES):
        fact = fact_in(entry)
        if isinstance(fact, RulesAdopted):
            return fact.rules.account
    return load().account


async def time_there(bus: Bus, wall_ms: int) -> Now:
    """The time an intent must carry to look fresh to the running system."""
    newest = [
        entry
        for entry in await bus.last(CLOCK_STREAM, CLOCK_ENTRIES)
        if not isinstance(fact_in(entry), CanarySung)
    ]
    fact = fact_in(newest[0]) if newest else None
    if not isinstance(fact, SecondPassed):
        return Now(wall_ms, "wall", "no trader has run here yet; one that starts will judge it")
    silent_ms = wall_ms - int(newest[0].id.partition("-")[0])
    if silent_ms > CLOCK_FRESH_MS:
        return Now(
            wall_ms, "wall", f"the clock has been silent for {silent_ms // 1000} s: stopped?"
        )
    if abs(fact.at_ms - wall_ms) < CLOCKS_APART_MS:
        return Now(wall_ms, "wall", None)
    apart_s = (fact.at_ms - wall_ms) / 1000
    return Now(
        fact.at_ms, "system", f"stamped by the system's clock, {apart_s:+.0f} s from this machine's"
    )


def wall_ms() -> int:
    """This machine's time."""
    return time.time_ns() // 1_000_000
