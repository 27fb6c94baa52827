"""What the doctor finds about the machine: server, disk, journal, and whose clock says what."""

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import msgspec

from quantum_trader.adapters.bus.server_state import ServerState
from quantum_trader.adapters.journal.reading import reading
from quantum_trader.app.finding import Finding, red, yellow
from quantum_trader.core.errors import StoreError
from quantum_trader.core.units import percent_text

MIB = 1024**2
DISK_RED_BYTES, DISK_YELLOW_BYTES = 256 * MIB, 1024 * MIB
MEMORY_RED_FRAC, MEMORY_YELLOW_FRAC = 0.95, 0.8
SERVER_CLOCK_MAX_MS = 1_000
LAST_RECORDS = 1_000


class JournalSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The end of a journal: how many records, the last hash, and who writes. None: not readable."""

    records: int
    head: str
    epoch: int | None
    account: str | None


def server_findings(state: ServerState) -> Iterator[Finding]:
    """What a server's own numbers reveal."""
    too_old = state.too_old()
    for warning in (*(() if too_old is None else (too_old,)), *state.warnings()):
        yield red("server.settings", "server", warning, "Change it: CONFIG SET, and in its file.")
    if not state.writes:
        what = "it cannot write its file: what it acknowledges now is lost when it dies"
        yield red("server.file", "server", what, "Make room on its disk: `df -h`.")
    elif not state.rewrites:
        what = "it could not make its file compact last time; the file grows"
        yield yellow("server.file", "server", what, "See its log, and the room on its disk.")
    used = state.memory_frac
    if used is not None and used > MEMORY_YELLOW_FRAC:
        what = f"{percent_text(used)} of the memory it may have is used"
        remedy = "Raise maxmemory, or see here what keeps streams from being trimmed."
        yield (red if used > MEMORY_RED_FRAC else yellow)("server.memory", "server", what, remedy)
    if state.clock_ms is not None and abs(state.clock_ms) > SERVER_CLOCK_MAX_MS:
        what = f"its clock is {state.clock_ms:+,} ms from this machine's"
        yield yellow("server.clock", "server", what, "Set both by NTP: `timedatectl`.")


def fsync_findings(fsync: str | None) -> Iterator[Finding]:
    """Where real money is traded: a server that syncs now and then may lose its last seconds.

    The one that ``run`` starts syncs every append, so this is a server of somebody else's.
    """
    if fsync not in (None, "always"):
        what = f"appendfsync is {fsync}: a power cut takes what it acknowledged in the last seconds"
        yield red("server.fsync", "server", what, "CONFIG SET appendfsync always, and in its file.")


def disk_free_bytes(folder: Path) -> int | None:
    """How much room there is in a folder; None for no folder."""
    return shutil.disk_usage(folder).free if folder.is_dir() else None


def disk_findings(folder: Path, free_bytes: int | None) -> Iterator[Finding]:
    """How much room is left where journal, streams and archive are written."""
    if free_bytes is not None and free_bytes < DISK_YELLOW_BYTES:
        what = f"{free_bytes // MIB:,} MiB are free"
        remedy = "Make room: `df -h`, or move the oldest segments of the archive elsewhere."
        level = red if free_bytes < DISK_RED_BYTES else yellow
        yield level("disk.low", str(folder), what, remedy)


def look_at_journal(path: Path) -> JournalSeen | Finding | None:
    """The end of a journal, or that it does not hold; None where there is none yet.

    The last records alone are checked: `quantum journal verify` reads them all.
    """
    if not path.is_file():
        return None
    with suppress(StoreError):  # It may be read as a copy while somebody begins to write.
        return _end_of(path)
    try:
        return _end_of(path)
    except StoreError as error:
        remedy = "`quantum halt`, copy the folder away, then `quantum journal verify`."
        return red("journal.broken", str(path), str(error), remedy)


def _end_of(path: Path) -> JournalSeen:
    with reading(path) as journal:
        checked = journal.check_end(LAST_RECORDS)
        epoch = journal.epoch()
    return JournalSeen(
        records=checked.records,
        head=checked.head.hex(),
        epoch=None if epoch is None else epoch.epoch,
        account=None if epoch is None else epoch.account,
    )
