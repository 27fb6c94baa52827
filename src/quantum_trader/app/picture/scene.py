"""What a picture of one position shows, as numbers and words; nothing here knows how to draw."""

from decimal import Decimal
from typing import Literal

import msgspec

from quantum_trader.core.units import Side, sign_of

MarkKind = Literal["entry", "stop", "target", "break_even", "trail", "liquidation"]
Points = tuple[tuple[float, float], ...]
"""(time from 0 to 1, price)."""


class Mark(msgspec.Struct, frozen=True):
    """A price that matters. ``note`` says what happens there, in a few words."""

    kind: MarkKind
    name: str
    price: Decimal
    note: str


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """One position with its marks, and a made-up way of the price with the stop that follows it.

    ``stop_price`` is the first stop: R is measured by it. ``risk_usd`` is what it would lose on the
    whole quantity, costs left out. ``sales`` are the moments at which a part leaves. ``remark``
    tells what is made up.
    """

    title: str
    subtitle: str
    remark: str
    side: Side
    entry_price: Decimal
    stop_price: Decimal
    risk_usd: Decimal
    marks: tuple[Mark, ...]
    way: Points
    stops: Points
    sales: Points

    @property
    def risk_price(self) -> float:
        """One R in price."""
        return abs(float(self.entry_price - self.stop_price))

    def r_at(self, price: float) -> float:
        """A price in R: the profit there over what the first stop would lose."""
        return sign_of(self.side) * (price - float(self.entry_price)) / self.risk_price

    def price_at(self, r: float) -> float:
        """The price at which the profit is so many R."""
        return float(self.entry_price) + sign_of(self.side) * r * self.risk_price
