"""An order as the venue keeps it: everything it ever says about it."""

from decimal import Decimal
from typing import Literal

import msgspec

from quantum_trader.core.units import ZERO, OrderSide

PositionSide = Literal["BOTH", "LONG", "SHORT"]
Status = Literal[
    "NEW", "PARTIALLY_FILLED", "FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH", "REJECTED"
]

OPEN = ("NEW", "PARTIALLY_FILLED")


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What the client asked for. ``price`` is zero for what has none; so is ``good_till_ms``."""

    client_id: str
    symbol: str
    side: OrderSide
    position_side: PositionSide = "BOTH"
    kind: str
    qty: Decimal
    price: Decimal = ZERO
    force: str = "GTC"
    reduce_only: bool = False
    self_trade: str = "EXPIRE_MAKER"
    price_match: str = "NONE"
    good_till_ms: int = 0


class Ticket(msgspec.Struct, kw_only=True):
    """A regular order and what became of it. ``algo_id`` is 0 unless a trigger placed it.

    ``first_kind`` is the type of the conditional order that became this one, else its own;
    ``trigger_price`` is that order's. ``quote_usd`` is the sum of quantity times price of what is
    filled.
    """

    order_id: int
    terms: Terms
    first_kind: str
    created_ms: int
    updated_ms: int
    status: Status = "NEW"
    filled_qty: Decimal = ZERO
    quote_usd: Decimal = ZERO
    trigger_price: Decimal = ZERO
    algo_id: int = 0
    working: str = "CONTRACT_PRICE"
    protected: bool = False
    closes_position: bool = False

    @property
    def is_open(self) -> bool:
        """It may still trade."""
        return self.status in OPEN

    @property
    def average_price(self) -> Decimal:
        """What the filled part cost a piece; zero when nothing is filled."""
        return self.quote_usd / self.filled_qty if self.filled_qty else ZERO


class Trade(msgspec.Struct, frozen=True, kw_only=True):
    """One fill of an account."""

    trade_id: int
    order_id: int
    symbol: str
    side: OrderSide
    position_side: PositionSide
    qty: Decimal
    price: Decimal
    fee_usd: Decimal
    realized_usd: Decimal
    maker: bool
    at_ms: int


class Income(msgspec.Struct, frozen=True, kw_only=True):
    """One movement of the wallet."""

    number: int
    kind: str
    symbol: str
    amount_usd: Decimal
    at_ms: int
    info: str
    trade_id: str


class Algo(msgspec.Struct, kw_only=True):
    """A conditional order of the algo service. ``order_id`` is 0 until its trigger placed one.

    A trailing stop has ``activate_price`` and ``callback_frac``; ``extreme`` is the best price
    since it became active, None before.
    """

    algo_id: int
    terms: Terms
    trigger_price: Decimal
    working: str
    protected: bool
    closes_position: bool
    created_ms: int
    updated_ms: int
    activate_price: Decimal | None = None
    callback_frac: Decimal | None = None
    extreme: Decimal | None = None
    status: str = "NEW"
    triggered_ms: int = 0
    order_id: int = 0
    placed_kind: str = ""
    filled_qty: Decimal = ZERO
    average_price: Decimal = ZERO
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """It still waits for its trigger."""
        return self.status == "NEW"
