"""The market moves, and the simulated venue with it."""

import msgspec

from quantum_trader.core.events import (
    CandleClosed,
    FundingRatePublished,
    MarketFact,
    MarkPriced,
    Tick,
)
from quantum_trader.core.matching.candle_path import on_candle, on_tick
from quantum_trader.core.matching.desk import Desk, market_of
from quantum_trader.core.matching.funding import on_funding
from quantum_trader.core.matching.liquidation import on_mark
from quantum_trader.core.matching.margin import refresh_mark
from quantum_trader.core.matching.sides import legs_of


def advance(desk: Desk, fact: MarketFact) -> None:
    """Match, trigger, settle funding, liquidate. Facts told twice, or of no symbol, are nothing."""
    market = desk.state.markets.get(fact.symbol)
    if market is None:
        if fact.symbol not in desk.rules.instruments:
            return
        market = desk.state.markets[fact.symbol] = market_of(desk, fact.symbol)
    desk.state.at_ms = max(desk.state.at_ms, fact.at_ms)
    match fact:
        case CandleClosed():
            on_candle(desk, market, fact)
        case Tick():
            on_tick(desk, market, fact)
        case MarkPriced():
            on_mark(desk, market, fact)
        case FundingRatePublished():
            on_funding(desk, market, fact)


def advance_legs(desk: Desk, fact: MarketFact) -> None:
    """``advance`` for a desk in hedge mode: every leg of the symbol that is there.

    All of them have the new mark before the first one is looked at: in cross margin they stand
    for each other.
    """
    markets = [one for leg in legs_of(fact.symbol) if (one := desk.state.markets.get(leg))]
    if isinstance(fact, MarkPriced) and fact.mark > 0:
        for market in markets:
            if fact.at_ms > market.mark_ms:
                market.mark = fact.mark
                refresh_mark(desk, market)
    for market in markets:
        advance(desk, msgspec.structs.replace(fact, symbol=market.symbol))
