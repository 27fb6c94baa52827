"""Bars as trades: a market that only knows bars still has a tape and a mark price."""

from collections.abc import Iterator

from quantum_trader.core.events import CandleClosed, MarkPriced, Tick

SECOND_MS = 1_000
TRADES_A_BAR_MIN = 4


def trades_of(bar: CandleClosed) -> list[Tick]:
    """One trade a second, four at least, on straight lines: open, near extreme, far one, close.

    Each has an equal share of the volume. The last one is in the bar's last millisecond.
    """
    count = max(TRADES_A_BAR_MIN, bar.interval_ms // SECOND_MS)
    prices = list(_path(bar, count))
    step_ms = (bar.interval_ms - 1) / (count - 1)
    return [
        Tick(
            id=f"{bar.id}:{number}",
            at_ms=bar.open_ms + int(number * step_ms),
            symbol=bar.symbol,
            source=bar.source,
            price=price,
            qty=bar.volume / count,
        )
        for number, price in enumerate(prices)
    ]


def _path(bar: CandleClosed, count: int) -> Iterator[float]:
    """Prices along the way, with every corner among them."""
    down_first = bar.open - bar.low <= bar.high - bar.open
    turns = (bar.low, bar.high) if down_first else (bar.high, bar.low)
    corners = (bar.open, *turns, bar.close)
    at = [0, count // 3, 2 * count // 3, count - 1]
    for number in range(count):
        leg = max(index for index in range(3) if at[index] <= number)
        start, end = at[leg], at[leg + 1]
        part = (number - start) / (end - start)
        yield corners[leg] + (corners[leg + 1] - corners[leg]) * part


def mark_after(tick: Tick, next_funding_ms: int, rate_frac: float) -> MarkPriced:
    """The mark price where there is no other: the last trade."""
    return MarkPriced(
        id=f"{tick.id}:mark",
        at_ms=tick.at_ms,
        symbol=tick.symbol,
        source=tick.source,
        mark=tick.price,
        funding_rate_frac=rate_frac,
        next_funding_ms=next_funding_ms,
    )
