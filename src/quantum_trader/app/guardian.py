"""The guardian as a process of its own: a key, a venue, a latch, and nothing else."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NoReturn

import structlog

from quantum_trader.adapters.beat_file import BeatFile
from quantum_trader.adapters.clock import SteadyClock, SystemClock
from quantum_trader.adapters.exchanges.binance.door import BinanceExchange
from quantum_trader.adapters.exchanges.binance.hosts import hosts_of
from quantum_trader.adapters.latch import FileLatch
from quantum_trader.adapters.systemd import notify
from quantum_trader.app.config import Config
from quantum_trader.app.credentials import find_credentials
from quantum_trader.app.guardian_beat import beat_file
from quantum_trader.app.instance import GUARDIAN_LOCK_FILE, LOCK_FILE, InstanceLock, holder_of
from quantum_trader.core.errors import ConfigError, InDoubt, Unreachable
from quantum_trader.core.guard import Guard
from quantum_trader.core.mode import mode_of
from quantum_trader.services.guardian import GuardBeat, Guardian
from quantum_trader.services.supervisor import run_services
from quantum_trader.services.together import Loop, run_together
from quantum_trader.services.watchdog import Watchdog

AGAIN_MS = 2_000
STALLED_S = 90.0
"""A question to a venue that does not answer is asked a few times, and takes this long at worst."""
ALONE_LOOK_S = 2.0
ALONE_LOOKS = 30
"""A run that is started again comes back within this many looks, as a rule."""
NO_SYSTEM = (
    "the guardian guards an account at a venue; `quantum run` keeps its own paper one itself"
)

_log = structlog.get_logger()


async def guard(
    config: Config, venue_url: str | None, ready: Callable[[], None], *, leaves: bool = False
) -> int:
    """Guard the account of a mode until told to stop; the exit code.

    ``venue_url`` is where a paper venue listens. One that ``leaves`` ends by itself once no run
    lives in the folder and nothing is left to guard. Raises ``ConfigError`` and ``Locked``.
    """
    mode = mode_of(config.account)
    if mode == "paper" and venue_url is None:
        raise ConfigError(f"{NO_SYSTEM}: name a paper venue with --venue")
    hosts = hosts_of(mode, venue_url)
    keys = find_credentials(mode, config.guardian_key_file or config.key_file)
    async with AsyncExitStack() as stack:
        lock = InstanceLock(config.home, GUARDIAN_LOCK_FILE)
        lock.take()
        stack.callback(lock.release)
        venue = BinanceExchange(hosts, keys.key, keys.secret, config.symbols, SystemClock().now_ms)
        stack.push_async_callback(venue.close)
        venue.asks_first()
        beats = beat_file(config.home)

        async def watch() -> None:
            await _opened(venue, beats, hosts.rest)
            filters = await venue.instruments()
            ready()
            notify("READY=1")
            latch, sees = FileLatch(config.home), Guard(filters=filters)
            one = Guardian(venue, latch, SteadyClock(), sees, beats.write, where=hosts.rest)
            loops: dict[str, Loop] = {"guardian": one.run}
            if leaves:
                loops["leaving"] = lambda: _leave(one, config.home, beats)
            await run_together(loops)

        return await run_services({"guardian": watch}, Watchdog(notify, limit_s=STALLED_S))


async def _leave(guardian: Guardian, folder: Path, beats: BeatFile[GuardBeat]) -> NoReturn:
    """End the process when no run has lived in the folder for a while and nothing is left."""
    alone_looks = 0
    while True:
        await asyncio.sleep(ALONE_LOOK_S)
        is_busy = guardian.holds or holder_of(folder, LOCK_FILE) is not None
        alone_looks = 0 if is_busy else alone_looks + 1
        if alone_looks >= ALONE_LOOKS and await guardian.is_needless():
            _log.info("no run lives here and nothing is left to guard")
            beats.clear()
            signal.raise_signal(signal.SIGTERM)
            await asyncio.Event().wait()


async def _opened(venue: BinanceExchange, beats: BeatFile[GuardBeat], where: str) -> None:
    """Reach the venue, however long that takes: a guardian that gives up guards nothing."""
    clock = SteadyClock()
    while True:
        try:
            await venue.open()
        except (Unreachable, InDoubt) as error:
            _log.error("the venue cannot be reached yet", reason=str(error))
            beats.write(_blind(where, str(error)))
            await clock.sleep_until(clock.now_ms() + AGAIN_MS)
        else:
            return


def _blind(where: str, trouble: str) -> GuardBeat:
    return GuardBeat(
        where=where, seen=False, trouble=trouble, level="RUN", held=(), bare=(), acts=0
    )
