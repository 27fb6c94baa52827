"""How far a market moves per bar, and whether that is much for this market."""

from bisect import bisect_left, bisect_right

import msgspec

ATR_BARS = 14
SAMPLE_EVERY_BARS = 15
SAMPLES = 50
SAMPLES_MIN = 20
"""Fewer would make steps of more than five per cent in the rank."""
PRICE_LEAST = 1e-12
PRICE_MOST = 1e12
"""No market trades outside; between them no ratio of two prices leaves the range of a float."""


class VolatilityTrack(msgspec.Struct):
    """The average true range (Wilder, 14 bars) as it goes, and samples of its recent past.

    ``close`` is that of the newest bar, ``bars`` how many true ranges there were in a row;
    ``samples_frac`` holds the last 50 values of ``atr_frac``, one per 15 bars, oldest first.
    """

    close: float = 0.0
    bars: int = 0
    atr: float = 0.0
    samples_frac: list[float] = []

    def push(self, high: float, low: float, close: float) -> None:
        """Take in a bar that follows the last one directly, in constant time.

        A bar whose numbers are no prices, or whose close lies outside its range, is missing: all
        that was known is forgotten, and the next bar begins anew.

        The true range reaches from the lower to the higher of this bar and the close before it;
        the first bar has none. The average of the first n of up to 14 is their mean, then
        atr += (tr - atr) / 14 (Wilder, New Concepts in Technical Trading Systems, 1978).
        """
        before = self.close
        if not PRICE_LEAST <= low <= close <= high <= PRICE_MOST:
            self.restart()
            return
        self.close = close
        if before == 0.0:
            return
        top = high if high > before else before
        bottom = low if low < before else before
        bars = self.bars = self.bars + 1
        self.atr += (top - bottom - self.atr) / (bars if bars < ATR_BARS else ATR_BARS)
        if bars % SAMPLE_EVERY_BARS == 0:
            self._sample()

    def restart(self) -> None:
        """Forget everything: the next bar does not follow the last one."""
        self.close, self.bars, self.atr = 0.0, 0, 0.0
        self.samples_frac.clear()

    @property
    def atr_frac(self) -> float | None:
        """The average true range over the last close; None with fewer than 14 true ranges."""
        return self.atr / self.close if self.bars >= ATR_BARS else None

    @property
    def rank(self) -> float | None:
        """Which part of the samples is smaller than the range of now, in [0, 1].

        What is equal counts half, so that a market that never changes is in its own middle. None
        with fewer than 20 samples.
        """
        now_frac, samples_frac = self.atr_frac, self.samples_frac
        if now_frac is None or len(samples_frac) < SAMPLES_MIN:
            return None
        ranked = sorted(samples_frac)
        places = bisect_left(ranked, now_frac) + bisect_right(ranked, now_frac)
        return places / (2 * len(ranked))

    def _sample(self) -> None:
        self.samples_frac.append(self.atr / self.close)
        if len(self.samples_frac) > SAMPLES:
            del self.samples_frac[0]
