"""What every journal promises, and what the one on disk promises on top."""

from collections.abc import Callable
from pathlib import Path

import apsw
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.adapters.journal import register, sqlite
from quantum_trader.adapters.journal.chain import Record, link
from quantum_trader.adapters.journal.memory import MemoryJournal
from quantum_trader.adapters.journal.sqlite import SqliteJournal, audit
from quantum_trader.core.errors import BrokenInvariant, ConfigError, Fenced, StoreError
from quantum_trader.core.events import Fact, OrderCommanded
from quantum_trader.core.venue import PROVED_DEAD
from quantum_trader.ports import Journal
from tests.commands import (
    ACCOUNT,
    a_look,
    accepted,
    cancel_command,
    canceled,
    filled,
    in_doubt,
    order_command,
    rejected,
    withheld,
)

ENTRY = order_command("entry")
STOP = order_command("stop")
NAME = ENTRY.order.client_order_id


def facts_in(journal: Journal, after: int = 0) -> list[Fact]:
    return [fact for _, fact in journal.outbox(after, 1_000)]


def test_a_command_is_new_once(journal: Journal) -> None:
    assert journal.intend([ENTRY, STOP]) == [True, True]
    assert journal.intend([STOP, order_command("exit")]) == [False, True]
    assert journal.intend([ENTRY, ENTRY]) == [False, False]


def test_a_command_that_is_twice_in_one_batch_is_new_once(journal: Journal) -> None:
    assert journal.intend([ENTRY, ENTRY]) == [True, False]
    assert journal.unresolved() == [ENTRY]


@pytest.mark.parametrize("other", [{"qty": "0.6"}, {"symbol": "ETHUSDT"}])
def test_the_same_name_with_another_content_is_our_own_bug_and_nothing_is_written(
    journal: Journal, other: dict[str, str]
) -> None:
    journal.intend([ENTRY])
    changed = order_command(**other)  # type: ignore[arg-type]
    with pytest.raises(BrokenInvariant, match=NAME):
        journal.intend([STOP, changed])
    assert journal.unresolved() == [ENTRY]
    assert journal.known(STOP.order.client_order_id) is None


def test_another_leverage_is_another_content(journal: Journal) -> None:
    journal.intend([ENTRY])
    with pytest.raises(BrokenInvariant):
        journal.intend([msgspec.structs.replace(ENTRY, leverage=6)])


def test_the_same_request_from_another_fact_is_known(journal: Journal) -> None:
    journal.intend([ENTRY])
    assert journal.intend([msgspec.structs.replace(ENTRY, id="another", at_ms=9)]) == [False]


def test_an_order_is_known_with_its_first_outcome_for_ever(journal: Journal) -> None:
    assert journal.known(NAME) is None
    journal.intend([ENTRY])
    outcomes: list[tuple[Fact, Fact | None]] = [
        (in_doubt(ENTRY), None),
        (accepted(ENTRY), accepted(ENTRY)),
        (filled(ENTRY, 1, done=False), accepted(ENTRY)),
        (filled(ENTRY, 2), accepted(ENTRY)),
        (filled(ENTRY, 3), accepted(ENTRY)),
    ]
    for fact, outcome in outcomes:
        journal.conclude([fact], venue_seq=None)
        known = journal.known(NAME)
        assert known is not None
        assert (known.command, known.outcome) == (ENTRY, outcome)


def test_doubt_is_no_outcome(journal: Journal) -> None:
    journal.intend([ENTRY, STOP])
    journal.conclude([in_doubt(ENTRY)], venue_seq=None)
    assert journal.unresolved() == [ENTRY, STOP]
    journal.conclude([rejected(ENTRY)], venue_seq=None)
    assert journal.unresolved() == [STOP]


def test_orders_that_were_proved_dead_are_known_for_as_long_as_is_asked(journal: Journal) -> None:
    journal.intend([ENTRY, STOP])
    dead = msgspec.structs.replace(rejected(ENTRY), code=PROVED_DEAD, at_ms=5_000)
    journal.conclude([dead, rejected(STOP)], venue_seq=None)
    assert dict(journal.buried(5_000)) == {ENTRY.order.client_order_id: 5_000}
    assert dict(journal.buried(5_001)) == {}


