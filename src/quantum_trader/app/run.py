"""One system from its start to its end: the server, the market, the services, the page.

What is told on the way goes to a ``Listener``: lines of a log, a live line, or JSON.
"""

import asyncio
import gc
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NoReturn, Protocol
from urllib.parse import urljoin

import msgspec
import structlog

from quantum_trader.adapters.bus.connection import without_password
from quantum_trader.adapters.bus.leases import RedisLeases
from quantum_trader.adapters.bus.namespace import names_of
from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.adapters.bus.server import URL_FILE, EmbeddedServer, examine
from quantum_trader.adapters.clock import SteadyClock, SystemClock
from quantum_trader.adapters.exchanges.binance.hosts import hosts_of
from quantum_trader.adapters.market.instrument_files import load as load_instruments
from quantum_trader.adapters.systemd import notify
from quantum_trader.app.abroad import Abroad, is_abroad, market_of, open_door
from quantum_trader.app.config import Config
from quantum_trader.app.control import CONTROL_FILE, Control, desk_of, token_of
from quantum_trader.app.control import PATH as CONTROL_PATH
from quantum_trader.app.guardian_child import GuardianChild
from quantum_trader.app.instance import InstanceLock, this_process
from quantum_trader.app.market import Market, Wanted, choose
from quantum_trader.app.page import Page
from quantum_trader.app.parts import INSTANCE, Parts, paper_parts, parts_abroad
from quantum_trader.app.watch import EVERY_S, About, View, Watch
from quantum_trader.app.wiring import System
from quantum_trader.core.errors import BusUnreachable, ConfigError
from quantum_trader.core.events import Fact
from quantum_trader.core.mode import mode_of
from quantum_trader.ports import Bus
from quantum_trader.services.leadership import Leadership
from quantum_trader.services.supervisor import Start, run_services
from quantum_trader.services.watchdog import Watchdog
from quantum_trader.streams import FEED

WATCHER = "page"
GUARDIAN = "guardian"
SETTLE_S = 2.0
"""How long the last orders of a recording may take to come to rest."""

_log = structlog.get_logger()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What one run was asked for beside the settings. ``duration_s`` None runs until stopped.

    ``guardian`` is the command of a guardian to keep beside it; None leaves that to others.
    """

    market: Wanted
    drain: bool = False
    duration_s: float | None = None
    guardian: tuple[str, ...] | None = None


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where to find the running system.

    ``redis_url`` is without the password; that is in ``redis_url_file``, which only its owner may
    read. None when the server is not ours: then whoever named it knows its password.
    ``control_url`` takes orders of whoever has the token in ``control_token_file``.
    ``guardian_pid`` is the process that guards the account, None where none was started here.
    """

    page_url: str
    control_url: str
    control_token_file: str
    redis_url: str
    redis_url_file: str | None
    data_dir: str
    market: str
    account: str
    note: str
    guardian_pid: int | None


class Listener(Protocol):
    """Whoever tells people what happens."""

    def ready(self, places: Places) -> None:
        """The system can be used."""

    def seen(self, view: View, news: list[Fact]) -> None:
        """A look at the system, once a second: what is new since the last one."""


async def run(config: Config, asked: Asked, listener: Listener) -> tuple[int, View]:
    """Run a system until it is stopped or fails: the exit code, and the last look at it.

    Raises a ``TraderError`` when it cannot start; then no order was sent.
    """
    if not is_abroad(config):
        config.rules(load_instruments(config.instruments, config.brackets))
    async with AsyncExitStack() as stack:
        lock = InstanceLock(config.home)
        lock.take()
        stack.callback(lock.release)
        url = await stack.enter_async_context(_server(config))
        names = names_of(config.account)
        bus = RedisBus(url, consumer=INSTANCE, names=names)
        stack.push_async_callback(bus.close)
        abroad = await _door(stack, asked, config, bus)
        market = await _market(asked, config, bus, abroad)
        structlog.contextvars.bind_contextvars(market=market.label)
        watch = Watch(bus, _about(config, market), SystemClock(), market.time)
        control = Control(desk_of(config.home, url, names), token_of(config.home))
        page = Page(
            lambda: watch.view,
            config.page_port,
            any_port=_any_port(config),
            more=control.routes(),
        )
        stack.callback(page.close)
        leadership = await _lead(stack, url, market.account, lock)
        child = _guardian(asked, config, abroad)
        system = System(_parts(config, market, url, leadership, abroad))
        stack.push_async_callback(system.close)
        await watch.begin()
        await system.start(asked.drain)
        gc.freeze()  # What is there now stays; to look at it again and again takes milliseconds.
        places = _places(config, market, page, url, child)
        services = system.services()
        if child is not None:
            services[GUARDIAN] = child.run
        return await _until_the_end(services, watch, page, (asked, market, listener, places))


def _guardian(asked: Asked, config: Config, abroad: Abroad | None) -> GuardianChild | None:
    """A guardian for an account that lives on without this process, if one was asked for."""
    if abroad is None or asked.guardian is None:
        return None
    where = hosts_of(mode_of(config.account), config.venue).rest
    child = GuardianChild(asked.guardian, config.home, where)
    child.look()
    return child


