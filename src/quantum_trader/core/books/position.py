"""A position is the fold of its fills, exact to the last digit."""

from decimal import Decimal
from typing import Literal

import msgspec

from quantum_trader.core.units import ZERO, OrderSide, money

ChangeKind = Literal["opened", "grew", "shrank", "closed", "flipped"]


class Position(msgspec.Struct, frozen=True):
    """A signed quantity and what it cost: the sum of quantity times price of what is held.

    ``cost_usd`` is never negative, for longs and shorts alike; flat is ``Position(0, 0)``.
    """

    qty: Decimal
    cost_usd: Decimal

    @property
    def entry_price(self) -> Decimal | None:
        """The average price of what is held; None when flat."""
        return self.cost_usd / abs(self.qty) if self.qty else None


FLAT = Position(ZERO, ZERO)


class Change(msgspec.Struct, frozen=True):
    """What a fill did: ``closed_qty`` is what it closed, ``realized_usd`` its gross profit."""

    position: Position
    kind: ChangeKind
    closed_qty: Decimal
    realized_usd: Decimal


def after_fill(position: Position, side: OrderSide, qty: Decimal, price: Decimal) -> Change:
    """Add one fill (``qty`` positive) to a position.

    Closing takes out the cost in proportion, rounded to 1e-8; what closes the last of it takes
    all that remains, so the profit of a round trip is exact. A flip closes and opens at once.
    """
    held = position.qty
    added = qty if side == "BUY" else -qty
    if not held or (held > 0) == (added > 0):
        grown = Position(held + added, position.cost_usd + qty * price)
        return Change(grown, "grew" if held else "opened", ZERO, ZERO)
    size = abs(held)
    left = held + added
    if qty < size:
        cost_usd = money(position.cost_usd * qty / size)
        realized_usd = _profit(held, qty * price, cost_usd)
        return Change(Position(left, position.cost_usd - cost_usd), "shrank", qty, realized_usd)
    realized_usd = _profit(held, size * price, position.cost_usd)
    if not left:
        return Change(FLAT, "closed", size, realized_usd)
    return Change(Position(left, abs(left) * price), "flipped", size, realized_usd)


def unrealized_usd(position: Position, mark: Decimal) -> Decimal:
    """The gross profit if all of it were closed at ``mark``."""
    value_usd = position.qty * mark
    cost_usd = position.cost_usd
    return value_usd - cost_usd if position.qty > 0 else cost_usd + value_usd


def _profit(held: Decimal, value_usd: Decimal, cost_usd: Decimal) -> Decimal:
    return value_usd - cost_usd if held > 0 else cost_usd - value_usd
