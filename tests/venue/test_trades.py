"""A venue whose market is recorded trades: the tape is the recording, trade by trade."""

import asyncio
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from quantum_trader.adapters.archive.trades import open_trades
from quantum_trader.app.venue.opening import Wanted, open_venue
from quantum_trader.core.errors import ConfigError
from tests.venues import RunningVenue, running_venue

FIRST_MS = 1_723_161_255_000
PRICES = (60_000.0, 60_000.1, 59_999.9, 60_010.04, 59_950.0)
ALL = (0, 2**53)


def write_trades(folder: Path, *, dump: bool) -> Path:
    """Some trades a tenth of a second apart, in either spelling; two of them at one moment."""
    times = [FIRST_MS, FIRST_MS + 100, FIRST_MS + 100, FIRST_MS + 200, FIRST_MS + 300]
    names = ("agg_trade_id", "transact_time", "price", "quantity")
    if not dump:
        names = ("trade_id", "trade_time", "price", "qty")
    columns = ([7, 8, 9, 10, 11], times, list(PRICES), [1.0, 0.5, 2.0, 3.0, 1.5])
    path = folder / "btcusdt_20240808.parquet"
    pl.DataFrame(dict(zip(names, columns, strict=True))).write_parquet(path)
    return path


@pytest.mark.parametrize("dump", [True, False])
def test_trades_are_ticks_in_their_order(tmp_path: Path, dump: bool) -> None:
    (trades,) = open_trades([write_trades(tmp_path, dump=dump)], None, ALL)
    assert (trades.symbol, trades.count, trades.first_ms) == ("BTCUSDT", 5, FIRST_MS)
    ticks = list(trades.ticks())
    assert tuple(tick.price for tick in ticks) == PRICES
    assert len({tick.id for tick in ticks}) == 5


def test_what_holds_no_trades_is_said_so(tmp_path: Path) -> None:
    path = write_trades(tmp_path, dump=True)
    bars = tmp_path / "ETHUSDT.parquet"
    pl.DataFrame({"open_time": [1], "open": [1.0]}).write_parquet(bars)
    for paths, symbols, words in (
        ([bars], None, "no file of trades"),
        ([tmp_path / "none.parquet"], None, "no such file"),
        ([path], ["ETHUSDT"], "no trades for ETHUSDT"),
    ):
        with pytest.raises(ConfigError, match=words):
            open_trades(paths, symbols, ALL)
    both = Wanted(folder=tmp_path, data=(bars,), trades=(path,), memory=True)
    with pytest.raises(ConfigError, match="give one"):
        asyncio.run(open_venue(both))


async def tape(venue: RunningVenue) -> list[dict[str, Any]]:
    """The venue's tape, once all of it was played."""

    async def is_whole() -> bool:
        found = await venue.public("/fapi/v1/trades", symbol="BTCUSDT")
        return len(found.json()) == len(PRICES)

    await venue.until(is_whole)
    rows: list[dict[str, Any]] = (await venue.public("/fapi/v1/trades", symbol="BTCUSDT")).json()
    return rows


@pytest.mark.slow
async def test_the_venue_plays_them_and_trades_at_their_prices(tmp_path: Path) -> None:
    path = write_trades(tmp_path, dump=True)
    async with running_venue("--trades", str(path)) as venue:
        rows = await tape(venue)
        # On the grid of the symbol, each with its own quantity.
        assert [row["price"] for row in rows] == [f"{price:.1f}" for price in PRICES]
        assert [float(row["qty"]) for row in rows] == [1.0, 0.5, 2.0, 3.0, 1.5]
        assert rows[1]["time"] == rows[2]["time"]
        assert rows[-1]["time"] - rows[0]["time"] == 300
        mark = (await venue.public("/fapi/v1/premiumIndex", symbol="BTCUSDT")).json()
        assert float(mark["markPrice"]) == PRICES[-1]
        bought = await venue.done(
            "POST",
            "/fapi/v1/order",
            symbol="BTCUSDT",
            side="BUY",
            type="MARKET",
            quantity="0.01",
            newOrderRespType="RESULT",
        )
        assert bought["status"] == "FILLED"


@pytest.mark.slow
async def test_a_recorded_day_is_played_at_any_speed(shared_data: Path) -> None:
    path = shared_data / "binance_um" / "ws_capture" / "btcusdt_20240808_trades.parquet"
    async with running_venue("--trades", str(path), "--speed", "60") as venue:
        first = await venue.price("BTCUSDT")

        async def has_moved() -> bool:
            return await venue.price("BTCUSDT") != first

        await venue.until(has_moved)
