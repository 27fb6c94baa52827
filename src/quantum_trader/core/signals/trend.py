"""The change over 24 hours: follow a move of more than one per cent."""

import msgspec

from quantum_trader.core.events import CandleClosed
from quantum_trader.core.signals.model import (
    DAY_MS,
    BarCursor,
    Signal,
    SignalSide,
    arrival,
)
from quantum_trader.core.units import percent_text

CONFIDENCE_BASE = 0.50
CONFIDENCE_MAX = 0.80
CONFIDENCE_HOLD = 0.30


class TrendState(BarCursor, kw_only=True, tag="trend"):
    """The closes of the last 24 hours as a ring; ``slot`` holds the oldest once it is full."""

    closes: list[float] = msgspec.field(default_factory=list)
    slot: int = 0
    side: SignalSide | None = None


class Trend(msgspec.Struct, frozen=True, kw_only=True):
    """LONG above +threshold over 24 hours of bars, SHORT below -threshold, else HOLD.

    With c the change in per cent, confidence is min(0.50 + abs(c)/100, 0.80), and 0.30 for HOLD.
    One signal per change of side. Bars that do not divide a day give no signal.
    """

    threshold_frac: float = 0.01

    def __post_init__(self) -> None:
        """Raise ``ValueError`` unless the threshold is a fraction above zero."""
        if not 0 < self.threshold_frac < 1:
            raise ValueError(f"threshold_frac {self.threshold_frac} must be between 0 and 1")

    @property
    def name(self) -> str:
        """``trend``, with its threshold where it is not the usual one."""
        return "trend" if self.threshold_frac == 0.01 else f"trend_{self.threshold_frac}"

    def initial(self) -> TrendState:
        """Nothing seen."""
        return TrendState()

    def on_candle(self, state: TrendState, candle: CandleClosed) -> Signal | None:
        """Compare with the close 24 hours ago; a signal when the side changes."""
        came, close = arrival(state, candle), candle.close
        if came == "seen" or DAY_MS % candle.interval_ms:
            return None
        if came == "first":
            state.closes, state.slot, state.side = [close], 0, None
            return None
        if len(state.closes) < DAY_MS // candle.interval_ms:
            state.closes.append(close)
            return None
        ago = state.closes[state.slot]
        state.closes[state.slot] = close
        state.slot = (state.slot + 1) % len(state.closes)
        change_frac = (close - ago) / ago
        side = self._side(change_frac)
        if side == state.side:
            return None
        state.side = side
        return Signal(side, confidence_of(side, change_frac), _reason(change_frac))

    def _side(self, change_frac: float) -> SignalSide:
        if change_frac > self.threshold_frac:
            return "LONG"
        return "SHORT" if change_frac < -self.threshold_frac else "HOLD"


def confidence_of(side: SignalSide, change_frac: float) -> float:
    """min(0.50 + abs(change), 0.80), the change as a fraction; 0.30 for HOLD."""
    if side == "HOLD":
        return CONFIDENCE_HOLD
    return min(CONFIDENCE_BASE + abs(change_frac), CONFIDENCE_MAX)


def _reason(change_frac: float) -> str:
    return f"changed by {percent_text(change_frac)} over 24 hours"
