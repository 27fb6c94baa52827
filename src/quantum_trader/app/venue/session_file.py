"""A session in a file: the hall as it was, then every input with what came of it, a line each."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from quantum_trader.app.venue.catalog import Catalog
from quantum_trader.app.venue.entry import Entry, perform
from quantum_trader.app.venue.hall import Hall, HouseRules, Saved
from quantum_trader.core.errors import ConfigError, StoreError

DIFFERENCES_SHOWN = 20


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The first line."""

    names: tuple[str, ...]
    house: HouseRules
    saved: Saved


class _Line(msgspec.Struct):
    entry: Entry


class SessionFile:
    """What is written while a venue runs. Raises ``ConfigError`` when it cannot be made."""

    def __init__(self, path: Path, hall: Hall) -> None:
        try:
            descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        except OSError as error:
            raise ConfigError(f"--record {path}: {error.strerror}") from error
        self._path = path
        self._file = os.fdopen(descriptor, "wb")
        head = Head(names=tuple(hall.accounts), house=hall.house, saved=hall.saved())
        self.write(msgspec.json.encode(head))

    def write(self, line: bytes) -> None:
        """One outcome, as JSON. Raises ``StoreError``."""
        try:
            self._file.write(line + b"\n")
        except OSError as error:
            raise StoreError(f"--record {self._path}: {error.strerror}") from error

    def close(self) -> None:
        """Finish the file."""
        self._file.close()


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """``inputs`` were done again; ``differences`` are the numbers of those that came out anew."""

    inputs: int
    differences: list[int]


def replay(path: Path) -> Replayed:
    """Do a session again and compare what comes of it. Raises ``ConfigError`` for no session."""
    lines = _lines(path)
    try:
        head = msgspec.json.decode(next(lines, b""), type=Head)
        saved = head.saved
        hall = Hall(Catalog(saved.rows.values(), saved.brackets.values()), head.house, head.names)
        hall.restore(saved)
        count, differences = 0, []
        for line in lines:
            entry = msgspec.json.decode(line, type=_Line).entry
            outcome, _ = perform(hall, entry)
            count += 1
            if msgspec.json.encode(outcome) != line:
                differences.append(entry.number)
    except msgspec.DecodeError as error:
        raise ConfigError(f"--replay {path}: not a session ({error})") from error
    return Replayed(inputs=count, differences=differences)


def _lines(path: Path) -> Iterator[bytes]:
    """Whole lines; what a killed venue had not finished is left out."""
    try:
        with path.open("rb") as file:
            yield from (line[:-1] for line in file if line.endswith(b"\n"))
    except OSError as error:
        raise ConfigError(f"--replay {path}: {error.strerror}") from error
