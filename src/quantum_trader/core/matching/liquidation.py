"""Liquidation: the venue takes what no longer keeps its maintenance margin.

An isolated position can lose its isolated wallet and nothing more: it is closed at its bankruptcy
price however far the market has gone, and the insurance fund carries the rest. In cross margin
all positions are closed at their marks, winners first, and the wallet ends at zero at worst.

With ``by_tier`` what lies in a higher margin tier is first sold at the mark down to the tier
below, one tier at a time, as long as that is not enough.
"""

from decimal import Decimal

from quantum_trader.core.books.position import unrealized_usd
from quantum_trader.core.events import MarkPriced
from quantum_trader.core.matching.desk import Desk, cancel_order
from quantum_trader.core.matching.fills import Fill, book_fill
from quantum_trader.core.matching.margin import (
    cross_wallet_usd,
    last_price,
    liquidation_level,
    refresh_mark,
)
from quantum_trader.core.matching.state import Market, is_isolated, mark_of
from quantum_trader.core.units import ZERO, OrderSide, exit_order_side, money, side_of
from quantum_trader.core.venue import VenueOrder

MARK_VALID_MS = 10_000
"""Marks that follow each other within this time decide about liquidation alone."""


def on_mark(desk: Desk, market: Market, fact: MarkPriced) -> None:
    """Value the position anew, and take it when it no longer keeps its margin."""
    if fact.at_ms <= market.mark_ms or not fact.mark > 0:
        return
    is_dense = fact.at_ms - market.mark_ms <= MARK_VALID_MS
    market.marks_until_ms = fact.at_ms + MARK_VALID_MS if is_dense else 0
    market.mark_ms, market.mark = fact.at_ms, fact.mark
    refresh_mark(desk, market)
    check_liquidation(desk, market)


def check_liquidation(desk: Desk, market: Market) -> None:
    """Take the position when its mark is at or past the liquidation price."""
    while market.position.qty and market.mark is not None:
        level = liquidation_level(desk, market)
        if level is None or not is_past(market, market.mark, level):
            return
        liquidate(desk, market)


def is_past(market: Market, price: float | Decimal, level: float | Decimal) -> bool:
    """Whether a price is at or beyond a level on the losing side of the position."""
    return price <= level if market.position.qty > 0 else price >= level


def bankrupts(desk: Desk, market: Market, side: OrderSide, price: Decimal) -> bool:
    """Whether a trade that closes would lose more than the isolated wallet holds."""
    held = market.position.qty
    if not held or (held > 0) == (side == "BUY") or not is_isolated(desk.rules, market):
        return False
    worst = last_price(desk.instrument(market), market.position, market.isolated_usd)
    return price < worst if held > 0 else price > worst


def liquidate(desk: Desk, market: Market) -> None:
    """Cancel the orders and close the position; in cross margin, of the whole account.

    With ``by_tier`` a position is only made smaller while it lies above the lowest tier.
    """
    if is_isolated(desk.rules, market):
        _cancel_all(desk, market)
        _close(desk, market, market.isolated_usd, _qty_above_tier(desk, market))
        return
    held = [
        one
        for one in desk.state.markets.values()
        if one.position.qty and not is_isolated(desk.rules, one)
    ]
    above = [(qty, one) for one in held if (qty := _qty_above_tier(desk, one)) is not None]
    if above:
        for one in held:
            _cancel_all(desk, one)
        qty, largest = max(above, key=lambda each: (each[0] * mark_of(each[1]), each[1].symbol))
        _close(desk, largest, cross_wallet_usd(desk), qty)
        return
    held.sort(key=lambda one: (-unrealized_usd(one.position, mark_of(one)), one.symbol))
    for one in held:
        _cancel_all(desk, one)
        _close(desk, one, cross_wallet_usd(desk), None)


def _cancel_all(desk: Desk, market: Market) -> None:
    for order in list(market.orders):
        cancel_order(desk, market, order, "liquidation")


def _qty_above_tier(desk: Desk, market: Market) -> Decimal | None:
    """How much has to go for the tier below; None when all of it is to go."""
    if not desk.rules.by_tier:
        return None
    instrument, size = desk.instrument(market), abs(market.position.qty)
    mark = mark_of(market)
    floor_usd = instrument.tier_at(size * mark).floor_usd
    kept_qty = instrument.floor_qty(floor_usd / mark)
    return size - kept_qty if kept_qty else None


def _close(desk: Desk, market: Market, collateral_usd: Decimal, part_qty: Decimal | None) -> None:
    """Close all of a position at what is left of its collateral, or a part of it at the mark."""
    position = market.position
    qty = abs(position.qty) if part_qty is None else part_qty
    price = _closing_price(desk, market, collateral_usd, part_qty is None)
    left_usd = collateral_usd + unrealized_usd(position, price)
    full_fee_usd = money(qty * price * desk.instrument(market).liquidation_fee_frac)
    fill = Fill(
        client_order_id=f"autoclose-{desk.state.seq + 1}",
        side=exit_order_side(side_of(position.qty)),
        qty=qty,
        price=price,
        fee_usd=min(full_fee_usd, max(left_usd, ZERO)),
        liquidity="taker",
        cause="liquidation",
    )
    name, number = fill.client_order_id, str(desk.next_number())
    desk.ended.append(
        VenueOrder(client_order_id=name, venue_order_id=number, state="filled", filled_qty=qty)
    )
    book_fill(desk, market, fill)


def _closing_price(desk: Desk, market: Market, collateral_usd: Decimal, is_whole: bool) -> Decimal:
    instrument = desk.instrument(market)
    worst = last_price(instrument, market.position, collateral_usd)
    if is_whole and is_isolated(desk.rules, market):
        return worst
    mark = instrument.nearest_price(mark_of(market))
    return max(mark, worst) if market.position.qty > 0 else min(mark, worst)
