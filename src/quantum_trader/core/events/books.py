"""What changed in the books."""

from decimal import Decimal

from quantum_trader.core.events.base import Fact
from quantum_trader.core.units import Side


class PositionFact(Fact, frozen=True, kw_only=True, tag="position", gc=False):
    """A position after a fill; ``qty`` is signed, ``entry_price`` the average paid."""

    symbol: str
    plan_id: str
    qty: Decimal
    entry_price: Decimal | None


class PositionOpened(PositionFact, frozen=True, kw_only=True, tag="position.opened", gc=False):
    """Flat became a position."""


class PositionChanged(PositionFact, frozen=True, kw_only=True, tag="position.changed", gc=False):
    """A position grew, shrank or flipped."""


class PositionClosed(PositionFact, frozen=True, kw_only=True, tag="position.closed", gc=False):
    """A position became flat."""


class FundingSettled(Fact, frozen=True, kw_only=True, tag="funding.settled", gc=False):
    """The venue moved funding; ``payment_usd`` is positive when we received it."""

    symbol: str
    rate_frac: Decimal
    mark: Decimal
    qty: Decimal
    payment_usd: Decimal


class TradeClosed(Fact, frozen=True, kw_only=True, tag="trade.closed", gc=False):
    """One round trip, from flat to flat, to the cent.

    ``net_usd = gross_usd - fees_usd + funding_usd``; ``r_net`` is net over the risk of the initial
    stop, ``mfe_r``/``mae_r`` the best and worst unrealised gross on the way, in the same unit.
    """

    plan_id: str
    intent_id: str
    symbol: str
    side: Side
    strategy: str
    leverage: int
    qty: Decimal
    entry_vwap: Decimal
    exit_vwap: Decimal
    opened_ms: int
    closed_ms: int
    hold_ms: int
    gross_usd: Decimal
    fees_usd: Decimal
    funding_usd: Decimal
    net_usd: Decimal
    risk_usd: Decimal
    r_net: float
    mfe_r: float
    mae_r: float
    reason: str
    stages: int
    confidence: float | None
    regime: str | None
