"""What the table knows of one stream."""

from typing import Literal

import msgspec

from quantum_trader.core import events as ev

PREFIX = "quantum:stream:"

KEEP_HOURS = 24
KEEP_ENTRIES = 100_000
"""About 40 MB in the stream server."""
ENTRIES_MAX = 1_000_000

Status = Literal["live", "planned", "retired"]


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table.

    ``start`` is where a new group begins: ``0`` everything, ``$`` only what comes. Entries that
    are archived, and that every group has passed, go once they are ``keep_hours`` old or so many
    as ``keep_entries`` are newer. Where somebody keeps a stream above ``entries_max`` all the
    same, no new entry into the market is taken until it recovers. ``reason`` and ``successor``
    (a name without prefix) explain rows that are not live; a retired row without a successor says
    in its reason why nothing took its place.
    """

    name: str
    status: Status
    facts: tuple[type[ev.Fact], ...] = ()
    writer: str | None = None
    readers: tuple[str, ...] = ()
    start: Literal["0", "$"] = "0"
    keep_hours: int | None = None
    keep_entries: int = KEEP_ENTRIES
    entries_max: int = ENTRIES_MAX
    purpose: str = ""
    reason: str = ""
    successor: str | None = None

    @property
    def key(self) -> str:
        """The key in Redis."""
        return PREFIX + self.name


class Inbox(Stream, frozen=True, kw_only=True):
    """The row of an inbox; ``name`` is the service."""

    @property
    def key(self) -> str:
        """The key in Redis."""
        return inbox_of(self.name)


def inbox_of(service: str) -> str:
    """The key of the stream of what a service consumed, one record per commit."""
    return f"quantum:inbox:{service}"


def inbox_row(service: str) -> Stream:
    """How long an inbox is kept: as long as any stream."""
    return Inbox(name=service, status="live", keep_hours=KEEP_HOURS)


def live(name: str, facts: tuple[type[ev.Fact], ...], flow: tuple[str, ...], why: str) -> Stream:
    """A live row; ``flow`` is the writer followed by the readers."""
    return Stream(
        name=name,
        status="live",
        facts=facts,
        writer=flow[0],
        readers=flow[1:],
        keep_hours=KEEP_HOURS,
        purpose=why,
    )


def planned(name: str, purpose: str, reason: str) -> Stream:
    """A row that nobody writes yet; ``reason`` says what it waits for."""
    return Stream(name=name, status="planned", purpose=purpose, reason=reason)


def retired(name: str, successor: str | None, reason: str) -> Stream:
    """A name from before that nobody writes any more, and where to look instead."""
    return Stream(name=name, status="retired", reason=reason, successor=successor)
