"""The names under which the bus keeps things, all in one place; ``namespace`` has their spelling.

``appended`` remembers the last batch of each writer of a stream, so that a repeat adds nothing.
``base`` and ``consumed`` count, per stream, what a group skipped at its creation and what it has
acknowledged since; with the stream's own count of additions they give an honest lag.
"""

from quantum_trader.ports import RECORD
from quantum_trader.streams import inbox_of

_GROUP = "quantum:group:"


def group(service: str) -> str:
    """The consumer group of a service, the same on every stream it reads."""
    return _GROUP + service


def service_of(name: str) -> str:
    """The service a group belongs to; a group that is not ours keeps its whole name."""
    return name.removeprefix(_GROUP)


def inbox(service: str) -> str:
    """The stream of what a service consumed, one record per commit."""
    return inbox_of(service)


def epoch(service: str) -> str:
    """The counter whose value is the epoch of the only instance that may commit."""
    return f"quantum:epoch:{service}"


def lease(name: str) -> str:
    """The hash of who trades an account; it is gone when its time is over."""
    return f"quantum:lease:{name}"


def last_holder(name: str) -> str:
    """Who took the lease of an account last; it stays."""
    return f"quantum:last_holder:{name}"


def owner() -> str:
    """The account whose streams a store holds; it stays, and is spelled alike in every mode."""
    return "quantum:owner"


def snapshot(service: str) -> str:
    """The hash with the last snapshot: ``blob``, and ``at``, the inbox record it includes."""
    return f"quantum:snapshot:{service}"


def state(key: str) -> str:
    """The hash of a projection."""
    return f"quantum:state:{key}"


def heartbeat(service: str) -> str:
    """The hash a loop writes to show that it makes progress."""
    return f"quantum:heartbeat:{service}"


def base(service: str) -> str:
    """The hash of entries per stream that were out of reach when the group was created."""
    return f"quantum:base:{service}"


def consumed(service: str) -> str:
    """The hash of entries per stream that the service has acknowledged."""
    return f"quantum:consumed:{service}"


def appended(stream: str) -> str:
    """The hash of the last batch per writer of a stream."""
    return f"quantum:appended:{stream}"


__all__ = [
    "RECORD",
    "appended",
    "base",
    "consumed",
    "epoch",
    "group",
    "heartbeat",
    "inbox",
    "service_of",
    "snapshot",
    "state",
]
