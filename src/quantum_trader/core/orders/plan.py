"""One trade on its way: entry, stop, harvest ladder, exit.

A plan has at most one stop in force and any number on their way; a stop leaves only after its
successor was confirmed. Everything sent after the entry is reduce-only by construction.
"""

from decimal import Decimal

import msgspec

from quantum_trader.core.books.position import Position
from quantum_trader.core.events import PlanMade
from quantum_trader.core.events.exits import Bound, LevelSet
from quantum_trader.core.exits.context import ExitMemory, MarketPicture
from quantum_trader.core.exits.plan import ExitPlan
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.units import ZERO, sign_of


class Resting(msgspec.Struct, frozen=True, gc=False):
    """An order of ours at the venue, or on its way there. ``price`` is limit or trigger.

    ``leg`` is the stage that a target or a reduction harvests. ``label`` is what a stop is called
    when it ends the trade.
    """

    client_order_id: str
    leg: int
    price: Decimal
    qty: Decimal
    label: str = ""


class Plan(msgspec.Struct, kw_only=True):
    """The life of one approved intent, or of a position that was adopted.

    ``instrument`` is the venue's rules as they were last known; they may vanish from the rules
    while the plan lives. ``exit_plan`` is how it is meant to be left, as it was made.
    ``armed`` says that the stop came first, ``arming`` is set while the entry waits for its stop.
    ``coming_usd`` is the notional of the entry that was not filled yet. ``next_stops`` were
    commanded and not confirmed, and nobody knows what became of those in ``doubted``;
    ``stop_failures`` counts those that had to be placed again, and ``stop_refused_ms`` is when one
    too many that was to move a stop was refused. ``stage`` counts harvested ladder steps.
    ``naked_since_ms`` is set while a position stands without a confirmed stop for all of it.
    ``retiring`` are orders whose cancel was commanded, ``kept`` stops whose cancel was withheld:
    they stand beside the one in force, and the tightest takes its place when that ends. ``exit_id``
    is the exit that is waited for, ``exits`` all that may still trade. ``exit_hurried`` is set once
    an exit in doubt was repeated at once; others wait their time. ``reducing`` is a partial exit
    under way. ``initial_stop`` is the first stop of the entry, which R is measured by;
    ``target_prices`` are those of all stages. ``market`` is the market as of ``market_ms``,
    ``memory`` what the exit rules remember, ``liquidation_price`` where the venue takes it.
    ``exit_reason`` is set once the plan is to be left. ``flat_ms`` is when the position became
    flat; the plan ends when no order is left.
    """

    made: PlanMade
    instrument: Instrument
    confidence: float | None
    regime: str | None
    adaptive: LevelSet
    effective: LevelSet
    bounds: tuple[Bound, ...]
    asked_stop: Decimal | None
    exit_plan: ExitPlan
    coming_usd: Decimal = ZERO
    opened_ms: int = 0
    armed: bool = False
    arming: bool = False
    entry_done: bool = False
    entry_qty: Decimal = ZERO
    entry_notional_usd: Decimal = ZERO
    stop: Resting | None = None
    next_stops: dict[str, Resting] = {}
    doubted: tuple[str, ...] = ()
    stop_attempts: int = 0
    stop_failures: int = 0
    stop_refused_ms: int = 0
    targets: dict[str, Resting] = {}
    targets_sent: bool = False
    retiring: dict[str, Resting] = {}
    kept: dict[str, Resting] = {}
    stage: int = 0
    naked_since_ms: int | None = None
    initial_stop: Decimal | None = None
    target_prices: tuple[Decimal, ...] = ()
    liquidation_price: Decimal | None = None
    divergence: float | None = None
    market_at_entry: MarketPicture | None = None
    market: MarketPicture | None = None
    market_ms: int = 0
    memory: ExitMemory = ExitMemory()
    reducing: Resting | None = None
    exit_id: str | None = None
    exits: dict[str, int] = {}
    exit_attempts: int = 0
    exit_hurried: bool = False
    exit_reason: str | None = None
    exit_tried_ms: int = 0
    answered: bool = False
    flat_ms: int | None = None

    @property
    def symbol(self) -> str:
        """The symbol the plan trades."""
        return self.made.symbol

    @property
    def trace_id(self) -> str:
        """The life of the intent that the plan came from."""
        return self.made.trace_id

    @property
    def protected(self) -> bool:
        """A stop is confirmed and in force."""
        return self.stop is not None

    @property
    def entry_price(self) -> Decimal:
        """Volume-weighted entry price of what was filled so far; never called before a fill."""
        return self.entry_notional_usd / self.entry_qty

    @property
    def coming_qty(self) -> Decimal:
        """What the entry may still fill."""
        return ZERO if self.entry_done else max(self.made.qty - self.entry_qty, ZERO)

    def holds(self, position: Position | None) -> bool:
        """Whether a position is this plan's: it was entered, and points the planned way."""
        return position is not None and self.holds_qty(position.qty)

    def holds_qty(self, qty: Decimal) -> bool:
        """As ``holds``, of a quantity alone."""
        if not qty or not self.entry_qty or self.flat_ms is not None:
            return False
        return (qty > 0) == (self.made.side == "LONG")

    def first_stop(self) -> Decimal:
        """The stop that R is measured by; as planned, where none was placed yet."""
        return self.made.stop_price if self.initial_stop is None else self.initial_stop

    def covers(self, position: Position) -> bool:
        """Whether the stop in force is large enough for all of a position."""
        return self.stop is not None and self.stop.qty >= abs(position.qty)

    def tightest_stop(self) -> Resting | None:
        """The stop that will be in force once everything on its way has been confirmed."""
        if not self.next_stops:
            return self.stop
        stops = [*((self.stop,) if self.stop else ()), *self.next_stops.values()]
        return max(reversed(stops), key=self.tightness, default=None)

    def surest_stop(self) -> Resting | None:
        """As ``tightest_stop``, without those in doubt: what may be counted on."""
        known = [one for name, one in self.next_stops.items() if name not in self.doubted]
        stops = [*((self.stop,) if self.stop else ()), *known]
        return max(reversed(stops), key=self.tightness, default=None)

    def tightness(self, stop: Resting) -> Decimal:
        """Larger is nearer to profit."""
        return stop.price * sign_of(self.made.side)

    def stop_named(self, order_id: str) -> Resting | None:
        """The stop of this name, in force or on its way; None for those that were replaced."""
        if self.stop is not None and self.stop.client_order_id == order_id:
            return self.stop
        return self.next_stops.get(order_id)

    def knows(self, order_id: str) -> bool:
        """Whether an order of this name may still rest or trade."""
        if order_id in self.retiring or order_id in self.exits:
            return True
        return any(one.client_order_id == order_id for one in self.resting())

    def harvest_named(self, order_id: str) -> Resting | None:
        """The partial exit of this name, while it is under way."""
        reducing = self.reducing
        return reducing if reducing is not None and reducing.client_order_id == order_id else None

    def awaited_stages(self) -> tuple[int, ...]:
        """The stages that an order harvests; all of them, while their orders are still to come."""
        if not self.targets_sent:
            return tuple(range(1, len(self.target_prices) + 1))
        return tuple([target.leg for target in self.targets.values()])

    def forget(self, order_id: str) -> None:
        """An order has ended: nothing of it can trade any more."""
        if self.stop is not None and self.stop.client_order_id == order_id:
            self.stop = None
        self.next_stops.pop(order_id, None)
        self.believe(order_id)
        self.targets.pop(order_id, None)
        self.retiring.pop(order_id, None)
        self.kept.pop(order_id, None)
        self.exits.pop(order_id, None)
        if self.reducing is not None and self.reducing.client_order_id == order_id:
            self.reducing = None
        if self.exit_id == order_id:
            self.exit_id = None
        self._fall_back()

    def keep(self, order_id: str) -> None:
        """A stop on its way out was not let go: it stays, as the stop where there is no other."""
        self.kept[order_id] = self.retiring.pop(order_id)
        self._fall_back()

    def _fall_back(self) -> None:
        if self.stop is None and self.kept:
            self.stop = max(self.kept.values(), key=self.tightness)
            del self.kept[self.stop.client_order_id]

    def believe(self, order_id: str) -> None:
        """What became of an order is known now."""
        if order_id in self.doubted:
            self.doubted = tuple([one for one in self.doubted if one != order_id])

    def resting(self) -> list[Resting]:
        """Every stop and target of ours that may still rest at the venue, being canceled or not."""
        stops = [*self.next_stops.values(), *((self.stop,) if self.stop else ())]
        return [*stops, *self.kept.values(), *self.targets.values()]