async def _door(stack: AsyncExitStack, asked: Asked, config: Config, bus: Bus) -> Abroad | None:
    """The door to the venue outside, None when paper trading happens in here."""
    if not is_abroad(config):
        return None
    if asked.market.choice != "auto" or asked.market.recording is not None:
        raise ConfigError("a venue outside has its own market; choose no other")
    abroad = await open_door(config, bus)
    stack.push_async_callback(abroad.door.close)
    return abroad


async def _market(asked: Asked, config: Config, bus: Bus, abroad: Abroad | None) -> Market:
    if abroad is None:
        return await choose(asked.market, config, bus)
    return await market_of(config, abroad)


def _parts(
    config: Config, market: Market, url: str, leadership: Leadership, abroad: Abroad | None
) -> Parts:
    if abroad is None:
        return paper_parts(config, market, url, leadership)
    return parts_abroad(config, market, url, leadership, abroad)


async def _until_the_end(
    loops: dict[str, Start], watch: Watch, page: Page, told: tuple[Asked, Market, Listener, Places]
) -> tuple[int, View]:
    asked, market, listener, places = told
    services = {
        **loops,
        "watch": lambda: _watching(watch, listener, places),
        "page": page.run,
    }
    if market.ends:
        services[FEED] = _then_stop(services[FEED], "the recording has ended")
    if asked.duration_s is not None:
        services["duration"] = _after(asked.duration_s)
    code = await run_services(services, Watchdog(notify))
    try:
        listener.seen(watch.view, await watch.look())
    except BusUnreachable as error:
        _log.warning("the last look failed; the summary is a second older", reason=str(error))
    return code, watch.view


async def _watching(watch: Watch, listener: Listener, places: Places) -> NoReturn:
    """Say that all is ready, and look once a second.

    Ready means that a signal ends everything in order, so it is said from inside. A server that
    does not answer only makes what is shown older.
    """
    listener.ready(places)
    notify(f"READY=1\nSTATUS={places.market}, page {places.page_url}")
    while True:
        news: list[Fact] = []
        try:
            news = await watch.look()
        except BusUnreachable as error:
            _log.warning("the page cannot see the streams", reason=str(error))
        listener.seen(watch.view, news)
        await asyncio.sleep(EVERY_S)


def _after(seconds: float) -> Start:
    """A service that stops the process when its time is over."""

    async def wait() -> None:
        await asyncio.sleep(seconds)
        await _stop(f"the {seconds:g} s of this run are over")

    return wait


def _then_stop(service: Start, why: str) -> Start:
    """A service whose end is the end of the run, and no failure."""

    async def until_its_end() -> None:
        await service()
        await asyncio.sleep(SETTLE_S)
        await _stop(why)

    return until_its_end


async def _stop(why: str) -> None:
    """End the process the way a person would, and wait for it: one way to stop is enough."""
    _log.info("stopping", reason=why)
    signal.raise_signal(signal.SIGTERM)
    await asyncio.Event().wait()


@asynccontextmanager
async def _server(config: Config) -> AsyncIterator[str]:
    """The stream server: the one that was named, else our own in the data folder.

    Ours syncs every append where money is real: what was acknowledged survives a power cut.
    """
    if config.redis_url:
        try:
            warnings = await examine(config.redis_url)
        except ValueError as error:
            raise ConfigError(f"redis_url: {error}") from error
        for warning in warnings:
            _log.warning(warning)
        yield config.redis_url
        return
    server = EmbeddedServer(config.home, fsync="always" if config.mode == "live" else "everysec")
    try:
        yield await server.start()
    finally:
        await server.stop()


async def _lead(stack: AsyncExitStack, url: str, account: str, lock: InstanceLock) -> Leadership:
    """The right to trade the account, before any of its files is opened.

    Raises ``Occupied``, and ``ConfigError`` for a server with the streams of another account: play
    money must never be answered with real money.
    """
    leases = RedisLeases(url, names_of(account))
    stack.push_async_callback(leases.close)
    owner = await leases.owner(account)
    if owner != account:
        raise ConfigError(
            f"the stream server has the streams of account {owner}, not of {account}. No order was "
            "sent. Name another server, or another database of this one, as redis_url"
        )
    leadership = Leadership(leases, account, lock.identity, this_process(), SteadyClock())
    await leadership.take()
    return leadership


def _about(config: Config, market: Market) -> About:
    return About(
        mode=config.mode,
        market=market.label,
        account=market.account,
        real=market.real,
        note=market.note,
        symbols=config.symbols,
        model=config.model,
    )


def _places(
    config: Config, market: Market, page: Page, url: str, child: GuardianChild | None
) -> Places:
    return Places(
        page_url=page.url,
        control_url=urljoin(page.url, CONTROL_PATH),
        control_token_file=str(config.home / CONTROL_FILE),
        redis_url=without_password(url),
        redis_url_file=None if config.redis_url else str(config.home / URL_FILE),
        data_dir=str(config.home),
        market=market.label,
        account=market.account,
        note=market.note,
        guardian_pid=None if child is None else child.pid,
    )


def _any_port(config: Config) -> bool:
    """Whether another port will do: only when nobody asked for this one."""
    return "page_port" not in config.model_fields_set
