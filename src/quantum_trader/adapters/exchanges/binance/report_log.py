"""Reports in the order in which they were learned, each once, with numbers that only grow.

A number is the venue's time in milliseconds, times a thousand, and one more where that was given
already. So a number alone, kept by a journal, says from when on a later process has to ask.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress

import msgspec

from quantum_trader.adapters.exchanges.binance.identity import Kept
from quantum_trader.adapters.exchanges.binance.reports import Key, Told
from quantum_trader.core.venue import AnyVenueUpdate

SEQ_PER_MS = 1_000
REPORTS_KEPT = 100_000
TRIMMED_AT_ONCE = 10_000


def seq_at(at_ms: int) -> int:
    """The number of the first report of a millisecond."""
    return at_ms * SEQ_PER_MS


def time_of(seq: int) -> int:
    """The millisecond of a number; it may lie a little ahead of its report's own time."""
    return seq // SEQ_PER_MS


class ReportLog:
    """What may be shown to readers."""

    def __init__(self, there_ms: Callable[[], int]) -> None:
        """``there_ms`` is the venue's time: no number may promise more than that."""
        self._there_ms = there_ms
        self._read_seq = 0
        self._first_ms = 0
        self._reports: list[AnyVenueUpdate] = []
        self._keys: Kept[Key, None] = Kept()
        self._last_seq = 0
        self._news = asyncio.Event()

    def begin_after(self, seq: int) -> None:
        """Numbers up to this one were given before."""
        self._last_seq = max(self._last_seq, seq)

    def leave_out_before(self, at_ms: int) -> None:
        """What happened earlier is known, and told to nobody."""
        self._first_ms = at_ms

    def knows(self, key: Key) -> bool:
        """Whether a report was told already."""
        return key in self._keys

    def add(self, told: Iterable[Told]) -> int:
        """Number and show reports that were not told yet; how many."""
        before = len(self._reports)
        for each in told:
            if each.key in self._keys:
                continue
            self._keys.put(each.key, None)
            if each.update.at_ms < self._first_ms:
                continue
            at_ms = min(each.update.at_ms, self._there_ms())
            self._last_seq = max(seq_at(at_ms), self._last_seq + 1)
            self._reports.append(msgspec.structs.replace(each.update, seq=self._last_seq))
        added = len(self._reports) - before
        if added:
            self._news.set()
        if len(self._reports) > REPORTS_KEPT + TRIMMED_AT_ONCE:
            self._trim()
        return added

    def _trim(self) -> None:
        """Forget old reports, but none that its reader has not passed."""
        passed = bisect_right(self._reports, self._read_seq, key=_seq_of)
        if passed >= TRIMMED_AT_ONCE:
            del self._reports[:TRIMMED_AT_ONCE]

    def after(self, seq: int) -> Sequence[AnyVenueUpdate]:
        """Reports with larger numbers."""
        self._read_seq = max(self._read_seq, seq)
        return self._reports[bisect_right(self._reports, seq, key=_seq_of) :]

    async def wait(self, seq: int, wait_ms: int) -> None:
        """Return when there is a report after a number, or after ``wait_ms``."""
        if self._reports and self._reports[-1].seq > seq:
            return
        self._news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(wait_ms / 1_000):
                await self._news.wait()

    def wake(self) -> None:
        """Let whoever waits look again."""
        self._news.set()


def _seq_of(report: AnyVenueUpdate) -> int:
    return report.seq
