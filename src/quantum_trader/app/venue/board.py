"""The market of one symbol as the venue shows it: trades, bars, marks, funding, and the day."""

from collections.abc import Sequence

import msgspec

MINUTE_MS = 60_000
DAY_MS = 86_400_000
BARS_KEPT = 20_000
BARS_TRIM = 2_000
TRADES_KEPT = 1_000
TRADES_TRIM = 500
RATES_KEPT = 1_000
UPDATES_A_TRADE = 10
"""So many numbers of the book does one change of it have: a snapshot lies within the next one."""


class Bar(msgspec.Struct):
    """A minute, or several: prices, base volume, and what of it buyers took."""

    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float = 0.0
    quote_usd: float = 0.0
    trades: int = 0
    taker_volume: float = 0.0
    taker_quote_usd: float = 0.0
    first_id: int = 0
    last_id: int = 0

    def add(self, price: float, qty: float, bought: bool, trade_id: int) -> None:
        """Count a trade in."""
        self.high, self.low, self.close = max(self.high, price), min(self.low, price), price
        self.volume += qty
        self.quote_usd += qty * price
        self.trades += 1
        self.first_id = self.first_id or trade_id
        self.last_id = trade_id
        if bought:
            self.taker_volume += qty
            self.taker_quote_usd += qty * price


class Print(msgspec.Struct, frozen=True):
    """A trade of the tape. ``maker_bought``: the buyer was at rest."""

    trade_id: int
    price: float
    qty: float
    at_ms: int
    maker_bought: bool


class Rate(msgspec.Struct, frozen=True):
    """A settlement of funding."""

    at_ms: int
    rate_frac: str
    mark: float


class Board(msgspec.Struct, kw_only=True):
    """``update_id`` counts the changes of the book; a halted symbol takes nothing."""

    symbol: str
    bars: list[Bar] = []
    prints: list[Print] = []
    rates: list[Rate] = []
    last: float | None = None
    last_ms: int = 0
    last_qty: float = 0.0
    mark: float | None = None
    funding_frac: float = 0.0001
    next_funding_ms: int = 0
    trade_id: int = 0
    update_id: int = 0
    halted: bool = False

    def trade(self, price: float, qty: float, at_ms: int) -> Print:
        """A trade of the tape; which side took is told by the way the price went."""
        sold = self.last is not None and price < self.last
        self.trade_id += 1
        self.update_id += UPDATES_A_TRADE
        self.last, self.last_ms, self.last_qty = price, at_ms, qty
        open_ms = at_ms // MINUTE_MS * MINUTE_MS
        if not self.bars or self.bars[-1].open_ms < open_ms:
            self.bars.append(Bar(open_ms, price, price, price, price))
        self.bars[-1].add(price, qty, not sold, self.trade_id)
        found = Print(self.trade_id, price, qty, at_ms, sold)
        self.prints.append(found)
        self._trim()
        return found

    def remember(self, bar: Bar) -> None:
        """A bar of the time before; bars come in order."""
        self.bars.append(bar)
        self.last, self.last_ms = bar.close, bar.open_ms

    def settled(self, at_ms: int, rate_frac: str) -> None:
        """A settlement of funding."""
        self.rates.append(Rate(at_ms, rate_frac, self.mark or self.last or 0.0))
        del self.rates[:-RATES_KEPT]

    def bar_now(self, interval_ms: int, offset_ms: int = 0, back: int = 0) -> Bar | None:
        """The bar of an interval as it stands, or the one so many intervals before it."""
        start = (self.last_ms - offset_ms) // interval_ms * interval_ms + offset_ms
        start -= back * interval_ms
        found: list[Bar] = []
        for bar in reversed(self.bars):
            if bar.open_ms < start:
                break
            if bar.open_ms < start + interval_ms:
                found.append(bar)
        whole = merged(found[::-1])
        return None if whole is None else msgspec.structs.replace(whole, open_ms=start)

    def _trim(self) -> None:
        if len(self.bars) > BARS_KEPT + BARS_TRIM:
            del self.bars[:BARS_TRIM]
        if len(self.prints) > TRADES_KEPT + TRADES_TRIM:
            del self.prints[:TRADES_TRIM]

    def day(self) -> Bar | None:
        """The last twenty-four hours as one bar; None before the first trade."""
        return merged([one for one in self.bars if one.open_ms > self.last_ms - DAY_MS])

    def bars_of(self, interval_ms: int, offset_ms: int = 0) -> list[Bar]:
        """All bars of an interval, put together from minutes."""
        if interval_ms == MINUTE_MS:
            return self.bars
        groups: dict[int, list[Bar]] = {}
        for bar in self.bars:
            start = (bar.open_ms - offset_ms) // interval_ms * interval_ms + offset_ms
            groups.setdefault(start, []).append(bar)
        whole = (merged(group) for group in groups.values())
        return [
            msgspec.structs.replace(bar, open_ms=start)
            for start, bar in zip(groups, whole, strict=True)
            if bar is not None
        ]


def merged(bars: Sequence[Bar]) -> Bar | None:
    """Several bars, oldest first, as one; None for none."""
    if not bars:
        return None
    return Bar(
        bars[0].open_ms,
        bars[0].open,
        max(one.high for one in bars),
        min(one.low for one in bars),
        bars[-1].close,
        sum(one.volume for one in bars),
        sum(one.quote_usd for one in bars),
        sum(one.trades for one in bars),
        sum(one.taker_volume for one in bars),
        sum(one.taker_quote_usd for one in bars),
        bars[0].first_id,
        bars[-1].last_id,
    )
