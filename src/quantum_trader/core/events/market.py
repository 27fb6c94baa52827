"""What the market did. Market numbers are floats: statistics, quantised where they meet orders."""

from decimal import Decimal

import msgspec

from quantum_trader.core.events.base import Fact, MarketFact

RECORDED = "recorded"
"""What facts out of a recording name as their source."""


class CandleClosed(MarketFact, frozen=True, kw_only=True, tag="candle.closed", gc=False):
    """A bar over [open_ms, open_ms + interval_ms) that will not change any more."""

    interval_ms: int
    open_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float


class Tick(MarketFact, frozen=True, kw_only=True, tag="tick", gc=False):
    """One trade of the public tape. ``qty`` in base units."""

    price: float
    qty: float


class MarkPriced(MarketFact, frozen=True, kw_only=True, tag="mark.priced", gc=False):
    """The venue's mark price; funding per interval as a fraction, positive: longs pay."""

    mark: float
    funding_rate_frac: float | None
    next_funding_ms: int | None


class FundingRatePublished(MarketFact, frozen=True, kw_only=True, tag="funding.rate", gc=False):
    """The rate settled at ``at_ms``, as a fraction of notional; positive: longs pay shorts."""

    rate_frac: Decimal


class QuoteChanged(MarketFact, frozen=True, kw_only=True, tag="quote.changed", gc=False):
    """The best bid and ask, quantities in base units.

    ``checked`` tells whether an order book kept beside the quotes, without a break in its sequence,
    had the same best prices and quantities when it could last be compared; None before that.
    """

    bid: float
    bid_qty: float
    ask: float
    ask_qty: float
    checked: bool | None


class VenueQuoted(MarketFact, frozen=True, kw_only=True, tag="venue.quoted", gc=False):
    """The best bid and ask of one venue (``source``), in the units of our own contract.

    ``venue_symbol`` is what the contract is called there. Prices and quantities are per unit of
    ``symbol``, whatever the venue counts in; a quantity whose unit nobody knows is None.
    """

    venue_symbol: str
    bid: float
    ask: float
    bid_qty: float | None
    ask_qty: float | None


class VenueSeen(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One venue in a comparison: its middle price, how old that is, and whether it counted.

    ``price`` and ``age_ms`` are None for a venue that was never heard.
    """

    venue: str
    price: float | None
    age_ms: int | None
    fresh: bool


class VenuesCompared(MarketFact, frozen=True, kw_only=True, tag="venues.compared", gc=False):
    """How far venues disagree about one price (see core/market/divergence).

    ``average`` is the mean of the fresh venues, None without any. ``divergence_bps`` is how far our
    own venue is above (below: negative) the mean of the others; ``dispersion_bps`` the standard
    deviation of all over their mean. Both are None unless they can be told. ``venues`` lists every
    venue that was asked for, the ones that dropped out too; ``fresh`` counts those that did not.
    """

    average: float | None
    divergence_bps: float | None
    dispersion_bps: float | None
    fresh: int
    venues: tuple[VenueSeen, ...]


class SecondPassed(Fact, frozen=True, kw_only=True, tag="second.passed", gc=False):
    """Time reaches the core as a fact, so a replay ages things exactly as the day did."""


class MarketStateComputed(Fact, frozen=True, kw_only=True, tag="market.state", gc=False):
    """Volatility, trend and regime of one symbol from its closed bars (see core/market)."""

    symbol: str
    interval_ms: int
    last_bar_ms: int
    bars: int
    sigma_frac: float
    mu_frac: float
    trend_strength: float
    direction_persistence: float
    variance_ratio: float
    spike: float
    p_trend: float
    p_reversion: float
    p_chop: float
    regime: str
