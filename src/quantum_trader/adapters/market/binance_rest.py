"""The venue's public documents: its clock, bars of the past, and whole order books."""

from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from quantum_trader.adapters.market.binance_messages import (
    BAR_MS,
    INTERVAL,
    read_rows,
    read_time,
)
from quantum_trader.adapters.market.fetching import fetch
from quantum_trader.core.errors import Unreachable
from quantum_trader.core.events import CandleClosed
from quantum_trader.ports import Clock

FETCH_S = 10.0
ROWS_MAX = 1_000
LEVELS = 1_000


class BinanceRest:
    """Questions to ``base``. Every one raises ``Unreachable`` where no answer came."""

    def __init__(self, base: str, clock: Clock) -> None:
        self._base = base
        self._clock = clock

    async def now_ms(self, timeout_s: float = FETCH_S) -> int:
        """The venue's clock: ours may be wrong, and a bar is closed by theirs.

        Raises one of ``UNREADABLE`` for an answer that is none.
        """
        return read_time(await self._get("/fapi/v1/time", {}, timeout_s))

    async def bars(self, symbol: str, first_ms: int, now_ms: int) -> Sequence[CandleClosed]:
        """All bars of a symbol from ``first_ms`` on that have closed, page by page.

        Raises one of ``UNREADABLE`` for an answer that is none.
        """
        rows: list[CandleClosed] = []
        while first_ms + BAR_MS <= now_ms:
            query = {
                "symbol": symbol,
                "interval": INTERVAL,
                "startTime": first_ms,
                "limit": ROWS_MAX,
            }
            try:
                body = await self._get("/fapi/v1/klines", query, FETCH_S)
            except Unreachable as error:
                raise Unreachable(f"the bars of {symbol}: {error}") from error
            page = read_rows(body, symbol, self._clock.now_ms())
            rows += page
            if len(page) < ROWS_MAX or page[-1].at_ms <= first_ms:
                break
            first_ms = page[-1].at_ms
        return [row for row in rows if row.at_ms <= now_ms]

    async def book(self, symbol: str) -> bytes:
        """The whole order book of a symbol, not yet read."""
        return await self._get("/fapi/v1/depth", {"symbol": symbol, "limit": LEVELS}, FETCH_S)

    async def _get(self, path: str, query: Mapping[str, object], timeout_s: float) -> bytes:
        return await fetch(f"{self._base}{path}?{urlencode(query)}", timeout_s)
