"""Where records are found by name, without an index on disk.

Names of orders are digests, so an index over them touches another page with every record; here
the file only ever grows at its end, and the names are read from it once, when it is opened.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Literal

Kind = Literal["order", "cancel", "fact", "outcome", "end"]
"""What a record may be looked for as: itself, or what it was to an order."""

Key = tuple[Kind, str]
"""A kind, and the record's identity or (``outcome``, ``end``) the order's client id."""

Confirm = Callable[[int, Key], bool]
"""Whether the record with this number has this key."""


class Register:
    """Record numbers by key; the first record of a key counts.

    Keys are not kept, only 64 bits of their hash: 16 bytes for each key that was there at the
    opening, about 150 for each that came since. Where two keys share a hash, the file tells them
    apart.
    """

    def __init__(self, rows: Iterable[tuple[Key, int]], confirm: Confirm) -> None:
        first: dict[int, int] = {}
        self._confirm = confirm
        self._new = first
        self._hashes = array("q")
        self._numbers = array("q")
        for key, number in rows:
            self.add(key, number)
        self._hashes = array("q", sorted(first))
        self._numbers = array("q", map(first.__getitem__, self._hashes))
        self._new = {}

    def find(self, key: Key) -> int | None:
        """The number of the record with this key, None when there is none."""
        number = self._at(place := hash(key))
        while number is not None and not self._confirm(number, key):
            number = self._at(place := hash((place, key)))
        return number

    def add(self, key: Key, number: int) -> None:
        """Remember a record, unless its key is known."""
        place = hash(key)
        while (known := self._at(place)) is not None:
            if self._confirm(known, key):
                return
            place = hash((place, key))
        self._new[place] = number

    def _at(self, place: int) -> int | None:
        """The number that stands at a hash."""
        number = self._new.get(place)
        if number is None and self._hashes:
            index = bisect_left(self._hashes, place)
            if index < len(self._hashes) and self._hashes[index] == place:
                return self._numbers[index]
        return number
