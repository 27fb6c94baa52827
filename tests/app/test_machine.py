"""What the doctor says of the machine: server, disk and journal, each at the edge of its bound."""

from pathlib import Path

import apsw
import msgspec
import pytest

from quantum_trader.adapters.bus.server_state import ServerState
from quantum_trader.adapters.journal.sqlite import SqliteJournal
from quantum_trader.app.finding import Finding, red
from quantum_trader.app.machine import (
    DISK_RED_BYTES,
    DISK_YELLOW_BYTES,
    LAST_RECORDS,
    JournalSeen,
    disk_findings,
    disk_free_bytes,
    fsync_findings,
    look_at_journal,
    server_findings,
)
from tests.commands import ACCOUNT, accepted, order_command

WELL = ServerState(
    version="7.0.15",
    eviction="noeviction",
    appends=True,
    writes=True,
    rewrites=True,
    memory_bytes=80,
    memory_limit_bytes=100,
    clock_ms=1_000,
)


def named(state: ServerState) -> list[tuple[str, str]]:
    return [(one.name, one.level) for one in server_findings(state)]


@pytest.mark.parametrize(
    ("change", "name", "level"),
    [
        ({"eviction": "allkeys-lru"}, "server.settings", "red"),
        ({"appends": False}, "server.settings", "red"),
        ({"version": "6.2.14"}, "server.settings", "red"),
        ({"writes": False}, "server.file", "red"),
        ({"rewrites": False}, "server.file", "yellow"),
        ({"memory_bytes": 81}, "server.memory", "yellow"),
        ({"memory_bytes": 96}, "server.memory", "red"),
        ({"clock_ms": 1_001}, "server.clock", "yellow"),
        ({"clock_ms": -1_001}, "server.clock", "yellow"),
    ],
)
def test_each_trouble_of_a_server_is_one_finding(
    change: dict[str, object], name: str, level: str
) -> None:
    assert named(msgspec.structs.replace(WELL, **change)) == [(name, level)]


def test_what_is_not_known_of_a_server_is_no_finding() -> None:
    assert named(WELL) == []
    assert named(msgspec.structs.replace(WELL, memory_limit_bytes=None, clock_ms=None)) == []


def test_a_server_for_real_money_syncs_always() -> None:
    (found,) = fsync_findings("everysec")
    assert (found.name, found.level) == ("server.fsync", "red")
    assert list(fsync_findings("always")) == list(fsync_findings(None)) == []


@pytest.mark.parametrize(
    ("free", "levels"),
    [
        (None, []),
        (DISK_YELLOW_BYTES, []),
        (DISK_YELLOW_BYTES - 1, ["yellow"]),
        (DISK_RED_BYTES, ["yellow"]),
        (DISK_RED_BYTES - 1, ["red"]),
        (0, ["red"]),
    ],
)
def test_a_disk_that_fills_is_yellow_and_then_red(free: int | None, levels: list[str]) -> None:
    assert [one.level for one in disk_findings(Path("/x"), free)] == levels


def test_the_room_of_a_folder_is_known_and_of_none_is_not(tmp_path: Path) -> None:
    assert (disk_free_bytes(tmp_path) or 0) > 0
    assert disk_free_bytes(tmp_path / "none") is None


def written(path: Path, orders: int) -> None:
    """A journal of so many orders, each accepted: two records an order, and one of its writer."""
    journal = SqliteJournal(path, ACCOUNT)
    commands = [order_command("stop", f"plan-{number}") for number in range(orders)]
    journal.intend(commands)
    journal.conclude([accepted(command) for command in commands], venue_seq=None)
    journal.close()


def change(path: Path, sql: str) -> None:
    with apsw.Connection(str(path)) as db:
        db.execute(sql)


def test_the_end_of_a_journal_is_checked_and_told(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    assert look_at_journal(path) is None
    written(path, 4)
    seen = look_at_journal(path)
    assert isinstance(seen, JournalSeen)
    assert (seen.records, seen.epoch, seen.account) == (9, 1, ACCOUNT)
    written(path, 4)
    again = look_at_journal(path)
    assert isinstance(again, JournalSeen)
    assert (again.records, again.epoch) == (10, 2), "known orders are not recorded twice"


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE record SET body = x'7b7d' WHERE number = 7",
        "UPDATE record SET hash = zeroblob(32) WHERE number = (SELECT max(number) FROM record)",
        "DELETE FROM record WHERE number = (SELECT max(number) FROM record) - 1",
        "DELETE FROM record WHERE number = 2",
        "DROP TABLE record",
    ],
)
def test_a_journal_whose_end_does_not_hold_is_red(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "journal.sqlite"
    written(path, 8)
    change(path, damage)
    found = look_at_journal(path)
    assert isinstance(found, Finding)
    assert (found.name, found.level) == ("journal.broken", "red")


def test_of_a_long_journal_the_end_alone_is_read_and_what_is_missing_is_seen(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.sqlite"
    written(path, LAST_RECORDS)
    change(path, "UPDATE record SET body = x'7b7d' WHERE number = 2")
    assert isinstance(look_at_journal(path), JournalSeen), "`journal verify` reads the beginning"
    change(path, "DELETE FROM record WHERE number = 2")
    assert isinstance(look_at_journal(path), Finding)
    path.write_bytes(b"no journal at all")
    assert isinstance(look_at_journal(path), Finding)


def test_a_finding_has_only_the_levels_of_its_kind() -> None:
    with pytest.raises(AssertionError, match="never red"):
        red("stream.stranger", "x", "y", "z")
