"""Where the log of a run is found: on its server, in the files it left, and in its archive."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from quantum_trader.adapters.archive.segments import FOLDER, SegmentArchive
from quantum_trader.adapters.bus.server import EmbeddedServer
from quantum_trader.app.config import Config, load
from quantum_trader.app.connection import bus_at, server_url
from quantum_trader.app.instance import InstanceLock
from quantum_trader.core.errors import ConfigError
from quantum_trader.ports import Archive, Entry, Saved
from quantum_trader.services.history import History
from quantum_trader.services.recovery import BEFORE_EVERYTHING, Log, inboxed
from quantum_trader.streams import TRADER
from quantum_trader.streams.ids import parse

SERVER_LOCK = "redis.lock"
"""Lies in every folder that ever had a stream server of its own."""


class Frozen:
    """A log in which the trader took nothing after a certain moment."""

    def __init__(self, log: Log, saved_then: Saved) -> None:
        self._log = log
        self.saved_then = saved_then

    async def saved(self, service: str) -> Saved:
        """What was saved at that moment."""
        return self.saved_then

    async def inbox(self, service: str, after: str, count: int) -> list[tuple[str, bytes]]:
        """Records up to that moment."""
        end = parse(self.saved_then.last)
        found = await self._log.inbox(service, after, count)
        return [record for record in found if parse(record[0]) <= end]

    async def span(self, stream: str, first: str, last: str, count: int) -> list[Entry]:
        """Entries, also of later."""
        return await self._log.span(stream, first, last, count)


class _Nothing:
    """A log of nobody: what an archive without its run is continued by."""

    async def saved(self, service: str) -> Saved:
        """Nothing was."""
        return Saved(None, BEFORE_EVERYTHING, BEFORE_EVERYTHING)

    async def inbox(self, service: str, after: str, count: int) -> list[tuple[str, bytes]]:
        """Nothing was taken."""
        return []

    async def span(self, stream: str, first: str, last: str, count: int) -> list[Entry]:
        """Nothing was said."""
        return []


@asynccontextmanager
async def log_of(
    url: str | None, data_dir: Path | None, folder: Path | None
) -> AsyncIterator[Frozen]:
    """The log of a run as it is now, or of the archive in ``folder`` alone.

    Raises ``ConfigError`` where there is none.
    """
    if folder is not None:
        yield await _archived(SegmentArchive(_existing(folder)))
        return
    config = load(typed={"redis_url": url, "data_dir": data_dir})
    async with AsyncExitStack() as stack:
        found = await stack.enter_async_context(_served(config))
        bus = await bus_at(found, config, "relive")
        stack.push_async_callback(bus.close)
        log: Log = bus
        # A server that is named alone may belong to any folder; its archive is not guessed.
        ours = config.redis_url is None or data_dir is not None
        if ours and (config.home / FOLDER).is_dir():
            log = History(bus, SegmentArchive(config.home / FOLDER))
        yield Frozen(log, await bus.saved(TRADER))


async def _archived(archive: Archive) -> Frozen:
    """The log up to the last commit of which the archive has everything that was taken.

    Every stream is archived for itself, so the ends differ by a segment.
    """
    ends = {}
    for stream in await archive.streams():
        segments = await archive.segments(stream)
        ends[stream] = parse(segments[-1].last)
    log = History(_Nothing(), archive)
    last = BEFORE_EVERYTHING
    async for record_id, record in inboxed(log, TRADER, BEFORE_EVERYTHING):
        if any(parse(taken.last) > ends.get(taken.stream, (0, 0)) for taken in record.took):
            break
        last = record_id
    return Frozen(log, Saved(None, BEFORE_EVERYTHING, last))


def _existing(folder: Path) -> Path:
    """The archive that was named: its folder, or the data folder around it."""
    for place in (folder / FOLDER, folder):
        if place.is_dir() and any(one.is_dir() for one in place.iterdir()):
            return place
    raise ConfigError(f"{folder}: there is no archive in it")


@asynccontextmanager
async def _served(config: Config) -> AsyncIterator[str]:
    """The URL of a server with the log. Ours, where nobody runs: then the folder is held too, so
    that no system starts on a server that is about to end.
    """
    lock = None if config.redis_url is not None else _hold(config.home)
    if lock is None:
        yield server_url(config)
        return
    server = EmbeddedServer(config.home)
    try:
        yield await server.start()
    finally:
        await server.stop()
        lock.release()


def _hold(home: Path) -> InstanceLock | None:
    """The folder of a run that ended; None while it runs. Raises ``ConfigError`` without a run."""
    if not (home / SERVER_LOCK).is_file():
        raise ConfigError(f"{home}: no run was recorded there")
    lock = InstanceLock(home)
    try:
        lock.take()
    except ConfigError:
        return None
    return lock
