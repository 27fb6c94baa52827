"""What a venue was given, in one SQLite file: whatever was confirmed is there, killed or not.

Inputs of one turn of the loop are written in one transaction, before anybody is told what came of
them. SQLite runs with a write-ahead log and ``synchronous=NORMAL``: safe when the process is
killed; a power failure may take the last ones, which a simulation can bear. A snapshot now and
then makes the way back short. The file belongs to one process at a time.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import msgspec

from quantum_trader.app.venue.entry import Entry
from quantum_trader.app.venue.hall import Saved
from quantum_trader.core.errors import StoreError

SCHEMA = """
PRAGMA locking_mode=EXCLUSIVE;
PRAGMA journal_mode=WAL;
PRAGMA synchronous=NORMAL;
CREATE TABLE IF NOT EXISTS snapshot (one INTEGER PRIMARY KEY CHECK (one = 1),
                                     number INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS entry (number INTEGER PRIMARY KEY, body BLOB NOT NULL);
"""

_encode = msgspec.json.Encoder().encode
_entry = msgspec.json.Decoder(Entry)
_saved = msgspec.json.Decoder(Saved)


class Journal:
    """One file. Every method raises ``StoreError``; then nothing of the call was written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[tuple[int, bytes]] = []
        try:
            self._db = apsw.Connection(str(path))
            self._db.execute(SCHEMA).fetchall()
        except apsw.Error as error:
            raise self._failed(error) from error

    def load(self) -> tuple[int, Saved | None]:
        """The last snapshot and the number of the input it stands at; 0 and None without one."""
        try:
            for number, body in self._rows("SELECT number, body FROM snapshot"):
                return number, _saved.decode(bytes(body))
        except (apsw.Error, msgspec.DecodeError) as error:
            raise self._failed(error) from error
        return 0, None

    def entries(self, after: int) -> Iterator[Entry]:
        """The inputs since, in order."""
        try:
            query = "SELECT body FROM entry WHERE number > ? ORDER BY number"
            for (body,) in self._rows(query, after):
                yield _entry.decode(bytes(body))
        except (apsw.Error, msgspec.DecodeError) as error:
            raise self._failed(error) from error

    def append(self, entry: Entry) -> None:
        """Note an input; it is in the file after ``flush``."""
        self._waiting.append((entry.number, _encode(entry)))

    def flush(self) -> None:
        """Write what was noted."""
        if not self._waiting:
            return
        try:
            with self._db:
                self._db.executemany("INSERT INTO entry VALUES (?, ?)", self._waiting)
        except apsw.Error as error:
            raise self._failed(error) from error
        self._waiting.clear()

    def snapshot(self, number: int, saved: Saved) -> None:
        """Keep the state after an input, and forget the inputs that led to it."""
        self.flush()
        try:
            with self._db:
                row = (number, _encode(saved))
                self._db.execute("REPLACE INTO snapshot VALUES (1, ?, ?)", row)
                self._db.execute("DELETE FROM entry WHERE number <= ?", (number,))
        except apsw.Error as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """Let another process have the file."""
        self._db.close()

    def _rows(self, query: str, *values: int) -> Iterator[Any]:
        yield from self._db.execute(query, values)

    def _failed(self, error: Exception) -> StoreError:
        return StoreError(f"venue {self._path}: {error}; is another process at it?")
