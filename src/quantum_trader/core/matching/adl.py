"""Auto-deleveraging: what the insurance fund cannot carry, winners have to close.

Who has the largest profit at the highest leverage stands first in the queue.
"""

from collections.abc import Sequence
from decimal import Decimal

from quantum_trader.core.books.position import unrealized_usd
from quantum_trader.core.matching.desk import Desk, cancel_order
from quantum_trader.core.matching.fills import Fill, book_fill
from quantum_trader.core.matching.sides import legs_of
from quantum_trader.core.matching.state import Market, mark_of
from quantum_trader.core.units import ZERO, OrderSide, exit_order_side, side_of
from quantum_trader.core.venue import VenueOrder

PREFIX = "adl_autoclose"
QUANTILES = 5


def score(market: Market) -> Decimal:
    """Profit as a fraction of cost times leverage; losses stand behind every profit."""
    position = market.position
    if not position.qty:
        return ZERO
    gain_frac = unrealized_usd(position, mark_of(market)) / position.cost_usd
    return gain_frac * market.leverage if gain_frac > 0 else gain_frac / market.leverage


def queue(desks: Sequence[Desk], symbol: str, side: OrderSide) -> list[tuple[Desk, Market]]:
    """The positions that an order of this side would close, first to go first."""
    legs = [
        (desk, market)
        for desk in desks
        for leg in legs_of(symbol)
        if (market := desk.state.markets.get(leg)) is not None
        and market.position.qty
        and exit_order_side(side_of(market.position.qty)) == side
    ]
    return sorted(legs, key=lambda each: -score(each[1]))


def quantile(desks: Sequence[Desk], symbol: str, market: Market) -> int:
    """Where a position stands in its queue: 4 goes first, 0 last or not at all."""
    if not market.position.qty:
        return 0
    waiting = queue(desks, symbol, exit_order_side(side_of(market.position.qty)))
    place = next(number for number, each in enumerate(waiting) if each[1] is market)
    return QUANTILES - 1 - place * QUANTILES // len(waiting)


def deleverage(
    desks: Sequence[Desk], symbol: str, side: OrderSide, qty: Decimal, price: Decimal
) -> Decimal:
    """Close ``qty`` of the queue at ``price``, without fees. What nobody had is returned."""
    left_qty = qty
    for desk, market in queue(desks, symbol, side):
        if not left_qty:
            break
        part = min(left_qty, abs(market.position.qty))
        _close(desk, market, part, price)
        left_qty -= part
    return left_qty


def _close(desk: Desk, market: Market, qty: Decimal, price: Decimal) -> None:
    for order in list(market.orders):
        cancel_order(desk, market, order, "liquidation")
    fill = Fill(
        client_order_id=f"{PREFIX}-{desk.state.seq + 1}",
        side=exit_order_side(side_of(market.position.qty)),
        qty=qty,
        price=price,
        fee_usd=ZERO,
        liquidity="taker",
        cause="adl",
    )
    name, number = fill.client_order_id, str(desk.next_number())
    desk.ended.append(
        VenueOrder(client_order_id=name, venue_order_id=number, state="filled", filled_qty=qty)
    )
    book_fill(desk, market, fill)
