"""Everything that can be found out about a running system, and all that is wrong with it.

``quantum doctor`` shows it, and ``quantum arm`` arms nothing while any of it is red.
"""

from pathlib import Path

import msgspec

from quantum_trader.adapters.bus.leases import RedisLeases
from quantum_trader.adapters.bus.namespace import Namespace
from quantum_trader.adapters.bus.redis_info import strays
from quantum_trader.adapters.bus.server_state import fsync_of, state_of
from quantum_trader.adapters.latch import FileLatch
from quantum_trader.app.finding import Finding
from quantum_trader.app.guardian_beat import beat_file, guardian_findings
from quantum_trader.app.health import findings, in_order, look
from quantum_trader.app.lead import lease_findings
from quantum_trader.app.machine import (
    disk_findings,
    disk_free_bytes,
    fsync_findings,
    look_at_journal,
    server_findings,
)
from quantum_trader.app.parts import JOURNAL_FILE
from quantum_trader.app.standing import look as standing_now
from quantum_trader.app.standing import standing_findings
from quantum_trader.app.stray import stray_findings
from quantum_trader.app.upkeep import upkeep_findings
from quantum_trader.core.lease import Held, Holder
from quantum_trader.core.mode import mode_of
from quantum_trader.ports import Bus
from quantum_trader.services.exchange_health import CLOCK_OFFSET_MS, EXCHANGE


class OfServer(msgspec.Struct, frozen=True, kw_only=True):
    """What server and venue say; None is what they do not say.

    ``server_clock_ms`` and ``venue_clock_ms`` are those clocks less this machine's. The lease is
    good for ``lease_left_ms`` more.
    """

    account: str
    server_version: str
    server_fsync: str | None
    memory_bytes: int
    memory_limit_bytes: int | None
    server_clock_ms: int | None
    venue_clock_ms: int | None
    lease: Holder | None
    lease_left_ms: int | None


class OfFolder(msgspec.Struct, frozen=True, kw_only=True):
    """What the folder shows; None where there is nothing to show.

    ``journal_epoch`` counts who opened the journal to write, ``guardian_silent_ms`` is how long ago
    the guardian was heard of.
    """

    disk_free_bytes: int | None
    journal_records: int | None
    journal_head: str | None
    journal_epoch: int | None
    guardian_silent_ms: int | None


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, the dangerous first, and what was measured.

    None where there is no server that answers, and where nobody knows which folder is meant.
    """

    findings: tuple[Finding, ...]
    server: OfServer | None
    folder: OfFolder | None

    @property
    def is_red(self) -> bool:
        """Something is a danger to money or data."""
        return any(finding.level == "red" for finding in self.findings)


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """A system whose server answers under ``names``; ``folder`` is None where nobody knows it."""

    bus: Bus
    url: str
    names: Namespace
    account: str
    folder: Path | None


async def examine_system(subject: Subject, now_ms: int) -> Report:
    """Ask everything; ``now_ms`` is this machine's time. Raises ``BusUnreachable``."""
    standing = await standing_now(subject.bus, now_ms)
    server, found = await _of_server(subject, now_ms, alive=standing.alive)
    folder, latched = None, None
    if subject.folder is not None:
        folder, lying = _of_folder(subject.folder, subject.account, now_ms)
        found += lying
        latched = FileLatch(subject.folder).read()
    found += standing_findings(standing, latched)
    return Report(findings=in_order(found), server=server, folder=folder)


def examine_folder(folder: Path | None, account: str, now_ms: int, silent: Finding) -> Report:
    """What can be found out without a server; ``silent`` is that there is none."""
    shown, found = (None, []) if folder is None else _of_folder(folder, account, now_ms)
    return Report(findings=in_order([silent, *found]), server=None, folder=shown)


async def _of_server(
    subject: Subject, now_ms: int, *, alive: bool
) -> tuple[OfServer, list[Finding]]:
    state, seen = await state_of(subject.url), await look(subject.bus, subject.names)
    fsync = await fsync_of(subject.url)
    held = await _lease(subject)
    offset = seen.heartbeats[EXCHANGE].get(CLOCK_OFFSET_MS, b"null")
    server = OfServer(
        account=subject.account,
        server_version=state.version,
        server_fsync=fsync,
        memory_bytes=state.memory_bytes,
        memory_limit_bytes=state.memory_limit_bytes,
        server_clock_ms=state.clock_ms,
        venue_clock_ms=msgspec.json.decode(offset, type=int | None),
        lease=None if held is None else held.holder,
        lease_left_ms=None if held is None else held.left_ms,
    )
    return server, [
        *server_findings(state),
        *(fsync_findings(fsync) if _is_real(subject.account) else ()),
        *findings(seen, now_ms),
        *upkeep_findings(seen, now_ms),
        *stray_findings(await strays(subject.url, subject.names), subject.names),
        *lease_findings(held, alive=alive),
    ]


def _of_folder(folder: Path, account: str, now_ms: int) -> tuple[OfFolder, list[Finding]]:
    free_bytes = disk_free_bytes(folder)
    found = [
        *disk_findings(folder, free_bytes),
        *guardian_findings(folder, now_ms, needed=_is_real(account)),
    ]
    journal = look_at_journal(folder / JOURNAL_FILE)
    if isinstance(journal, Finding):
        found.append(journal)
        journal = None
    beat = beat_file(folder).read()
    return (
        OfFolder(
            disk_free_bytes=free_bytes,
            journal_records=None if journal is None else journal.records,
            journal_head=None if journal is None else journal.head,
            journal_epoch=None if journal is None else journal.epoch,
            guardian_silent_ms=None if beat is None else now_ms - beat[1],
        ),
        found,
    )


async def _lease(subject: Subject) -> Held | None:
    leases = RedisLeases(subject.url, subject.names)
    try:
        return await leases.look(subject.account)
    finally:
        await leases.close()


def _is_real(account: str) -> bool:
    return mode_of(account) == "live"
