"""Entries to try exits on: where one is possible, and sets that never overlap in a symbol.

An entry happens at the close of a bar. It is possible where enough bars lie before it, for all
that is computed from the past, and enough behind it, so that every trade ends within the record.
"""

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from quantum_trader.core.events import CandleClosed
from quantum_trader.core.signals import AnyModel
from quantum_trader.core.units import Side

Ints = NDArray[np.int64]


class Entry(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Somebody enters ``symbol`` at ``at_ms``, the close of a bar; sorted by time.

    ``confidence`` is the model's, None where nobody has one to give.
    """

    at_ms: int
    symbol: str
    side: Side
    confidence: float | None = None

    @property
    def name(self) -> str:
        """The same for every policy that gets this entry."""
        return f"{self.symbol}:{self.at_ms}"


class Span(msgspec.Struct, frozen=True, order=True):
    """From ``from_ms`` to ``until_ms``, both included."""

    from_ms: int
    until_ms: int

    def holds(self, from_ms: int, until_ms: int) -> bool:
        """Whether all of another span lies inside."""
        return self.from_ms <= from_ms and until_ms <= self.until_ms


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What an entry needs around it: ``before_bars`` up to its own close, ``after_ms`` behind it.

    Entries of one symbol are at least ``after_ms`` apart, so the first one is over in time.
    """

    before_bars: int
    after_ms: int


def places(open_ms: Sequence[int], interval_ms: int, need: Need) -> Ints:
    """The closes at which an entry is possible: no hole in the bars it needs."""
    opens = np.asarray(open_ms, dtype=np.int64)
    if not len(opens):
        return opens
    after_bars = -(-need.after_ms // interval_ms)
    starts = np.flatnonzero(np.diff(opens, prepend=opens[0] - 2 * interval_ms) != interval_ms)
    ends = np.append(starts[1:], len(opens))
    found = [
        opens[first:last] + interval_ms
        for first, last in zip(starts + need.before_bars - 1, ends - after_bars, strict=True)
        if first < last
    ]
    return np.concatenate(found) if found else opens[:0]


def random_entries(
    where: Mapping[str, Ints], count: int | None, seed: int, apart_ms: int
) -> tuple[Entry, ...]:
    """So many places drawn evenly from all, or as many as there is room for; sides by coin.

    The first n of a draw are the same whatever ``count`` is.
    """
    random = np.random.default_rng(seed)
    symbols = sorted(where)
    of_symbol = np.repeat(np.arange(len(symbols)), [len(where[symbol]) for symbol in symbols])
    times = np.concatenate([where[symbol] for symbol in symbols]) if symbols else of_symbol
    taken: dict[str, list[int]] = {symbol: [] for symbol in symbols}
    entries: list[Entry] = []
    for index in random.permutation(len(times)):
        if len(entries) == count:
            break
        symbol, at_ms = symbols[of_symbol[index]], int(times[index])
        if _is_free(taken[symbol], at_ms, apart_ms):
            insort(taken[symbol], at_ms)
            side: Side = "LONG" if random.random() < 0.5 else "SHORT"
            entries.append(Entry(at_ms=at_ms, symbol=symbol, side=side))
    return tuple(sorted(entries))


def _is_free(taken: Sequence[int], at_ms: int, apart_ms: int) -> bool:
    after = bisect_left(taken, at_ms)
    near = taken[max(after - 1, 0) : after + 1]
    return all(abs(at_ms - other_ms) >= apart_ms for other_ms in near)


def model_entries(
    model: AnyModel, candles: Iterable[CandleClosed], where: Ints, apart_ms: int
) -> tuple[Entry, ...]:
    """A model's entries in one symbol where they are possible; what comes too soon is left out."""
    state, possible = model.initial(), frozenset(where.tolist())
    entries: list[Entry] = []
    free_ms = 0
    for candle in candles:
        signal = model.on_candle(state, candle)
        at_ms = candle.at_ms
        if signal is None or signal.side == "HOLD" or at_ms < free_ms or at_ms not in possible:
            continue
        free_ms = at_ms + apart_ms
        entries.append(
            Entry(at_ms=at_ms, symbol=candle.symbol, side=signal.side, confidence=signal.confidence)
        )
    return tuple(entries)


def drawn(entries: Sequence[Entry], count: int | None, seed: int) -> tuple[Entry, ...]:
    """So many of these, drawn evenly; all when there are no more, or None is asked for."""
    if count is None or len(entries) <= count:
        return tuple(sorted(entries))
    kept = np.random.default_rng(seed).choice(len(entries), count, replace=False)
    return tuple(sorted(entries[index] for index in kept))


def spans(
    entries: Iterable[Entry], interval_ms: Mapping[str, int], need: Need
) -> dict[str, tuple[Span, ...]]:
    """The parts of each symbol's record that the entries need, merged where they touch."""
    needed: dict[str, list[Span]] = {}
    for entry in sorted(entries):
        before_ms = need.before_bars * interval_ms[entry.symbol]
        span = Span(entry.at_ms - before_ms, entry.at_ms + need.after_ms)
        merged = needed.setdefault(entry.symbol, [])
        if merged and span.from_ms <= merged[-1].until_ms:
            span = Span(merged.pop().from_ms, span.until_ms)
        merged.append(span)
    return {symbol: tuple(each) for symbol, each in needed.items()}
