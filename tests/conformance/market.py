"""The market of the cases: every case has a symbol of its own, and prices hardly move."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import polars as pl

from quantum_trader.app.venue.catalog import open_catalog

PRICE = 60_000.0
WAVE = (0.0, 6.0, 12.0, 6.0, 0.0, -6.0, -12.0, -6.0)
"""What the closes differ from the price: a little, so that volatility is a number."""
PAST_BARS = 240
BARS = 120
FIRST_MS = 1_738_540_800_000
MINUTE_MS = 60_000
MODEL = "BTCUSDT"
SPEED = "1.001"
"""Not quite that of life, at which a market hurries first through the minute it is late."""


def symbol_of(number: int) -> str:
    """The symbol of a case."""
    return f"C{number:03}USDT"


def write_market(folder: Path, symbols: Sequence[str]) -> list[str]:
    """Instruments, tiers and bars of these symbols; the options of a venue that has them."""
    known = open_catalog((MODEL,), None, None)
    rows = [_named(known.rows[MODEL], symbol) for symbol in symbols]
    _write(folder / "info.json", {"symbols": rows})
    _write(
        folder / "brackets.json",
        [{**known.brackets[MODEL], "symbol": symbol} for symbol in symbols],
    )
    bars = folder / "bars"
    bars.mkdir()
    rows_of_bars = _bars()
    for symbol in symbols:
        rows_of_bars.write_parquet(bars / f"{symbol}.parquet")
    begin_ms = FIRST_MS + PAST_BARS * MINUTE_MS
    return [
        *("--instruments", str(folder / "info.json")),
        *("--brackets", str(folder / "brackets.json")),
        *("--data", str(bars), "--from", str(begin_ms), "--symbols", ",".join(symbols)),
        *("--speed", SPEED),
    ]


def _named(row: dict[str, object], symbol: str) -> dict[str, object]:
    base = symbol.removesuffix("USDT")
    return {**row, "symbol": symbol, "pair": symbol, "baseAsset": base}


def _bars() -> pl.DataFrame:
    count = PAST_BARS + BARS
    closes = [PRICE + WAVE[bar % len(WAVE)] for bar in range(count)]
    opens = [PRICE, *closes[:-1]]
    return pl.DataFrame(
        {
            "open_time": [FIRST_MS + MINUTE_MS * bar for bar in range(count)],
            "open": opens,
            "high": [max(pair) for pair in zip(opens, closes, strict=True)],
            "low": [min(pair) for pair in zip(opens, closes, strict=True)],
            "close": closes,
            "volume": [5_000.0] * count,
        }
    )


def _write(path: Path, value: object) -> None:
    path.write_bytes(msgspec.json.encode(value))
