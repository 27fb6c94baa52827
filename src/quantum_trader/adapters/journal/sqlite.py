"""The journal on disk: one SQLite file per account, one writer, every record chained by hash.

One table holds everything in the order in which it happened, and has no index: a commit appends
to the end of the file and nothing else. Names are found in memory (see ``register``), where 16 to
150 bytes stand for each; all that is kept there can be read from the table again. A commit returns
after the write-ahead log is on disk.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import apsw
import msgspec

from quantum_trader.adapters.journal.chain import (
    GENESIS,
    Cursor,
    Epoch,
    Record,
    key_of,
    link,
    record_of_command,
    record_of_cursor,
    record_of_epoch,
    record_of_fact,
)
from quantum_trader.adapters.journal.life import with_facts, with_taken
from quantum_trader.adapters.journal.orders import (
    NO_OUTCOME,
    OpenOrders,
    check_same,
    ends,
    is_outcome,
)
from quantum_trader.adapters.journal.reading import (
    ALL,
    BUSY_MS,
    SCHEMA,
    Reading,
    failing,
    reading,
)
from quantum_trader.adapters.journal.register import Key, Register
from quantum_trader.core import events
from quantum_trader.core.books.told import Told, ToldBooks
from quantum_trader.core.errors import ConfigError, Fenced, StoreError
from quantum_trader.core.events import (
    TAGS,
    CancelCommanded,
    Fact,
    FillCorrected,
    OrderCommanded,
    OrderFilled,
)
from quantum_trader.core.events.orders import OrderFact
from quantum_trader.core.orders.ids import Command, name_of
from quantum_trader.core.stream_info import Life
from quantum_trader.core.venue import PROVED_DEAD
from quantum_trader.ports import Journalled

TAIL = 4_096
"""So many of the newest facts, at least, are handed out without reading the file."""

_CREATE = f"""
CREATE TABLE IF NOT EXISTS record (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('epoch', 'order', 'cancel', 'fact', 'cursor')),
    identity TEXT NOT NULL,
    client_order_id TEXT,
    ends INTEGER NOT NULL CHECK (ends IN (0, 1)),
    body BLOB NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;
