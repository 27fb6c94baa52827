"""What went wrong at a source of market data, counted by name and told without drowning the log."""

from collections import Counter
from collections.abc import Mapping

import structlog

_log = structlog.get_logger()

REASON_CHARS_MAX = 200


class Faults:
    """Counts of one source. The first, tenth, hundredth ... of a name is logged with its reason.

    Names come from the code, never from what a venue sent, so there are only so many.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._counts: Counter[str] = Counter()

    def note(self, name: str, reason: object) -> None:
        """One more of these, and what it was this time."""
        self._counts[name] += 1
        count = self._counts[name]
        if count == 10 ** (len(str(count)) - 1):
            text = str(reason)[:REASON_CHARS_MAX]
            _log.warning(name, source=self._source, count=count, reason=text)

    @property
    def counts(self) -> Mapping[str, int]:
        """How often each name was noted since the start."""
        return dict(self._counts)
