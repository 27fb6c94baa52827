"""What a handler is given by the loop, and what it gives back."""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from quantum_trader.core.events import Fact
from quantum_trader.ports import Bus, Entry

Projections = Mapping[str, Mapping[str, bytes | None]]
"""Hash fields to set, by key; None deletes a field."""


class Received(msgspec.Struct, frozen=True, gc=False):
    """One message and what it says. Unreadable messages never get this far."""

    entry: Entry
    fact: Fact


class Handled(msgspec.Struct, frozen=True):
    """What follows from a batch: facts by stream key, projections, and a snapshot when it is time.

    All of it becomes visible together with the acknowledgement of the batch, or not at all.
    """

    outputs: Sequence[tuple[str, Fact]] = ()
    projections: Projections = {}
    snapshot: bytes | None = None


NOTHING = Handled()
"""What a handler returns that has nothing to say; the loop may let such a batch wait."""


class Standing(msgspec.Struct, frozen=True):
    """Where a service stands: commits and outputs it has made so far."""

    seq: int = 0
    out: int = 0


class Handler(Protocol):
    """The part of a service that knows what to do; the loop knows when, and how often."""

    def read(self, entry: Entry) -> Fact:
        """What an entry says. Raises ``Malformed`` or ``msgspec.DecodeError``."""

    async def restore(self, bus: Bus, service: str) -> Standing:
        """Become what the last commit left behind, whatever was known before."""

    async def handle(self, batch: Sequence[Received]) -> Handled:
        """Work on a batch, in order. The same batch may come again after a failure."""
