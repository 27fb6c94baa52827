"""What an exit plan is made from."""

import math

import msgspec

from quantum_trader.core.events.exits import LevelSet
from quantum_trader.core.exits.plan import PlanRegime, RiskMode
from quantum_trader.core.exits.profiles import ProfileMapping
from quantum_trader.core.units import Side, sign_of

VOLATILE_ABOVE_FRAC = 0.04
QUIET_BELOW_FRAC = 0.015
TRENDING_ABOVE = 0.6


class Hints(msgspec.Struct, frozen=True, kw_only=True):
    """What the proposer thinks of the exits; None is nothing said.

    Distances are fractions of the entry price above 0; ``trail_callback_frac`` is the way behind
    the best price.
    """

    tp_frac: float | None = None
    sl_frac: float | None = None
    trail_callback_frac: float | None = None
    confidence: float | None = None


NO_HINTS = Hints()


def hints_at(
    side: Side,
    entry_price: float,
    take_profit: float | None,
    stop_loss: float | None,
    confidence: float | None,
) -> Hints:
    """Hints from the prices a proposer names. One on the wrong side of entry is no hint."""
    sign = sign_of(side)
    return Hints(
        tp_frac=_distance(sign, entry_price, take_profit),
        sl_frac=_distance(-sign, entry_price, stop_loss),
        confidence=confidence,
    )


def _distance(sign: int, entry_price: float, price: float | None) -> float | None:
    if price is None:
        return None
    frac = sign * (price / entry_price - 1.0)
    return frac if 0.0 < frac < 1.0 else None


class PlanInputs(msgspec.Struct, frozen=True, kw_only=True):
    """A position to be, or one that stands, and its market. None is missing and has no say.

    ``volatility_frac`` is per day and ``volatility_factor`` the same over its reference (1.0 is
    normal); ``trend`` is from -1 to 1; a missing ``regime`` is classified from the two.
    ``funding_rate_frac`` is per interval (positive: longs pay), ``divergence`` the relative
    disagreement between exchanges, ``liquidity_usd`` the volume of 24 hours.
    ``margin_profit_frac`` is the unrealised profit over the margin, None before an entry.

    ``adaptive`` are the levels of the formula. ``stop_max_frac`` is the widest stop that the bounds
    will allow: targets in units of R have to be computed by the stop that will stand. ``assumed``
    names what the caller had to take as usual. Raises ``ValueError`` for NaN, infinity, and an
    entry price, leverage or hint that is not positive.
    """

    symbol: str
    position_id: str
    side: Side
    strategy: str
    entry_price: float
    leverage: float
    notional_usd: float | None
    risk_mode: RiskMode
    regime: PlanRegime | None
    volatility_frac: float | None
    volatility_factor: float | None
    trend: float | None
    funding_rate_frac: float | None
    divergence: float | None
    liquidity_usd: float | None
    signal_confidence: float | None
    adaptive: LevelSet
    stop_max_frac: float | None
    now_ms: int
    margin_profit_frac: float | None = None
    hints: Hints = NO_HINTS
    profiles: tuple[ProfileMapping, ...] = ()
    adopted: bool = False
    assumed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what would turn into a price that is none."""
        for source in (self, self.hints):
            for name in source.__struct_fields__:
                value = getattr(source, name)
                if isinstance(value, float) and not math.isfinite(value):
                    raise ValueError(f"{name} is {value}: expected a finite number, or None")
        for name in ("entry_price", "leverage"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}: expected more than 0")
        for name in ("tp_frac", "sl_frac", "trail_callback_frac"):
            hint = getattr(self.hints, name)
            if hint is not None and not 0.0 < hint < 1.0:
                raise ValueError(f"hint {name} is {hint}: expected a fraction of the price")

    @property
    def known_regime(self) -> PlanRegime:
        """The regime as it was told, else as volatility and trend classify it."""
        return self.regime or regime_of(self.volatility_frac, self.trend)

    @property
    def regime_told(self) -> bool:
        """Whether the regime is more than what is usual."""
        return (self.regime, self.volatility_frac, self.trend) != (None, None, None)


def regime_of(volatility_frac: float | None, trend: float | None) -> PlanRegime:
    """The regime by volatility per day and trend in [-1, 1]; NORMAL where neither says otherwise.

    Volatility above 4 % is VOLATILE, else a trend beyond 0.6 either way TRENDING, else volatility
    below 1.5 % RANGE_BOUND.
    """
    if volatility_frac is not None and volatility_frac > VOLATILE_ABOVE_FRAC:
        return "VOLATILE"
    if trend is not None and abs(trend) > TRENDING_ABOVE:
        return "TRENDING"
    if volatility_frac is not None and volatility_frac < QUIET_BELOW_FRAC:
        return "RANGE_BOUND"
    return "NORMAL"
