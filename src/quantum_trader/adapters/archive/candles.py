"""Recorded candles and funding rates from Parquet files, as the facts they were.

A file holds one symbol, named by its stem (``BTCUSDT.parquet``), unless it has a ``symbol``
column. Funding rates are found in a folder ``funding`` beside the folder of the candles.
"""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

import polars as pl

from quantum_trader.core.errors import ConfigError
from quantum_trader.core.events import CandleClosed, FundingRatePublished, MarketFact
from quantum_trader.core.events.market import RECORDED
from quantum_trader.core.units import decimal_of

ROWS_A_SLICE = 20_000
_COLUMNS = ("open_time", "open", "high", "low", "close", "volume")


class Recording:
    """One symbol's recorded market between two times (epoch ms, [from, to))."""

    def __init__(self, path: Path, symbol: str, span_ms: tuple[int, int]) -> None:
        self.path = path
        self.symbol = symbol
        rows = _rows(path, symbol).filter(
            pl.col("open_time") >= span_ms[0], pl.col("open_time") < span_ms[1]
        )
        self._frame = rows.select(_COLUMNS).collect()
        self.bars = self._frame.height
        self.interval_ms = _interval_ms(self._frame, path)
        self._funding = _funding(path, symbol, self._covered_ms())

    def facts(self) -> Iterator[MarketFact]:
        """Candles and funding rates in the order in which they became true.

        At one moment the candle comes first: a settlement finds the price at which it closed.
        """
        rates = self.rates()
        rate = next(rates, None)
        for candle in self.candles():
            while rate is not None and rate.at_ms < candle.at_ms:
                yield rate
                rate = next(rates, None)
            yield candle
        if rate is not None:
            yield rate
        yield from rates

    def _covered_ms(self) -> tuple[int, int]:
        """From the open of the first bar to the close of the last one."""
        if not self.bars:
            return 0, 0
        opens = self._frame["open_time"]
        return opens[0], opens[-1] + self.interval_ms + 1

    def candles(self) -> Iterator[CandleClosed]:
        """Every bar at the moment it closed."""
        symbol, step = self.symbol, self.interval_ms
        for part in self._frame.iter_slices(ROWS_A_SLICE):
            columns = (part[name].to_list() for name in _COLUMNS)
            for open_ms, first, high, low, close, volume in zip(*columns, strict=True):
                yield CandleClosed(
                    id=f"{symbol}:{step}:{open_ms}",
                    at_ms=open_ms + step,
                    symbol=symbol,
                    source=RECORDED,
                    interval_ms=step,
                    open_ms=open_ms,
                    open=first,
                    high=high,
                    low=low,
                    close=close,
                    volume=volume,
                )

    def rates(self) -> Iterator[FundingRatePublished]:
        """Every funding settlement of the span."""
        for at_ms, rate in self._funding:
            yield FundingRatePublished(
                id=f"{self.symbol}:funding:{at_ms}",
                at_ms=at_ms,
                symbol=self.symbol,
                source=RECORDED,
                rate_frac=rate,
            )


def open_recordings(
    paths: Sequence[Path], symbols: Sequence[str] | None, span_ms: tuple[int, int]
) -> list[Recording]:
    """Open every file named, and every symbol in it that is wanted. Raises ``ConfigError``."""
    found = (
        Recording(path, symbol, span_ms)
        for path in _existing(paths)
        for symbol in _symbols_in(path)
        if symbols is None or symbol in symbols
    )
    kept = [each for each in found if each.bars]
    if not kept:
        wanted = "" if symbols is None else f" for {', '.join(symbols)}"
        raise ConfigError(f"no candles{wanted} in {', '.join(map(str, paths))} for that span")
    if len({each.symbol for each in kept}) < len(kept):
        raise ConfigError("the same symbol is in two files; name each symbol once")
    return sorted(kept, key=lambda each: each.symbol)


def _existing(paths: Sequence[Path]) -> Iterator[Path]:
    """A bare name that is not here is looked for beside the first file."""
    for path in paths:
        beside = paths[0].parent / path
        if path.is_dir():
            yield from sorted(path.glob("*.parquet"))
        elif path.is_file():
            yield path
        elif beside.is_file():
            yield beside
        else:
            raise ConfigError(f"{path}: no such file (also looked for {beside})")


def _symbols_in(path: Path) -> list[str]:
    names = pl.read_parquet_schema(path)
    missing = [name for name in _COLUMNS if name not in names]
    if missing:
        raise ConfigError(f"{path}: not a candle file, it has no column {', '.join(missing)}")
    if "symbol" not in names:
        return [path.stem]
    return (
        pl.scan_parquet(path).select("symbol").unique().sort("symbol").collect()["symbol"].to_list()
    )


def _rows(path: Path, symbol: str) -> pl.LazyFrame:
    rows = pl.scan_parquet(path)
    if "symbol" in pl.read_parquet_schema(path):
        rows = rows.filter(pl.col("symbol") == symbol)
    return rows.sort("open_time")


def _interval_ms(frame: pl.DataFrame, path: Path) -> int:
    """The bar length: the smallest distance of two bars."""
    if frame.height < 2:
        return 60_000
    step = frame["open_time"].diff().min()
    if not isinstance(step, int) or step <= 0:
        raise ConfigError(f"{path}: open times repeat, the file is damaged")
    return step


def _funding(path: Path, symbol: str, span_ms: tuple[int, int]) -> list[tuple[int, Decimal]]:
    source = path.parent.parent / "funding" / f"{symbol}.parquet"
    if not source.is_file():
        return []
    rows = pl.read_parquet(source).filter(
        pl.col("funding_time") >= span_ms[0], pl.col("funding_time") < span_ms[1]
    )
    times, rates = rows["funding_time"].to_list(), rows["funding_rate"].to_list()
    return [(at_ms, decimal_of(rate)) for at_ms, rate in zip(times, rates, strict=True)]
