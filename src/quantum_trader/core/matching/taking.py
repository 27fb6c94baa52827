"""Orders in a market with a book: they take what is there, and rest or expire with what is left."""

from decimal import Decimal
from typing import Literal

import msgspec

from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.matching.book import Level, levels, takeable, total_qty
from quantum_trader.core.matching.desk import Desk, expire_order, rest_order
from quantum_trader.core.matching.execution import Part, new_order, qty_now, trade
from quantum_trader.core.matching.filters import Refused, reduces
from quantum_trader.core.matching.liquidation import bankrupts, liquidate
from quantum_trader.core.matching.margin import opening_refusal
from quantum_trader.core.matching.rules import Depth
from quantum_trader.core.matching.state import Market, OpenOrder
from quantum_trader.core.units import decimal_of

Force = Literal["GTC", "IOC", "FOK", "GTX", "GTD"]
RESTING = ("GTC", "GTX", "GTD")


def trade_in_book(
    desk: Desk, market: Market, order: OrderRequest, force: Force, depth: Depth
) -> Refused:
    """Take an order in that has no trigger: the refusal, or None when it was taken."""
    wanted_qty = qty_now(market, order, order.qty)
    taken = _taken(desk, market, order, wanted_qty, depth)
    if taken and force == "GTX":
        return -5022, "The order could not be executed as maker."
    if force == "FOK" and total_qty(taken) < wanted_qty:
        return -5021, "The order could not be filled immediately."
    if taken and bankrupts(desk, market, order.side, taken[-1].price):
        liquidate(desk, market)
        return -2023, "User in liquidation mode now."
    price = order.price or (taken[-1].price if taken else None)
    if price is None:
        return -1112, "No orders on book for symbol."
    refused = opening_refusal(desk, market, order.side, wanted_qty, price)
    if refused is None:
        _carry_out(desk, market, new_order(desk, order), taken, force)
    return refused


def _taken(
    desk: Desk, market: Market, order: OrderRequest, wanted_qty: Decimal, depth: Depth
) -> list[Level]:
    """What the order would take: up to its limit, a market order as far as PERCENT_PRICE goes."""
    if market.last is None:
        return []
    instrument, last = desk.instrument(market), decimal_of(market.last)
    mark = decimal_of(market.last if market.mark is None else market.mark)
    is_buy = order.side == "BUY"
    limit = order.price
    if limit is None:
        limit = mark * (instrument.price_up_frac if is_buy else instrument.price_down_frac)
    book = levels(depth, instrument, order.side, last)
    return takeable(book, order.side, wanted_qty, limit)


def _carry_out(
    desk: Desk, market: Market, order: OpenOrder, taken: list[Level], force: Force
) -> None:
    request = order.request
    closes = reduces(request) and total_qty(taken) >= abs(market.position.qty)
    for number, level in enumerate(taken, 1):
        left_qty = order.left_qty - level.qty
        done = number == len(taken) and (closes or not left_qty)
        trade(desk, market, order, Part(level.price, level.qty, done), "taker")
        order = filled_by(order, level.qty)
        if done:
            return
    if request.kind == "LIMIT" and force in RESTING:
        rest_order(desk, market, order)
    else:
        expire_order(desk, order, "nothing more to take")


def filled_by(order: OpenOrder, qty: Decimal) -> OpenOrder:
    """What is left of an order after a fill."""
    return msgspec.structs.replace(order, filled_qty=order.filled_qty + qty)
