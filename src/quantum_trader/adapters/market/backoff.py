"""Pauses between attempts, longer and longer, and never in step with anybody else's."""

import asyncio
from random import Random

FIRST_S = 0.5
LONGEST_S = 30.0


class Backoff:
    """Full jitter: each pause is drawn between nothing and a ceiling that doubles.

    A thousand clients that lost one server at one moment must not return at one moment.
    """

    def __init__(self, first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._random = Random()  # noqa: S311 - it spreads load and guards nothing
        self._attempts = 0

    def copy(self) -> "Backoff":
        """The same manners for somebody else's attempts."""
        return Backoff(self._first_s, self._longest_s)

    def reset(self) -> None:
        """It works again."""
        self._attempts = 0

    async def pause(self) -> None:
        """Wait before the next attempt."""
        ceiling_s = min(self._first_s * 2.0**self._attempts, self._longest_s)
        self._attempts = min(self._attempts + 1, 32)
        await asyncio.sleep(self._random.uniform(0.0, ceiling_s))
