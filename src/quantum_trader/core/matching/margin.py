"""Margin: what an order may still open, and where the venue takes a position."""

from decimal import Decimal

from quantum_trader.core.books.margin import (
    bankruptcy_price,
    cross_collateral_usd,
    initial_usd,
    liquidation_price,
)
from quantum_trader.core.books.position import Position
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.matching.desk import Desk
from quantum_trader.core.matching.state import Market, is_isolated
from quantum_trader.core.matching.tally import revalue
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
    notional_usd = (opened + abs(same_side)) * price + desk.tally.resting_usd(market.symbol, side)
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
    return desk.state.wallet_usd - desk.tally.bound_usd


def cross_wallet_usd(desk: Desk) -> Decimal:
    """The part of the wallet that stands for no isolated position alone."""
    return desk.state.wallet_usd - desk.tally.walled_usd


def refresh_margin(desk: Desk, market: Market) -> None:
    """Note what a market binds, and where its isolated position is lost.

    To be called after a fill, and after its isolated wallet changed.
    """
    revalue(desk.tally, desk.rules, market)
    market.liquidation = None
    if is_isolated(desk.rules, market):
        price = liquidation_price(desk.instrument(market), market.position, market.isolated_usd)
        market.liquidation = None if price is None else float(price)


def refresh_mark(desk: Desk, market: Market) -> None:
    """Value a position anew after its mark changed; an isolated one binds what it did before."""
    if market.position.qty and not is_isolated(desk.rules, market):
        revalue(desk.tally, desk.rules, market)


def liquidation_level(desk: Desk, market: Market) -> float | None:
    """The mark price at which the position of a symbol is taken; None when none is."""
    if not market.position.qty or is_isolated(desk.rules, market):
        return market.liquidation
    collateral_usd = cross_collateral_usd(
        cross_wallet_usd(desk), *desk.tally.others_usd(market.symbol)
    )
    price = liquidation_price(desk.instrument(market), market.position, collateral_usd)
    return None if price is None else float(price)


def last_price(instrument: Instrument, position: Position, collateral_usd: Decimal) -> Decimal:
    """The worst price on the grid that does not lose more than the collateral."""
    price = bankruptcy_price(position, collateral_usd)
    if price is None:
        return instrument.tick
    return instrument.ceil_price(price) if position.qty > 0 else instrument.floor_price(price)
