"""Recordings as a market to run on; imported only when one is played, for what it takes to read."""

from collections.abc import Collection
from pathlib import Path

from quantum_trader.adapters.archive.candles import open_recordings
from quantum_trader.adapters.clock import ManualClock, SystemClock
from quantum_trader.adapters.market.market_clock import TimedMarket
from quantum_trader.adapters.market.recorded import HISTORY_BARS, RecordedMarket
from quantum_trader.core.events import CandleClosed

END_OF_TIME_MS = 2**53


def open_recording(
    path: Path,
    symbols: tuple[str, ...],
    speed: float,
    told: Collection[CandleClosed],
    clock: ManualClock,
) -> TimedMarket:
    """Play from where every symbol has begun, or on from the bars that were told before.

    The clock follows it. Raises ``ConfigError`` when there is nothing to play.
    """
    recordings = open_recordings([path], symbols, (0, END_OF_TIME_MS))
    # All symbols together: nobody waits for years of funding rates before the first bar.
    first_ms = max(next(recording.candles()).open_ms for recording in recordings)
    resume_ms = min((bar.at_ms - HISTORY_BARS * bar.interval_ms for bar in told), default=0)
    span_ms = (max(first_ms, resume_ms), END_OF_TIME_MS)
    playing = open_recordings([path], symbols, span_ms)
    return TimedMarket(RecordedMarket(playing, speed, SystemClock()), clock)