PRAGMA user_version = {SCHEMA};
"""
_INSERT = "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)"
_HEAD = "SELECT number, hash FROM record ORDER BY number DESC LIMIT 1"
_LATEST = "SELECT body FROM record WHERE kind = ? ORDER BY number DESC LIMIT 1"
_ONE = "SELECT kind, identity, client_order_id, ends, body FROM record WHERE number = ?"
_OUTBOX = """
SELECT number, body FROM record
WHERE kind = 'fact' AND number > ? ORDER BY number LIMIT ?
"""

_PROVED_DEAD = b'"code":%d' % PROVED_DEAD
_MOVES_BOOKS = tuple(b'{"type":"%b"' % TAGS[one].encode() for one in (OrderFilled, FillCorrected))
_NO_OUTCOME = tuple(TAGS[one] for one in NO_OUTCOME)
_command_decoder: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)


class _Tagged(msgspec.Struct):
    """As much of a fact as says what it is."""

    type: str


_tag_decoder = msgspec.json.Decoder(_Tagged)


class SqliteJournal:
    """``ports.Journal`` in a file. Opening it fences whoever had it open before."""

    def __init__(self, path: Path, account: str) -> None:
        with failing(path):
            self._db = apsw.Connection(str(path))
        self._path = path
        self._open = OpenOrders()
        self._books = ToldBooks()
        self._venue_seq = 0
        self._life = Life()
        self._tail: list[tuple[int, Fact]] = []
        with ExitStack() as undo:
            undo.callback(self._db.close, True)
            self._prepare()
            with self._transaction():
                self._start_epoch(account)
            with failing(path):
                self._restore()
            undo.pop_all()
        self._tail_after = self._number

    def intend(self, commands: Sequence[Command], taken: str = "") -> list[bool]:
        """Record commands before they are sent; see ``ports.Journal``."""
        fresh: dict[Key, tuple[Record, Command]] = {}
        answers: list[bool] = []
        for command in commands:
            key: Key = key_of(command)
            earlier = fresh[key][1] if key in fresh else self._command(key)
            if earlier is None:
                fresh[key] = (record_of_command(command), command)
            else:
                check_same(earlier, command)
            answers.append(earlier is None)
        records = [record for record, _ in fresh.values()]
        life = with_taken(self._life, taken) if fresh else self._life
        if life != self._life:
            records.append(_cursor(self._venue_seq, life))
        before = self._write(records)
        self._life = life
        for number, (key, (_, command)) in enumerate(fresh.items(), before + 1):
            self._register.add(key, number)
            if not self.has_ended(name_of(command)):
                self._open.take_command(number, command)
        return answers

    def conclude(self, facts: Sequence[Fact], *, venue_seq: int | None) -> int:
        """Record what came back; see ``ports.Journal``."""
        fresh: dict[str, Fact] = {}
        for fact in facts:
            if fact.id not in fresh and self._register.find(("fact", fact.id)) is None:
                fresh[fact.id] = fact
        records = [record_of_fact(fact) for fact in fresh.values()]
        life, seq = with_facts(self._life, fresh.values()), max(self._venue_seq, venue_seq or 0)
        if (seq, life) != (self._venue_seq, self._life):
            records.append(_cursor(seq, life))
        before = self._write(records)
        for number, fact in enumerate(fresh.values(), before + 1):
            self._take_fact(number, fact)
        self._venue_seq, self._life = seq, life
        return len(fresh)

    def is_recorded(self, fact_id: str) -> bool:
        """Whether a fact of this id was recorded."""
        return self._register.find(("fact", fact_id)) is not None

    def has_ended(self, client_order_id: str) -> bool:
        """Whether nothing of an order remains at the venue, by what was recorded."""
        return self._register.find(("end", client_order_id)) is not None

    def known(self, client_order_id: str) -> Journalled | None:
        """An order of ours, None when it is not."""
        found = self._open.get(client_order_id)
        if found is not None:
            return found
        command = self._command(("order", client_order_id))
        if command is None:
            return None
        outcome = self._register.find(("outcome", client_order_id))
        return Journalled(command, None if outcome is None else self._fact(outcome))

    def unresolved(self) -> list[Command]:
        """Commands that have no outcome, oldest first."""
        return self._open.unresolved()

    def buried(self, since_ms: int) -> Mapping[str, int]:
        """Orders that were proved dead since then, and when."""
        return self._open.buried(since_ms)

    def books(self) -> Mapping[str, Told]:
        """What the recorded fills add up to, symbol by symbol."""
        return self._books.symbols

    def outbox(self, after: int, count: int) -> list[tuple[int, Fact]]:
        """Recorded facts with their numbers, after a number, in order."""
        if after >= self._tail_after:
            start = bisect_right(self._tail, after, key=_number)
            return self._tail[start : start + count]
        with failing(self._path):
            rows: list[tuple[Any, ...]] = self._db.execute(_OUTBOX, (after, count)).fetchall()
        return [(number, events.decode(body)) for number, body in rows]

    def standing(self) -> list[OrderCommanded]:
        """Orders that the venue accepted and that have not ended, oldest first."""
        return self._open.standing()

    def life(self) -> Life:
        """Which life of the streams was recorded last, and how far it was taken."""
        return self._life

    def venue_seq(self) -> int:
        """The last report of the venue that was recorded, 0 at the beginning."""
        return self._venue_seq

    def verify(self) -> int:
        """Check the hash chain from the beginning; see ``ports.Journal``."""
        return Reading(self._db, self._path).check().records

    def close(self) -> None:
        """Close the file."""
        with failing(self._path):
            self._db.close()

    def _prepare(self) -> None:
        with failing(self._path):
            self._db.set_busy_timeout(BUSY_MS)
            # Before a new file is made: FULL would not wait until what undoes its making is gone.
            self._db.pragma("synchronous", "EXTRA")
            self._db.pragma("journal_mode", "WAL")
            version = self._db.pragma("user_version")
        if version not in (0, SCHEMA):
            raise StoreError(
                f"{self._path} has schema {version}, this version knows {SCHEMA}: use a newer one"
            )

    def _start_epoch(self, account: str) -> None:
        self._db.execute(_CREATE)
        self._number, self._head = self._read_head()
        row = self._db.execute(_LATEST, ("epoch",)).fetchone()
        last = Epoch(0, account) if row is None else msgspec.json.decode(row[0], type=Epoch)
        if last.account != account:
            raise ConfigError(
                f"{self._path} is the journal of {last.account!r}, not of {account!r}"
            )
        self._insert([record_of_epoch(Epoch(last.epoch + 1, account))])

    def _restore(self) -> None:
        """Read everything once: all names, and what of the orders has not ended."""
        rows: dict[str, list[int]] = {}
        self._register = Register(self._scan(rows), self._confirms)
        row = self._db.execute(_LATEST, ("cursor",)).fetchone()
        if row is not None:
            cursor = msgspec.json.decode(row[0], type=Cursor)
            self._venue_seq, self._life = cursor.venue_seq, Life(cursor.life, cursor.taken)
        for number in sorted(number for numbers in rows.values() for number in numbers):
            fact = self._fact(number)
            if isinstance(fact, OrderCommanded | CancelCommanded):
                self._open.take_command(number, fact)
            else:
                self._open.take_fact(fact)

    def _scan(self, open_rows: dict[str, list[int]]) -> Iterator[tuple[Key, int]]:
        """Every key with its record; ``open_rows`` is left with the orders that have not ended."""
        answered: set[str] = set()
        ended: set[str] = set()
        rows: Iterator[tuple[Any, ...]] = self._db.execute(ALL)
        for number, kind, identity, name, is_end, body, _ in rows:
            if kind in ("order", "cancel", "fact"):
                yield (kind, identity), number
            if kind == "fact" and body.startswith(_MOVES_BOOKS):
                self._books.take(events.decode(body))
            if name is None or name in ended:
                continue
            open_rows.setdefault(name, []).append(number)
            if kind == "fact" and name not in answered and _is_outcome(body):
                answered.add(name)
                yield ("outcome", name), number
            if is_end:
                ended.add(name)
                answered.discard(name)
                open_rows.pop(name)
                if _PROVED_DEAD in body:
                    self._open.take_fact(events.decode(body))
                yield ("end", name), number

    def _take_fact(self, number: int, fact: Fact) -> None:
        self._register.add(("fact", fact.id), number)
        self._tail.append((number, fact))
        if isinstance(fact, OrderFact):
            name = fact.client_order_id
            if is_outcome(fact) and not self._open.is_answered(name):
                self._register.add(("outcome", name), number)
            if ends(fact):
                self._register.add(("end", name), number)
        self._open.take_fact(fact)
        self._books.take(fact)
        if len(self._tail) >= 2 * TAIL:
            self._tail_after = self._tail[-TAIL - 1][0]
            del self._tail[:-TAIL]

    def _write(self, records: Sequence[Record]) -> int:
        """Make records durable; the number before the first. Raises ``StoreError``, ``Fenced``."""
        if records:
            with self._transaction():
                if self._read_head() != (self._number, self._head):
                    raise Fenced(f"{self._path} was opened by a newer process; this one must stop")
                self._insert(records)
        return self._number - len(records)

    def _insert(self, records: Sequence[Record]) -> None:
        number, head = self._number, self._head
        rows = []
        for record in records:
            number, head = number + 1, link(head, record.kind, record.body)
            rows.append((number, *record, head))
        self._db.executemany(_INSERT, rows)
        self._uncommitted = number, head

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with failing(self._path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._db.execute("COMMIT")
            finally:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
        self._number, self._head = self._uncommitted

    def _read_head(self) -> tuple[int, bytes]:
        row = self._db.execute(_HEAD).fetchone()
        return (0, GENESIS) if row is None else (row[0], row[1])

    def _command(self, key: Key) -> Command | None:
        number = self._register.find(key)
        return None if number is None else _command_decoder.decode(self._record(number).body)

    def _fact(self, number: int) -> Fact:
        return events.decode(self._record(number).body)

    def _confirms(self, number: int, key: Key) -> bool:
        """Whether a record is what the register takes it for."""
        kind, name = key
        record = self._record(number)
        if kind in ("outcome", "end"):
            return record.client_order_id == name
        return (record.kind, record.identity) == key

    def _record(self, number: int) -> Record:
        with failing(self._path):
            row = self._db.execute(_ONE, (number,)).fetchone()
        if row is None:
            raise StoreError(f"journal {self._path}: record {number} is gone")
        return Record(*row)


def _cursor(venue_seq: int, life: Life) -> Record:
    return record_of_cursor(Cursor(venue_seq, life.number, life.taken))


def _is_outcome(body: bytes) -> bool:
    return _tag_decoder.decode(body).type not in _NO_OUTCOME


def _number(row: tuple[int, Fact]) -> int:
    return row[0]


def audit(path: Path) -> int:
    """Check a journal without disturbing its writer; the number of records.

    Raises ``StoreError`` naming the record at fault.
    """
    with reading(path) as journal:
        return journal.check().records
