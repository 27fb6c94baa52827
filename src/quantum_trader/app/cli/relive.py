"""The log of a recorded run, lived through again: the same facts, the same state, the same words.

Everything is compared as it was when the comparison began, so the run may go on meanwhile.
"""

import hashlib
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.adapters.bus.server import EmbeddedServer
from quantum_trader.app.cli.connection import account_of, server_url
from quantum_trader.app.cli.frame import Progress
from quantum_trader.app.config import Config, load
from quantum_trader.app.instance import InstanceLock
from quantum_trader.core.errors import ConfigError
from quantum_trader.core.events import Fact
from quantum_trader.core.state import TraderState, state_hash
from quantum_trader.core.trader import step
from quantum_trader.ports import Bus, Saved
from quantum_trader.services import wire
from quantum_trader.services.fold import Fold
from quantum_trader.services.recovery import BEFORE_EVERYTHING, rebuild_from_log, restore
from quantum_trader.services.snapshots import snapshots_of
from quantum_trader.streams import ROUTES, TRADER

SERVER_LOCK = "redis.lock"
"""Lies in every folder that ever had a stream server of its own."""
PAGE = 1_024
FACTS_TOLD_AT_ONCE = 500


class Relived(msgspec.Struct, frozen=True, kw_only=True):
    """What the log says, and how it differs from what the run said.

    ``log_hash`` is the state rebuilt from the first entry on, ``run_hash`` the one from the run's
    own snapshot and what came after it, None before the first snapshot. ``outputs`` counts the
    facts that follow from the log; each was compared with the one that was published.
    """

    facts: int
    outputs: int
    log_hash: str
    run_hash: str | None
    differences: tuple[str, ...]
    same: bool


class Words:
    """What was said on every stream, remembered as counts and hashes."""

    def __init__(self) -> None:
        self.counts: defaultdict[str, int] = defaultdict(int)
        self._hashes: defaultdict[str, hashlib._Hash] = defaultdict(hashlib.sha256)

    def add(self, stream: str, payload: bytes) -> None:
        """One more entry of a stream."""
        self.counts[stream] += 1
        self._hashes[stream].update(hashlib.sha256(payload).digest())

    def hash(self, stream: str) -> str:
        """All entries of a stream so far, in their order."""
        return self._hashes[stream].hexdigest()


class FrozenBus(RedisBus):
    """A bus on which the trader committed nothing after a certain moment."""

    saved_then = Saved(None, BEFORE_EVERYTHING, BEFORE_EVERYTHING)

    async def freeze(self) -> None:
        """From here on the trader's log ends where it ends now."""
        self.saved_then = await super().saved(TRADER)

    async def saved(self, service: str) -> Saved:
        """What was saved at that moment."""
        return self.saved_then

    async def inbox(self, service: str, after: str, count: int) -> list[tuple[str, bytes]]:
        """Records up to that moment."""
        end = _order(self.saved_then.last)
        found = await super().inbox(service, after, count)
        return [record for record in found if _order(record[0]) <= end]


async def relive(url: str | None, data_dir: Path | None, *, forced: bool = False) -> Relived:
    """Rebuild the trader of a run from its log and compare. Raises ``ConfigError`` without one."""
    async with _log_of(url, data_dir) as bus:
        await bus.freeze()
        if bus.saved_then.last == BEFORE_EVERYTHING:
            raise ConfigError("the trader has committed nothing there, so there is no log")
        account = await account_of(bus)
        with Progress("facts lived through again", forced=forced) as progress:
            words = Words()
            again = await rebuild_from_log(bus, TRADER, _fold(account, words, progress))
            run_hash = None
            if bus.saved_then.snapshot is not None:
                restored = await restore(bus, TRADER, _fold(account, Words(), progress))
                run_hash = state_hash(restored.state)
            differences = await _differences(bus, words)
        log_hash = state_hash(again.state)
        if run_hash not in (None, log_hash):
            differences.append(f"the state from the run's own snapshot is {run_hash}")
        return Relived(
            facts=again.replayed,
            outputs=sum(words.counts.values()),
            log_hash=log_hash,
            run_hash=run_hash,
            differences=tuple(differences),
            same=not differences,
        )


def _fold(account: str, words: Words, progress: Progress) -> Fold[TraderState]:
    told = 0

    def heard(state: TraderState, fact: Fact) -> Sequence[Fact]:
        nonlocal told
        told += 1
        if told % FACTS_TOLD_AT_ONCE == 0:
            progress.advance(FACTS_TOLD_AT_ONCE)
        said = step(state, fact)
        for each in said:
            words.add(ROUTES[type(each)], wire.write(each)[b"payload"])
        return said

    return Fold(heard, TraderState, snapshots_of(TraderState), wire.Reader(account))


async def _differences(bus: Bus, words: Words) -> list[str]:
    """Sentences about every stream that does not hold what follows from the log."""
    published = Words()
    for stream, count in words.counts.items():
        await _listen(bus, stream, count, published)
    return [
        f"of the {count:,} facts that follow from the log, {stream} holds "
        f"{published.counts[stream]:,}, or others"
        for stream, count in words.counts.items()
        if published.hash(stream) != words.hash(stream)
    ]


async def _listen(bus: Bus, stream: str, count: int, into: Words) -> None:
    """The first so many entries of a stream."""
    first = "-"
    while count > 0:
        page = await bus.span(stream, first, "+", min(PAGE, count))
        for entry in page:
            into.add(stream, (entry.fields or {}).get(b"payload", b""))
        count -= len(page)
        if not page:
            return
        first = f"({page[-1].id}"


@asynccontextmanager
async def _log_of(url: str | None, data_dir: Path | None) -> AsyncIterator[FrozenBus]:
    """The streams of a run: of the server it runs on, else of the files it left behind."""
    config = load(typed={"redis_url": url, "data_dir": data_dir})
    async with _served(config) as found:
        bus = FrozenBus(found, consumer=f"relive-{secrets.token_hex(4)}")
        try:
            yield bus
        finally:
            await bus.close()


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


def _order(entry_id: str) -> tuple[int, int]:
    epoch, _, seq = entry_id.partition("-")
    return int(epoch), int(seq)
