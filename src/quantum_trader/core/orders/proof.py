"""When a venue may be believed that an order does not exist.

A query that knows nothing of an order proves nothing: venues forget orders for minutes, and a
request may still be on its way. What proves it is everything together, again and again: the query
denies it, it does not rest, no trade has its name, and the position has moved by exactly the trades
that are told.
"""

from decimal import Decimal

import msgspec

NEGATIVES = 3
"""So many looks in agreement are wanted."""
PROOF_MS = 60_000
"""The last of them comes at least this long after the doubt began."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue showed of a symbol while it denied an order of it.

    ``qty`` is the position and ``traded_qty`` the sum of all trades since before the order was
    sent, both signed.
    """

    at_ms: int
    qty: Decimal
    traded_qty: Decimal


class Denials(msgspec.Struct, frozen=True):
    """So many looks in a row that agree with the ``first``."""

    first: Look | None
    count: int


NO_DENIALS = Denials(None, 0)


def deny(earlier: Denials, look: Look) -> Denials:
    """One more look; one that does not agree with those before begins anew.

    A position that moved by something nobody tells may have been moved by the order.
    """
    first = earlier.first
    if first is None or look.qty - first.qty != look.traded_qty - first.traded_qty:
        return Denials(look, 1)
    return Denials(first, earlier.count + 1)


def is_proof(denials: Denials, passed_ms: int) -> bool:
    """Whether that is enough, ``passed_ms`` after the doubt began."""
    return denials.count >= NEGATIVES and passed_ms >= PROOF_MS
