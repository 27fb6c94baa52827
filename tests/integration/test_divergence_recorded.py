"""Recorded prices of three venues, compared: as far apart as they were, and never further."""

from pathlib import Path
from statistics import median

import polars
import pytest

from quantum_trader.adapters.clock import ManualClock
from quantum_trader.adapters.market.contracts import BINANCE, BYBIT, OKX, VENUES, contract_at
from quantum_trader.adapters.market.venue_quotes import quote_of
from quantum_trader.core.events import VenuesCompared
from quantum_trader.core.market.divergence import Comparison

FOLDERS = {BINANCE: "binance_um", BYBIT: "bybit_linear", OKX: "okx_swap"}
MINUTE_MS = 60_000

pytestmark = pytest.mark.slow


def compared(folder: Path, symbol: str, other: str, minutes: int) -> list[VenuesCompared]:
    """Our venue and another one wherever both have a bar of so many minutes, by their closes."""
    closes = {}
    for venue in (BINANCE, other):
        file = folder / FOLDERS[venue] / f"klines_{minutes}m" / f"{symbol}.parquet"
        bars = polars.read_parquet(file, columns=["open_time", "close"])
        closes[venue] = dict(bars.iter_rows())
    comparison, clock = Comparison(BINANCE, VENUES), ManualClock()
    found: list[VenuesCompared] = []
    for open_ms in sorted(closes[BINANCE].keys() & closes[other].keys())[:20_000]:
        clock.move_to(open_ms + minutes * MINUTE_MS)
        for venue, prices in closes.items():
            close = prices[open_ms]
            ticker = {
                "bid": str(close * (1 - 1e-6)),
                "ask": str(close * (1 + 1e-6)),
                "timestamp": clock.now_ms(),
            }
            assert comparison.take(quote_of(contract_at(venue, symbol), ticker, clock.now_ms()))
        found += comparison.compared(clock.now_ms())
    return found


@pytest.mark.parametrize(
    ("symbol", "other", "minutes", "median_bps_max"),
    [
        ("BTCUSDT", BYBIT, 1, 1.2),
        ("ETHUSDT", BYBIT, 1, 1.2),
        ("SOLUSDT", BYBIT, 1, 1.5),
        ("BNBUSDT", BYBIT, 1, 4.0),
        ("BTCUSDT", OKX, 5, 8.0),
        ("ETHUSDT", OKX, 15, 8.0),
    ],
)
def test_recorded_venues_are_as_far_apart_as_they_were(
    symbol: str, other: str, minutes: int, median_bps_max: float, shared_data: Path
) -> None:
    found = compared(shared_data, symbol, other, minutes)
    assert len(found) > 1_000
    apart = [abs(fact.divergence_bps) for fact in found if fact.divergence_bps is not None]
    assert len(apart) == len(found), "two venues are fresh wherever both recorded"
    assert {fact.fresh for fact in found} == {2}
    assert 0.0 < median(apart) < median_bps_max
    assert max(apart) < 500.0
