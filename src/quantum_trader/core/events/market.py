"""What the market did. Market numbers are floats: statistics, quantised where they meet orders."""

from decimal import Decimal

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
