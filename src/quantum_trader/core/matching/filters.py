"""What the venue refuses at the door, with the venue's own codes and in its own words."""

import re
from collections.abc import Iterator
from decimal import Decimal

from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.matching.desk import Desk
from quantum_trader.core.matching.state import Market
from quantum_trader.core.matching.tally import Tally
from quantum_trader.core.units import ZERO, decimal_of
from quantum_trader.core.venue import Rejected

CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")

Refused = tuple[int, str] | None

CONDITIONAL = ("STOP_MARKET", "TAKE_PROFIT_MARKET")


def refusal(desk: Desk, market: Market, order: OrderRequest) -> Rejected | None:
    """The first rule an order breaks, margin left aside; None when it may come in."""
    for found in _questions(desk, market, order):
        if found is not None:
            return Rejected(order.client_order_id, *found)
    return None


def triggers_above(order: OrderRequest) -> bool:
    """A resting order is met by a rising price: stops that buy, targets and limits that sell."""
    return (order.side == "BUY") == (order.kind == "STOP_MARKET")


def reduces(order: OrderRequest) -> bool:
    """An order that can only make a position smaller."""
    return order.reduce_only or order.close_position


def _questions(desk: Desk, market: Market, order: OrderRequest) -> Iterator[Refused]:
    instrument = desk.instrument(market)
    yield _client_id(desk.tally, order)
    yield _status(instrument, order)
    yield _shape(order)
    yield _close_all(market, order) if order.close_position else _quantity(instrument, order)
    for price in (order.price, order.trigger_price):
        yield price_fault(instrument, price)
    if market.last is None:
        yield -1112, "No orders on book for symbol."
        return
    last = decimal_of(market.last)
    mark = decimal_of(market.last if market.mark is None else market.mark)
    yield _band(instrument, order, last, mark)
    yield _notional(instrument, order, last)
    yield _reduce_only(market, order)
    yield _trigger(desk, order, last)


def _client_id(tally: Tally, order: OrderRequest) -> Refused:
    if not CLIENT_ID.fullmatch(order.client_order_id):
        return -4015, "Client order id is 1 to 36 characters of A-Z a-z 0-9 . : / _ -"
    if order.client_order_id in tally.orders:
        return -4116, "ClientOrderId is duplicated."
    return None


def _status(instrument: Instrument, order: OrderRequest) -> Refused:
    if instrument.tradable or reduces(order):
        return None
    return -4140, f"Invalid symbol status for opening position: {instrument.status}."


def _shape(order: OrderRequest) -> Refused:
    wanted = (order.kind == "LIMIT", order.kind in CONDITIONAL)
    given = (order.price is not None, order.trigger_price is not None)
    for name, want, have in zip(("price", "triggerPrice"), wanted, given, strict=True):
        if want and not have:
            return -1102, f"Mandatory parameter '{name}' was not sent, was empty/null."
        if have and not want:
            return -1106, f"Parameter '{name}' sent when not required."
    return None


def _quantity(instrument: Instrument, order: OrderRequest) -> Refused:
    return qty_fault(instrument, order.qty, at_rest=order.kind == "LIMIT")


def qty_fault(instrument: Instrument, qty: Decimal, *, at_rest: bool) -> Refused:
    """What is wrong with a quantity, of an order with a limit (``at_rest``) or of one without."""
    step = instrument.step if at_rest else instrument.market_step
    qty_min = instrument.qty_min if at_rest else instrument.market_qty_min
    qty_max = instrument.qty_max if at_rest else instrument.market_qty_max
    if not qty.is_finite() or qty <= 0:
        return -4003, "Quantity less than or equal to zero."
    if qty % step:
        return _off_grid(qty, step, (-4023, "Qty not increased by step size."))
    if qty < qty_min:
        return -4004, f"Quantity less than min quantity {qty_min:f}."
    if qty > qty_max:
        return -4005, f"Quantity greater than max quantity {qty_max:f}."
    return None


def _close_all(market: Market, order: OrderRequest) -> Refused:
    """An order that closes whatever there is: no quantity, a trigger, and one of its kind."""
    if order.qty:
        return -4137, "Quantity must be zero with closePosition equals true."
    if order.kind not in CONDITIONAL:
        return -4136, f"Target strategy invalid for orderType {order.kind},closePosition true"
    for one in (each.request for each in market.orders):
        if one.close_position and (one.side, one.kind) == (order.side, order.kind):
            text = "An open stop or take profit order with GTE and closePosition"
            return -4130, f"{text} in the direction is existing."
    return None


def price_fault(instrument: Instrument, price: Decimal | None) -> Refused:
    """What is wrong with a price or trigger price; nothing with none."""
    if price is None:
        return None
    if not price.is_finite() or price <= 0:
        return -4001, "Price less than or equal to zero."
    if price % instrument.tick:
        return _off_grid(price, instrument.tick, (-4014, "Price not increased by tick size."))
    if price < instrument.price_min:
        return -4013, f"Price less than min price {instrument.price_min:f}."
    if price > instrument.price_max:
        return -4002, f"Price greater than max price {instrument.price_max:f}."
    return None


def _off_grid(value: Decimal, step: Decimal, otherwise: tuple[int, str]) -> Refused:
    """Too many digits is one complaint; the right digits beside the grid another."""
    if int(value.normalize().as_tuple().exponent) < int(step.as_tuple().exponent):
        return -1111, "Precision is over the maximum defined for this asset."
    return otherwise


def _band(instrument: Instrument, order: OrderRequest, last: Decimal, mark: Decimal) -> Refused:
    """PERCENT_PRICE: nobody buys far above or sells far below the mark price."""
    if order.kind in CONDITIONAL:
        return None
    price = last if order.price is None else order.price
    over = order.side == "BUY" and price > mark * instrument.price_up_frac
    under = order.side == "SELL" and price < mark * instrument.price_down_frac
    if not over and not under:
        return None
    if order.price is None:
        return -4131, "The counterparty's best price does not meet the PERCENT_PRICE filter limit."
    bound = mark * (instrument.price_up_frac if over else instrument.price_down_frac)
    if over:
        return -4016, f"Limit price can't be higher than {instrument.floor_price(bound):f}."
    return -4024, f"Limit price can't be lower than {instrument.ceil_price(bound):f}."


def _notional(instrument: Instrument, order: OrderRequest, last: Decimal) -> Refused:
    if reduces(order):
        return None
    price = order.price or order.trigger_price or last
    floor_usd = instrument.notional_min_usd
    if order.qty * price < floor_usd:
        text = f"Order's notional must be no smaller than {floor_usd:f}"
        return -4164, f"{text} (unless you choose reduce only)."
    return None


def _reduce_only(market: Market, order: OrderRequest) -> Refused:
    """A conditional order may come before its position; it is asked again when it triggers."""
    if order.reduce_only and order.kind not in CONDITIONAL and not reducible(market, order):
        return -2022, "ReduceOnly Order is rejected."
    return None


def reducible(market: Market, order: OrderRequest) -> Decimal:
    """How much of the position an order could close: zero when flat or on the same side."""
    held = market.position.qty
    against = (held > 0) == (order.side == "SELL")
    return abs(held) if held and against else ZERO


def _trigger(desk: Desk, order: OrderRequest, last: Decimal) -> Refused:
    if order.trigger_price is None:
        return None
    met = last >= order.trigger_price if triggers_above(order) else last <= order.trigger_price
    if met:
        return -2021, "Order would immediately trigger."
    if desk.tally.conditional >= desk.rules.conditional_orders_max:
        return -4045, "Reach max stop order limit."
    return None
