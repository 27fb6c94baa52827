"""The prices of one symbol: marks and trades of the venue's stream, read as a run reads them.

A run hears bars and the book too. Here they would cost an address more than it may ask for, with as
many systems as there are cases of faults.
"""

from collections.abc import AsyncIterator, Sequence

from websockets.asyncio.client import connect

from quantum_trader.adapters.clock import SystemClock
from quantum_trader.adapters.market.binance_reading import BinanceReader
from quantum_trader.adapters.market.faults import Faults
from quantum_trader.core.events import MarketFact

KINDS = ("markPrice@1s", "aggTrade")


class Prices:
    """``ports.MarketData`` without a past."""

    label = "conformance"

    def __init__(self, streams: str, symbol: str) -> None:
        names = "/".join(f"{symbol.lower()}@{kind}" for kind in KINDS)
        self._url = f"{streams}/market/stream?streams={names}"
        self._reader = BinanceReader([symbol], Faults(self.label))

    def history(self) -> Sequence[MarketFact]:
        """Nothing is known of before."""
        return ()

    async def facts(self) -> AsyncIterator[MarketFact]:
        """What the venue says, until it says no more."""
        now_ms = SystemClock().now_ms
        async for socket in connect(self._url):
            async with socket:
                async for frame in socket:
                    for fact in self._reader.take(frame, now_ms()).facts:
                        yield fact
