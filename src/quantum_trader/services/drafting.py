"""Writing down one commit: outputs with their ids, acknowledgements, and the inbox record."""

from collections.abc import Sequence

import msgspec

from quantum_trader.core.events import DeadLettered
from quantum_trader.ports import Commit, Entry, Output
from quantum_trader.services import inbox, wire
from quantum_trader.services.batch import Handled, Standing
from quantum_trader.services.inbox import InboxRecord, runs
from quantum_trader.streams import TRADE_INTENT, dead_letters_of

OPEN_TO_OTHERS = frozenset({TRADE_INTENT})
"""Streams on which the server gives the ids, because we are not the only writer."""


class Lease(msgspec.Struct, frozen=True):
    """The right to commit for a service; its epoch is in every id that the service gives."""

    service: str
    epoch: int


class Work(msgspec.Struct, frozen=True):
    """The entries of a batch and what became of them.

    A letter is written for every entry that is not in what the handler handled: ``dead`` ones
    could not be read, ``skipped`` ones failed too often.
    """

    entries: Sequence[Entry]
    handled: Handled
    dead: Sequence[DeadLettered] = ()
    skipped: Sequence[DeadLettered] = ()


def commit_of(work: Work, lease: Lease, standing: Standing) -> Commit:
    """The commit that follows ``standing`` and makes the work visible."""
    outputs = _outputs(work, lease, standing.out)
    record = InboxRecord(
        n=standing.seq + 1,
        out=standing.out + len(outputs),
        took=runs(work.entries),
        skipped=[(letter.stream, letter.entry_id) for letter in work.skipped],
        dead=[(letter.stream, letter.entry_id) for letter in work.dead],
    )
    return Commit(
        service=lease.service,
        epoch=lease.epoch,
        seq=record.n,
        inbox=inbox.encode(record),
        outputs=outputs,
        acks=_acks(work.entries),
        projections=work.handled.projections,
        snapshot=work.handled.snapshot,
    )


def _outputs(work: Work, lease: Lease, made: int) -> list[Output]:
    letters = [
        (dead_letters_of(lease.service, letter.stream), letter)
        for letter in (*work.dead, *work.skipped)
    ]
    return [
        Output(
            stream,
            "*" if stream in OPEN_TO_OTHERS else f"{lease.epoch}-{number}",
            wire.write(fact),
        )
        for number, (stream, fact) in enumerate((*work.handled.outputs, *letters), made + 1)
    ]


def _acks(entries: Sequence[Entry]) -> dict[str, list[str]]:
    acks: dict[str, list[str]] = {}
    for entry in entries:
        acks.setdefault(entry.stream, []).append(entry.id)
    return acks
