"""A fill: what it does to the position, to the wallet, and to the orders beside it."""

from decimal import Decimal

import msgspec

from quantum_trader.core.books.margin import initial_usd
from quantum_trader.core.books.position import Change, after_fill
from quantum_trader.core.events.orders import FillCause, Liquidity
from quantum_trader.core.matching.desk import Desk, cancel_order
from quantum_trader.core.matching.filters import reduces
from quantum_trader.core.matching.margin import refresh_margin
from quantum_trader.core.matching.rules import MatchingRules
from quantum_trader.core.matching.state import Market, is_isolated
from quantum_trader.core.units import ZERO, OrderSide, money
from quantum_trader.core.venue import VenueFill


class Fill(msgspec.Struct, frozen=True, kw_only=True):
    """One trade of ours, complete but for its number. ``done``: nothing of its order stays open."""

    client_order_id: str
    side: OrderSide
    qty: Decimal
    price: Decimal
    fee_usd: Decimal
    liquidity: Liquidity
    cause: FillCause = "order"
    done: bool = True


def fee_of(rules: MatchingRules, liquidity: Liquidity, notional_usd: Decimal) -> Decimal:
    """What the venue takes for a trade."""
    frac = rules.taker_fee_frac if liquidity == "taker" else rules.maker_fee_frac
    return money(notional_usd * frac)


def book_fill(desk: Desk, market: Market, fill: Fill) -> None:
    """Book a trade and report it. A position that ends takes its reduce-only orders with it."""
    before = market.position
    change = after_fill(before, fill.side, fill.qty, fill.price)
    if is_isolated(desk.rules, market):
        _move_margin(market, fill, change, abs(before.qty))
    market.position = change.position
    if change.kind in ("opened", "flipped"):
        market.opened_ms = desk.state.at_ms
    desk.state.wallet_usd += money(change.realized_usd) - fill.fee_usd
    refresh_margin(desk, market)
    _report(desk, market, fill)
    if change.kind in ("closed", "flipped"):
        for order in [one for one in market.orders if reduces(one.request)]:
            cancel_order(desk, market, order, "position is flat")


def _move_margin(market: Market, fill: Fill, change: Change, size: Decimal) -> None:
    """What closes gives its share of the isolated wallet back; what opens brings its own."""
    isolated_usd = market.isolated_usd
    if change.closed_qty:
        whole = change.closed_qty == size
        isolated_usd -= isolated_usd if whole else money(isolated_usd * change.closed_qty / size)
    opened = fill.qty - change.closed_qty
    if opened:
        isolated_usd += initial_usd(opened * fill.price, market.leverage)
    market.isolated_usd = isolated_usd or ZERO


def _report(desk: Desk, market: Market, fill: Fill) -> None:
    desk.state.trades += 1
    desk.updates.append(
        VenueFill(
            seq=desk.next_seq(),
            at_ms=desk.state.at_ms,
            symbol=market.symbol,
            client_order_id=fill.client_order_id,
            trade_id=str(desk.state.trades),
            side=fill.side,
            qty=fill.qty,
            price=fill.price,
            fee_usd=fill.fee_usd,
            liquidity=fill.liquidity,
            cause=fill.cause,
            done=fill.done,
        )
    )
