"""The running totals of the simulated venue, so that no order has to go through all the others.

They follow from the state alone and are never written: whoever loads a state counts anew.
"""

from collections.abc import Callable
from decimal import Context, Decimal

import msgspec

from quantum_trader.core.books.margin import initial_usd, maintenance_usd
from quantum_trader.core.books.position import unrealized_usd
from quantum_trader.core.matching.rules import MatchingRules
from quantum_trader.core.matching.state import Market, OpenOrder, is_isolated, mark_of
from quantum_trader.core.units import ZERO, OrderSide

EXACT = Context(prec=100)
"""What was added and is taken away again leaves nothing behind."""


class Share(msgspec.Struct, frozen=True):
    """What one market adds to the totals, and what its resting entries are worth by side.

    ``bound_usd`` backs resting entries and the position; in cross margin less its unrealised
    profit. ``profit_usd`` and ``keep_usd`` (maintenance) are counted in cross margin only,
    ``walled_usd`` (what stands for this position alone) in isolated.
    """

    buy_usd: Decimal = ZERO
    sell_usd: Decimal = ZERO
    bound_usd: Decimal = ZERO
    profit_usd: Decimal = ZERO
    keep_usd: Decimal = ZERO
    walled_usd: Decimal = ZERO


NOTHING = Share()
"""The share of a market in which nothing happened yet."""


class Tally(msgspec.Struct):
    """Open orders by client id, how many of them are conditional, and the sums of the shares."""

    orders: dict[str, OpenOrder] = {}
    conditional: int = 0
    shares: dict[str, Share] = {}
    bound_usd: Decimal = ZERO
    profit_usd: Decimal = ZERO
    keep_usd: Decimal = ZERO
    walled_usd: Decimal = ZERO

    def resting_usd(self, symbol: str, side: OrderSide) -> Decimal:
        """What the resting entries of one side are worth at their limits."""
        share = self.shares.get(symbol, NOTHING)
        return share.buy_usd if side == "BUY" else share.sell_usd

    def others_usd(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Unrealised profit and maintenance of all positions but one, in cross margin."""
        own = self.shares.get(symbol, NOTHING)
        profit_usd = EXACT.subtract(self.profit_usd, own.profit_usd)
        return profit_usd, EXACT.subtract(self.keep_usd, own.keep_usd)


def count_in(tally: Tally, rules: MatchingRules, market: Market) -> None:
    """Count a market that was not counted before."""
    for order in market.orders:
        add_order(tally, rules, market, order)
    if market.position.qty:
        revalue(tally, rules, market)


def add_order(tally: Tally, rules: MatchingRules, market: Market, order: OpenOrder) -> None:
    """An order came into the book of a market."""
    tally.orders[order.request.client_order_id] = order
    tally.conditional += order.conditional
    _reserve(tally, rules, market, order, EXACT.add)


def drop_order(tally: Tally, rules: MatchingRules, market: Market, order: OpenOrder) -> None:
    """An order left the book of a market."""
    del tally.orders[order.request.client_order_id]
    tally.conditional -= order.conditional
    _reserve(tally, rules, market, order, EXACT.subtract)


def revalue(tally: Tally, rules: MatchingRules, market: Market) -> None:
    """Count a market anew, after its position, isolated wallet, leverage or mark changed."""
    share = tally.shares.get(market.symbol, NOTHING)
    bound_usd = profit_usd = keep_usd = walled_usd = ZERO
    if market.position.qty and is_isolated(rules, market):
        bound_usd = walled_usd = market.isolated_usd
    elif market.position.qty:
        mark = mark_of(market)
        profit_usd = unrealized_usd(market.position, mark)
        keep_usd = maintenance_usd(rules.instruments[market.symbol], market.position, mark)
        taken_usd = initial_usd(abs(market.position.qty) * mark, market.leverage)
        bound_usd = EXACT.subtract(taken_usd, profit_usd)
    if share.buy_usd or share.sell_usd:
        resting_usd = EXACT.add(share.buy_usd, share.sell_usd)
        bound_usd = EXACT.add(bound_usd, initial_usd(resting_usd, market.leverage))
    now = Share(share.buy_usd, share.sell_usd, bound_usd, profit_usd, keep_usd, walled_usd)
    tally.shares[market.symbol] = now
    tally.bound_usd = _moved(tally.bound_usd, share.bound_usd, bound_usd)
    tally.profit_usd = _moved(tally.profit_usd, share.profit_usd, profit_usd)
    tally.keep_usd = _moved(tally.keep_usd, share.keep_usd, keep_usd)
    tally.walled_usd = _moved(tally.walled_usd, share.walled_usd, walled_usd)


def _moved(total: Decimal, before: Decimal, after: Decimal) -> Decimal:
    if before is after:
        return total
    return EXACT.add(EXACT.subtract(total, before), after)


def _reserve(
    tally: Tally,
    rules: MatchingRules,
    market: Market,
    order: OpenOrder,
    change: Callable[[Decimal, Decimal], Decimal],
) -> None:
    """A resting entry sets money aside; everything else does not."""
    request = order.request
    if request.price is None or request.reduce_only:
        return
    share = tally.shares.get(market.symbol, NOTHING)
    side = "buy_usd" if request.side == "BUY" else "sell_usd"
    resting_usd = change(getattr(share, side), request.price * order.left_qty)
    tally.shares[market.symbol] = msgspec.structs.replace(share, **{side: resting_usd})
    revalue(tally, rules, market)
