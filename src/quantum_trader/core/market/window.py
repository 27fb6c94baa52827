"""The closed bars of one symbol that market state is computed from."""

import math

import msgspec

WINDOW_BARS = 257
"""Closes needed for 256 returns."""


class BarWindow(msgspec.Struct):
    """The last closes without a hole between them, as natural logarithms, oldest first.

    ``last_open_ms`` is the open time of the newest bar. Logarithms are taken once, when a bar
    arrives, and not with every computation.
    """

    interval_ms: int = 0
    last_open_ms: int = 0
    log_closes: list[float] = []

    @property
    def full(self) -> bool:
        """There are enough bars for market state."""
        return len(self.log_closes) == WINDOW_BARS

    def push(self, interval_ms: int, open_ms: int, close: float) -> bool:
        """Take a closed bar in; False for a repeat, an older bar, and a close that is no price.

        Bars are known by their open time. A bar that does not follow the last one directly, or
        has another interval, begins a new window: what is missing is missing.
        """
        logs = self.log_closes
        if (logs and open_ms <= self.last_open_ms) or not 0.0 < close < math.inf:
            return False
        if open_ms - self.last_open_ms != interval_ms or interval_ms != self.interval_ms:
            logs.clear()
            self.interval_ms = interval_ms
        logs.append(math.log(close))
        if len(logs) > WINDOW_BARS:
            del logs[0]
        self.last_open_ms = open_ms
        return True
