"""How much of a position stops at the venue would close, as the venue alone shows it."""

from collections.abc import Iterable
from decimal import Decimal

from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.units import ZERO, exit_order_side, side_of
from quantum_trader.core.venue import RestingOrder, VenuePosition


def covered_qty(position: VenuePosition, orders: Iterable[RestingOrder]) -> Decimal:
    """How much of a position stops at rest would close before it is liquidated.

    Targets do not count, nor do stops that may open, for the other side, or beyond the liquidation.
    """
    size, total = abs(position.qty), ZERO
    side, level = exit_order_side(side_of(position.qty)), liquidation_of(position)
    for resting in orders:
        order = resting.order
        trigger = order.trigger_price
        if order.symbol != position.symbol or order.kind != "STOP_MARKET" or order.side != side:
            continue
        if opens(order) or trigger is None:
            continue
        if level is not None and (trigger <= level if position.qty > 0 else trigger >= level):
            continue
        total += size if order.close_position else order.qty - resting.filled_qty
    return min(total, size)


def opens(order: OrderRequest) -> bool:
    """Whether an order may make a position larger, or turn it round."""
    return not (order.reduce_only or order.close_position)


def liquidation_of(position: VenuePosition) -> Decimal | None:
    """The liquidation price where it is one, on the losing side of the mark; else None."""
    level = position.liquidation_price
    if level is None or level <= 0:
        return None
    return level if (level < position.mark) == (position.qty > 0) else None