def test_the_dead_are_known_to_who_opens_the_file_again(path: Path) -> None:
    first = SqliteJournal(path, ACCOUNT)
    first.intend([ENTRY])
    dead = msgspec.structs.replace(rejected(ENTRY), code=PROVED_DEAD, at_ms=5_000)
    first.conclude([dead], venue_seq=None)
    first.close()
    again = SqliteJournal(path, ACCOUNT)
    assert dict(again.buried(0)) == {ENTRY.order.client_order_id: 5_000}
    again.close()


def test_facts_come_out_in_order_and_once(journal: Journal) -> None:
    first, second = filled(ENTRY, 1, done=False), filled(ENTRY, 2)
    assert journal.conclude([first, first], venue_seq=None) == 1
    assert journal.conclude([second, first], venue_seq=None) == 1
    assert journal.conclude([first, second], venue_seq=None) == 0
    assert facts_in(journal) == [first, second]


def test_the_outbox_can_be_read_from_any_number_in_pieces(journal: Journal) -> None:
    facts = [filled(ENTRY, number, done=False) for number in range(10)]
    for fact in facts:
        journal.intend([order_command("exit", fact.trade_id)])
        journal.conclude([fact], venue_seq=None)
    read: list[Fact] = []
    at = 0
    while rows := journal.outbox(at, 3):
        assert len(rows) <= 3
        assert rows[0][0] > at
        at = rows[-1][0]
        read += [fact for _, fact in rows]
    assert read == facts


def test_the_cursor_only_moves_forward(journal: Journal) -> None:
    assert journal.venue_seq() == 0
    journal.conclude([], venue_seq=5)
    journal.conclude([filled(ENTRY)], venue_seq=3)
    journal.conclude([filled(ENTRY, 2)], venue_seq=None)
    assert journal.venue_seq() == 5


def test_facts_about_nobodys_order_are_kept(journal: Journal) -> None:
    assert journal.conclude([filled(order_command("exit", "unknown"))], venue_seq=1) == 1
    assert journal.unresolved() == []


def test_a_fact_of_no_order_is_recorded_once_and_known_by_its_name(journal: Journal) -> None:
    look = a_look(1)
    assert not journal.is_recorded(look.id)
    assert journal.conclude([look, look], venue_seq=None) == 1
    assert journal.conclude([look], venue_seq=None) == 0
    assert (journal.is_recorded(look.id), facts_in(journal)) == (True, [look])


def test_every_record_is_counted(journal: Journal) -> None:
    before = journal.verify()
    journal.intend([ENTRY, STOP, ENTRY])
    journal.conclude([accepted(ENTRY), accepted(ENTRY)], venue_seq=1)
    assert journal.verify() == before + 4


Action = tuple[str, int]
ORDERS = [order_command("stop", f"plan-{number}") for number in range(3)]
ACTIONS: dict[str, Callable[[Journal, OrderCommanded], object]] = {
    "order": lambda journal, order: journal.intend([order]),
    "cancel": lambda journal, order: journal.intend([cancel_command(order)]),
    "withhold": lambda journal, order: journal.conclude(
        [withheld(cancel_command(order))], venue_seq=None
    ),
    "doubt": lambda journal, order: journal.conclude([in_doubt(order)], venue_seq=None),
    "accept": lambda journal, order: journal.conclude([accepted(order)], venue_seq=1),
    "part": lambda journal, order: journal.conclude([filled(order, done=False)], venue_seq=2),
    "fill": lambda journal, order: journal.conclude([filled(order, 2)], venue_seq=3),
    "end": lambda journal, order: journal.conclude([canceled(order)], venue_seq=None),
}


