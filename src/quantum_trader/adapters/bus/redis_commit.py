"""A commit as the arguments of its script."""

from itertools import chain

from quantum_trader.adapters.bus import keys
from quantum_trader.adapters.bus.lines import Argument
from quantum_trader.adapters.bus.refusals import (
    another_content,
    behind,
    check_fields,
    fenced,
    not_after,
)
from quantum_trader.core.errors import StoreError
from quantum_trader.ports import Commit, CommitOutcome, Fields, Output


def pairs(fields: Fields) -> list[Argument]:
    """How many fields and values follow, and the fields and values."""
    return [2 * len(fields), *chain.from_iterable(fields.items())]


def commit_call(commit: Commit) -> tuple[list[str], list[Argument]]:
    """Keys and arguments, in the order that the script explains."""
    service = commit.service
    outputs = _by_stream(commit)
    names = [
        keys.epoch(service),
        keys.inbox(service),
        keys.snapshot(service),
        keys.consumed(service),
        *outputs,
        *commit.acks,
        *(keys.state(key) for key in commit.projections),
    ]
    arguments: list[Argument] = [
        commit.epoch,
        f"{commit.epoch}-{commit.seq}",
        keys.RECORD,
        commit.inbox,
        keys.group(service),
        commit.snapshot or b"",
        len(outputs),
        len(commit.acks),
        len(commit.projections),
    ]
    for entries in outputs.values():
        arguments.append(len(entries))
        for one in entries:
            arguments += (one.id, *pairs(one.fields))
    for ids in commit.acks.values():
        arguments += (len(ids), *ids)
    for changes in commit.projections.values():
        kept = {name.encode(): value for name, value in changes.items() if value is not None}
        gone = [name for name, value in changes.items() if value is None]
        arguments += (*pairs(kept), len(gone), *gone)
    return names, arguments


def _by_stream(commit: Commit) -> dict[str, list[Output]]:
    outputs: dict[str, list[Output]] = {}
    for one in commit.outputs:
        check_fields(one.stream, (one.fields,))
        outputs.setdefault(one.stream, []).append(one)
    return outputs


def outcome(commit: Commit, answer: list[bytes]) -> CommitOutcome:
    """What the script's answer means; raises for every refusal."""
    match [part.decode() for part in answer]:
        case ["committed"]:
            return "committed"
        case ["already"]:
            return "already"
        case ["fenced", lease]:
            raise fenced(commit, lease)
        case ["another"]:
            raise another_content(commit)
        case ["behind", last]:
            raise behind(commit, last)
        case ["not after", stream, entry_id, last]:
            raise not_after(stream, entry_id, last)
        case told:
            raise StoreError(f"the commit of {commit.service} was refused: {' '.join(told)}")
