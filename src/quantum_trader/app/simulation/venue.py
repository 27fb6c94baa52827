"""The venue of a world: the real matching rules, and a log of the whole truth.

It is the world outside: it lives on while our processes die, and never lies about what it did. What
its reports, answers and moods look like from outside is the business of ``door`` and ``moods``.
"""

from collections import Counter
from collections.abc import Callable
from decimal import Decimal

import msgspec

from quantum_trader.app.simulation.faults import Faults
from quantum_trader.app.simulation.tape import Tape
from quantum_trader.core.events import MarketFact
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.matching.account import account, open_order
from quantum_trader.core.matching.advance import advance
from quantum_trader.core.matching.desk import (
    open_desk,
    reject_order,
    report_trigger,
    take_out,
)
from quantum_trader.core.matching.orders import cancel, configure, place
from quantum_trader.core.matching.rules import MatchingRules
from quantum_trader.core.orders.ids import is_ours
from quantum_trader.core.units import ZERO, OrderSide
from quantum_trader.core.venue import (
    Accepted,
    AnyVenueUpdate,
    Placement,
    Rejected,
    VenueAccount,
    VenueCancel,
    VenueFill,
    VenueOrder,
)

PART_USD_MIN = 30
"""Parts of an order smaller than this are not worth splitting."""
CAN_STOP = ("STOP_MARKET", "TAKE_PROFIT_MARKET")


class Rest(msgspec.Struct, frozen=True):
    """What is still to come of a market order that fills in parts; ``expires`` when it will not."""

    due_ms: int
    order: OrderRequest
    first_qty: Decimal
    expires: bool


class Requested(msgspec.Struct):
    """All that the venue knows of one client id: how often it was carried out, and as what."""

    order: OrderRequest
    taken: int = 0
    refused: int = 0
    filled_qty: Decimal = ZERO


