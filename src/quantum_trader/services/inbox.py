"""The record of one commit: what was consumed, in which order, and what was left out."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

import msgspec

from quantum_trader.ports import Entry

Place = tuple[str, str]
"""A stream key and an entry id."""


class Taken(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A run of neighbouring entries of one stream; ``count`` leaves out deleted ones."""

    stream: str
    first: str
    last: str
    count: int


class InboxRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The n-th commit of a service, and ``out``, its number of outputs so far.

    Of the entries taken, ``dead`` ones could not be read and ``skipped`` ones failed too often;
    no handler's state contains them. An entry that was deleted before it was read is in ``dead``
    alone.
    """

    n: int
    out: int
    took: Sequence[Taken] = ()
    skipped: Sequence[Place] = ()
    dead: Sequence[Place] = ()


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(InboxRecord)


def encode(record: InboxRecord) -> bytes:
    """A record as JSON."""
    return _encoder.encode(record)


def decode(record: bytes) -> InboxRecord:
    """A record from JSON. Raises ``msgspec.DecodeError``."""
    return _decoder.decode(record)


def runs(entries: Sequence[Entry]) -> list[Taken]:
    """Entries that were read together, as runs by stream."""
    took: list[Taken] = []
    held = filter(attrgetter("fields"), entries)
    for stream, run in groupby(held, key=attrgetter("stream")):
        ids = list(map(attrgetter("id"), run))
        took.append(Taken(stream, ids[0], ids[-1], len(ids)))
    return took
