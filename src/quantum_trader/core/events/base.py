"""What every fact carries."""

import msgspec


class Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="fact", gc=False):
    """Something that happened; it never changes afterwards.

    ``id`` derives from its cause, so the same cause always yields the same id. ``at_ms`` is when
    it became true (epoch ms, UTC), never when somebody read it. ``trace_id`` names the life of one
    intent, ``account`` whose money it is about. ``v`` is the version of the schema.

    No fact can be part of a cycle: it is frozen and holds only values that were there before it.
    So the collector need not look at facts (``gc=False``, which every kind has to say again).
    """

    id: str
    at_ms: int
    trace_id: str
    account: str
    v: int = 1


class MarketFact(Fact, frozen=True, kw_only=True, tag="market", omit_defaults=True, gc=False):
    """Something that happened in the market: nobody's intent and nobody's money.

    ``source`` says where it came from: a venue's name, "recorded" or "SIMULATED". ``at_ms`` is the
    venue's time. ``received_ms`` is when it reached this machine, by this machine's clock; None
    where nobody noted it (facts of before, recordings, simulated markets). Nothing is decided by
    it: it tells how late we hear.
    """

    trace_id: str = ""
    account: str = ""
    symbol: str
    source: str
    received_ms: int | None = None
