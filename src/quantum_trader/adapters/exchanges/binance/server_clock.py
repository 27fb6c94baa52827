"""The venue's clock, and how far ours is from it.

A measurement asks for the time there and takes it to have been read halfway between question and
answer. It cannot be wrong by more than half the round trip, so of the recent ones the one with the
shortest is believed (the clock filter of NTP, RFC 5905 section 10).
"""

from collections.abc import Callable

import msgspec

OFFSET_MS_MAX = 500
"""With a clock that may be further off, no entry leaves: times of ours would mean nothing there."""
GOOD_FOR_MS = 120_000
"""A measurement that is older says nothing: clocks drift, and machines sleep."""
ROUND_TRIP_MS_MAX = 2_000
"""A slower answer measures the way and not the clock."""
SURE_MS = 100
"""What is known less exactly is worth measuring again soon."""
KEPT = 16


class Sample(msgspec.Struct, frozen=True):
    """The venue's clock less ours, to within ``doubt_ms``, as measured at ``at_ms`` of ours."""

    offset_ms: int
    doubt_ms: int
    at_ms: int

    def agrees(self, other: "Sample") -> bool:
        """Whether both can be true of two clocks that nobody set in between."""
        return abs(self.offset_ms - other.offset_ms) <= self.doubt_ms + other.doubt_ms + 1


class ServerClock:
    """The time there, by our clock and the surest measurement of late."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._samples: list[Sample] = []

    @property
    def offset_ms(self) -> int | None:
        """The venue's clock less ours; None when it was never measured."""
        best = self._best()
        return None if best is None else best.offset_ms

    @property
    def is_measured(self) -> bool:
        """There is a measurement that still says something."""
        best = self._best()
        return best is not None and self._is_fresh(best)

    @property
    def is_sure(self) -> bool:
        """There is one that says it exactly."""
        best = self._best()
        return best is not None and self._is_fresh(best) and best.doubt_ms <= SURE_MS

    def there_ms(self) -> int:
        """The time at the venue, as well as we know it."""
        return self._now_ms() + (self.offset_ms or 0)

    def note(self, sent_ms: int, there_ms: int, received_ms: int) -> bool:
        """A measurement; False when it was too slow.

        Older ones that it contradicts are forgotten: somebody set a clock.
        """
        trip_ms = received_ms - sent_ms
        if not 0 <= trip_ms <= ROUND_TRIP_MS_MAX:
            return False
        new = Sample(there_ms - (sent_ms + received_ms) // 2, (trip_ms + 1) // 2, received_ms)
        self._samples = [*filter(new.agrees, self._samples[1 - KEPT :]), new]
        return True

    def refusal(self) -> str | None:
        """Why no entry may leave, None when the clocks surely agree."""
        best = self._best()
        if best is None:
            return "the venue's clock was not measured yet"
        if not self._is_fresh(best):
            return f"the venue's clock was measured {self._age_ms(best) / 1000:.0f} s ago"
        apart_ms = abs(best.offset_ms)
        if apart_ms + best.doubt_ms <= OFFSET_MS_MAX:
            return None
        way = "behind" if best.offset_ms > 0 else "ahead of"
        if apart_ms - best.doubt_ms > OFFSET_MS_MAX:
            doubt, remedy = "", "set the clock of this machine"
        else:
            doubt = f", give or take {best.doubt_ms} ms"
            remedy = "the venue answers too slowly to know"
        return (
            f"our clock is {apart_ms} ms {way} the venue's{doubt}; more than {OFFSET_MS_MAX} ms "
            f"are too many: {remedy}"
        )

    def _best(self) -> Sample | None:
        """The surest of those that still say something, else the newest there is."""
        fresh = [one for one in self._samples if self._is_fresh(one)]
        if fresh:
            return min(fresh, key=lambda one: (one.doubt_ms, -one.at_ms))
        return self._samples[-1] if self._samples else None

    def _is_fresh(self, one: Sample) -> bool:
        return 0 <= self._age_ms(one) <= GOOD_FOR_MS

    def _age_ms(self, one: Sample) -> int:
        return self._now_ms() - one.at_ms
