"""When conditional orders are met: stops, targets, and stops that trail."""

from decimal import Decimal
from typing import Literal

from quantum_trader.core.units import ONE, OrderSide

Direction = Literal["above", "below"]

STOPS = ("STOP", "STOP_MARKET")
TARGETS = ("TAKE_PROFIT", "TAKE_PROFIT_MARKET")
TRAILING = "TRAILING_STOP_MARKET"
CONDITIONAL_KINDS = (*STOPS, *TARGETS, TRAILING)


def direction_of(kind: str, side: OrderSide) -> Direction:
    """Stops that buy and targets that sell are met by a rising price, the others by a falling."""
    return "above" if (side == "BUY") == (kind not in TARGETS) else "below"


def is_met(direction: Direction, trigger_price: Decimal, price: Decimal) -> bool:
    """Whether a price is at or beyond the trigger."""
    return price >= trigger_price if direction == "above" else price <= trigger_price


def is_active(side: OrderSide, activate_price: Decimal | None, price: Decimal) -> bool:
    """Whether a trailing stop begins to trail: a sale at or above its activation, a purchase below.

    Without an activation price it begins at once.
    """
    if activate_price is None:
        return True
    return price >= activate_price if side == "SELL" else price <= activate_price


def trailed(side: OrderSide, extreme: Decimal | None, price: Decimal) -> Decimal:
    """The best price since a trailing stop became active: the highest for a sale."""
    if extreme is None:
        return price
    return max(extreme, price) if side == "SELL" else min(extreme, price)


def trailing_trigger(side: OrderSide, extreme: Decimal, callback_frac: Decimal) -> Decimal:
    """Where a trailing stop is met: the callback away from the best price."""
    return extreme * (ONE - callback_frac if side == "SELL" else ONE + callback_frac)
