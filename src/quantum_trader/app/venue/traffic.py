"""Who used which door, and what came of it: for those who ask what a client really does."""

from collections import Counter

NOWHERE = "no endpoint"
"""What was asked at an address that there is not. Anybody can name any, so they are one."""


class Traffic:
    """Counts by door and outcome: ``ok``, the code of a refusal, or the fault that struck."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def note(self, door: str, outcome: str) -> None:
        """One more came through a door: ``POST /fapi/v1/order``, or ``WS /private/ws``."""
        self._counts[door, outcome] += 1

    def told(self) -> dict[str, dict[str, int]]:
        """Doors by name, and how often each outcome was."""
        found: dict[str, dict[str, int]] = {}
        for (door, outcome), count in sorted(self._counts.items()):
            found.setdefault(door, {})[outcome] = count
        return found