@given(st.lists(st.tuples(st.sampled_from(sorted(ACTIONS)), st.integers(0, 2)), max_size=25))
def test_memory_and_disk_agree_whatever_happens_even_after_opening_again(
    tmp_path_factory: pytest.TempPathFactory, actions: list[Action]
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    memory = MemoryJournal()
    disk = SqliteJournal(path, ACCOUNT)
    for name, number in actions:
        act, order = ACTIONS[name], ORDERS[number]
        assert act(memory, order) == act(disk, order)
    assert what_is_known(disk) == what_is_known(memory)
    disk.close()
    again = SqliteJournal(path, ACCOUNT)
    assert what_is_known(again) == what_is_known(memory)
    assert again.verify() == memory.verify() + 2
    again.close()


def what_is_known(journal: Journal) -> tuple[object, ...]:
    orders = [journal.known(order.order.client_order_id) for order in ORDERS]
    return orders, journal.unresolved(), journal.venue_seq(), facts_in(journal)


def test_facts_and_cursor_are_written_together_or_not_at_all(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = SqliteJournal(path, ACCOUNT)
    journal.conclude([filled(ENTRY, 1)], venue_seq=1)
    # The second record of the next transaction is refused: there is no such kind.
    nonsense = Record("nonsense", "2", None, 0, b"{}")  # type: ignore[arg-type]
    monkeypatch.setattr(sqlite, "record_of_cursor", lambda _: nonsense)
    with pytest.raises(StoreError, match="constraint"):
        journal.conclude([filled(ENTRY, 2)], venue_seq=2)
    assert facts_in(journal) == [filled(ENTRY, 1)]
    assert journal.venue_seq() == 1
    monkeypatch.undo()
    assert journal.conclude([filled(ENTRY, 2)], venue_seq=2) == 1
    assert audit(path) == journal.verify() == 5


def test_who_opens_the_file_fences_who_had_it_open(path: Path) -> None:
    older = SqliteJournal(path, ACCOUNT)
    older.intend([ENTRY])
    newer = SqliteJournal(path, ACCOUNT)
    with pytest.raises(Fenced):
        older.intend([STOP])
    with pytest.raises(Fenced):
        older.conclude([accepted(ENTRY)], venue_seq=None)
    assert newer.unresolved() == [ENTRY]
    assert newer.intend([STOP]) == [True]


def test_looking_at_the_file_fences_nobody(path: Path) -> None:
    journal = SqliteJournal(path, ACCOUNT)
    assert audit(path) == 1
    assert journal.intend([ENTRY]) == [True]


def test_the_journal_of_another_account_is_refused(path: Path) -> None:
    SqliteJournal(path, ACCOUNT).close()
    with pytest.raises(ConfigError, match="paper"):
        SqliteJournal(path, "live")
    assert SqliteJournal(path, ACCOUNT).verify() == 2


def test_a_newer_schema_is_refused(path: Path) -> None:
    SqliteJournal(path, ACCOUNT).close()
    apsw.Connection(str(path)).execute("PRAGMA user_version = 2")
    with pytest.raises(StoreError, match="schema 2"):
        SqliteJournal(path, ACCOUNT)


def test_a_file_that_is_no_database_is_a_clear_error(path: Path) -> None:
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="not a database"):
        SqliteJournal(path, ACCOUNT)


def a_long_journal(path: Path) -> SqliteJournal:
    journal = SqliteJournal(path, ACCOUNT)
    for number in range(20):
        order = order_command("stop", f"plan-{number}")
        journal.intend([order, cancel_command(order)])
        journal.conclude([accepted(order), canceled(order)], venue_seq=number + 1)
    return journal


def test_one_flipped_bit_anywhere_in_the_bodies_or_hashes_is_found(path: Path) -> None:
    journal = a_long_journal(path)
    assert journal.verify() == 101
    journal.close()
    db = apsw.Connection(str(path))
    for number in (1, 2, 50, 101):
        for column in ("body", "hash"):
            rows = db.execute(f"SELECT {column} FROM record WHERE number = ?", (number,))
            value = bytes(rows.get)
            at = len(value) // 2
            flipped = value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :]
            change = f"UPDATE record SET {column} = ? WHERE number = ?"
            db.execute(change, (flipped, number))
            with pytest.raises(StoreError, match=f"record {number} was changed"):
                audit(path)
            db.execute(change, (value, number))
    assert audit(path) == 101


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        ("DELETE FROM record WHERE number = 7", "record 7 is missing"),
        ("UPDATE record SET ends = 1 - ends WHERE number = 7", "record 7 does not fit"),
        ("UPDATE record SET identity = 'x' WHERE number = 7", "record 7 does not fit"),
        ("UPDATE record SET client_order_id = 'x' WHERE number = 7", "record 7 does not fit"),
        ("UPDATE record SET kind = 'fact' WHERE number = 2", "record 2 was changed"),
    ],
)
def test_what_was_tampered_with_is_found(path: Path, damage: str, text: str) -> None:
    a_long_journal(path).close()
    apsw.Connection(str(path)).execute(damage)
    with pytest.raises(StoreError, match=text):
        audit(path)


