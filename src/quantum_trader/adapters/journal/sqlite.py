"""The journal on disk: one SQLite file per account, one writer, every record chained by hash.

One table holds everything in the order in which it happened; all that is kept in memory can be
read from it again. A commit returns after the write-ahead log is on disk.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import apsw
import msgspec

from quantum_trader.adapters.journal.chain import (
    GENESIS,
    Cursor,
    Epoch,
    Kind,
    Record,
    check,
    link,
    record_of_command,
    record_of_cursor,
    record_of_epoch,
    record_of_fact,
)
from quantum_trader.adapters.journal.orders import OpenOrders, check_same, is_outcome
from quantum_trader.core import events
from quantum_trader.core.errors import ConfigError, Fenced, StoreError
from quantum_trader.core.events import CancelCommanded, Fact, OrderCommanded
from quantum_trader.core.orders.ids import Command, name_of
from quantum_trader.ports import Journalled

SCHEMA = 1
BUSY_MS = 5_000
CACHE_KIB = 65_536

_CREATE = f"""
CREATE TABLE IF NOT EXISTS record (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('epoch', 'order', 'cancel', 'fact', 'cursor')),
    identity TEXT NOT NULL,
    client_order_id TEXT,
    ends INTEGER NOT NULL CHECK (ends IN (0, 1)),
    body BLOB NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    UNIQUE (kind, identity)
) STRICT;
CREATE INDEX IF NOT EXISTS record_of_order ON record (client_order_id, ends)
    WHERE client_order_id IS NOT NULL;
