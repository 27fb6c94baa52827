"""The minutes of 3 February 2025 in which ETH lost a quarter and ADA a third, at twenty times."""

from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.events import CandleClosed
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.matching.advance import advance
from quantum_trader.core.matching.desk import Desk, open_desk
from quantum_trader.core.matching.orders import configure, place
from quantum_trader.core.matching.rules import MatchingRules
from quantum_trader.core.units import OrderSide
from quantum_trader.core.venue import Accepted, VenueFill

FROM_MS = 1_738_540_800_000  # 2025-02-03T00:00Z
UNTIL_MS = FROM_MS + 4 * 3_600_000
LEVERAGE = 20


def candles(folder: Path, symbol: str) -> list[CandleClosed]:
    """Four hours of recorded bars around the crash."""
    frame = pl.read_parquet(folder / "binance_um" / "klines_1m" / f"{symbol}.parquet")
    opened = pl.col("open_time").cast(pl.Int64)
    rows = frame.filter((opened >= FROM_MS) & (opened < UNTIL_MS)).select(
        opened, "open", "high", "low", "close", "volume"
    )
    return [
        CandleClosed(
            id=f"{symbol}/{row[0]}",
            at_ms=row[0] + 60_000,
            symbol=symbol,
            source="recorded",
            interval_ms=60_000,
            open_ms=row[0],
            open=row[1],
            high=row[2],
            low=row[3],
            close=row[4],
            volume=row[5],
        )
        for row in rows.iter_rows()
    ]


def enter(desk: Desk, symbol: str, side: OrderSide, qty: Decimal) -> None:
    """Open a position at the market."""
    entry = OrderRequest(
        client_order_id=f"entry-{symbol}",
        symbol=symbol,
        side=side,
        kind="MARKET",
        qty=qty,
        price=None,
        trigger_price=None,
        reduce_only=False,
    )
    placed = place(desk, entry)
    assert isinstance(placed, Accepted), placed


@pytest.mark.parametrize(("symbol", "qty"), [("ETHUSDT", "2"), ("ADAUSDT", "8000")])
def test_a_crash_takes_the_isolated_wallet_and_no_more(
    shared_data: Path, symbol: str, qty: str
) -> None:
    bars = candles(shared_data, symbol)
    assert len(bars) == 240
    desk = open_desk(MatchingRules(instruments=DEFAULT_INSTRUMENTS, deposit_usd=Decimal(10_000)))
    assert configure(desk, symbol, LEVERAGE) is None
    advance(desk, bars[0])
    enter(desk, symbol, "BUY", Decimal(qty))
    market = desk.state.markets[symbol]
    before_usd, isolated_usd = desk.state.wallet_usd, market.isolated_usd
    bankrupt_at = (market.position.cost_usd - isolated_usd) / market.position.qty
    for bar in bars[1:]:
        advance(desk, bar)
        assert market.isolated_usd >= 0
    taken = desk.updates[-1]
    assert isinstance(taken, VenueFill)
    assert taken.cause == "liquidation"
    assert 0 <= taken.price - bankrupt_at < DEFAULT_INSTRUMENTS[symbol].tick
    assert before_usd - desk.state.wallet_usd == isolated_usd
    assert min(bar.low for bar in bars) < bankrupt_at * Decimal("0.85")
