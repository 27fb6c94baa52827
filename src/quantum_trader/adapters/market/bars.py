"""How far the bars of each symbol were told: each once, in order, and where some are missing."""

from collections.abc import Sequence

import msgspec

from quantum_trader.core.events import CandleClosed

LATE_MS = 15_000
"""A bar that nobody traded in is not streamed; so late after its end it is asked for."""


class _Told(msgspec.Struct):
    next_open_ms: int
    asked_ms: int = 0


class Bars:
    """The next bar of every symbol. ``interval_ms`` is how long a bar lasts."""

    def __init__(self, symbols: Sequence[str], interval_ms: int) -> None:
        self._interval_ms = interval_ms
        self._told = {symbol: _Told(0) for symbol in symbols}

    def begin(self, first_open_ms: int) -> None:
        """No bar that opened before this one is wanted."""
        for told in self._told.values():
            told.next_open_ms = first_open_ms

    def next_open_ms(self, symbol: str) -> int:
        """When the next bar of a symbol opens, or did."""
        return self._told[symbol].next_open_ms

    def behind(self, now_ms: int) -> list[str]:
        """Symbols of which a bar has closed that was not told."""
        return [
            symbol
            for symbol, told in self._told.items()
            if told.next_open_ms + self._interval_ms <= now_ms
        ]

    def is_after_a_hole(self, bar: CandleClosed) -> bool:
        """Whether bars are missing between the last told one and this."""
        return bar.open_ms > self._told[bar.symbol].next_open_ms

    def accept(self, bar: CandleClosed) -> bool:
        """Whether a bar is still to be told; from here on it was."""
        told = self._told[bar.symbol]
        if bar.open_ms < told.next_open_ms:
            return False
        told.next_open_ms = bar.at_ms
        return True

    def is_late(self, symbol: str, at_ms: int) -> bool:
        """Whether the next bar should have come by now; asked for now and then only."""
        told = self._told[symbol]
        if max(told.next_open_ms + self._interval_ms, told.asked_ms) + LATE_MS > at_ms:
            return False
        told.asked_ms = at_ms
        return True
