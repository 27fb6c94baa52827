"""A circuit breaker: after so many failures in a row nothing new is begun for a while.

It speaks of one thing a venue can do. What is closed lets everything through; what is open lets
nothing through that could wait; when its time is over one try is let through, and decides.
"""

import msgspec


class BreakerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Opens at the ``failures_max``-th failure in a row, for ``open_ms``.

    Each time the try afterwards fails it opens for twice as long, and never longer than
    ``open_ms_max``.
    """

    failures_max: int = 5
    open_ms: int = 5_000
    open_ms_max: int = 120_000


class Breaker(msgspec.Struct):
    """``now_ms`` is on a clock that is never set back. ``open_until_ms`` None is closed."""

    settings: BreakerSettings = msgspec.field(default_factory=BreakerSettings)
    failures: int = 0
    opened: int = 0
    open_until_ms: int | None = None
    trying: bool = False
    why: str = ""

    def refusal(self, now_ms: int) -> str | None:
        """Why something that can wait must wait; None lets it through.

        When the time is over one try is let through, and the next one only if nothing is heard of
        it.
        """
        if self.open_until_ms is None:
            return None
        if now_ms < self.open_until_ms:
            wait_s = (self.open_until_ms - now_ms) / 1_000
            return f"{self.failures} failures in a row; no entry for {wait_s:.1f} s ({self.why})"
        self.trying = True
        self.open_until_ms = now_ms + self.settings.open_ms
        return None

    def succeeded(self) -> None:
        """The venue did it."""
        self.failures = self.opened = 0
        self.open_until_ms, self.trying, self.why = None, False, ""

    def failed(self, why: str, now_ms: int) -> bool:
        """The venue did not; whether this has opened it (again)."""
        self.failures += 1
        self.why = why
        if self.open_until_ms is None:
            if self.failures < self.settings.failures_max:
                return False
        elif now_ms < self.open_until_ms and not self.trying:
            return False
        self.trying = False
        self.open_until_ms = now_ms + min(
            self.settings.open_ms << min(self.opened, 32), self.settings.open_ms_max
        )
        self.opened += 1
        return True
