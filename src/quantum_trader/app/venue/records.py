"""What the venue remembers of an account besides its desk: orders, trades, movements of money."""

from decimal import Decimal

import msgspec

from quantum_trader.app.venue.ticket import Algo, Income, Ticket, Trade
from quantum_trader.core.books.position import FLAT, Position
from quantum_trader.core.units import ZERO

ENDED_KEPT = 20_000
"""Ended orders, trades and movements are kept up to this many each, newest last."""
TRIM_AT_ONCE = 2_000


class LegBook(msgspec.Struct, kw_only=True):
    """A position leg as its fills made it.

    ``realized_usd`` counts for ever; ``open_cost_usd`` is fees less profit since the position was
    opened, which is what its break-even price has to bring back.
    """

    position: Position = FLAT
    realized_usd: Decimal = ZERO
    open_cost_usd: Decimal = ZERO
    updated_ms: int = 0


class Records(msgspec.Struct, kw_only=True):
    """Orders by number, oldest first, and everything else that is told about an account."""

    hedge: bool = False
    multi_assets: bool = False
    fee_burn: bool = False
    listen_key: str = ""
    key_until_ms: int = 0
    tickets: dict[int, Ticket] = {}
    algos: dict[int, Algo] = {}
    trades: list[Trade] = []
    incomes: list[Income] = []
    legs: dict[str, LegBook] = {}
    countdowns: dict[str, int] = {}
    margin_changes: list[dict[str, str | int]] = []

    def leg(self, name: str) -> LegBook:
        """The book of a leg; a new one when there was none."""
        return self.legs.setdefault(name, LegBook())

    def trim(self) -> None:
        """Forget the oldest of what is over."""
        for rows in (self.trades, self.incomes):
            if len(rows) > ENDED_KEPT + TRIM_AT_ONCE:
                del rows[:TRIM_AT_ONCE]
        for orders in (self.tickets, self.algos):
            if len(orders) > ENDED_KEPT + TRIM_AT_ONCE:
                old = [key for key, one in orders.items() if not one.is_open][:TRIM_AT_ONCE]
                for key in old:
                    del orders[key]
