"""Recorded trades from Parquet files, as the ticks they were.

A file holds one symbol, named by the first part of its stem: ``APEUSDT_20241018.parquet``. Both
spellings of the columns are read: those of the venue's dumps and those of its streams.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from quantum_trader.core.errors import ConfigError
from quantum_trader.core.events import Tick
from quantum_trader.core.events.market import RECORDED

ROWS_A_SLICE = 20_000
SPELLINGS = (
    ("agg_trade_id", "transact_time", "price", "quantity"),
    ("trade_id", "trade_time", "price", "qty"),
)
"""Number, time, price and quantity of a trade."""


class Trades:
    """One symbol's recorded trades between two times (epoch ms, [from, to))."""

    def __init__(self, path: Path, span_ms: tuple[int, int]) -> None:
        """Raises ``ConfigError`` for a file of anything else."""
        self.symbol = path.stem.partition("_")[0].upper()
        number, time, price, qty = _spelling(path)
        rows = pl.scan_parquet(path).select(
            number=number, time=time, price=pl.col(price), qty=pl.col(qty)
        )
        inside = rows.filter(pl.col("time") >= span_ms[0], pl.col("time") < span_ms[1])
        self._frame = inside.sort("time", "number").collect()
        self.count = self._frame.height

    @property
    def first_ms(self) -> int:
        """The time of the first trade; there must be one."""
        first: int = self._frame["time"][0]
        return first

    def ticks(self) -> Iterator[Tick]:
        """Every trade, oldest first."""
        for part in self._frame.iter_slices(ROWS_A_SLICE):
            for number, at_ms, price, qty in part.iter_rows():
                yield Tick(
                    id=f"{self.symbol}:trade:{number}",
                    at_ms=at_ms,
                    symbol=self.symbol,
                    source=RECORDED,
                    price=price,
                    qty=qty,
                )


def open_trades(
    paths: Sequence[Path], symbols: Sequence[str] | None, span_ms: tuple[int, int]
) -> list[Trades]:
    """Open every file named that has a wanted symbol. Raises ``ConfigError``."""
    for path in paths:
        if not path.is_file():
            raise ConfigError(f"{path}: no such file")
    found = [Trades(path, span_ms) for path in paths]
    kept = [one for one in found if one.count and (symbols is None or one.symbol in symbols)]
    if not kept:
        wanted = "" if symbols is None else f" for {', '.join(symbols)}"
        raise ConfigError(f"no trades{wanted} in {', '.join(map(str, paths))} for that span")
    if len({one.symbol for one in kept}) < len(kept):
        raise ConfigError("the same symbol is in two files of trades; name each symbol once")
    return sorted(kept, key=lambda one: one.symbol)


def _spelling(path: Path) -> tuple[str, str, str, str]:
    names = pl.read_parquet_schema(path)
    for spelling in SPELLINGS:
        if all(name in names for name in spelling):
            return spelling
    raise ConfigError(f"{path}: no file of trades, it has neither of {SPELLINGS}")
