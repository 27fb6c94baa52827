"""What is known of one symbol's market, and how old it is."""

from math import inf

import msgspec

from quantum_trader.core.events import (
    CandleClosed,
    FundingRatePublished,
    MarketFact,
    MarkPriced,
    QuoteChanged,
    Tick,
    VenuesCompared,
)
from quantum_trader.core.market.volatility import VolatilityTrack
from quantum_trader.core.market.window import BarWindow

STATE_EVERY_BARS = 240
"""How often market state is published when nobody asks; entries ask for themselves."""
STATE_EVERY_BARS_HELD = 15
"""The same while a position stands whose exits look at it."""
FUNDING_INTERVAL_MIN_MS = 3_600_000
"""The shortest interval between two settlements that venues have."""
COMPARED_AGE_MAX_MS = 10_000
"""How old a comparison with other venues may be and still tell anything about now."""


class MarketView(msgspec.Struct, kw_only=True):
    """Last trade, mark, funding, closed bars and their ranges. ``None`` is missing; epoch ms.

    ``mark`` falls back to the last traded price on feeds that carry no mark of their own;
    ``has_mark_feed`` remembers that a real one exists. ``next_funding_ms`` is what the newest mark
    said; ``funding_interval_ms`` is known once a settlement was seen to be followed by the next.
    ``bid`` and ``ask`` are the newest best prices, of ``quote_ms``. ``divergence_bps`` is what the
    newest comparison with other venues, of ``compared_ms``, found.
    """

    source: str
    window: BarWindow
    last: float | None = None
    last_ms: int = 0
    mark: float | None = None
    mark_ms: int = 0
    has_mark_feed: bool = False
    funding_rate_frac: float | None = None
    next_funding_ms: int | None = None
    funding_interval_ms: int | None = None
    bid: float | None = None
    ask: float | None = None
    quote_ms: int = 0
    divergence_bps: float | None = None
    compared_ms: int = 0
    bars: int = 0
    volatility: VolatilityTrack = msgspec.field(default_factory=VolatilityTrack)

    def state_due(self, held: bool = False) -> bool:
        """Whether market state shall be published with this bar; more often for who is in it."""
        return self.bars % (STATE_EVERY_BARS_HELD if held else STATE_EVERY_BARS) == 0

    def divergence_frac(self, now_ms: int) -> float | None:
        """How far venues disagree about the price, as a fraction of it, either way.

        None where fewer than two venues could be compared, or the comparison is too old.
        """
        if self.divergence_bps is None or now_ms - self.compared_ms > COMPARED_AGE_MAX_MS:
            return None
        return abs(self.divergence_bps) / 10_000.0

    @property
    def atr_frac(self) -> float | None:
        """The average true range over the price; None with too few bars."""
        return self.volatility.atr_frac

    @property
    def volatility_rank(self) -> float | None:
        """Which part of its recent past had a smaller range; None while that is too short."""
        return self.volatility.rank


def observe(view: MarketView, fact: MarketFact) -> bool:
    """Take a market fact in; False when it is a repeat, older than what is known, or no price."""
    if isinstance(fact, CandleClosed):
        if not view.window.push(fact.interval_ms, fact.open_ms, fact.close):
            return False
        view.bars += 1
        if len(view.window.log_closes) == 1:
            view.volatility.restart()
        view.volatility.push(fact.high, fact.low, fact.close)
        _trade(view, fact.close, fact.at_ms)
    elif isinstance(fact, Tick):
        return 0.0 < fact.price < inf and _trade(view, fact.price, fact.at_ms)
    elif isinstance(fact, MarkPriced):
        if fact.at_ms < view.mark_ms or not 0.0 < fact.mark < inf:
            return False
        view.mark, view.mark_ms, view.has_mark_feed = fact.mark, fact.at_ms, True
        view.funding_rate_frac = fact.funding_rate_frac
        if fact.next_funding_ms != view.next_funding_ms:
            _schedule(view, fact.next_funding_ms, fact.at_ms)
    elif isinstance(fact, FundingRatePublished):
        view.funding_rate_frac = float(fact.rate_frac)
    else:
        return _note(view, fact)
    return True


def _note(view: MarketView, fact: MarketFact) -> bool:
    """What moves no price: the best bid and ask, and what other venues say."""
    if isinstance(fact, QuoteChanged):
        if fact.at_ms < view.quote_ms or not 0.0 < fact.bid < fact.ask < inf:
            return False
        view.bid, view.ask, view.quote_ms = fact.bid, fact.ask, fact.at_ms
    elif isinstance(fact, VenuesCompared):
        if fact.at_ms < view.compared_ms:
            return False
        view.divergence_bps, view.compared_ms = fact.divergence_bps, fact.at_ms
    return True


def _schedule(view: MarketView, next_ms: int | None, at_ms: int) -> None:
    """Another time of settlement, and the interval where the one before has only just passed.

    Any later, settlements may have been missed; any earlier, the venue changed its mind.
    """
    due_ms, view.next_funding_ms = view.next_funding_ms, next_ms
    view.funding_interval_ms = None
    if due_ms is None or next_ms is None or next_ms <= due_ms:
        return
    if due_ms <= at_ms < due_ms + FUNDING_INTERVAL_MIN_MS:
        view.funding_interval_ms = next_ms - due_ms


def _trade(view: MarketView, price: float, at_ms: int) -> bool:
    """A traded price; it is the mark too where the feed has none. False for an old one."""
    if at_ms < view.last_ms:
        return False
    view.last, view.last_ms = price, at_ms
    if not view.has_mark_feed:
        view.mark, view.mark_ms = price, at_ms
    return True
