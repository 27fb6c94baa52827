"""One moment of one position, with everything the exit rules may look at.

Prices are floats here: rules compare and scale them, and what leaves as an order is quantised by
the instrument afterwards. None is missing or stale: a rule that needs it does nothing, and rules
that protect need the mark and the position alone.
"""

import msgspec

from quantum_trader.core.exits.performance import Performance
from quantum_trader.core.exits.plan import ExitPlan, RiskMode
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.units import Side


class MarketPicture(msgspec.Struct, frozen=True, gc=False):
    """A market in numbers, as it is or as it was at entry.

    ``sigma_frac`` is volatility per bar, ``trend_strength`` mu / sigma per bar with its sign,
    ``atr_frac`` the average true range over the price (None with too few bars), and
    ``volatility_rank`` which part of its recent past had a smaller one (None while unknown).
    """

    sigma_frac: float
    trend_strength: float
    p_trend: float
    p_reversion: float
    p_chop: float
    regime: str
    atr_frac: float | None
    volatility_rank: float | None


class ExitMemory(msgspec.Struct, frozen=True, gc=False):
    """What earlier evaluations left behind.

    ``kill_streak`` counts evaluations in a row that wanted out; ``kill_at_ms`` is the market state
    the last of them looked at. ``stop_moved_ms`` is when the stop was last moved. ``crossed_ms`` is
    since when the mark stands beyond the stop.
    """

    kill_streak: int = 0
    kill_at_ms: int = 0
    stop_moved_ms: int = 0
    crossed_ms: int | None = None


class Glance(msgspec.Struct, frozen=True, gc=False):
    """What tells whether a position has to be looked at closely; most of the time it has not.

    ``initial_stop`` is the first stop, which R is measured by for good; ``stop`` the tightest that
    is confirmed or on its way. ``best`` is the best price since entry, for this side. ``stage``
    counts harvested steps of the one ladder, ``resting`` are the stages that an order at the venue
    is going to harvest. ``mark`` is None when it is unknown or too old, ``mark_age_ms`` says for
    how long nobody has brought a new one; time in which nothing ran does not count. ``market_ms``
    is of when the market is known.
    """

    sign: int
    entry_price: float
    initial_stop: float
    stop: float | None
    best: float
    opened_ms: int
    now_ms: int
    stage: int
    resting: tuple[int, ...]
    liquidation_price: float | None
    mark: float | None
    mark_age_ms: int | None
    market_ms: int
    next_funding_ms: int | None
    risk_mode: RiskMode
    hold_max_ms: int
    plan: ExitPlan
    memory: ExitMemory

    @property
    def risk_price(self) -> float:
        """The way from entry to the first stop, in price: one R of one unit."""
        return abs(self.entry_price - self.initial_stop)


class ExitContext(Glance, frozen=True, kw_only=True, gc=False):
    """A position, its plan and its market at ``now_ms``.

    ``qty`` is signed and what stands now; ``initial_qty`` is what was entered, unsigned. ``worst``
    is the counterpart of ``best``, ``targets`` are the prices of all stages. Fees and funding are
    what the trade has paid and received so far.
    """

    symbol: str
    position_id: str
    side: Side
    qty: float
    initial_qty: float
    worst: float
    targets: tuple[float, ...]
    leverage: int
    instrument: Instrument
    market: MarketPicture | None
    market_at_entry: MarketPicture | None
    funding_rate_frac: float | None
    funding_interval_ms: int | None
    taker_frac: float
    spread_frac: float
    fees_usd: float
    funding_usd: float
    confidence: float | None
    performance: Performance | None
    divergence: float | None
    heat: float | None

    def r_net_at(self, price: float) -> float:
        """The profit at ``price`` after what entering and leaving costs and funding, in R.

        R_net = (s * (p - e) - 2 * taker * e + funding / q0) / |e - initial stop|, all per unit of
        the initial quantity, so it does not change with the size of the position.
        """
        costs = 2.0 * self.taker_frac * self.entry_price - self.funding_usd / self.initial_qty
        return (self.sign * (price - self.entry_price) - costs) / self.risk_price
