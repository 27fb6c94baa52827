"""Invariants that are asked at the socket: of every order before it leaves, and of every answer."""

from collections import Counter, deque
from collections.abc import Callable
from decimal import Decimal

from quantum_trader.app.simulation.clock import WallClock
from quantum_trader.app.simulation.disk import Disk
from quantum_trader.app.simulation.people import Proposals
from quantum_trader.app.simulation.scheduler import Process
from quantum_trader.app.simulation.venue import TruthVenue
from quantum_trader.app.simulation.violation import Violated
from quantum_trader.core.events import CancelCommanded, OrderCommanded
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.orders.ids import is_ours
from quantum_trader.core.rules import Rules
from quantum_trader.core.units import ZERO
from quantum_trader.core.venue import VenueOrder

PER_MINUTE_MAX = 600
"""Orders a minute: half of what the venue allows an account."""
LATE_MS = 2_000
FENCE_MS = 4_000
"""Before this much time an order may still arrive; a denial says nothing."""
PRICE_MOVED = Decimal("1.15")
"""The price may have moved between the plan and its entry, by no more than a gap."""


class SocketRules:
    """Asks about what one system sends. ``process_of_last`` is the youngest that ever sent."""

    def __init__(
        self,
        rules: Rules,
        clock: WallClock,
        disk: Disk,
        venue: TruthVenue,
        proposals: Callable[[], Proposals],
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._disk = disk
        self._venue = venue
        self._proposals = proposals
        self._recent: deque[int] = deque()
        self.youngest_ready = 0
        self.denials: Counter[str] = Counter()
        self.tried_ms: dict[str, int] = {}
        self.sent: Counter[str] = Counter()
        self.sent_ms: dict[str, int] = {}

    def on_configure(self, process: Process, symbol: str, leverage: int) -> None:
        """Leverage within the cap."""
        if leverage > self._rules.limits.leverage_max:
            raise Violated("I11", f"leverage {leverage} for {symbol} is beyond the cap")

    def on_place(self, process: Process, order: OrderRequest) -> None:
        """An order that is about to leave."""
        name, now_ms = order.client_order_id, self._clock.true_ms()
        if not is_ours(name):
            raise Violated("I9", f"{name!r} is no name of ours")
        known = self._disk.journal.known(name)
        if known is None:
            raise Violated("I4", f"{name} leaves and is not in the journal")
        if process.number < self.youngest_ready:
            raise Violated("I10", f"{name} leaves process {process.number}, which was replaced")
        self._count(now_ms)
        self.sent[name] += 1
        self.sent_ms[name] = now_ms
        if not isinstance(known.command, OrderCommanded) or known.command.order != order:
            raise Violated("I4", f"{name} leaves as something else than the journal has")
        if known.command.role == "entry":
            self._entry(known.command, now_ms)
        elif not order.reduce_only:
            raise Violated("I6", f"{name} is meant as {known.command.role} and is not reduce-only")
        else:
            self.tried_ms[order.symbol] = now_ms

    def on_cancel(self, process: Process, symbol: str, client_order_id: str) -> None:
        """A cancel must leave enough stops behind, for what stands and is booked as well.

        Of a trade by a hand that nobody has reported yet nothing here could know.
        """
        told = self._disk.journal.books().get(symbol)
        booked = ZERO if told is None else abs(told.qty)
        held = min(abs(self._venue.positions.get(symbol, ZERO)), booked)
        left = self._venue.covered(symbol, without=client_order_id)
        if self._sees_off(client_order_id):
            return
        if held and self._venue.covered(symbol) >= held > left:
            raise Violated(
                "I2", f"the cancel of {client_order_id} leaves {symbol} with stops for {left}"
            )

    def _sees_off(self, client_order_id: str) -> bool:
        """Whether a cancel is for what is left of a plan that is over, whoever holds there now."""
        return any(
            isinstance(one, CancelCommanded)
            and one.client_order_id == client_order_id
            and one.reason == "flat"
            for one in self._disk.written.commands.values()
        )

    def on_found(self, client_order_id: str, found: VenueOrder | None) -> None:
        """Answered denials are what a proof of death is made of."""
        sent_ms = self.sent_ms.get(client_order_id)
        if sent_ms is None or self._clock.true_ms() - sent_ms >= FENCE_MS:
            self.denials[client_order_id] += found is None

    def on_ready(self, process: Process) -> None:
        """A process has taken every lease."""
        self.youngest_ready = max(self.youngest_ready, process.number)

    def _count(self, now_ms: int) -> None:
        recent = self._recent
        recent.append(now_ms)
        while recent[0] < now_ms - 60_000:
            recent.popleft()
        if len(recent) > PER_MINUTE_MAX:
            raise Violated("I11", f"{len(recent)} orders within a minute")

    def _entry(self, command: OrderCommanded, now_ms: int) -> None:
        limits, order, plan = self._rules.limits, command.order, command.plan_id
        if self.sent[order.client_order_id] > 1:
            raise Violated("I3", f"the entry {order.client_order_id} leaves twice")
        price = Decimal(str(self._venue.price(order.symbol) or 0))
        if order.qty * price > limits.notional_max_usd * PRICE_MOVED:
            raise Violated("I11", f"{order.qty * price:.0f} USDT in one entry")
        if abs(self._clock.offset_ms) > 1_000:
            return  # The venue refuses it by its timestamp, and no clock here could tell.
        signal_ms = self._proposals().at_ms.get(plan)
        oldest_ms = limits.intent_age_ms_max + self._rules.exits.entry_within_ms + LATE_MS
        if signal_ms is not None and now_ms - signal_ms > oldest_ms:
            raise Violated(
                "I7", f"an entry leaves {(now_ms - signal_ms) / 1000:.0f} s after its signal"
            )
        if command.expires_ms is not None and now_ms > command.expires_ms + LATE_MS:
            raise Violated("I7", f"{order.client_order_id} leaves after its own time")
