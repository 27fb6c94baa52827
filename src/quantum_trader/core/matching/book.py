"""The book around the last price, put together by a stated rule: who takes, walks it."""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from quantum_trader.core.instrument import Instrument
from quantum_trader.core.matching.rules import Depth
from quantum_trader.core.units import ZERO, OrderSide, floor_to


class Level(NamedTuple):
    """A price and what stands there."""

    price: Decimal
    qty: Decimal


def levels(depth: Depth, instrument: Instrument, side: OrderSide, last: Decimal) -> Iterator[Level]:
    """What an order of this side meets, best price first: the asks for BUY, the bids for SELL.

    A level whose money does not buy one step has one step. Bids end above zero.
    """
    sign = 1 if side == "BUY" else -1
    base = instrument.ceil_price(last) if sign > 0 else instrument.floor_price(last)
    worth_usd = depth.best_usd
    for number in range(depth.levels):
        ticks = depth.half_spread_ticks + number * depth.gap_ticks
        price = base + sign * ticks * instrument.tick
        if not instrument.price_min <= price <= instrument.price_max or price <= 0:
            return
        yield Level(price, max(floor_to(worth_usd / price, instrument.step), instrument.step))
        worth_usd *= depth.growth


def takeable(book: Iterator[Level], side: OrderSide, qty: Decimal, limit: Decimal) -> list[Level]:
    """What an order gets out of a book, level by level, at its limit or better."""
    taken: list[Level] = []
    left = qty
    for price, available in book:
        if left <= 0 or (price > limit if side == "BUY" else price < limit):
            break
        part = min(left, available)
        taken.append(Level(price, part))
        left -= part
    return taken


def total_qty(taken: list[Level]) -> Decimal:
    """The quantity of several levels."""
    return sum((one.qty for one in taken), ZERO)
