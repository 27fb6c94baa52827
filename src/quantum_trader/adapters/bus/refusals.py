"""What every bus refuses, in the same words: commits that cannot stand, groups that are gone."""

from collections.abc import Iterable

from quantum_trader.core.errors import BrokenInvariant, Fenced, StoreError
from quantum_trader.ports import Commit, Fields

FIELDS_MAX = 1000
"""Fields per entry; a Lua script cannot unpack many more arguments at once."""


def check_fields(stream: str, batch: Iterable[Fields]) -> None:
    """Raise ``StoreError`` for an entry that no stream would take."""
    for fields in batch:
        if not 0 < len(fields) <= FIELDS_MAX:
            raise StoreError(
                f"an entry for {stream} has {len(fields)} fields; give it 1 to {FIELDS_MAX}"
            )


def check_start(start: str) -> None:
    """Raise ``StoreError`` unless a group starts at the beginning or at the end."""
    if start not in ("0", "$"):
        raise StoreError(f"a group starts at 0 (everything) or $ (only what comes), not {start!r}")


def fenced(commit: Commit, lease: str) -> Fenced:
    """A newer instance, or nobody, holds the lease."""
    holder = f"epoch {lease} holds it" if lease else "nobody holds it: the store was emptied"
    return Fenced(f"{commit.service} lost its lease of epoch {commit.epoch}; {holder}")


def another_content(commit: Commit) -> BrokenInvariant:
    """One commit id stands for two contents."""
    return BrokenInvariant(
        f"{commit.service} committed {commit.epoch}-{commit.seq} before, with another content"
    )


def not_after(stream: str, entry_id: str, last: str) -> StoreError:
    """An explicit id is not larger than what the stream holds."""
    return StoreError(
        f"{stream} refuses id {entry_id}: its last id is {last}. Nothing was written. "
        "Its single writer repeats itself, or somebody else wrote to it"
    )


def behind(commit: Commit, last: str) -> StoreError:
    """The commit before this one is not there: the store is not the one that it was made on."""
    return StoreError(
        f"{commit.service} made {commit.seq - 1} commits and the stream server ends at {last}: it "
        "came back empty, or as of an older state. Nothing was written; start anew from what is "
        "there"
    )


def no_group(service: str, stream: str) -> StoreError:
    """The stream or its group is gone, so nobody remembers what was consumed."""
    return StoreError(
        f"{service} has no consumer group on {stream}: it was never opened, or the stream was "
        "deleted or the store emptied. Find out which; then open the group again at a start you "
        "chose and reconcile with the exchange"
    )
