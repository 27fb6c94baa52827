"""How far venues disagree about the price of one contract.

With m_v the middle between best bid and ask at venue v, over the venues that are fresh:

    average        = mean(m_v)
    dispersion_bps = 10,000 * std(m_v) / average          (population; two venues or more)
    divergence_bps = 10,000 * (m_own / mean(m_others) - 1)  (our own venue and another one)

A venue is fresh while its last word is at most ``STALE_MS`` old, counted from the older of its own
time and the time of receipt: a venue that repeats itself with an old time, and one that fell
silent, drop out alike. What drops out is still listed, with its age. Fresh prices of which one is
``UNIT_RATIO_MAX`` times another are prices of different things (a pack of a thousand coins, a coin
that changed its unit); then neither number is told.
"""

from collections.abc import Iterator, Sequence
from statistics import fmean, pstdev

import msgspec

from quantum_trader.core.events import VenueQuoted, VenuesCompared, VenueSeen

BPS = 10_000.0
STALE_MS = 10_000
UNIT_RATIO_MAX = 3.0
COMPARISON = "venues"
"""The source of a comparison: no single venue said it."""


class _Word(msgspec.Struct, frozen=True):
    """The last that was heard of a venue: the middle of its quote, and since when it holds."""

    price: float
    at_ms: int


class Comparison:
    """The last word of every venue on every symbol. ``own`` is the venue that we trade on."""

    def __init__(self, own: str, venues: Sequence[str], stale_ms: int = STALE_MS) -> None:
        self._own = own
        self._venues = tuple(venues)
        self._stale_ms = stale_ms
        self._words: dict[str, dict[str, _Word]] = {}

    def take(self, quote: VenueQuoted) -> bool:
        """Remember a quote; False for one that is older than the last, or of nobody asked for."""
        if quote.source not in self._venues:
            return False
        words = self._words.setdefault(quote.symbol, {})
        known = words.get(quote.source)
        received_ms = quote.at_ms if quote.received_ms is None else quote.received_ms
        word = _Word((quote.bid + quote.ask) / 2.0, min(quote.at_ms, received_ms))
        if known is not None and word.at_ms < known.at_ms:
            return False
        words[quote.source] = word
        return True

    def compared(self, now_ms: int) -> Iterator[VenuesCompared]:
        """Every symbol that was ever heard of, compared as of now."""
        for symbol in self._words:
            yield self._one(symbol, now_ms)

    def _one(self, symbol: str, now_ms: int) -> VenuesCompared:
        seen = tuple(self._seen(symbol, venue, now_ms) for venue in self._venues)
        fresh = {one.venue: one.price for one in seen if one.fresh and one.price is not None}
        own = fresh.get(self._own)
        others = [price for venue, price in fresh.items() if venue != self._own]
        told = bool(fresh) and max(fresh.values()) <= UNIT_RATIO_MAX * min(fresh.values())
        return VenuesCompared(
            id=f"{symbol}:venues:{now_ms}",
            at_ms=now_ms,
            symbol=symbol,
            source=COMPARISON,
            average=fmean(fresh.values()) if told else None,
            divergence_bps=bps_apart(own, fmean(others)) if told and own and others else None,
            dispersion_bps=dispersion_bps(list(fresh.values()))
            if told and len(fresh) > 1
            else None,
            fresh=len(fresh),
            venues=seen,
        )

    def _seen(self, symbol: str, venue: str, now_ms: int) -> VenueSeen:
        word = self._words[symbol].get(venue)
        if word is None:
            return VenueSeen(venue=venue, price=None, age_ms=None, fresh=False)
        age_ms = max(now_ms - word.at_ms, 0)
        return VenueSeen(
            venue=venue, price=word.price, age_ms=age_ms, fresh=age_ms <= self._stale_ms
        )


def bps_apart(one: float, other: float) -> float:
    """How far ``one`` is above ``other``, in basis points of it."""
    return (one / other - 1.0) * BPS


def dispersion_bps(prices: Sequence[float]) -> float:
    """The population's standard deviation over the mean, in basis points."""
    return pstdev(prices) / fmean(prices) * BPS
