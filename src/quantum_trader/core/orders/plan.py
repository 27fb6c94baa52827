"""One trade on its way: entry, stop, harvest ladder, exit.

A plan has at most one stop in force and any number on their way; a stop leaves only after its
successor was confirmed. Everything sent after the entry is reduce-only by construction.
"""

from decimal import Decimal

import msgspec

from quantum_trader.core.events import PlanMade
from quantum_trader.core.events.exits import Bound, LevelSet
from quantum_trader.core.units import ZERO, sign_of


class Resting(msgspec.Struct, frozen=True):
    """An order of ours at the venue, or on its way there. ``price`` is limit or trigger."""

    client_order_id: str
    leg: int
    price: Decimal
    qty: Decimal


class Plan(msgspec.Struct, kw_only=True):
    """The life of one approved intent.

    ``next_stops`` were commanded and not confirmed. ``stage`` counts harvested ladder steps.
    ``naked_since_ms`` is set while a position stands without a confirmed stop. ``retiring`` are
    orders whose cancel was commanded. ``flat_ms`` is when the position became flat; the plan ends
    when no order is left.
    """

    made: PlanMade
    trace_id: str
    confidence: float | None
    regime: str | None
    adaptive: LevelSet
    effective: LevelSet
    bounds: tuple[Bound, ...]
    asked_stop: Decimal | None
    entry_id: str
    opened_ms: int = 0
    entry_done: bool = False
    entry_qty: Decimal = ZERO
    entry_notional_usd: Decimal = ZERO
    initial_stop: Decimal | None = None
    stop: Resting | None = None
    next_stops: dict[str, Resting] = {}
    stop_attempts: int = 0
    targets: dict[str, Resting] = {}
    targets_sent: bool = False
    retiring: dict[str, int] = {}
    stage: int = 0
    naked_since_ms: int | None = None
    exit_id: str | None = None
    exit_attempts: int = 0
    exit_reason: str | None = None
    exit_tried_ms: int = 0
    answered: bool = False
    flat_ms: int | None = None

    @property
    def symbol(self) -> str:
        """The symbol the plan trades."""
        return self.made.symbol

    @property
    def protected(self) -> bool:
        """A stop is confirmed and in force."""
        return self.stop is not None

    @property
    def entry_price(self) -> Decimal:
        """Volume-weighted entry price of what was filled so far; never called before a fill."""
        return self.entry_notional_usd / self.entry_qty

    def tightest_stop(self) -> Resting | None:
        """The stop that will be in force once everything on its way has been confirmed."""
        stops = [*self.next_stops.values(), *((self.stop,) if self.stop else ())]
        return max(stops, key=self.tightness, default=None)

    def tightness(self, stop: Resting) -> Decimal:
        """Larger is nearer to profit."""
        return stop.price * sign_of(self.made.side)

    def open_orders(self) -> list[tuple[str, str]]:
        """(role, client order id) of everything of ours that may still rest at the venue."""
        found = [("stop", order_id) for order_id in self.next_stops]
        if self.stop is not None:
            found.append(("stop", self.stop.client_order_id))
        found += [("target", order_id) for order_id in self.targets]
        return found