class TruthVenue:
    """One account at one venue. ``requests`` and ``fills`` are the truth log that checkers read."""

    def __init__(
        self, rules: MatchingRules, faults: Faults, now_ms: Callable[[], int], tape: Tape
    ) -> None:
        self._desk = open_desk(rules)
        self._faults = faults
        self._now_ms = now_ms
        self._tape = tape
        self._rests: dict[str, Rest] = {}
        self._ended: dict[str, VenueOrder] = {}
        self.requests: dict[str, Requested] = {}
        self.entries: Counter[str] = Counter()
        self.fills: list[VenueFill] = []
        self.reports: list[AnyVenueUpdate] = []
        self.listeners: list[Callable[[AnyVenueUpdate], None]] = []
        self.version = 0

    # --- requests -----------------------------------------------------------------------------

    def configure(self, symbol: str, leverage: int) -> Rejected | None:
        """Set the leverage of a symbol."""
        return configure(self._desk, symbol, leverage)

    def place(self, order: OrderRequest) -> Placement:
        """Carry an order out, or refuse it by the rules."""
        self.version += 1
        name = order.client_order_id
        known = self.requests.setdefault(name, Requested(order))
        if name in self._rests:
            known.refused += 1
            return Rejected(name, -4116, "ClientOrderId is duplicated.")
        first = self._first_part(order)
        if first is not None:
            self._rests[name] = first
            placed = place(self._desk, msgspec.structs.replace(order, qty=first.first_qty))
        else:
            placed = place(self._desk, order)
        if isinstance(placed, Rejected):
            self._rests.pop(name, None)
            known.refused += 1
        else:
            known.taken += 1
            if not order.reduce_only:
                self.entries[name] += 1
        self._tape("venue", _placed_text(order, placed))
        self._collect()
        return placed

    def cancel(self, symbol: str, client_order_id: str) -> Placement:
        """Cancel an open order."""
        self.version += 1
        answer = cancel(self._desk, symbol, client_order_id)
        self._tape("venue", f"cancel of {client_order_id}: {_answer_text(answer)}")
        self._collect()
        return answer

    def find(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """What became of an order."""
        rest = self._rests.get(client_order_id)
        if rest is not None:
            return VenueOrder(
                client_order_id=client_order_id,
                venue_order_id="0",
                state="open",
                filled_qty=rest.first_qty,
            )
        resting = open_order(self._desk, symbol, client_order_id)
        return resting or self._ended.get(client_order_id)

    def account(self) -> VenueAccount:
        """The account as it is."""
        return account(self._desk)

    @property
    def positions(self) -> dict[str, Decimal]:
        """Signed quantities by symbol; flat ones are left out."""
        markets = self._desk.state.markets
        return {name: one.position.qty for name, one in markets.items() if one.position.qty}

    def resting(self, symbol: str) -> list[OrderRequest]:
        """The orders at rest in a symbol, oldest first."""
        market = self._desk.state.markets.get(symbol)
        return [] if market is None else [one.request for one in market.orders]

    def is_closing(self, symbol: str) -> bool:
        """Whether an exit has filled in part and the rest of it is still to come."""
        rests = self._rests.values()
        return any(one.order.symbol == symbol and one.order.reduce_only for one in rests)

    def covered(self, symbol: str, without: str = "") -> Decimal:
        """For how much of a position stops rest that would close it; one may be left out."""
        held = self.positions.get(symbol, ZERO)
        side: OrderSide = "SELL" if held > 0 else "BUY"
        stops = (one for one in self.resting(symbol) if one.kind == "STOP_MARKET")
        closing = (one for one in stops if one.side == side and one.client_order_id != without)
        return sum((abs(held) if one.close_position else one.qty for one in closing), ZERO)

    @property
    def wallet_usd(self) -> Decimal:
        """The wallet, to the cent and beyond."""
        return self._desk.state.wallet_usd

    def price(self, symbol: str) -> float | None:
        """The last price."""
        market = self._desk.state.markets.get(symbol)
        return None if market is None else market.last

    # --- what happens by itself ---------------------------------------------------------------

    def advance(self, fact: MarketFact) -> None:
        """Let the market move; stops that it meets may be rejected at their trigger."""
        market = self._desk.state.markets.get(fact.symbol)
        price = getattr(fact, "price", None)
        if market is not None and price is not None:
            self._reject_stops(fact.symbol, price)
        advance(self._desk, fact)
        if self._desk.updates:
            self.version += 1
            self._collect()

    def let_rests_in(self) -> None:
        """Parts of market orders that are due trade now, or expire."""
        now_ms = self._now_ms()
        for name, rest in list(self._rests.items()):
            if rest.due_ms <= now_ms:
                del self._rests[name]
                self.version += 1
                self._let_in(rest)

    def expire(self, order: OrderRequest) -> None:
        """End a resting order without being asked."""
        self._tape("venue", f"{order.client_order_id} expired by itself")
        self.version += 1
        cancel(self._desk, order.symbol, order.client_order_id)
        self._collect()

    def trade_by_others(self, order: OrderRequest) -> Placement:
        """A trade that is not ours: by a hand, or by the venue itself."""
        self.version += 1
        placed = place(self._desk, order)
        self._tape("hand", _placed_text(order, placed))
        self._collect()
        return placed

    def _let_in(self, rest: Rest) -> None:
        name = rest.order.client_order_id
        refused = rest.expires or isinstance(place(self._desk, rest.order), Rejected)
        if refused:
            self._tape("venue", f"the rest of {name} expired")
            self._ended[name] = VenueOrder(
                client_order_id=name,
                venue_order_id="0",
                state="canceled",
                filled_qty=rest.first_qty,
            )
            self._report(
                VenueCancel(
                    seq=0,
                    at_ms=self._desk.state.at_ms,
                    symbol=rest.order.symbol,
                    client_order_id=name,
                    reason="expired at the price cap",
                )
            )
        self._collect()

    def _first_part(self, order: OrderRequest) -> Rest | None:
        """What of a market order trades at once, when it is to fill in parts."""
        price = self.price(order.symbol)
        if order.kind != "MARKET" or price is None or not is_ours(order.client_order_id):
            return None
        instrument = self._desk.rules.instruments[order.symbol]
        qty = instrument.floor_qty(order.qty / 3)
        if float(qty) * price < PART_USD_MIN or not self._faults.strikes("partial_fill"):
            return None
        later = msgspec.structs.replace(order, qty=order.qty - qty)
        due_ms = self._now_ms() + self._faults.chance("partial_fill").randrange(50, 6_000)
        return Rest(due_ms, later, qty, expires=self._faults.strikes("rest_expired"))

    def _reject_stops(self, symbol: str, price: float) -> None:
        """Stops that this price meets and that the venue will not carry out."""
        market = self._desk.state.markets[symbol]
        for order in list(market.orders):
            met = price >= order.reach if order.above else price <= order.reach
            if order.request.kind in CAN_STOP and met and self._faults.strikes("stop_rejected"):
                self._tape("venue", f"{order.request.client_order_id} rejected at its trigger")
                take_out(self._desk, market, order)
                report_trigger(self._desk, order, order.request.trigger_price or ZERO)
                reject_order(self._desk, order, -2019, "Margin is insufficient.")

    def _collect(self) -> None:
        """Take what the desk has to report, in order."""
        desk = self._desk
        for one in desk.ended:
            self._ended[one.client_order_id] = one
        desk.ended.clear()
        updates, desk.updates = desk.updates, []
        for update in updates:
            if not self._keeps(update):
                self._report(update)

    def _keeps(self, update: AnyVenueUpdate) -> bool:
        """Whether a stop whose position is gone stays, as stops of the real venue do."""
        if not isinstance(update, VenueCancel) or update.reason != "position is flat":
            return False
        order = self.requests[update.client_order_id].order
        if order.kind != "STOP_MARKET" or not self._faults.strikes("stop_survived"):
            return False
        if isinstance(place(self._desk, order), Rejected):
            return False
        self._ended.pop(order.client_order_id, None)
        self._tape("venue", f"{order.client_order_id} stays although its position is gone")
        return True

    def _report(self, update: AnyVenueUpdate) -> None:
        if isinstance(update, VenueFill):
            name = update.client_order_id
            if name in self._rests:
                update = msgspec.structs.replace(update, done=False)
                self._ended.pop(name, None)
            self.fills.append(update)
            if name in self.requests:
                self.requests[name].filled_qty += update.qty
        update = msgspec.structs.replace(update, seq=len(self.reports) + 1)
        self.reports.append(update)
        self._tape("venue", _report_text(update))
        for listen in self.listeners:
            listen(update)


def _placed_text(order: OrderRequest, placed: Placement) -> str:
    at = order.trigger_price or order.price
    where = f" at {at:f}" if at is not None else ""
    only = " reduce-only" if order.reduce_only else ""
    text = f"{order.kind} {order.side} {order.qty:f} {order.symbol}{where}{only}"
    return f"{text} [{order.client_order_id}]: {_answer_text(placed)}"


def _answer_text(answer: Placement) -> str:
    if isinstance(answer, Accepted):
        return "taken"
    return f"refused, {answer.code} {answer.reason}"


def _report_text(update: AnyVenueUpdate) -> str:
    text = f"{update.__struct_config__.tag} {update.client_order_id} {update.symbol}"
    if isinstance(update, VenueFill):
        more = "" if update.done else ", more to come"
        return f"{text}: {update.side} {update.qty:f} at {update.price:f}{more}"
    return text
