"""What is known of one symbol's market, and how old it is."""

from math import inf

import msgspec

from quantum_trader.core.events import (
    CandleClosed,
    FundingRatePublished,
    MarketFact,
    MarkPriced,
    Tick,
)
from quantum_trader.core.market.window import BarWindow

STATE_EVERY_BARS = 240
"""How often market state is published when nobody asks; entries ask for themselves."""


class MarketView(msgspec.Struct, kw_only=True):
    """Last trade, mark, funding and closed bars. ``None`` is missing; times are epoch ms.

    ``mark`` falls back to the last traded price on feeds that carry no mark of their own;
    ``has_mark_feed`` remembers that a real one exists.
    """

    source: str
    window: BarWindow
    last: float | None = None
    last_ms: int = 0
    mark: float | None = None
    mark_ms: int = 0
    has_mark_feed: bool = False
    funding_rate_frac: float | None = None
    bars: int = 0

    def state_due(self) -> bool:
        """Whether market state shall be published with this bar."""
        return self.bars % STATE_EVERY_BARS == 0


def observe(view: MarketView, fact: MarketFact) -> bool:
    """Take a market fact in; False when it is a repeat, older than what is known, or no price."""
    if isinstance(fact, CandleClosed):
        if not view.window.push(fact.interval_ms, fact.open_ms, fact.close):
            return False
        view.bars += 1
        _trade(view, fact.close, fact.at_ms)
    elif isinstance(fact, Tick):
        return 0.0 < fact.price < inf and _trade(view, fact.price, fact.at_ms)
    elif isinstance(fact, MarkPriced):
        if fact.at_ms < view.mark_ms or not 0.0 < fact.mark < inf:
            return False
        view.mark, view.mark_ms, view.has_mark_feed = fact.mark, fact.at_ms, True
        view.funding_rate_frac = fact.funding_rate_frac
    elif isinstance(fact, FundingRatePublished):
        view.funding_rate_frac = float(fact.rate_frac)
    return True


def _trade(view: MarketView, price: float, at_ms: int) -> bool:
    """A traded price; it is the mark too where the feed has none. False for an old one."""
    if at_ms < view.last_ms:
        return False
    view.last, view.last_ms = price, at_ms
    if not view.has_mark_feed:
        view.mark, view.mark_ms = price, at_ms
    return True
