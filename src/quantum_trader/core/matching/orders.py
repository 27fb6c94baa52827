"""The life of an order at the simulated venue: placed, at rest, met, filled or canceled."""

from decimal import Decimal

from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.matching.desk import (
    Desk,
    cancel_order,
    market_of,
    put_back,
    reject_order,
    report_trigger,
    rest_order,
    take_out,
)
from quantum_trader.core.matching.execution import Part, new_order, qty_now, trade
from quantum_trader.core.matching.filters import Refused, reduces, refusal
from quantum_trader.core.matching.liquidation import bankrupts, liquidate
from quantum_trader.core.matching.margin import opening_refusal
from quantum_trader.core.matching.rules import MatchingRules, taken_price
from quantum_trader.core.matching.state import Market, OpenOrder, is_isolated
from quantum_trader.core.matching.taking import Force, filled_by, trade_in_book
from quantum_trader.core.matching.tally import revalue
from quantum_trader.core.units import decimal_of, floor_to
from quantum_trader.core.venue import Accepted, Placement, Rejected


def place(desk: Desk, order: OrderRequest, force: Force = "GTC") -> Placement:
    """Take an order in: it trades at once, or rests, or is refused and leaves no trace.

    How long it is in force matters only where there is a book (``MatchingRules.depth``).
    """
    instrument = desk.rules.instruments.get(order.symbol)
    if instrument is None:
        return Rejected(order.client_order_id, -1121, "Invalid symbol.")
    market = market_of(desk, order.symbol)
    refused = refusal(desk, market, order)
    if refused is not None:
        return refused
    if desk.rules.depth is not None and order.trigger_price is None:
        found = trade_in_book(desk, market, order, force, desk.rules.depth)
    else:
        taken = _price_now(desk.rules, instrument, market, order)
        found = _rest(desk, market, order) if taken is None else _take(desk, market, order, taken)
    if found is not None:
        return Rejected(order.client_order_id, *found)
    return Accepted(order.client_order_id, str(desk.state.placed))


def cancel(desk: Desk, symbol: str, client_order_id: str) -> Placement:
    """Take an open order out of the book."""
    order = desk.tally.orders.get(client_order_id)
    if order is None or order.request.symbol != symbol:
        return Rejected(client_order_id, -2011, "Unknown order sent.")
    cancel_order(desk, desk.state.markets[symbol], order, "canceled by request")
    return Accepted(client_order_id, str(order.number))


def configure(desk: Desk, symbol: str, leverage: int) -> Rejected | None:
    """Set the leverage of what is opened from now on; None when it is set."""
    instrument = desk.rules.instruments.get(symbol)
    if instrument is None:
        return Rejected("", -1121, "Invalid symbol.")
    if not 1 <= leverage <= instrument.tiers[0].leverage_max:
        return Rejected("", -4028, f"Leverage {leverage} is not valid.")
    market = market_of(desk, symbol)
    held = market.position
    if held.qty and is_isolated(desk.rules, market) and leverage < market.leverage:
        text = "Leverage reduction is not supported in Isolated Margin Mode with open positions."
        return Rejected("", -4161, text)
    if held.qty and leverage > instrument.leverage_max_at(held.cost_usd):
        return Rejected("", -2027, "Exceeded the maximum allowable position at current leverage.")
    desk.state.markets[symbol] = market
    market.leverage = leverage
    revalue(desk.tally, desk.rules, market)
    return None


def execute(
    desk: Desk, market: Market, order: OpenOrder, base: Decimal, volume: Decimal | None = None
) -> None:
    """An open order was met: trade it as far as the position and the margin allow.

    ``base`` is the price a triggered order finds; a resting limit trades at its own, and no more
    than ``volume`` where that is known.
    """
    request = order.request
    price = request.price
    if price is None:
        price = taken_price(desk.rules, desk.instrument(market), request.side, base)
    if bankrupts(desk, market, request.side, price):
        liquidate(desk, market)
        return
    take_out(desk, market, order)
    if request.trigger_price is not None:
        report_trigger(desk, order, request.trigger_price)
    qty = qty_now(market, request, order.left_qty)
    if not qty:
        reject_order(desk, order, -2022, "ReduceOnly Order is rejected.")
        return
    refused = opening_refusal(desk, market, request.side, qty, price)
    if refused is not None:
        reject_order(desk, order, *refused)
        return
    if order.conditional:
        trade(desk, market, order, Part(price, qty, done=True), "taker")
        return
    part = qty if volume is None else min(qty, floor_to(volume, desk.instrument(market).step))
    if part:
        trade(desk, market, order, Part(price, part, done=part == qty), "maker")
    if part < qty:
        put_back(desk, market, filled_by(order, part))


def _price_now(
    rules: MatchingRules, instrument: Instrument, market: Market, order: OrderRequest
) -> Decimal | None:
    """What an order pays when it trades at once, never beyond its limit; None when it rests."""
    if order.trigger_price is not None or market.last is None:
        return None
    last, limit = decimal_of(market.last), order.price
    price = taken_price(rules, instrument, order.side, last)
    if limit is None:
        return price
    if order.side == "BUY":
        return min(price, limit) if limit >= last else None
    return max(price, limit) if limit <= last else None


def _take(desk: Desk, market: Market, order: OrderRequest, price: Decimal) -> Refused:
    if bankrupts(desk, market, order.side, price):
        liquidate(desk, market)
        return -2023, "User in liquidation mode now."
    qty = qty_now(market, order, order.qty)
    refused = opening_refusal(desk, market, order.side, qty, price)
    if refused is None:
        trade(desk, market, new_order(desk, order), Part(price, qty, done=True), "taker")
    return refused


def _rest(desk: Desk, market: Market, order: OrderRequest) -> Refused:
    """A resting entry sets its margin aside; a conditional one is asked when it triggers."""
    if order.price is not None and not reduces(order):
        refused = opening_refusal(desk, market, order.side, order.qty, order.price)
        if refused is not None:
            return refused
    rest_order(desk, market, new_order(desk, order))
    return None
