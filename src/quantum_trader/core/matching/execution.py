"""What placing and meeting an order have in common: its number, its quantity, its trade."""

from decimal import Decimal
from typing import NamedTuple

from quantum_trader.core.events.orders import Liquidity, OrderRequest
from quantum_trader.core.matching.desk import Desk, end_order
from quantum_trader.core.matching.fills import Fill, book_fill, fee_of
from quantum_trader.core.matching.filters import reduces, reducible, triggers_above
from quantum_trader.core.matching.state import Market, OpenOrder


class Part(NamedTuple):
    """What of an order trades now. ``done``: nothing of it stays open."""

    price: Decimal
    qty: Decimal
    done: bool


def new_order(desk: Desk, order: OrderRequest) -> OpenOrder:
    """Give an order its number."""
    above = triggers_above(order)
    queue = desk.rules.queue_ticks * desk.rules.instruments[order.symbol].tick
    reach = order.trigger_price
    if reach is None and order.price is not None:
        reach = order.price + queue if above else order.price - queue
    return OpenOrder(
        number=desk.next_number(),
        request=order,
        placed_ms=desk.state.at_ms,
        reach=0.0 if reach is None else float(reach),
        above=above,
    )


def qty_now(market: Market, order: OrderRequest, left_qty: Decimal) -> Decimal:
    """What an order may trade now: what reduces never more than there is to close."""
    if order.close_position:
        return reducible(market, order)
    return min(left_qty, reducible(market, order)) if reduces(order) else left_qty


def trade(desk: Desk, market: Market, order: OpenOrder, part: Part, liquidity: Liquidity) -> None:
    """Book a trade of an order that is not in the book."""
    request = order.request
    if part.done:
        end_order(desk, order, "filled", order.filled_qty + part.qty)
    fill = Fill(
        client_order_id=request.client_order_id,
        side=request.side,
        qty=part.qty,
        price=part.price,
        fee_usd=fee_of(desk.rules, liquidity, part.qty * part.price),
        liquidity=liquidity,
        done=part.done,
    )
    book_fill(desk, market, fill)