def test_a_name_that_was_written_twice_is_found(path: Path) -> None:
    journal = SqliteJournal(path, ACCOUNT)
    journal.intend([ENTRY])
    db = apsw.Connection(str(path))
    kind = "order"
    head, body = db.execute("SELECT hash, body FROM record WHERE number = 2").get
    row = (3, kind, NAME, NAME, 0, body, link(head, kind, body))
    db.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    with pytest.raises(StoreError, match="record 3 repeats the name"):
        audit(path)


def test_a_disk_that_knows_orders_only_from_its_file_answers_like_one_that_wrote_them(
    path: Path,
) -> None:
    a_long_journal(path).close()
    journal = SqliteJournal(path, ACCOUNT)
    order = order_command("stop", "plan-7")
    assert journal.intend([order, cancel_command(order)]) == [False, False]
    assert journal.conclude([accepted(order), canceled(order)], venue_seq=None) == 0
    known = journal.known(order.order.client_order_id)
    assert known is not None
    assert (known.command, known.outcome) == (order, accepted(order))
    with pytest.raises(BrokenInvariant):
        journal.intend([order_command("stop", "plan-7", qty="0.6")])
    assert journal.intend([cancel_command(order, 2)]) == [True]
    assert journal.unresolved() == []


def test_a_record_that_vanished_beneath_its_writer_is_a_clear_error(path: Path) -> None:
    journal = a_long_journal(path)
    apsw.Connection(str(path)).execute("DELETE FROM record WHERE number = 2")
    with pytest.raises(StoreError, match="record 2 is gone"):
        journal.known(order_command("stop", "plan-0").order.client_order_id)


def one_per_kind(what: tuple[object, object]) -> int:
    """A hash that is the same for all names of a kind, until it is asked for another one."""
    return len(what[0]) if isinstance(what[0], str) else hash(what)


def test_names_that_share_a_hash_are_told_apart(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(register, "hash", one_per_kind, raising=False)
    orders = [order_command("stop", f"plan-{number}") for number in range(9)]
    journal = SqliteJournal(path, ACCOUNT)
    fresh: list[bool] = []
    for _ in range(2):
        fresh = journal.intend(orders)
        journal.conclude([accepted(one) for one in orders], venue_seq=None)
        journal.conclude([canceled(one) for one in orders[:5]], venue_seq=None)
        for one in orders:
            known = journal.known(one.order.client_order_id)
            assert known is not None
            assert (known.command, known.outcome) == (one, accepted(one))
        journal.close()
        journal = SqliteJournal(path, ACCOUNT)
    assert fresh == [False] * len(orders)
    assert journal.intend([order_command("stop", "plan-x")]) == [True]


def test_the_outbox_is_the_same_from_memory_and_from_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "TAIL", 4)
    journal = a_long_journal(path)
    again = SqliteJournal(path, ACCOUNT)
    for after in range(103):
        assert journal.outbox(after, 7) == again.outbox(after, 7)
    assert len(journal._tail) < 8


def test_a_write_survives_in_the_file_before_the_call_returns(path: Path) -> None:
    journal = SqliteJournal(path, ACCOUNT)
    journal.intend([ENTRY])
    reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    assert reader.execute("SELECT identity FROM record WHERE kind = 'order'").get == NAME
    assert reader.pragma("journal_mode") == "wal"
    assert journal._db.pragma("synchronous") == 3  # EXTRA: the log is on disk at every commit
