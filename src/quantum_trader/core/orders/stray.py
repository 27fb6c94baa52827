"""A position that no plan owns."""

import msgspec


class Stray(msgspec.Struct, kw_only=True):
    """What is known of one, and of the order that closes it.

    ``id`` stands where orders of a plan carry the plan's. ``reason`` is why it is closed; None
    leaves it alone, because somebody made it by hand at the venue.
    """

    id: str
    trace_id: str
    reason: str | None = None
    exit_id: str | None = None
    exit_attempts: int = 0
    exit_tried_ms: int = 0
