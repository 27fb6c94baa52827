"""Records of the journal and the chain of hashes that binds each to all before it."""

from collections.abc import Iterable
from hashlib import sha256
from typing import Literal, NamedTuple

import msgspec

from quantum_trader.adapters.journal.orders import ends
from quantum_trader.core import events
from quantum_trader.core.errors import StoreError
from quantum_trader.core.events import CancelCommanded, Fact, OrderCommanded
from quantum_trader.core.events.orders import OrderFact
from quantum_trader.core.orders.ids import Command, name_of

Kind = Literal["epoch", "order", "cancel", "fact", "cursor"]

GENESIS = bytes(32)
"""What the first record is chained to."""


class Record(NamedTuple):
    """One record. ``identity`` is unique within its kind; ``ends`` marks the end of an order."""

    kind: Kind
    identity: str
    client_order_id: str | None
    ends: int
    body: bytes


class Epoch(msgspec.Struct, frozen=True):
    """Somebody opened the journal to write; whoever wrote before him may not any more."""

    epoch: int
    account: str


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Reports of the venue are recorded up to and including this one, and so are commands.

    ``life`` and ``taken`` are as in ``ports.Life``; what was written before there were such has
    the first life, and nothing taken that anybody knows of.
    """

    venue_seq: int
    life: int = 1
    taken: str = ""


def link(previous: bytes, kind: str, body: bytes) -> bytes:
    """The hash of a record: SHA-256 over the hash before it, its kind and its body."""
    return sha256(b"%b%b\n%b" % (previous, kind.encode(), body)).digest()


def key_of(command: Command) -> tuple[Literal["order", "cancel"], str]:
    """An order is known by its client id, a cancel by its own id."""
    if isinstance(command, OrderCommanded):
        return "order", command.order.client_order_id
    return "cancel", command.id


def record_of_command(command: Command) -> Record:
    """A command."""
    kind, identity = key_of(command)
    return Record(kind, identity, name_of(command), 0, events.encode(command))


def record_of_fact(fact: Fact) -> Record:
    """Something that came back."""
    name = fact.client_order_id if isinstance(fact, OrderFact) else None
    return Record("fact", fact.id, name, int(ends(fact)), events.encode(fact))


def record_of_epoch(epoch: Epoch) -> Record:
    """A new writer."""
    return Record("epoch", str(epoch.epoch), None, 0, msgspec.json.encode(epoch))


def record_of_cursor(cursor: Cursor) -> Record:
    """A new position in the venue's reports, or in the stream of commands."""
    name = str(cursor.venue_seq)
    if cursor.life > 1 or cursor.taken:
        name += f"@{cursor.life}:{cursor.taken}"
    return Record("cursor", name, None, 0, msgspec.json.encode(cursor))


class BrokenChain(StoreError):
    """The chain does not hold from record ``number`` on."""

    def __init__(self, number: int, what: str) -> None:
        super().__init__(f"journal: {what}")
        self.number = number


class Checked(NamedTuple):
    """A chain that holds: how many records, the last hash, and how many this version cannot read.

    A record that another version wrote may be unreadable here; its hash is checked all the same.
    """

    records: int
    head: bytes
    unread: int


def check(
    rows: Iterable[tuple[int, Record, bytes]], after: int = 0, previous: bytes = GENESIS
) -> Checked:
    """Check numbers, hashes, columns and names of all records. Raises ``BrokenChain``.

    ``after`` and ``previous`` are the record before the first of ``rows`` and its hash.
    """
    count, unread = after, 0
    names: set[tuple[Kind, str]] = set()
    for number, record, digest in rows:
        count += 1
        if number != count:
            raise BrokenChain(count, f"record {count} is missing; restore the file from a copy")
        if link(previous, record.kind, record.body) != digest:
            raise BrokenChain(count, f"record {number} was changed after it was written")
        fits = _fits(record)
        if fits is False:
            raise BrokenChain(count, f"the index of record {number} does not fit its content")
        unread += fits is None
        names.add((record.kind, record.identity))
        if len(names) != number - after:
            raise BrokenChain(count, f"record {number} repeats the name of an earlier one")
        previous = digest
    return Checked(count, previous, unread)


def _fits(record: Record) -> bool | None:
    """Whether the columns are those that the body asks for; None when it cannot be read.

    The body is not compared: a version that knows more fields would write it in another way.
    """
    try:
        return _again(record)[:-1] == record[:-1]
    except msgspec.DecodeError:
        return None


def _again(record: Record) -> Record:
    """The record that its own body asks for."""
    if record.kind == "epoch":
        return record_of_epoch(msgspec.json.decode(record.body, type=Epoch))
    if record.kind == "cursor":
        return record_of_cursor(msgspec.json.decode(record.body, type=Cursor))
    fact = events.decode(record.body)
    if isinstance(fact, OrderCommanded | CancelCommanded):
        return record_of_command(fact)
    return record_of_fact(fact)
