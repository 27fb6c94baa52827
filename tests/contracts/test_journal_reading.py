"""Looking at a journal: beside its writer, as a copy, after damage, and from another version."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import apsw
import msgspec
import pytest

from quantum_trader.adapters.journal.chain import GENESIS, BrokenChain, link
from quantum_trader.adapters.journal.reading import log_of, reading
from quantum_trader.adapters.journal.sqlite import SqliteJournal, audit
from quantum_trader.core.errors import StoreError
from quantum_trader.core.events import OrderAccepted, OrderCommanded
from tests.commands import (
    ACCOUNT,
    a_look,
    accepted,
    cancel_command,
    canceled,
    filled,
    order_command,
)

ROW = tuple[int, str, str, str | None, int, bytes, bytes]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


def written(path: Path, orders: int = 10) -> SqliteJournal:
    """A journal of some stops, each accepted and canceled: 1 + 5 records an order."""
    journal = SqliteJournal(path, ACCOUNT)
    for number in range(orders):
        order = order_command("stop", f"plan-{number}")
        journal.intend([order, cancel_command(order)])
        journal.conclude([accepted(order), canceled(order)], venue_seq=number + 1)
    return journal


def rows_of(path: Path) -> list[ROW]:
    """Everything in the file."""
    return [tuple(row) for row in apsw.Connection(str(path)).execute("SELECT * FROM record")]


def chained(path: Path, rows: list[ROW]) -> None:
    """Write rows anew with hashes that fit: what somebody who owns the machine could do."""
    with apsw.Connection(str(path)) as db:
        db.execute("DELETE FROM record")
        head = GENESIS
        for number, (_, kind, identity, name, end, body, _) in enumerate(rows, 1):
            head = link(head, kind, body)
            row = (number, kind, identity, name, end, body, head)
            db.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def head_of(path: Path) -> bytes:
    """The last hash of a journal that holds."""
    with reading(path) as journal:
        return journal.check().head


def test_a_journal_is_read_beside_its_writer_who_goes_on_undisturbed(path: Path) -> None:
    writer = written(path)
    with reading(path) as journal:
        assert journal.account() == ACCOUNT
        assert journal.count() == 51
        before = journal.check()
        assert writer.intend([order_command("entry")]) == [True]
    assert before.records == 51
    with reading(path) as journal:
        assert journal.check(anchor=before.head).records == 52
    assert writer.intend([order_command("exit")]) == [True]


def test_looking_at_a_closed_journal_leaves_no_file_behind(path: Path) -> None:
    written(path).close()
    before = path.read_bytes()
    with reading(path) as journal:
        assert journal.check().records == 51
    assert os.listdir(path.parent) == [path.name]
    assert path.read_bytes() == before


def test_a_copy_is_read_with_its_log_and_says_so_when_it_lacks_it(
    path: Path, tmp_path: Path
) -> None:
    writer = written(path)
    whole, half = tmp_path / "whole.sqlite", tmp_path / "half.sqlite"
    for copy in (whole, half):
        shutil.copy(path, copy)
    shutil.copy(log_of(path), log_of(whole))
    assert head_of(whole) == head_of(path)
    with pytest.raises(StoreError, match="no journal"), reading(half) as journal:
        journal.check()
    writer.close()


@pytest.mark.parametrize(
    ("content", "why"), [(b"", "no journal"), (b"not a database" * 99, "not a database")]
)
def test_what_is_no_journal_is_told_in_a_sentence(path: Path, content: bytes, why: str) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match=why), reading(path):
        pass


def test_the_first_record_that_does_not_hold_is_named(path: Path) -> None:
    written(path).close()
    damage: dict[str, int] = {
        "UPDATE record SET body = CAST('{}' AS BLOB) WHERE number = 7": 7,
        "DELETE FROM record WHERE number = 7": 7,
        "UPDATE record SET number = 99 WHERE number = 7": 7,
        "DELETE FROM record WHERE number <= 3": 1,
    }
    for sql, number in damage.items():
        copy = path.with_name(f"{number}-{len(sql)}.sqlite")
        shutil.copy(path, copy)
        apsw.Connection(str(copy)).execute(sql)
        with reading(copy) as journal, pytest.raises(BrokenChain) as caught:
            journal.check()
        assert caught.value.number == number


def test_two_records_that_changed_places_are_found(path: Path) -> None:
    written(path).close()
    db = apsw.Connection(str(path))
    for old, new in ((7, 1_007), (8, 7), (1_007, 8)):
        db.execute("UPDATE record SET number = ? WHERE number = ?", (new, old))
    with reading(path) as journal, pytest.raises(BrokenChain, match="record 7"):
        journal.check()


def cut(rows: list[ROW]) -> list[ROW]:
    """Without the last ones."""
    return rows[:-3]


def forked(rows: list[ROW]) -> list[ROW]:
    """With another past from the middle on."""
    return [*rows[:20], *rows[25:]]


@pytest.mark.parametrize("change", [cut, forked])
def test_a_cut_or_rewritten_end_is_found_by_a_head_that_was_noted(
    path: Path, change: Callable[[list[ROW]], list[ROW]]
) -> None:
    written(path).close()
    noted, rows = head_of(path), rows_of(path)
    chained(path, change(rows))
    with reading(path) as journal:
        assert journal.check().records == len(change(rows)), "the chain alone cannot see it"
        with pytest.raises(BrokenChain, match="noted"):
            journal.check(anchor=noted)


def test_a_file_that_is_damaged_in_the_middle_is_broken_where_it_cannot_be_read(path: Path) -> None:
    written(path, 200).close()
    data = bytearray(path.read_bytes())
    page = int.from_bytes(data[16:18], "big")
    at = len(data) // page // 2 * page
    data[at : at + page] = bytes(page)
    path.write_bytes(data)
    with reading(path) as journal, pytest.raises(BrokenChain) as caught:
        journal.check()
    assert 1 < caught.value.number < 1_001


def rewritten(body: bytes, change: Callable[[dict[str, object]], object]) -> bytes:
    """A body as another version would have written it."""
    fields = msgspec.json.decode(body)
    change(fields)
    return msgspec.json.encode(fields)


def with_body(row: ROW, body: bytes) -> ROW:
    """A row with another body."""
    return (*row[:5], body, row[6])


@pytest.mark.parametrize(
    "change",
    [
        lambda fields: fields.pop("v", None),
        lambda fields: fields.update(v=1),
        lambda fields: fields.update(a_field_of_tomorrow="x"),
    ],
)
def test_a_journal_of_a_version_with_other_fields_still_verifies(
    path: Path, change: Callable[[dict[str, object]], object]
) -> None:
    written(path).close()
    rows = [
        row if row[1] in ("epoch", "cursor") else with_body(row, rewritten(row[5], change))
        for row in rows_of(path)
    ]
    chained(path, rows)
    assert audit(path) == 51


def test_records_that_this_version_cannot_read_are_counted_and_their_hashes_hold(
    path: Path,
) -> None:
    written(path).close()
    rows = rows_of(path)
    body = rewritten(rows[4][5], lambda fields: fields.update(type="a.fact.of.tomorrow"))
    rows[4] = with_body(rows[4], body)
    chained(path, rows)
    with reading(path) as journal:
        checked = journal.check()
        assert (checked.records, checked.unread) == (51, 1)


def test_every_record_is_seen_once(path: Path) -> None:
    written(path).close()
    seen: list[int] = []
    with reading(path) as journal:
        journal.check(lambda: seen.append(1))
    assert len(seen) == 51


def test_orders_are_found_by_plan_by_trace_by_name_and_by_age(path: Path) -> None:
    journal = written(path)
    stop = order_command("stop", "plan-7")
    journal.intend([order_command("entry", "plan-7")])
    journal.conclude([filled(order_command("exit", "strange"))], venue_seq=None)
    name, entry = stop.order.client_order_id, order_command("entry", "plan-7").order.client_order_id
    with reading(path) as found:
        assert found.orders_of("plan-7") == [name, entry]
        assert found.orders_of("trace of plan-7") == [name, entry]
        assert found.orders_of(name) == [name]
        assert found.orders_of("plan") == []
        assert found.orders_of('"') == []
        assert found.last_orders(2) == [
            entry,
            order_command("exit", "strange").order.client_order_id,
        ]
        noted = found.of_orders([name])
    assert [type(one.fact) for one in noted[:1]] == [OrderCommanded]
    assert [one.fact for one in noted if isinstance(one.fact, OrderAccepted)] == [accepted(stop)]
    assert [one.number for one in noted] == sorted(one.number for one in noted)
    assert len(noted) == 4


def test_what_the_venue_showed_is_found_between_two_records_the_newest_of_it(path: Path) -> None:
    journal = written(path, 2)
    for number in range(4):
        journal.conclude([a_look(number)], venue_seq=None)
    with reading(path) as found:
        last = found.count()
        seen = found.seen(1, last, 10)
        assert [fact for _, fact in seen] == [a_look(number) for number in range(4)]
        assert [number for number, _ in seen] == list(range(last - 3, last + 1))
        assert found.seen(1, last, 2) == seen[2:], "the newest, oldest first"
        assert found.seen(1, last - 2, 10) == seen[:2]
        assert found.seen(1, last - 4, 10) == []


def test_a_look_that_this_version_cannot_read_is_left_out(path: Path) -> None:
    journal = written(path, 1)
    journal.conclude([a_look(1), a_look(2)], venue_seq=None)
    journal.close()
    rows = rows_of(path)
    rows[-2] = with_body(rows[-2], rewritten(rows[-2][5], lambda look: look.pop("positions")))
    chained(path, rows)
    with reading(path) as found:
        assert [fact for _, fact in found.seen(1, 100, 10)] == [a_look(2)]


def test_a_record_that_this_version_cannot_read_is_told_as_such_beside_its_order(
    path: Path,
) -> None:
    written(path, 1).close()
    rows = rows_of(path)
    body = rewritten(rows[3][5], lambda fields: fields.update(type="a.fact.of.tomorrow"))
    rows[3] = with_body(rows[3], body)
    chained(path, rows)
    name = order_command("stop", "plan-0").order.client_order_id
    with reading(path) as found:
        noted = found.of_orders([name])
        assert [one.fact is None for one in noted] == [False, False, True, False]
        assert found.orders_of("plan-0") == [name]


def test_an_order_that_only_mentions_a_name_is_not_one_of_its_orders(path: Path) -> None:
    journal = written(path, 1)
    journal.intend([msgspec.structs.replace(order_command("exit", "plan-9"), reason="plan-0")])
    with reading(path) as found:
        assert found.orders_of("plan-0") == [order_command("stop", "plan-0").order.client_order_id]


@pytest.mark.parametrize("count", [1, 7, 50, 51, 100])
def test_the_end_of_a_whole_journal_holds_however_much_of_it_is_checked(
    path: Path, count: int
) -> None:
    written(path).close()
    with reading(path) as journal:
        whole, end = journal.check(), journal.check_end(count)
    assert (end.records, end.head) == (whole.records, whole.head)


def test_the_end_is_checked_record_by_record_and_what_lies_before_is_counted(path: Path) -> None:
    written(path).close()
    with apsw.Connection(str(path)) as db:
        db.execute("UPDATE record SET hash = zeroblob(32) WHERE number = 45")
        db.execute("DELETE FROM record WHERE number = 20")
    with reading(path) as journal:
        with pytest.raises(BrokenChain, match="45"):
            journal.check_end(10)
        with pytest.raises(BrokenChain, match="before its end are missing"):
            journal.check_end(5)
