"""Who may trade an account: one at a time, for a while, and again and again."""

import msgspec

RECEIVE_WINDOW_MS = 2_000
"""How long the venue takes a request after the time that was signed into it."""
SKEW_MS = 1_000
"""How far the clocks of two machines, or of one and the venue, may be apart."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """An instance, for people: the host, the process and since when (a time in UTC)."""

    host: str
    pid: int
    since: str


class LeaseRules(msgspec.Struct, frozen=True, kw_only=True):
    """How long a lease lasts, how often it is renewed, and how much must be left to send.

    What is signed with more than ``left_ms_min`` left cannot be taken by the venue after the lease
    is over. A new holder waits ``settle_ms`` after the old lease is over, so that nothing of the
    old one can be taken any more.
    """

    ttl_ms: int = 10_000
    left_ms_min: int = RECEIVE_WINDOW_MS + SKEW_MS
    settle_ms: int = RECEIVE_WINDOW_MS + SKEW_MS

    @property
    def renew_ms(self) -> int:
        """Two renewals may fail before the lease is over."""
        return self.ttl_ms // 3


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A lease as its store knows it: whose it is, and for how long from now on.

    ``who`` is one instance for ever; ``before`` is who had it before this one, None for nobody.
    """

    who: str
    holder: Holder
    left_ms: int
    before: str | None
