"""A venue's market from a live one: its trades, marks and settlements, as they are heard.

It is heard through the same market door as that of a run, with its reconnects and its patience.
"""

from collections.abc import AsyncIterator, Sequence

from quantum_trader.adapters.clock import SystemClock
from quantum_trader.adapters.exchanges.binance.hosts import hosts_of
from quantum_trader.adapters.market.binance import BinanceMarket
from quantum_trader.adapters.market.binance import Venue as Place
from quantum_trader.app.venue.market_source import Source
from quantum_trader.core.errors import ConfigError, Unreachable
from quantum_trader.core.events import (
    CandleClosed,
    FundingRatePublished,
    MarketFact,
    MarkPriced,
    Tick,
)

BINANCE = "binance"
REACH_S = 10.0


async def live(target: str, symbols: Sequence[str]) -> Source:
    """``target`` is ``binance``, or the address of a paper venue on this machine.

    Raises ``ConfigError`` for any other, and for one that cannot be reached.
    """
    market = BinanceMarket(symbols, _place(target))
    try:
        await market.open(REACH_S)
    except Unreachable as error:
        raise ConfigError(f"--live {target}: {error}") from error
    return Source(
        start_ms=SystemClock().now_ms(),
        warm_up=[fact for fact in market.history() if isinstance(fact, CandleClosed)],
        facts=_told(market),
        settled=symbols,
        marked=True,
    )


def _place(target: str) -> Place:
    if target == BINANCE:
        return Place()
    hosts = hosts_of("paper", target)
    return Place(rest=hosts.rest, streams=hosts.streams)


async def _told(market: BinanceMarket) -> AsyncIterator[MarketFact]:
    """What moves prices; bars are made here of the trades."""
    async for fact in market.facts():
        if isinstance(fact, Tick | MarkPriced | FundingRatePublished):
            yield fact
