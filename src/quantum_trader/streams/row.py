"""What the table knows of one stream."""

from typing import Literal

import msgspec

from quantum_trader.core import events as ev

PREFIX = "quantum:stream:"

Status = Literal["live", "planned", "retired"]


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table.

    ``start`` is where a new group begins: ``0`` everything, ``$`` only what comes. ``keep_hours``
    is how long entries stay hot after every group has passed them. ``reason`` and ``successor``
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
    purpose: str = ""
    reason: str = ""
    successor: str | None = None

    @property
    def key(self) -> str:
        """The key in Redis."""
        return PREFIX + self.name


def live(name: str, facts: tuple[type[ev.Fact], ...], flow: tuple[str, ...], why: str) -> Stream:
    """A live row; ``flow`` is the writer followed by the readers."""
    return Stream(
        name=name,
        status="live",
        facts=facts,
        writer=flow[0],
        readers=flow[1:],
        keep_hours=24,
        purpose=why,
    )


def planned(name: str, purpose: str, reason: str) -> Stream:
    """A row that nobody writes yet; ``reason`` says what it waits for."""
    return Stream(name=name, status="planned", purpose=purpose, reason=reason)


def retired(name: str, successor: str | None, reason: str) -> Stream:
    """A name from before that nobody writes any more, and where to look instead."""
    return Stream(name=name, status="retired", reason=reason, successor=successor)
