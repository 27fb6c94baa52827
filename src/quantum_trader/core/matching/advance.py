"""The market moves, and the simulated venue with it."""

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
