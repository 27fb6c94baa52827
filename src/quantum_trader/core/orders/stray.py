"""A position that no plan owns."""

from decimal import Decimal

import msgspec

from quantum_trader.core.units import ZERO


class Stray(msgspec.Struct, kw_only=True):
    """What is known of one, and of the order that closes it.

    ``id`` stands where orders of a plan carry the plan's. ``reason`` is why it is closed; without
    one, somebody made it by hand at the venue, and it is to be adopted. ``fees_usd`` is what that
    has cost so far. ``since_ms`` is when it was traded or seen, ``exit_hurried`` as in a plan.
    """

    id: str
    trace_id: str
    since_ms: int
    reason: str | None = None
    fees_usd: Decimal = ZERO
    exit_id: str | None = None
    exit_attempts: int = 0
    exit_hurried: bool = False
    exit_tried_ms: int = 0
