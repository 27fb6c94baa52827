"""The desk of the simulated venue: its rules, what it knows, and what it has to report."""

from bisect import bisect_left
from decimal import Decimal
from operator import attrgetter

import msgspec

from quantum_trader.core.instrument import Instrument
from quantum_trader.core.matching.rules import LEVERAGE_UNSET, MatchingRules
from quantum_trader.core.matching.state import Market, OpenOrder, VenueState
from quantum_trader.core.matching.tally import Tally, add_order, count_in, drop_order
from quantum_trader.core.venue import (
    AnyVenueUpdate,
    OrderState,
    VenueCancel,
    VenueOrder,
    VenueReject,
    VenueTrigger,
)

_number = attrgetter("number")


class Desk(msgspec.Struct):
    """Every step works on the state and leaves what the venue reports in ``updates``, in order.

    ``ended`` are the orders that came to their end. Whoever runs the desk takes both away.
    ``tally`` is counted from the state when the desk opens, and kept by every change.
    """

    rules: MatchingRules
    state: VenueState
    updates: list[AnyVenueUpdate]
    ended: list[VenueOrder]
    tally: Tally = msgspec.field(default_factory=Tally)

    def __post_init__(self) -> None:
        self.tally = Tally()
        for market in self.state.markets.values():
            count_in(self.tally, self.rules, market)

    def instrument(self, market: Market) -> Instrument:
        """The instrument of a market."""
        return self.rules.instruments[market.symbol]

    def next_seq(self) -> int:
        """The number of the next report."""
        self.state.seq += 1
        return self.state.seq

    def next_number(self) -> int:
        """The number of the next order."""
        self.state.placed += 1
        return self.state.placed


def open_desk(rules: MatchingRules, state: VenueState | None = None) -> Desk:
    """A desk that goes on from a state, or a new account with nothing but its deposit."""
    return Desk(rules, state or VenueState(wallet_usd=rules.deposit_usd, markets={}), [], [])


def market_of(desk: Desk, symbol: str) -> Market:
    """The market of a symbol; a new one is not yet part of the state."""
    market = desk.state.markets.get(symbol)
    if market is None:
        leverage_max = desk.rules.instruments[symbol].tiers[0].leverage_max
        market = Market(symbol=symbol, leverage=min(LEVERAGE_UNSET, leverage_max), orders=[])
    return market


def rest_order(desk: Desk, market: Market, order: OpenOrder) -> None:
    """Put an order into the book; its number is the highest so far."""
    market.orders.append(order)
    add_order(desk.tally, desk.rules, market, order)


def put_back(desk: Desk, market: Market, order: OpenOrder) -> None:
    """Put an order that was taken out back into its place, as what is left of it."""
    market.orders.insert(bisect_left(market.orders, order.number, key=_number), order)
    add_order(desk.tally, desk.rules, market, order)


def take_out(desk: Desk, market: Market, order: OpenOrder) -> None:
    """Take an order, which must be there, out of the book."""
    del market.orders[bisect_left(market.orders, order.number, key=_number)]
    drop_order(desk.tally, desk.rules, market, order)


def end_order(desk: Desk, order: OpenOrder, how: OrderState, filled_qty: Decimal) -> None:
    """Remember how an order ended, for those who ask later."""
    name = order.request.client_order_id
    ended = VenueOrder(
        client_order_id=name, venue_order_id=str(order.number), state=how, filled_qty=filled_qty
    )
    desk.ended.append(ended)


def cancel_order(desk: Desk, market: Market, order: OpenOrder, reason: str) -> None:
    """Take an order out of the book and report it."""
    take_out(desk, market, order)
    expire_order(desk, order, reason)


def expire_order(desk: Desk, order: OpenOrder, reason: str) -> None:
    """Report that nothing more comes of an order that is in no book."""
    end_order(desk, order, "canceled", order.filled_qty)
    desk.updates.append(
        VenueCancel(
            seq=desk.next_seq(),
            at_ms=desk.state.at_ms,
            symbol=order.request.symbol,
            client_order_id=order.request.client_order_id,
            reason=reason,
        )
    )


def reject_order(desk: Desk, order: OpenOrder, code: int, reason: str) -> None:
    """Report that an order, already out of the book, could not be carried out."""
    end_order(desk, order, "rejected", order.filled_qty)
    desk.updates.append(
        VenueReject(
            seq=desk.next_seq(),
            at_ms=desk.state.at_ms,
            symbol=order.request.symbol,
            client_order_id=order.request.client_order_id,
            code=code,
            reason=reason,
        )
    )


def report_trigger(desk: Desk, order: OpenOrder, trigger_price: Decimal) -> None:
    """Report that a conditional order met its trigger."""
    desk.updates.append(
        VenueTrigger(
            seq=desk.next_seq(),
            at_ms=desk.state.at_ms,
            symbol=order.request.symbol,
            client_order_id=order.request.client_order_id,
            trigger_price=trigger_price,
        )
    )
