"""Margin: what an order may still open, and where the venue takes a position."""

from decimal import Decimal

from quantum_trader.core.books.margin import (
    bankruptcy_price,
    cross_collateral_usd,
    initial_usd,
    liquidation_price,
    maintenance_usd,
)
from quantum_trader.core.books.position import Position, unrealized_usd
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.matching.desk import Desk
from quantum_trader.core.matching.state import Market, mark_of
from quantum_trader.core.units import ZERO, OrderSide, money


def opening_refusal(
    desk: Desk, market: Market, side: OrderSide, qty: Decimal, price: Decimal
) -> tuple[int, str] | None:
    """Why the account cannot carry what an order would open at ``price``; None when it can.

    The order itself must not be in the book any more, or its margin counts twice.
    """
    opened = opening_qty(market.position, side, qty)
    if not opened:
        return None
    held = market.position.qty
    same_side = held if (held > 0) == (side == "BUY") else ZERO
    notional_usd = (opened + abs(same_side)) * price + _resting_usd(market, side)
    if market.leverage > desk.instrument(market).leverage_max_at(notional_usd):
        return -2027, "Exceeded the maximum allowable position at current leverage."
    worth_usd = opened * price
    fee_usd = money(worth_usd * desk.rules.taker_fee_frac)
    if initial_usd(worth_usd, market.leverage) + fee_usd > available_usd(desk):
        return -2019, "Margin is insufficient."
    return None


def opening_qty(position: Position, side: OrderSide, qty: Decimal) -> Decimal:
    """How much of a trade does not close what is held."""
    held = position.qty
    if not held or (held > 0) == (side == "BUY"):
        return qty
    return max(qty - abs(held), ZERO)


def available_usd(desk: Desk) -> Decimal:
    """The money that may back new positions; resting entries have theirs set aside."""
    free_usd = desk.state.wallet_usd
    for market in desk.state.markets.values():
        if market.orders:
            resting_usd = _resting_usd(market, "BUY") + _resting_usd(market, "SELL")
            free_usd -= initial_usd(resting_usd, market.leverage)
        if not market.position.qty:
            continue
        if desk.rules.margin_mode == "isolated":
            free_usd -= market.isolated_usd
        else:
            mark = mark_of(market)
            free_usd += unrealized_usd(market.position, mark)
            free_usd -= initial_usd(abs(market.position.qty) * mark, market.leverage)
    return free_usd


def refresh_liquidation(desk: Desk, market: Market) -> None:
    """Note where an isolated position is lost, after its fill or its wallet changed."""
    market.liquidation = None
    if desk.rules.margin_mode == "isolated":
        price = liquidation_price(desk.instrument(market), market.position, market.isolated_usd)
        market.liquidation = None if price is None else float(price)


def liquidation_level(desk: Desk, market: Market) -> float | None:
    """The mark price at which the position of a symbol is taken; None when none is."""
    if desk.rules.margin_mode == "isolated" or not market.position.qty:
        return market.liquidation
    collateral_usd = cross_collateral_usd(desk.state.wallet_usd, *_others(desk, market))
    price = liquidation_price(desk.instrument(market), market.position, collateral_usd)
    return None if price is None else float(price)


def last_price(instrument: Instrument, position: Position, collateral_usd: Decimal) -> Decimal:
    """The worst price on the grid that does not lose more than the collateral."""
    price = bankruptcy_price(position, collateral_usd)
    if price is None:
        return instrument.tick
    return instrument.ceil_price(price) if position.qty > 0 else instrument.floor_price(price)


def _resting_usd(market: Market, side: OrderSide) -> Decimal:
    """What the resting entries of one side are worth at their limits."""
    total_usd = ZERO
    for order in market.orders:
        request = order.request
        if request.price is not None and request.side == side and not request.reduce_only:
            total_usd += request.price * request.qty
    return total_usd


def _others(desk: Desk, market: Market) -> tuple[Decimal, Decimal]:
    """Unrealised profit and maintenance of all positions but one."""
    profit_usd = keep_usd = ZERO
    for other in desk.state.markets.values():
        if other is not market and other.position.qty:
            mark = mark_of(other)
            profit_usd += unrealized_usd(other.position, mark)
            keep_usd += maintenance_usd(desk.instrument(other), other.position, mark)
    return profit_usd, keep_usd
