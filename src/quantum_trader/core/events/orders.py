"""The life of a plan and of its orders."""

from decimal import Decimal
from typing import Literal

import msgspec

from quantum_trader.core.events.base import Fact
from quantum_trader.core.units import OrderSide, Side

OrderKind = Literal["MARKET", "LIMIT", "STOP_MARKET", "TAKE_PROFIT_MARKET"]
OrderRole = Literal["entry", "stop", "target", "exit"]
Liquidity = Literal["maker", "taker"]
FillCause = Literal["order", "liquidation", "adl", "settlement", "inferred"]
"""Why a trade happened: an order, or the venue's own doing. ``adl`` is auto-deleveraging: the venue
closes a winner against a loser it cannot liquidate. ``inferred`` is no trade at all,
but what the position must have done: it is replaced when the real one comes. Facts of old know the
first two only."""


class Leg(msgspec.Struct, frozen=True, gc=False):
    """One step of the harvest ladder: sell ``qty`` of the initial quantity at ``price``."""

    stage: int
    price: Decimal
    qty: Decimal
    frac: Decimal


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An order as the venue shall see it. ``reduce_only`` decides risk and has no default.

    ``close_position`` closes whatever stands when the trigger is met; ``qty`` is zero then. Orders
    that were written before there were such orders did not have it.
    """

    client_order_id: str
    symbol: str
    side: OrderSide
    kind: OrderKind
    qty: Decimal
    price: Decimal | None
    trigger_price: Decimal | None
    reduce_only: bool
    close_position: bool = False


class PlanMade(Fact, frozen=True, kw_only=True, tag="plan.made", gc=False):
    """An approved intent with everything decided before the first order: size, stop, ladder.

    ``risk_usd`` is what the initial stop would lose on the whole quantity, fees left out.
    """

    plan_id: str
    intent_id: str
    symbol: str
    side: Side
    strategy: str
    leverage: int
    qty: Decimal
    notional_usd: Decimal
    reference_price: Decimal
    stop_price: Decimal
    legs: tuple[Leg, ...]
    risk_usd: Decimal
    expires_ms: int
    hold_max_ms: int


class PlanEnded(Fact, frozen=True, kw_only=True, tag="plan.ended", gc=False):
    """Nothing is left to do for the plan: no position, no resting order of ours."""

    plan_id: str
    symbol: str
    reason: str


class OrderCommanded(Fact, frozen=True, kw_only=True, tag="order.commanded", gc=False):
    """The gateway shall place this order unless ``expires_ms`` has passed (entries only).

    ``leverage`` is set on entries: the venue must be at it before the order may leave.
    """

    plan_id: str
    role: OrderRole
    leg: int
    order: OrderRequest
    leverage: int | None
    expires_ms: int | None
    reason: str


class CancelCommanded(Fact, frozen=True, kw_only=True, tag="cancel.commanded", gc=False):
    """The gateway shall cancel this order of ours, while the order named ``stays`` stands.

    A stop may go only beside the one that stays in its place. None is no condition: a position that
    is gone needs no stop. Cancels that were written before there was a condition did not have it.
    """

    plan_id: str
    role: OrderRole
    symbol: str
    client_order_id: str
    reason: str
    stays: str | None = None


class OrderFact(Fact, frozen=True, kw_only=True, tag="order", gc=False):
    """Something the venue said about one of our orders."""

    plan_id: str
    role: OrderRole
    symbol: str
    client_order_id: str


class OrderAccepted(OrderFact, frozen=True, kw_only=True, tag="order.accepted", gc=False):
    """The venue confirmed the order; a stop is real from here on."""

    venue_order_id: str


class OrderRejected(OrderFact, frozen=True, kw_only=True, tag="order.rejected", gc=False):
    """The venue refused the order for good; ``code`` is the venue's own (negative) code."""

    code: int
    reason: str


class OrderInDoubt(OrderFact, frozen=True, kw_only=True, tag="order.in_doubt", gc=False):
    """The request left and no answer came; the gateway is asking."""

    reason: str


class CancelWithheld(OrderFact, frozen=True, kw_only=True, tag="cancel.withheld", gc=False):
    """A cancel of the order did not leave, for the one that was to stay does not stand.

    ``cancel_id`` is the command. The order itself is as it was.
    """

    cancel_id: str
    reason: str


class OrderTriggered(OrderFact, frozen=True, kw_only=True, tag="order.triggered", gc=False):
    """A conditional order met its trigger and became a market order."""

    trigger_price: Decimal


class OrderFilled(OrderFact, frozen=True, kw_only=True, tag="order.filled", gc=False):
    """One trade of the venue: booked once per ``trade_id``. ``fee_usd`` is positive when paid.

    ``done`` says that nothing of the order remains open.
    """

    trade_id: str
    side: OrderSide
    qty: Decimal
    price: Decimal
    fee_usd: Decimal
    liquidity: Liquidity
    cause: FillCause
    done: bool


class OrderCanceled(OrderFact, frozen=True, kw_only=True, tag="order.canceled", gc=False):
    """The order is gone without (further) fill: canceled by us or expired by the venue."""

    reason: str
