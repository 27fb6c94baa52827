"""What a venue says: answers to requests, reports of its own, and the account as it sees it."""

from decimal import Decimal
from typing import Literal

import msgspec

from quantum_trader.core.events.orders import FillCause, Liquidity, OrderRequest
from quantum_trader.core.units import OrderSide

HELD_BACK = -2
"""Our own code for an order that was refused at our door and never left."""
PROVED_DEAD = -1007
"""The venue's code for a request that timed out; ours for one proved to have done nothing."""


class Accepted(msgspec.Struct, frozen=True):
    """The venue took the order (or the cancel)."""

    client_order_id: str
    venue_order_id: str


class Rejected(msgspec.Struct, frozen=True):
    """The venue refused for good. ``code`` is the venue's own (negative) code."""

    client_order_id: str
    code: int
    reason: str


Placement = Accepted | Rejected


class VenueUpdate(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """Something the venue reports by itself; ``seq`` counts the reports of an account."""

    seq: int
    at_ms: int
    symbol: str
    client_order_id: str


class VenueFill(VenueUpdate, frozen=True, kw_only=True, tag="fill"):
    """A trade. A liquidation carries the venue's own client id, ``autoclose-...``."""

    trade_id: str
    side: OrderSide
    qty: Decimal
    price: Decimal
    fee_usd: Decimal
    liquidity: Liquidity
    cause: FillCause
    done: bool


class VenueCancel(VenueUpdate, frozen=True, kw_only=True, tag="cancel"):
    """An order ended without (further) fill."""

    reason: str


class VenueTrigger(VenueUpdate, frozen=True, kw_only=True, tag="trigger"):
    """A conditional order met its trigger price."""

    trigger_price: Decimal


class VenueReject(VenueUpdate, frozen=True, kw_only=True, tag="reject"):
    """An order was refused after it had been accepted, e.g. a stop at its trigger."""

    code: int
    reason: str


class VenueFunding(VenueUpdate, frozen=True, kw_only=True, tag="funding"):
    """A funding settlement; positive ``payment_usd`` was received."""

    rate_frac: Decimal
    mark: Decimal
    qty: Decimal
    payment_usd: Decimal


AnyVenueUpdate = VenueFill | VenueCancel | VenueTrigger | VenueReject | VenueFunding


class VenuePosition(msgspec.Struct, frozen=True, kw_only=True):
    """A position as the venue reports it; ``qty`` is signed."""

    symbol: str
    qty: Decimal
    entry_price: Decimal
    mark: Decimal
    unrealized_usd: Decimal
    isolated_wallet_usd: Decimal
    liquidation_price: Decimal | None
    leverage: int
    isolated: bool


class RestingOrder(msgspec.Struct, frozen=True, kw_only=True):
    """An order that rests at the venue, whoever placed it. ``filled_qty`` of it has traded."""

    order: OrderRequest
    venue_order_id: str
    filled_qty: Decimal


class VenueAccount(msgspec.Struct, frozen=True, kw_only=True):
    """The account as the venue reports it. ``wallet_usd`` excludes unrealised profit.

    ``at_ms`` is the venue's time of the answer. ``hedge_mode``: one position a side and symbol,
    which nothing here trades on.
    """

    at_ms: int
    wallet_usd: Decimal
    positions: tuple[VenuePosition, ...]
    open_orders: tuple[RestingOrder, ...]
    hedge_mode: bool


class Capabilities(msgspec.Struct, frozen=True, kw_only=True):
    """What a venue was found to allow. ``stop_before_entry``: a stop may rest without a position.

    ``conditional_orders_max`` holds for the account, over all its symbols.
    """

    stop_before_entry: bool
    conditional_orders_max: int


OrderState = Literal["open", "filled", "canceled", "rejected"]


class VenueOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One order as the venue knows it."""

    client_order_id: str
    venue_order_id: str
    state: OrderState
    filled_qty: Decimal
