"""What can go wrong, and who answers for it.

A refusal of an entry is not an error: it is a value (``Refusal``) with its reasons.

* TraderError
  x ConfigError        the operator edits a setting; the process never starts
  x UsageError         the person at the shell corrects the command
  x Malformed          an outsider's message cannot be read; it becomes a dead letter
  x StoreError         Redis, SQLite or a file failed; nothing was acknowledged
    - BusUnreachable     no answer from the stream server; retry idempotent work, else restart
    - Fenced             a newer instance holds the lease; stop at once and write nothing
    - Occupied           another instance trades this account; do not start beside it
    - ServerMissing      no Redis-compatible server can be found or started
  x ExchangeError      the venue or the way to it
    - Unreachable        nothing was sent; safe to try again
    - InDoubt            sent, and the answer is lost; ask by client order id, never send again
    - Locked             key or permission; halt this venue and call a human
  x BrokenInvariant    our own bug; stop the process and keep the journal
"""

from typing import TypeVar

T = TypeVar("T")


class TraderError(Exception):
    """Anything this system raises on purpose."""


class ConfigError(TraderError):
    """A setting makes no sense; nothing was started."""


class UsageError(TraderError):
    """A command was given values it cannot use."""


class Malformed(TraderError):
    """A message that cannot be read: names the field, the value and what was expected."""

    def __init__(self, field: str, value: object, expected: str) -> None:
        super().__init__(f"{field}: got {value!r:.120}, expected {expected}")
        self.field = field
        self.value = value
        self.expected = expected


class StoreError(TraderError):
    """A store failed; what was not committed was not acknowledged either."""


class BusUnreachable(StoreError):
    """The stream server gave no answer."""


class Fenced(StoreError):
    """A newer instance took the lease; this one must stop and write nothing."""


class Occupied(StoreError):
    """Another instance trades this account; this one has not begun to."""


class ServerMissing(StoreError):
    """No Redis-compatible server could be found or started."""


class ExchangeError(TraderError):
    """The venue, or the way to it, failed."""


class Unreachable(ExchangeError):
    """The request never left; it may be tried again."""


class InDoubt(ExchangeError):
    """The request left and its answer is lost: its effect is unknown until asked for."""


class Locked(ExchangeError):
    """Key or permission refused; no order can be placed until a person acts."""


class BrokenInvariant(TraderError):
    """Something we hold to be impossible happened: our own bug."""


def sure(value: T | None, what: str) -> T:
    """What cannot be missing where it is asked for. Raises ``BrokenInvariant`` when it is."""
    if value is None:
        raise BrokenInvariant(f"{what} is missing")
    return value
