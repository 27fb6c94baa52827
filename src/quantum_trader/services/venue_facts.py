"""Facts from what the venue says, with ids from the venue's numbers: a repeat is the same fact."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from quantum_trader.core.events import (
    CancelCommanded,
    CancelWithheld,
    Fact,
    FundingSettled,
    OrderAccepted,
    OrderCanceled,
    OrderCommanded,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
    OrderRequest,
    OrderTriggered,
    SeenOrder,
)
from quantum_trader.core.orders.ids import Command, name_of, symbol_of
from quantum_trader.core.units import ZERO
from quantum_trader.core.venue import (
    AnyVenueUpdate,
    VenueCancel,
    VenueFill,
    VenueFunding,
    VenueReject,
    VenueTrigger,
)

NOT_SENT = -1
"""Our own code for an order that never left this process."""
REFUSED_EARLIER = -2010
"""The venue's code for a refused new order, for a refusal whose own code was lost."""


def accepted(command: OrderCommanded, venue_order_id: str, at_ms: int) -> OrderAccepted:
    """The venue has the order."""
    return OrderAccepted(**_about(command, "accepted", at_ms), venue_order_id=venue_order_id)


def rejected(command: OrderCommanded, code: int, reason: str, at_ms: int) -> OrderRejected:
    """The order is dead, or was never born."""
    return OrderRejected(**_about(command, "rejected", at_ms), code=code, reason=reason)


def in_doubt(command: OrderCommanded, reason: str, at_ms: int) -> OrderInDoubt:
    """Nobody here knows what became of the order."""
    return OrderInDoubt(**_about(command, "in_doubt", at_ms), reason=reason)


def canceled(command: Command, reason: str, at_ms: int) -> OrderCanceled:
    """The order is gone, although no report said so."""
    return OrderCanceled(**_about(command, "canceled", at_ms), reason=reason)


def withheld(command: CancelCommanded, reason: str, at_ms: int) -> CancelWithheld:
    """The cancel did not leave; each command has this answer once."""
    about = _about(command, f"withheld:{command.id}", at_ms)
    return CancelWithheld(**about, cancel_id=command.id, reason=reason)


def seen_order(order: OrderRequest, filled_qty: Decimal = ZERO) -> SeenOrder:
    """An order as it rests, with so much of it filled."""
    return SeenOrder(
        symbol=order.symbol,
        client_order_id=order.client_order_id,
        side=order.side,
        kind=order.kind,
        qty=order.qty - filled_qty,
        price=order.price if order.price is not None else order.trigger_price,
        reduces=order.reduce_only or order.close_position,
    )


def from_report(report: AnyVenueUpdate, command: OrderCommanded | None, account: str) -> Fact:
    """What a report means. Without a command of ours it is the venue's own doing, or a hand's.

    Such orders carry no plan; they count as exits, because nobody here asked for more risk.
    """
    match report:
        case VenueFill():
            return _filled(report, command, account)
        case VenueFunding():
            return _settled(report, account)
        case VenueCancel():
            about = _reported(report, command, account, "canceled")
            return OrderCanceled(**about, reason=report.reason)
        case VenueTrigger():
            about = _reported(report, command, account, "triggered")
            return OrderTriggered(**about, trigger_price=report.trigger_price)
        case VenueReject():
            about = _reported(report, command, account, "rejected")
            return OrderRejected(**about, code=report.code, reason=report.reason)


def trades_of(command: OrderCommanded, trades: Iterable[VenueFill]) -> list[Fact]:
    """The trades of one order among those of its symbol, as facts."""
    name = command.order.client_order_id
    mine = (one for one in trades if one.client_order_id == name)
    return [from_report(one, command, command.account) for one in mine]


def _filled(report: VenueFill, command: OrderCommanded | None, account: str) -> OrderFilled:
    about = _reported(report, command, account, "filled")
    about["id"] = f"{account}:{report.symbol}:t{report.trade_id}"
    return OrderFilled(
        **about,
        trade_id=report.trade_id,
        side=report.side,
        qty=report.qty,
        price=report.price,
        fee_usd=report.fee_usd,
        liquidity=report.liquidity,
        cause=report.cause,
        done=report.done,
    )


def _settled(report: VenueFunding, account: str) -> FundingSettled:
    return FundingSettled(
        id=f"{account}:{report.symbol}:funding:{report.at_ms}",
        at_ms=report.at_ms,
        trace_id="",
        account=account,
        symbol=report.symbol,
        rate_frac=report.rate_frac,
        mark=report.mark,
        qty=report.qty,
        payment_usd=report.payment_usd,
    )


def _about(command: Command, what: str, at_ms: int) -> dict[str, Any]:
    name, symbol = name_of(command), symbol_of(command)
    return {
        "id": f"{command.account}:{symbol}:{name}:{what}",
        "at_ms": at_ms,
        "trace_id": command.trace_id,
        "account": command.account,
        "plan_id": command.plan_id,
        "role": command.role,
        "symbol": symbol,
        "client_order_id": name,
    }


def _reported(
    report: AnyVenueUpdate, command: OrderCommanded | None, account: str, what: str
) -> dict[str, Any]:
    if command is not None:
        return _about(command, what, report.at_ms)
    return {
        "id": f"{account}:{report.symbol}:{report.client_order_id}:{what}",
        "at_ms": report.at_ms,
        "trace_id": "",
        "account": account,
        "plan_id": "",
        "role": "exit",
        "symbol": report.symbol,
        "client_order_id": report.client_order_id,
    }
