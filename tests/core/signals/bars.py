"""Closed bars from a row of closes."""

from collections.abc import Iterable

import msgspec

from quantum_trader.core.events import CandleClosed
from quantum_trader.core.signals import AnyModel, Signal

START_MS = 1_735_000_200_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000


def bars_of(closes: Iterable[float], *, interval_ms: int = HOUR_MS) -> list[CandleClosed]:
    """Return bars without a hole; each opens at the close before it."""
    bars: list[CandleClosed] = []
    for number, close in enumerate(closes):
        opened = bars[-1].close if bars else close
        open_ms = START_MS + number * interval_ms
        bars.append(
            CandleClosed(
                id=f"c{number}",
                at_ms=open_ms + interval_ms,
                symbol="ETHUSDT",
                source="test",
                interval_ms=interval_ms,
                open_ms=open_ms,
                open=opened,
                high=max(opened, close),
                low=min(opened, close),
                close=close,
                volume=1.0,
            )
        )
    return bars


def told(model: AnyModel, bars: Iterable[CandleClosed]) -> list[Signal | None]:
    """Return what a model says, bar by bar, from its beginning."""
    state = model.initial()
    return [model.on_candle(state, bar) for bar in bars]


def later(bars: Iterable[CandleClosed], by_ms: int) -> list[CandleClosed]:
    """Return the same bars at a later time."""
    return [
        msgspec.structs.replace(bar, open_ms=bar.open_ms + by_ms, at_ms=bar.at_ms + by_ms)
        for bar in bars
    ]
