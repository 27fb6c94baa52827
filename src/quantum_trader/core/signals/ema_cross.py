"""Two exponential averages of the close: enter when the fast one crosses the slow one."""

import msgspec

from quantum_trader.core.events import CandleClosed
from quantum_trader.core.signals.model import BarCursor, Signal, arrival

WARM_UP_PER_SLOW_BAR = 3
"""After 3 n bars the first close weighs (1 - 2/(n+1))^(3n), a quarter of a per cent."""


class EmaState(BarCursor, kw_only=True, tag="ema_cross"):
    """The averages so far. ``above`` is +1 with fast over slow, -1 below, 0 not known yet."""

    bars: int = 0
    fast: float = 0.0
    slow: float = 0.0
    above: int = 0


class EmaCross(msgspec.Struct, frozen=True, kw_only=True):
    """LONG when the fast average crosses above the slow one, SHORT below.

    Averages of n bars weigh the newest close with 2/(n+1) and start at the first close. A cross
    says nothing about the odds, so signals carry no confidence.
    """

    fast_bars: int = 20
    slow_bars: int = 50

    def __post_init__(self) -> None:
        """Raise ``ValueError`` unless the fast average is the faster one."""
        if not 1 <= self.fast_bars < self.slow_bars:
            raise ValueError(f"fast_bars {self.fast_bars} must be below slow_bars {self.slow_bars}")

    @property
    def name(self) -> str:
        """``ema_cross``, with its bars where they are not the usual ones."""
        usual = (self.fast_bars, self.slow_bars) == (20, 50)
        return "ema_cross" if usual else f"ema_cross_{self.fast_bars}_{self.slow_bars}"

    def initial(self) -> EmaState:
        """Nothing seen."""
        return EmaState()

    def on_candle(self, state: EmaState, candle: CandleClosed) -> Signal | None:
        """Update the averages; a signal when they cross after the warm-up."""
        came, close = arrival(state, candle), candle.close
        if came == "seen":
            return None
        if came == "first":
            state.bars, state.fast, state.slow, state.above = 1, close, close, 0
            return None
        state.bars += 1
        state.fast += (close - state.fast) * 2.0 / (self.fast_bars + 1)
        state.slow += (close - state.slow) * 2.0 / (self.slow_bars + 1)
        above = (state.fast > state.slow) - (state.fast < state.slow)
        if above in (0, state.above):
            return None
        before, state.above = state.above, above
        warm = state.bars > WARM_UP_PER_SLOW_BAR * self.slow_bars
        return self._crossed(state) if warm and before != 0 else None

    def _crossed(self, state: EmaState) -> Signal:
        way = "above" if state.above > 0 else "below"
        reason = (
            f"EMA {self.fast_bars} ({state.fast:.8g}) crossed {way} "
            f"EMA {self.slow_bars} ({state.slow:.8g})"
        )
        return Signal("LONG" if state.above > 0 else "SHORT", None, reason)
