"""The way prices went: from bar or tick to the orders met, in the order in which they were met.

A bar is walked as legs: from the last price to the open, to one extreme, to the other, to the
close. Between two prices of the tape nothing was traded, so whatever the jump to a tick or to an
open passes finds that price; on the way inside a bar every price was traded.
"""

from decimal import Decimal
from itertools import pairwise
from math import inf

import msgspec

from quantum_trader.core.events import CandleClosed, Tick
from quantum_trader.core.matching.desk import Desk
from quantum_trader.core.matching.filters import reduces
from quantum_trader.core.matching.liquidation import is_past, liquidate
from quantum_trader.core.matching.margin import liquidation_level, refresh_mark
from quantum_trader.core.matching.orders import execute
from quantum_trader.core.matching.state import Market, OpenOrder
from quantum_trader.core.units import decimal_of


class Leg(msgspec.Struct, frozen=True, kw_only=True):
    """A move of the price. A ``jump`` trades at its end alone.

    Orders placed after ``placed_by_ms`` were not there yet (nor those of the very millisecond of a
    trade: which came first is unknown). ``liquidates`` says that the prices stand for the mark.
    ``volume`` is what was traded, for those orders that fill no further; None: they fill whole.
    """

    start: float
    end: float
    jump: bool
    placed_by_ms: int
    liquidates: bool
    volume: Decimal | None = None


def on_tick(desk: Desk, market: Market, fact: Tick) -> None:
    """Jump to the price of a trade. A trade older than what is known changes nothing."""
    price = fact.price
    if fact.at_ms < market.at_ms or not 0.0 < price < inf:
        return
    start = price if market.last is None else market.last
    market.at_ms, market.last = fact.at_ms, price
    if fact.at_ms > market.marks_until_ms:
        market.mark = price
    refresh_mark(desk, market)
    if market.orders or market.position.qty:
        leg = _jump(market, fact.at_ms, start, price)
        if desk.rules.depth is not None:
            leg = msgspec.structs.replace(leg, volume=decimal_of(fact.qty))
        _walk(desk, market, leg)


def on_candle(desk: Desk, market: Market, fact: CandleClosed) -> None:
    """Walk a bar, once; a bar that was walked before changes nothing."""
    if fact.open_ms <= market.bar_ms or not 0.0 < fact.low <= fact.high < inf:
        return
    market.bar_ms = fact.open_ms
    is_news = fact.at_ms >= market.at_ms
    if (market.orders or market.position.qty) and _touches(desk, market, fact):
        for leg in _legs(desk, market, fact):
            _walk(desk, market, leg)
    if is_news:
        market.at_ms, market.last = fact.at_ms, fact.close
        if fact.at_ms > market.marks_until_ms:
            market.mark = fact.close
        refresh_mark(desk, market)


def _touches(desk: Desk, market: Market, fact: CandleClosed) -> bool:
    """Whether anything can happen in the bar; most bars end here."""
    low, high = fact.low, fact.high
    for order in market.orders:
        if (high >= order.reach) if order.above else (low <= order.reach):
            return True
    level = liquidation_level(desk, market)
    return level is not None and (low <= level if market.position.qty > 0 else high >= level)


def _legs(desk: Desk, market: Market, fact: CandleClosed) -> list[Leg]:
    """The path of a bar.

    Whoever came during the bar (an order, a position) does not know its extremes, only its close.
    """
    down_first = _goes_down_first(desk, market, fact)
    turns = (fact.low, fact.high) if down_first else (fact.high, fact.low)
    start = fact.open if market.last is None else market.last
    stops = (start, fact.open, *turns, fact.close)
    liquidates = fact.at_ms > market.marks_until_ms and market.opened_ms <= fact.open_ms
    legs = [
        Leg(
            start=start,
            end=end,
            jump=number == 0,
            placed_by_ms=fact.open_ms,
            liquidates=liquidates,
        )
        for number, (start, end) in enumerate(pairwise(stops))
    ]
    if fact.at_ms >= market.at_ms:
        legs.append(_jump(market, fact.at_ms, fact.close, fact.close))
    return legs


def _jump(market: Market, at_ms: int, start: float, end: float) -> Leg:
    return Leg(
        start=start,
        end=end,
        jump=True,
        placed_by_ms=at_ms - 1,
        liquidates=at_ms > market.marks_until_ms,
    )


def _goes_down_first(desk: Desk, market: Market, fact: CandleClosed) -> bool:
    """Which extreme comes first: with "stop_first" always the worse one.

    For a position that is the one against it, and in any case the one that liquidates. Without a
    position it is the one that a new position would have liked: an entry is met on the way back
    from there, and only the bad is left.
    """
    stop_first = desk.rules.intrabar == "stop_first"
    long = market.position.qty > 0
    if market.position.qty:
        level = liquidation_level(desk, market)
        worst = fact.low if long else fact.high
        is_taken = level is not None and is_past(market, worst, level)
        return long if is_taken else long == stop_first
    for order in market.orders:
        if order.placed_ms <= fact.open_ms and not reduces(order.request):
            return (order.request.side == "SELL") == stop_first
    return stop_first


def _walk(desk: Desk, market: Market, leg: Leg) -> None:
    """Carry out what a leg meets, nearest first, until nothing is met any more."""
    had_their_share: set[int] = set()
    while True:
        order = _first_met(market, leg, had_their_share)
        level = _liquidation_met(desk, market, leg)
        if level is not None and (order is None or leg.jump or not _is_before(order, level, leg)):
            market.mark = leg.end if leg.jump else level
            refresh_mark(desk, market)
            liquidate(desk, market)
        elif order is not None:
            trigger = order.request.trigger_price
            base = trigger if trigger is not None and not leg.jump else decimal_of(leg.end)
            execute(desk, market, order, base, leg.volume)
            had_their_share.add(order.number)
        else:
            return


def _first_met(market: Market, leg: Leg, passed: set[int]) -> OpenOrder | None:
    """The order met first on the way; at the same price stops before limits, then by age."""
    met = [
        order
        for order in market.orders
        if order.placed_ms <= leg.placed_by_ms
        and order.number not in passed
        and (leg.end >= order.reach if order.above else leg.end <= order.reach)
    ]
    if not met:
        return None
    sign = 1 if leg.end > leg.start else -1
    return min(met, key=lambda one: (sign * one.reach, not one.conditional, one.number))


def _liquidation_met(desk: Desk, market: Market, leg: Leg) -> float | None:
    if not leg.liquidates or not market.position.qty:
        return None
    level = liquidation_level(desk, market)
    return level if level is not None and is_past(market, leg.end, level) else None


def _is_before(order: OpenOrder, level: float, leg: Leg) -> bool:
    return order.reach < level if leg.end > leg.start else order.reach > level
