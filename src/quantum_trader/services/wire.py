"""How facts travel: their tag and their canonical JSON, as two fields of a stream entry."""

import msgspec

from quantum_trader.core import events
from quantum_trader.core.errors import Malformed
from quantum_trader.core.events import TAGS, CanarySung, Fact
from quantum_trader.core.intent_edge import read_intent
from quantum_trader.ports import Entry, Fields
from quantum_trader.streams import LIVE, TRADE_INTENT, groups

UNREADABLE = (Malformed, msgspec.DecodeError, RecursionError)
"""What reading raises when an entry makes no sense; the last for JSON nested without end."""

_TAGS = {kind: tag.encode() for kind, tag in TAGS.items()}
_CANARY = _TAGS[CanarySung]
_CONSUMED = {key for _, key in groups()}
_BELONG = {
    row.key: frozenset((*row.facts, CanarySung) if row.key in _CONSUMED else row.facts)
    for row in LIVE
}


def write(fact: Fact) -> Fields:
    """A fact as the fields of an entry."""
    return {b"type": _TAGS[type(fact)], b"payload": events.encode(fact)}


def read(entry: Entry) -> Fact:
    """What one of our own entries says; it must be a fact that belongs on its stream.

    Raises ``Malformed`` or ``msgspec.DecodeError``.
    """
    fields = entry.fields
    if not fields:
        raise Malformed("entry", None, "fields; they were deleted before they were read")
    payload = fields.get(b"payload")
    if payload is None:
        raise Malformed("payload", None, "a fact as JSON")
    fact = events.decode(payload)
    if type(fact) not in _BELONG.get(entry.stream, ()):
        raise Malformed("type", TAGS[type(fact)], f"a fact that belongs on {entry.stream}")
    return fact


def fact_in(entry: Entry) -> Fact | None:
    """The fact in an entry, for those who only look; None when it cannot be read."""
    payload = (entry.fields or {}).get(b"payload")
    try:
        return None if payload is None else events.decode(payload)
    except UNREADABLE:
        return None


class Reader:
    """Reads our own entries, and intents the generous way: anyone may write those."""

    def __init__(self, account: str) -> None:
        self._account = account

    def __call__(self, entry: Entry) -> Fact:
        """What an entry says. Raises ``Malformed`` or ``msgspec.DecodeError``."""
        fields = entry.fields
        if entry.stream == TRADE_INTENT and fields and fields.get(b"type") != _CANARY:
            return read_intent(fields, account=self._account)
        return read(entry)
