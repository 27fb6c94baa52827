"""A state as bytes, with the shape it had: a snapshot of another shape is none."""

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Generic, TypeVar

import msgspec

S = TypeVar("S", bound=msgspec.Struct)

SNAPSHOT_EVERY = 10_000
"""So many facts lie between two snapshots."""


class Snapshots(msgspec.Struct, Generic[S], frozen=True):
    """How a state is written, read back, and how many facts lie between two snapshots.

    JSON keeps the order of every mapping, so a restored state is walked in the order in which
    the lost one would have been. ``load`` raises ``msgspec.DecodeError`` for what it cannot read.
    """

    load: Callable[[bytes], S]
    save: Callable[[S], bytes]
    every: int


class _Sealed(msgspec.Struct, frozen=True):
    """A state and the fingerprint of its type."""

    shape: str
    state: msgspec.Raw


def snapshots_of(kind: type[S], every: int = SNAPSHOT_EVERY) -> Snapshots[S]:
    """Snapshots of a state that is a plain struct.

    Fields of a state have defaults, so one that was renamed or added would be read as if nothing
    had happened yet. Therefore only the very shape that was written is read.
    """
    shape = fingerprint(kind)
    seal, state = msgspec.json.Decoder(_Sealed), msgspec.json.Decoder(kind)

    def load(snapshot: bytes) -> S:
        sealed = seal.decode(snapshot)
        if sealed.shape != shape:
            raise msgspec.DecodeError(f"a snapshot of shape {sealed.shape}, and ours is {shape}")
        return state.decode(sealed.state)

    def save(held: S) -> bytes:
        return msgspec.json.encode(_Sealed(shape, msgspec.Raw(msgspec.json.encode(held))))

    return Snapshots(load, save, every)


@cache
def fingerprint(kind: type[msgspec.Struct]) -> str:
    """Sixteen characters that change when any field anywhere in a type does."""
    schema = msgspec.json.encode(msgspec.json.schema(kind), order="deterministic")
    return hashlib.sha256(schema).hexdigest()[:16]
