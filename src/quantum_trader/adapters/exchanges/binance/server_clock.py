"""The venue's clock, and how far ours is from it."""

from collections.abc import Callable

OFFSET_MS_MAX = 500
"""With a clock that is further off, no entry leaves: times of ours would mean nothing there."""
GOOD_FOR_MS = 120_000
"""A measurement that is older says nothing: clocks drift, and machines sleep."""
ROUND_TRIP_MS_MAX = 2_000
"""A slower answer measures the way and not the clock."""


class ServerClock:
    """The time there, by our clock and the last measured difference."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._offset_ms: int | None = None
        self._measured_ms = 0

    @property
    def offset_ms(self) -> int | None:
        """The venue's clock less ours; None when it was never measured."""
        return self._offset_ms

    @property
    def is_measured(self) -> bool:
        """There is a measurement that still says something."""
        age_ms = self._now_ms() - self._measured_ms
        return self._offset_ms is not None and 0 <= age_ms <= GOOD_FOR_MS

    def there_ms(self) -> int:
        """The time at the venue, as well as we know it."""
        return self._now_ms() + (self._offset_ms or 0)

    def note(self, sent_ms: int, there_ms: int, received_ms: int) -> bool:
        """A measurement: the venue read its clock halfway between. False when it was too slow."""
        if not 0 <= received_ms - sent_ms <= ROUND_TRIP_MS_MAX:
            return False
        self._offset_ms = there_ms - (sent_ms + received_ms) // 2
        self._measured_ms = received_ms
        return True

    def refusal(self) -> str | None:
        """Why no entry may leave, None when the clocks agree."""
        if self._offset_ms is None:
            return "the venue's clock was not measured yet"
        age_ms = self._now_ms() - self._measured_ms
        if not 0 <= age_ms <= GOOD_FOR_MS:
            return f"the venue's clock was measured {age_ms / 1000:.0f} s ago"
        if abs(self._offset_ms) > OFFSET_MS_MAX:
            return (
                f"our clock is {abs(self._offset_ms)} ms {self._way()} the venue's; more than "
                f"{OFFSET_MS_MAX} ms are too many: set the clock of this machine"
            )
        return None

    def _way(self) -> str:
        return "behind" if (self._offset_ms or 0) > 0 else "ahead of"
