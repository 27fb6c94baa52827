"""How the venue answers and reports, fault by fault: the way between the truth and our door."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from quantum_trader.adapters.waiter import Waiter
from quantum_trader.app.simulation.faults import Faults
from quantum_trader.app.simulation.tape import Tape
from quantum_trader.app.simulation.venue import TruthVenue
from quantum_trader.core.errors import InDoubt, Unreachable
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.venue import AnyVenueUpdate, Placement, Rejected, VenueReject

WINDOW_MS = 2_000
"""How old a request may be when the venue reads it; the receive window that is signed into it."""
FORGOTTEN_MS = 45_000
MAYBE = ("unknown_503", "timeout_1007")
REFUSALS = {
    "no_margin": (-2019, "Margin is insufficient.", ("MARKET",), False),
    "too_small": (-4164, "Order's notional must be no smaller than 5.", ("MARKET",), False),
    "would_trigger": (-2021, "Order would immediately trigger.", ("STOP_MARKET",), True),
    "reduce_refused": (-2022, "ReduceOnly Order is rejected.", ("LIMIT", "MARKET"), True),
}
"""Which orders a code is for: kinds, and whether they are reduce-only."""

T = TypeVar("T")


class Late(msgspec.Struct, frozen=True):
    """A request that arrives later, although everybody gave it up."""

    due_ms: int
    order: OrderRequest


class Moods:
    """The venue as it can be reached now. Shared by all processes: it is one venue."""

    def __init__(
        self, venue: TruthVenue, faults: Faults, now_ms: Callable[[], int], tape: Tape
    ) -> None:
        self.venue = venue
        self._faults = faults
        self._now_ms = now_ms
        self._tape = tape
        self._late: list[Late] = []
        self._denied_until_ms: dict[str, int] = {}
        self.banned_until_ms = 0
        self.silent_until_ms = 0
        self.came_late: set[str] = set()
        self.rejected_later: set[str] = set()
        self.in_flight = 0
        self.shown: list[AnyVenueUpdate] = []
        self._served = 0
        self._waiting: list[Waiter] = []
        venue.listeners.append(self._hear)

    # --- requests -----------------------------------------------------------------------------

    async def _go(self) -> None:
        """The way of a request that changes something; counted while it lasts."""
        self.in_flight += 1
        try:
            await self.travel()
        finally:
            self.in_flight -= 1

    async def travel(self) -> None:
        """The way to the venue: it takes a while, and it may be closed."""
        await asyncio.sleep(0.002)
        await self._pass()

    async def _pass(self) -> None:
        if self._faults.strikes("slow_replies"):
            await self._crawl()
        if self._now_ms() < self.banned_until_ms and not self._faults.calm:
            raise Unreachable("418: banned for a while")
        if self._faults.strikes("unreachable"):
            raise Unreachable("no route to the venue")

    async def place(self, order: OrderRequest, signed_ms: int) -> Placement:
        """An order on its way; ``signed_ms`` is the time its sender signed into it."""
        await self._go()
        name = order.client_order_id
        if signed_ms > self._now_ms() + 1_000 or signed_ms < self._now_ms() - WINDOW_MS:
            self._faults.count("clock_refused")
            return Rejected(name, -1021, "Timestamp for this request is outside of the recvWindow.")
        refused = self._refusal(order)
        if refused is not None:
            return refused
        self._lose(order)
        answer = self.venue.place(order)
        if self._faults.strikes("reply_lost"):
            raise InDoubt("no answer in time")
        return answer

    async def cancel(self, symbol: str, client_order_id: str) -> Placement:
        """A cancel on its way."""
        await self._go()
        if self._faults.strikes("request_lost"):
            raise InDoubt("no answer in time")
        answer = self.venue.cancel(symbol, client_order_id)
        if self._faults.strikes("reply_lost"):
            raise InDoubt("no answer in time")
        return answer

    async def ask(self, question: Callable[[], T]) -> T:
        """A question: it changes nothing, and may have no answer."""
        await self.travel()
        if self._faults.strikes("question_failed"):
            raise InDoubt("no answer in time")
        return question()

    def denies(self, client_order_id: str) -> bool:
        """Whether the venue has forgotten an order for a while."""
        until_ms = self._denied_until_ms.get(client_order_id, 0)
        if self._now_ms() < until_ms:
            return not self._faults.calm
        if not until_ms and self._faults.strikes("order_forgotten"):
            self._denied_until_ms[client_order_id] = self._now_ms() + FORGOTTEN_MS
            return True
        return False

    def _refusal(self, order: OrderRequest) -> Rejected | None:
        name = order.client_order_id
        if self._faults.strikes("clock_refused"):
            return Rejected(name, -1021, "Timestamp for this request is outside of the recvWindow.")
        for kind, (code, text, kinds, reduces) in REFUSALS.items():
            if order.kind in kinds and order.reduce_only == reduces and self._faults.strikes(kind):
                self._tape("venue", f"{name} refused, {code}")
                return Rejected(name, code, text)
        return None

    def _lose(self, order: OrderRequest) -> None:
        """A request that does not arrive now, or whose arrival nobody is told of."""
        if self._faults.strikes("request_lost"):
            raise InDoubt("no answer in time")
        for kind, (least, most) in {
            "request_late": (200, WINDOW_MS),
            "accepted_very_late": (20_000, 90_000),
        }.items():
            if self._faults.strikes(kind):
                wait_ms = self._faults.chance(kind).randrange(least, most)
                self._late.append(Late(self._now_ms() + wait_ms, order))
                raise InDoubt("no answer in time")
        for kind in MAYBE:
            if self._faults.strikes(kind):
                if self._faults.chance(kind).random() < 0.5:
                    self.venue.place(order)
                raise InDoubt(f"{kind.split('_')[1]}: execution status unknown")

    def let_late_ones_in(self) -> None:
        """Requests that were on their way arrive."""
        now_ms = self._now_ms()
        due = [one for one in self._late if one.due_ms <= now_ms or self._faults.calm]
        self._late = [one for one in self._late if one not in due]
        for one in due:
            self.came_late.add(one.order.client_order_id)
            self.venue.place(one.order)

    async def _crawl(self) -> None:
        """Nobody is late who waits for the venue."""
        self.in_flight += 1
        try:
            await asyncio.sleep(self._faults.chance("slow_replies").uniform(0.05, 2.0))
        finally:
            self.in_flight -= 1

    # --- reports ------------------------------------------------------------------------------

    async def updates(self, after: int, wait_ms: int) -> Sequence[AnyVenueUpdate]:
        """Reports after a number, as the user stream tells them."""
        await self._pass()
        if len(self.shown) <= after and wait_ms > 0:
            news = Waiter(lambda: len(self.shown) > after)
            if not await news.wait(self._waiting, wait_ms):
                return ()
        if self._is_silent():
            return ()
        self._served = len(self.shown)
        return self.shown[after:]

    def _is_silent(self) -> bool:
        return self._now_ms() < self.silent_until_ms and not self._faults.calm

    def _hear(self, update: AnyVenueUpdate) -> None:
        """The venue reports: in order within a symbol, and some of it twice."""
        if isinstance(update, VenueReject):
            self.rejected_later.add(update.client_order_id)
        self._show(update)
        if self._faults.strikes("events_repeated"):
            self._show(update)
        shown = self.shown
        if (
            len(shown) - self._served > 1
            and shown[-2].symbol != shown[-1].symbol
            and self._faults.strikes("events_reordered")
        ):
            first, second = shown[-2:]
            shown[-2] = msgspec.structs.replace(second, seq=first.seq)
            shown[-1] = msgspec.structs.replace(first, seq=second.seq)
        for one in self._waiting:
            one.nudge()

    def _show(self, update: AnyVenueUpdate) -> None:
        self.shown.append(msgspec.structs.replace(update, seq=len(self.shown) + 1))