PRAGMA user_version = {SCHEMA};
"""
_INSERT = "INSERT INTO record VALUES (?, ?, ?, ?, ?, ?, ?)"
_ALL = "SELECT number, kind, identity, client_order_id, ends, body, hash FROM record ORDER BY 1"
_HEAD = "SELECT number, hash FROM record ORDER BY number DESC LIMIT 1"
_LATEST = "SELECT body FROM record WHERE kind = ? ORDER BY number DESC LIMIT 1"
_COMMANDS = """
SELECT kind, identity, body FROM record
WHERE kind IN ('order', 'cancel') AND identity IN (SELECT value FROM json_each(?))
"""
_FACTS = """
SELECT identity FROM record
WHERE kind = 'fact' AND identity IN (SELECT value FROM json_each(?))
"""
_ENDED = """
SELECT client_order_id FROM record
WHERE ends = 1 AND client_order_id IN (SELECT value FROM json_each(?))
"""
_OF_ORDER = "SELECT body FROM record WHERE client_order_id = ? AND kind = 'fact' ORDER BY number"
_OUTBOX = """
SELECT number, body FROM record NOT INDEXED
WHERE kind = 'fact' AND number > ? ORDER BY number LIMIT ?
"""
_OPEN = """
SELECT number, body FROM record WHERE client_order_id IN (
    SELECT client_order_id FROM record WHERE client_order_id IS NOT NULL
    GROUP BY client_order_id HAVING max(ends) = 0
) ORDER BY number
"""

_command_decoder: msgspec.json.Decoder[Command] = msgspec.json.Decoder(Command)


class SqliteJournal:
    """``ports.Journal`` in a file. Opening it fences whoever had it open before."""

    def __init__(self, path: Path, account: str) -> None:
        with _failing(path):
            self._db = apsw.Connection(str(path))
        self._path = path
        self._open = OpenOrders()
        self._venue_seq = 0
        with ExitStack() as undo:
            undo.callback(self._db.close, True)
            self._prepare()
            with self._transaction():
                self._start_epoch(account)
            self._restore()
            undo.pop_all()

    def intend(self, commands: Sequence[Command]) -> list[bool]:
        """Record commands before they are sent; see ``ports.Journal``."""
        records = [record_of_command(command) for command in commands]
        recorded = self._commands([record.identity for record in records])
        fresh: list[tuple[Record, Command]] = []
        answers: list[bool] = []
        for record, command in zip(records, commands, strict=True):
            earlier = recorded.get((record.kind, record.identity))
            if earlier is None:
                recorded[record.kind, record.identity] = command
                fresh.append((record, command))
            else:
                check_same(earlier, command)
            answers.append(earlier is None)
        before = self._write([record for record, _ in fresh])
        ended = self._among(_ENDED, [name_of(command) for _, command in fresh])
        for number, (_, command) in enumerate(fresh, before + 1):
            if name_of(command) not in ended:
                self._open.take_command(number, command)
        return answers

    def conclude(self, facts: Sequence[Fact], *, venue_seq: int | None) -> int:
        """Record what came back; see ``ports.Journal``."""
        recorded = self._among(_FACTS, [fact.id for fact in facts])
        fresh: dict[str, Fact] = {}
        for fact in facts:
            if fact.id not in recorded:
                fresh.setdefault(fact.id, fact)
        records = [record_of_fact(fact) for fact in fresh.values()]
        if venue_seq is not None and venue_seq > self._venue_seq:
            records.append(record_of_cursor(venue_seq))
        self._write(records)
        for fact in fresh.values():
            self._open.take_fact(fact)
        self._venue_seq = max(self._venue_seq, venue_seq or 0)
        return len(fresh)

    def known(self, client_order_id: str) -> Journalled | None:
        """An order of ours, None when it is not."""
        found = self._open.get(client_order_id)
        if found is not None:
            return found
        command = self._commands([client_order_id]).get(("order", client_order_id))
        if command is None:
            return None
        facts = [events.decode(body) for body in self._column(_OF_ORDER, client_order_id)]
        return Journalled(command, next(filter(is_outcome, facts), None))

    def unresolved(self) -> list[Command]:
        """Commands that have no outcome, oldest first."""
        return self._open.unresolved()

    def outbox(self, after: int, count: int) -> list[tuple[int, Fact]]:
        """Recorded facts with their numbers, after a number, in order."""
        rows = self._rows(_OUTBOX, after, count)
        return [(number, events.decode(body)) for number, body in rows]

    def venue_seq(self) -> int:
        """The last report of the venue that was recorded, 0 at the beginning."""
        return self._venue_seq

    def verify(self) -> int:
        """Check the hash chain from the beginning; see ``ports.Journal``."""
        return _verify(self._db, self._path)

    def close(self) -> None:
        """Close the file."""
        with _failing(self._path):
            self._db.close()

    def _prepare(self) -> None:
        with _failing(self._path):
            self._db.set_busy_timeout(BUSY_MS)
            self._db.pragma("journal_mode", "WAL")
            self._db.pragma("synchronous", "FULL")
            self._db.pragma("cache_size", -CACHE_KIB)
            version = self._db.pragma("user_version")
        if version not in (0, SCHEMA):
            raise StoreError(
                f"{self._path} has schema {version}, this version knows {SCHEMA}: use a newer one"
            )

    def _start_epoch(self, account: str) -> None:
        self._db.execute(_CREATE)
        self._number, self._head = self._read_head()
        bodies = self._column(_LATEST, "epoch")
        last = msgspec.json.decode(bodies[0], type=Epoch) if bodies else Epoch(0, account)
        if last.account != account:
            raise ConfigError(
                f"{self._path} is the journal of {last.account!r}, not of {account!r}"
            )
        self._insert([record_of_epoch(Epoch(last.epoch + 1, account))])

    def _restore(self) -> None:
        cursors = self._column(_LATEST, "cursor")
        if cursors:
            self._venue_seq = msgspec.json.decode(cursors[0], type=Cursor).venue_seq
        for number, body in self._rows(_OPEN):
            fact = events.decode(body)
            if isinstance(fact, OrderCommanded | CancelCommanded):
                self._open.take_command(number, fact)
            else:
                self._open.take_fact(fact)

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
        with _failing(self._path):
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

    def _commands(self, identities: Sequence[str]) -> dict[tuple[Kind, str], Command]:
        rows = self._rows(_COMMANDS, msgspec.json.encode(identities).decode())
        return {(kind, name): _command_decoder.decode(body) for kind, name, body in rows}

    def _among(self, query: str, names: Sequence[str]) -> set[str]:
        return {row[0] for row in self._rows(query, msgspec.json.encode(names).decode())}

    def _column(self, query: str, *values: str) -> list[bytes]:
        return [row[0] for row in self._rows(query, *values)]

    def _rows(self, query: str, *values: str | int) -> list[tuple[Any, ...]]:
        with _failing(self._path):
            return self._db.execute(query, values).fetchall()


def audit(path: Path) -> int:
    """Check a journal without disturbing its writer; the number of records.

    Raises ``StoreError`` naming the record at fault.
    """
    with _failing(path):
        db = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        db.set_busy_timeout(BUSY_MS)
    try:
        return _verify(db, path)
    finally:
        db.close()


def _verify(db: apsw.Connection, path: Path) -> int:
    with _failing(path):
        rows = db.execute(_ALL)
        return check((row[0], Record(*row[1:6]), row[6]) for row in rows)


@contextmanager
def _failing(path: Path) -> Iterator[None]:
    """Say in our words what SQLite could not do."""
    try:
        yield
    except apsw.Error as error:
        raise StoreError(f"journal {path}: {error}") from error
