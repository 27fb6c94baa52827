"""The memory of a paper venue: one SQLite file that survives the death of the process.

SQLite runs with a write-ahead log and ``synchronous=NORMAL``: a transaction that returned is safe
when the process is killed. A power failure may take the last ones, which a simulation can bear.
The file belongs to one process at a time.
"""

from collections.abc import Sequence
from pathlib import Path

import apsw
import msgspec

from quantum_trader.core.errors import StoreError
from quantum_trader.core.matching.state import Market, VenueState
from quantum_trader.core.venue import AnyVenueUpdate, VenueOrder

SCHEMA = """
PRAGMA locking_mode=EXCLUSIVE;
PRAGMA journal_mode=WAL;
PRAGMA synchronous=NORMAL;
CREATE TABLE IF NOT EXISTS venue (one INTEGER PRIMARY KEY CHECK (one = 1), body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS market (symbol TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS report (seq INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS ended (number INTEGER PRIMARY KEY, seq INTEGER NOT NULL,
                                  body BLOB NOT NULL);
"""

_encode = msgspec.json.Encoder().encode
_venue = msgspec.json.Decoder(VenueState)
_market = msgspec.json.Decoder(Market)
_report = msgspec.json.Decoder(AnyVenueUpdate)
_order = msgspec.json.Decoder(VenueOrder)


class Saved(msgspec.Struct, frozen=True):
    """What a file holds: the venue, its reports by number, and how orders ended, oldest first."""

    state: VenueState
    updates: list[AnyVenueUpdate]
    ended: list[VenueOrder]


class PaperStore:
    """One file. Every method raises ``StoreError``; then nothing of the call was written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._db = apsw.Connection(str(path))
            self._db.execute(SCHEMA).fetchall()
        except apsw.Error as error:
            raise StoreError(f"paper venue {path}: {error}; is another process at it?") from error

    def load(self) -> Saved | None:
        """All that was saved; None when the file is new."""
        try:
            head = self._bodies("SELECT body FROM venue")
            if not head:
                return None
            state = _venue.decode(head[0])
            for body in self._bodies("SELECT body FROM market ORDER BY symbol"):
                market = _market.decode(body)
                state.markets[market.symbol] = market
            reports = self._bodies("SELECT body FROM report ORDER BY seq")
            ended = self._bodies("SELECT body FROM ended ORDER BY number")
            return Saved(state, [*map(_report.decode, reports)], [*map(_order.decode, ended)])
        except (apsw.Error, msgspec.DecodeError) as error:
            raise StoreError(f"paper venue {self._path}: {error}") from error

    def save(
        self,
        state: VenueState,
        symbols: Sequence[str],
        updates: Sequence[AnyVenueUpdate],
        ended: Sequence[VenueOrder],
    ) -> None:
        """Write the account, the markets of these symbols, new reports and ended orders, as one."""
        head = _encode(msgspec.structs.replace(state, markets={}))
        markets = [(symbol, _encode(state.markets[symbol])) for symbol in symbols]
        reports = [(one.seq, _encode(one)) for one in updates]
        orders = [(int(one.venue_order_id), state.seq, _encode(one)) for one in ended]
        try:
            with self._db:
                self._db.execute("REPLACE INTO venue VALUES (1, ?)", (head,))
                self._db.executemany("REPLACE INTO market VALUES (?, ?)", markets)
                self._db.executemany("INSERT INTO report VALUES (?, ?)", reports)
                self._db.executemany("INSERT INTO ended VALUES (?, ?, ?)", orders)
        except apsw.Error as error:
            raise StoreError(f"paper venue {self._path}: {error}") from error

    def trim(self, seq: int) -> None:
        """Forget the reports up to ``seq`` and the orders that had ended by then."""
        try:
            with self._db:
                self._db.execute("DELETE FROM report WHERE seq <= ?", (seq,))
                self._db.execute("DELETE FROM ended WHERE seq <= ?", (seq,))
        except apsw.Error as error:
            raise StoreError(f"paper venue {self._path}: {error}") from error

    def close(self) -> None:
        """Close the file and let another process have it."""
        self._db.close()

    def _bodies(self, query: str) -> list[bytes]:
        return [bytes(body) for (body,) in self._db.execute(query)]
