"""The journal for those who only look: nothing is written, and its writer is not disturbed.

Beside a running writer the file is read through SQLite's write-ahead log. A copy that has no such
log beside it is read as it stands, so that it may lie where nobody can write.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import apsw
import msgspec

from quantum_trader.adapters.journal.chain import (
    GENESIS,
    BrokenChain,
    Checked,
    Epoch,
    Record,
    check,
)
from quantum_trader.core import events
from quantum_trader.core.errors import StoreError
from quantum_trader.core.events import AccountSeen, Fact

SCHEMA = 1
BUSY_MS = 5_000

ALL = "SELECT number, kind, identity, client_order_id, ends, body, hash FROM record ORDER BY 1"
_END = ALL + " DESC LIMIT ?"
_UP_TO = "SELECT count(*) FROM record WHERE number <= ?"
_OF_ORDERS = """
SELECT number, client_order_id, body FROM record
WHERE client_order_id IN (SELECT value FROM json_each(?)) ORDER BY number
"""
_LAST_NAMES = """
SELECT client_order_id FROM record WHERE client_order_id IS NOT NULL
GROUP BY client_order_id ORDER BY min(number) DESC LIMIT ?
"""
_MENTIONING = """
SELECT client_order_id, body FROM record
WHERE client_order_id IS NOT NULL AND instr(body, ?) ORDER BY number
"""
_SEEN = """
SELECT number, body FROM record WHERE kind = 'fact' AND client_order_id IS NULL
AND number BETWEEN ? AND ? AND instr(body, CAST('"account.seen"' AS BLOB)) ORDER BY number DESC
LIMIT ?
"""
_ACCOUNT = "SELECT body FROM record WHERE kind = 'epoch' ORDER BY number DESC LIMIT 1"


class Noted(NamedTuple):
    """One record about an order; ``fact`` is None when this version cannot read it."""

    number: int
    client_order_id: str
    fact: Fact | None


class Reading:
    """An open journal. Every method raises ``StoreError`` for what the file cannot give."""

    def __init__(self, db: apsw.Connection, path: Path) -> None:
        self._db = db
        self._path = path

    def account(self) -> str | None:
        """Whose journal it is; None when nobody has written to it."""
        epoch = self.epoch()
        return None if epoch is None else epoch.account

    def epoch(self) -> Epoch | None:
        """Who opened it last to write; None when nobody has written to it."""
        rows = self._rows(_ACCOUNT)
        return msgspec.json.decode(rows[0][0], type=Epoch) if rows else None

    def count(self) -> int:
        """How many records there are."""
        return int(self._rows("SELECT count(*) FROM record")[0][0])

    def check(self, seen: Callable[[], None] | None = None, anchor: bytes | None = None) -> Checked:
        """Walk the chain from the beginning; ``seen`` is told of each record.

        Raises ``BrokenChain``, also where the file itself cannot be read any further, and when no
        record has the hash ``anchor``.
        """
        number, met = 0, anchor is None
        with failing(self._path):
            rows: Iterator[tuple[Any, ...]] = self._db.execute(ALL)

        def records() -> Iterator[tuple[int, Record, bytes]]:
            nonlocal number, met
            for row in rows:
                met = met or row[6] == anchor
                yield row[0], Record(*row[1:6]), row[6]
                number += 1
                if seen is not None:
                    seen()

        try:
            checked = check(records())
        except apsw.Error as error:
            what = f"record {number + 1} cannot be read from the file ({error})"
            raise BrokenChain(number + 1, what) from error
        if not met:
            raise BrokenChain(
                checked.records + 1,
                "no record has the hash that was noted: the end was cut off, or all of it was "
                "written anew",
            )
        return checked

    def check_end(self, count: int) -> Checked:
        """Check the last ``count`` records alone, and that none before them is missing.

        Raises ``BrokenChain``. Takes as long for a long journal as for a short one, nearly.
        """
        rows = self._rows(_END, (count + 1,))[::-1]
        after, previous = (0, GENESIS) if len(rows) <= count else (rows[0][0], rows.pop(0)[6])
        records = [(row[0], Record(*row[1:6]), row[6]) for row in rows]
        checked = check(records, after, previous)
        if self._rows(_UP_TO, (checked.records,)) != [(checked.records,)]:
            raise BrokenChain(checked.records, "records before its end are missing")
        return checked

    def last_orders(self, count: int) -> list[str]:
        """The client ids of the newest orders, oldest first."""
        return [name for (name,) in reversed(self._rows(_LAST_NAMES, (count,)))]

    def orders_of(self, name: str) -> list[str]:
        """The client ids of the orders of a plan or trace, or of the order that is named so."""
        needle = msgspec.json.encode(name)
        found = dict[str, None]()
        for order_id, body in self._rows(_MENTIONING, (needle,)):
            fact = _fact(body)
            trace_id = None if fact is None else fact.trace_id
            if name in (order_id, getattr(fact, "plan_id", None), trace_id):
                found[order_id] = None
        return list(found)

    def of_orders(self, names: Sequence[str]) -> list[Noted]:
        """Every record about these orders, in the order of the journal."""
        wanted = msgspec.json.encode(names).decode()
        rows = self._rows(_OF_ORDERS, (wanted,))
        return [Noted(number, order_id, _fact(body)) for number, order_id, body in rows]

    def seen(self, first: int, last: int, count: int) -> list[tuple[int, AccountSeen]]:
        """What the venue showed, as evidence: the newest between two records, oldest first."""
        rows = reversed(self._rows(_SEEN, (first, last, count)))
        facts = [(number, _fact(body)) for number, body in rows]
        return [(number, fact) for number, fact in facts if isinstance(fact, AccountSeen)]

    def _rows(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with failing(self._path):
            return list(self._db.execute(sql, values))


@contextmanager
def reading(path: Path) -> Iterator[Reading]:
    """Open a journal to look at it. Raises ``StoreError`` when it is none."""
    uri = f"file:{quote(str(path.absolute()))}" + ("" if log_of(path).exists() else "?immutable=1")
    with failing(path):
        db = apsw.Connection(uri, flags=apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI)
        db.set_busy_timeout(BUSY_MS)
    try:
        with failing(path):
            version = db.pragma("user_version")
        if version != SCHEMA:
            raise StoreError(f"{path} is no journal that this version knows (schema {version})")
        yield Reading(db, path)
    finally:
        db.close()


def log_of(path: Path) -> Path:
    """SQLite's write-ahead log; it is there while somebody writes, or was killed while writing."""
    return path.with_name(path.name + "-wal")


@contextmanager
def failing(path: Path) -> Iterator[None]:
    """Say in our words what SQLite could not do."""
    try:
        yield
    except apsw.Error as error:
        raise StoreError(f"journal {path}: {error}") from error


def _fact(body: bytes) -> Fact | None:
    try:
        return events.decode(body)
    except msgspec.DecodeError:
        return None
