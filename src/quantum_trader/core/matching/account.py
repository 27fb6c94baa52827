"""The account as the simulated venue shows it."""

from decimal import Decimal

from quantum_trader.core.books.position import unrealized_usd
from quantum_trader.core.matching.desk import Desk
from quantum_trader.core.matching.margin import liquidation_level
from quantum_trader.core.matching.state import Market, OpenOrder, is_isolated, mark_of
from quantum_trader.core.units import ZERO, decimal_of
from quantum_trader.core.venue import RestingOrder, VenueAccount, VenueOrder, VenuePosition


def account(desk: Desk) -> VenueAccount:
    """Wallet, positions and open orders now, by symbol; equity is wallet plus unrealised."""
    markets = [market for _, market in sorted(desk.state.markets.items())]
    return VenueAccount(
        at_ms=desk.state.at_ms,
        wallet_usd=desk.state.wallet_usd,
        positions=tuple(_position(desk, each) for each in markets if each.position.qty),
        open_orders=tuple(_resting(order) for each in markets for order in each.orders),
        hedge_mode=False,
    )


def equity_usd(desk: Desk) -> Decimal:
    """Wallet and unrealised profit, without the rest of the account."""
    total_usd = desk.state.wallet_usd
    for market in desk.state.markets.values():
        if market.position.qty:
            total_usd += unrealized_usd(market.position, mark_of(market))
    return total_usd


def open_order(desk: Desk, symbol: str, client_order_id: str) -> VenueOrder | None:
    """An order that rests in the book, None when it does not."""
    order = desk.tally.orders.get(client_order_id)
    if order is None or order.request.symbol != symbol:
        return None
    return VenueOrder(
        client_order_id=client_order_id,
        venue_order_id=str(order.number),
        state="open",
        filled_qty=order.filled_qty,
    )


def _resting(order: OpenOrder) -> RestingOrder:
    return RestingOrder(
        order=order.request, venue_order_id=str(order.number), filled_qty=order.filled_qty
    )


def _position(desk: Desk, market: Market) -> VenuePosition:
    position, mark = market.position, mark_of(market)
    level = liquidation_level(desk, market)
    return VenuePosition(
        symbol=market.symbol,
        qty=position.qty,
        entry_price=position.entry_price or ZERO,
        mark=mark,
        unrealized_usd=unrealized_usd(position, mark),
        isolated_wallet_usd=market.isolated_usd,
        liquidation_price=None if level is None else decimal_of(level),
        leverage=market.leverage,
        isolated=is_isolated(desk.rules, market),
    )
