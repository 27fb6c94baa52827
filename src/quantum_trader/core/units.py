"""Sides, fractions, prices, quantities and money: every rounding and conversion in the system.

Ratios are fractions (0.01 is one per cent); percent exists only in text made here for people.
Prices, quantities and money that reach the exchange or the books are ``Decimal``.
"""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Literal

Side = Literal["LONG", "SHORT"]
"""Which way a position points."""

OrderSide = Literal["BUY", "SELL"]
"""Which way an order trades."""

ZERO = Decimal(0)
ONE = Decimal(1)
MONEY_STEP = Decimal("0.00000001")
"""The smallest amount of money the books know: 1e-8 USDT, the venue's own resolution."""


def money(amount: Decimal) -> Decimal:
    """Round an amount of USDT to the resolution of the books (1e-8, half to even)."""
    return amount.quantize(MONEY_STEP, ROUND_HALF_EVEN)


@lru_cache(maxsize=1024)  # One price is asked for by the books, the venue and the gates in turn.
def decimal_of(value: float) -> Decimal:
    """The shortest decimal text that names this float: 0.1 becomes Decimal("0.1")."""
    return Decimal(repr(value))


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of ``step`` that is not above ``value``; exponent of the step."""
    return ((value / step).to_integral_value(ROUND_FLOOR) * step).quantize(step)


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    """The smallest multiple of ``step`` that is not below ``value``; exponent of the step."""
    return ((value / step).to_integral_value(ROUND_CEILING) * step).quantize(step)


def nearest_to(value: Decimal, step: Decimal) -> Decimal:
    """The multiple of ``step`` nearest to ``value`` (half to even); exponent of the step."""
    return ((value / step).to_integral_value(ROUND_HALF_EVEN) * step).quantize(step)


def sign_of(side: Side) -> int:
    """+1 for LONG, -1 for SHORT."""
    return 1 if side == "LONG" else -1


def side_of(qty: Decimal) -> Side:
    """The side of a signed, non-zero position quantity."""
    return "LONG" if qty > 0 else "SHORT"


def entry_order_side(side: Side) -> OrderSide:
    """The order side that opens or grows a position of this side."""
    return "BUY" if side == "LONG" else "SELL"


def exit_order_side(side: Side) -> OrderSide:
    """The order side that reduces or closes a position of this side."""
    return "SELL" if side == "LONG" else "BUY"


def signed_qty(order_side: OrderSide, qty: Decimal) -> Decimal:
    """What a fill adds to a signed position: BUY adds, SELL takes away."""
    return qty if order_side == "BUY" else -qty


def percent_text(frac: float | Decimal, digits: int = 2) -> str:
    """A fraction as text for people: 0.0123 becomes "1.23 %"."""
    return f"{float(frac) * 100:.{digits}f} %"


def usd_text(amount: Decimal, digits: int = 2) -> str:
    """Money as text for people: Decimal("1234.5") becomes "1,234.50 USDT"."""
    return f"{amount:,.{digits}f} USDT"
