"""Commands and facts of orders, for tests that need some."""

from decimal import Decimal
from typing import Any

from quantum_trader.core.events import (
    AccountSeen,
    CancelCommanded,
    CancelWithheld,
    OrderAccepted,
    OrderCanceled,
    OrderCommanded,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
)
from quantum_trader.core.events.orders import OrderKind, OrderRequest, OrderRole
from quantum_trader.core.orders.ids import client_order_id

ACCOUNT = "paper"
KINDS: dict[OrderRole, OrderKind] = {
    "entry": "MARKET",
    "exit": "MARKET",
    "stop": "STOP_MARKET",
    "target": "LIMIT",
}


def order_command(
    role: OrderRole = "entry",
    plan_id: str = "plan-1",
    *,
    symbol: str = "BTCUSDT",
    attempt: int = 1,
    qty: str = "0.5",
    expires_ms: int | None = None,
) -> OrderCommanded:
    """An order of a plan; the same arguments give the same fact."""
    name = client_order_id(role, ACCOUNT, plan_id, 0, attempt)
    entry = role == "entry"
    return OrderCommanded(
        id=f"{plan_id}/{role}/{attempt}",
        at_ms=1_000,
        trace_id=f"trace of {plan_id}",
        account=ACCOUNT,
        plan_id=plan_id,
        role=role,
        leg=0,
        order=OrderRequest(
            client_order_id=name,
            symbol=symbol,
            side="BUY" if entry else "SELL",
            kind=KINDS[role],
            qty=Decimal(qty),
            price=Decimal(110) if role == "target" else None,
            trigger_price=Decimal(90) if role == "stop" else None,
            reduce_only=not entry,
        ),
        leverage=5 if entry else None,
        expires_ms=expires_ms,
        reason="a test",
    )


def cancel_command(
    order: OrderCommanded, number: int = 1, stays: OrderCommanded | None = None
) -> CancelCommanded:
    """A cancel of an order, while another one stands."""
    return CancelCommanded(
        id=f"{order.id}/cancel/{number}",
        at_ms=2_000,
        trace_id=order.trace_id,
        account=order.account,
        plan_id=order.plan_id,
        role=order.role,
        symbol=order.order.symbol,
        client_order_id=order.order.client_order_id,
        reason="a test",
        stays=None if stays is None else stays.order.client_order_id,
    )


def withheld(cancel: CancelCommanded) -> CancelWithheld:
    """A cancel that did not leave."""
    return CancelWithheld(
        id=f"{cancel.id}:withheld",
        at_ms=3_000,
        trace_id=cancel.trace_id,
        account=cancel.account,
        plan_id=cancel.plan_id,
        role=cancel.role,
        symbol=cancel.symbol,
        client_order_id=cancel.client_order_id,
        cancel_id=cancel.id,
        reason="the other one is over",
    )


def accepted(order: OrderCommanded) -> OrderAccepted:
    """The venue took it."""
    return OrderAccepted(**_about(order, "accepted"), venue_order_id="7")


def rejected(order: OrderCommanded) -> OrderRejected:
    """The venue refused it."""
    return OrderRejected(**_about(order, "rejected"), code=-2019, reason="margin")


def in_doubt(order: OrderCommanded) -> OrderInDoubt:
    """The venue did not answer."""
    return OrderInDoubt(**_about(order, "in_doubt"), reason="time-out")


def canceled(order: OrderCommanded) -> OrderCanceled:
    """The venue let go of it."""
    return OrderCanceled(**_about(order, "canceled"), reason="asked to")


def filled(order: OrderCommanded, trade: int = 1, *, done: bool = True) -> OrderFilled:
    """A trade."""
    return OrderFilled(
        **_about(order, f"t{trade}"),
        trade_id=str(trade),
        side=order.order.side,
        qty=order.order.qty,
        price=Decimal(100),
        fee_usd=Decimal("0.02"),
        liquidity="taker",
        cause="order",
        done=done,
    )


def a_look(number: int) -> AccountSeen:
    """The venue's account, as it was shown for the n-th time, with nothing in it."""
    return AccountSeen(
        id=f"{ACCOUNT}:seen:{number}",
        at_ms=number,
        trace_id="",
        account=ACCOUNT,
        first_ms=number,
        positions=(),
        orders=(),
        unsettled=(),
        doubted=(),
        found={},
        hedge_mode=False,
    )


def _about(order: OrderCommanded, what: str) -> dict[str, Any]:
    return {
        "id": f"{order.order.client_order_id}:{what}",
        "at_ms": 3_000,
        "trace_id": order.trace_id,
        "account": order.account,
        "plan_id": order.plan_id,
        "role": order.role,
        "symbol": order.order.symbol,
        "client_order_id": order.order.client_order_id,
    }
