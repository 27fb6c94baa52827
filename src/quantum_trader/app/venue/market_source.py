"""Where the market of a venue comes from: recordings, or a seeded generator."""

import heapq
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from pathlib import Path

import msgspec

from quantum_trader.adapters.archive.candles import Recording, open_recordings
from quantum_trader.adapters.clock import ManualClock
from quantum_trader.adapters.market.continued import ContinuedMarket
from quantum_trader.adapters.market.synthetic import SyntheticMarket
from quantum_trader.core.errors import ConfigError
from quantum_trader.core.events import CandleClosed, MarketFact

WARM_UP_MS = 2 * 3_600_000
WARM_UP_BARS = 1_000
MINUTE_MS = 60_000
SECOND_MS = 1_000
END_MS = 2**53


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """``warm_up`` is what was before; ``facts`` go on from ``start_ms`` as fast as they are asked.

    Of ``settled`` symbols the funding rates come with the facts; others the venue settles itself.
    ``marked`` says that mark prices come with the facts; else the mark is the last trade.
    """

    start_ms: int
    warm_up: Sequence[CandleClosed]
    facts: AsyncIterator[MarketFact]
    settled: Collection[str] = ()
    marked: bool = False


class _EagerClock(ManualClock):
    """Nobody waits: the time is what was waited for."""

    async def sleep_until(self, at_ms: int) -> None:
        """Go there at once."""
        self.move_to(max(at_ms, self.now_ms()))


async def generated(
    symbols: Sequence[str], seed: int, now_ms: int, last: Mapping[str, float]
) -> Source:
    """A walk from a seed, with a past. ``last`` are the prices an earlier run came to."""
    start_ms = now_ms // SECOND_MS * SECOND_MS
    clock = _EagerClock(start_ms - WARM_UP_MS)
    walk = ContinuedMarket(SyntheticMarket(symbols, seed, clock), _ends(last, start_ms))
    facts = walk.facts()
    warm_up: list[CandleClosed] = []
    async for fact in facts:
        if fact.at_ms > start_ms:
            break
        if isinstance(fact, CandleClosed):
            warm_up.append(fact)
    return Source(start_ms=start_ms, warm_up=() if last else warm_up, facts=facts)


def _ends(last: Mapping[str, float], start_ms: int) -> dict[str, CandleClosed]:
    """The prices of before, as bars that close where the walk begins."""
    return {
        symbol: CandleClosed(
            id="",
            at_ms=start_ms - WARM_UP_MS,
            symbol=symbol,
            source="",
            interval_ms=1_000,
            open_ms=start_ms - WARM_UP_MS - 1_000,
            open=price,
            high=price,
            low=price,
            close=price,
            volume=0.0,
        )
        for symbol, price in last.items()
    }


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What of which recordings is played. ``shift_to_ms`` is the time their start becomes.

    None leaves them at their own time. ``resume_ms`` is how far an earlier run came.
    """

    paths: Sequence[Path]
    symbols: Sequence[str] | None
    from_ms: int
    to_ms: int
    shift_to_ms: int | None
    resume_ms: int | None


class Reel(Played, frozen=True, kw_only=True):
    """Recorded candles, and the trades that are made of them."""

    def symbols_in(self) -> list[str]:
        """The symbols that have bars. Raises ``ConfigError`` when there are none."""
        return [one.symbol for one in self._open(self.from_ms, self.to_ms)]

    def open(self) -> Source:
        """Raises ``ConfigError`` when there is nothing (more) to play."""
        playing = self._open(self.from_ms, self.to_ms)
        first_ms = max(next(one.candles()).open_ms for one in playing)
        step_ms = max(one.interval_ms for one in playing)
        by_ms = 0
        if self.shift_to_ms is not None:
            by_ms = self.shift_to_ms // MINUTE_MS * MINUTE_MS - first_ms
        start_ms = first_ms
        if self.resume_ms is not None:
            start_ms = max(first_ms, (self.resume_ms - by_ms) // step_ms * step_ms)
        return Source(
            start_ms=start_ms + by_ms,
            warm_up=self._past(start_ms, step_ms, by_ms) if self.resume_ms is None else (),
            facts=_told(self._open(start_ms, self.to_ms), by_ms),
            settled=[one.symbol for one in playing if next(one.rates(), None) is not None],
        )

    def _open(self, from_ms: int, to_ms: int) -> list[Recording]:
        return open_recordings(self.paths, self.symbols, (from_ms, to_ms))

    def _past(self, start_ms: int, step_ms: int, by_ms: int) -> list[CandleClosed]:
        try:
            past = self._open(start_ms - WARM_UP_BARS * step_ms, start_ms)
        except ConfigError:
            return []
        bars = [moved(bar, by_ms) for one in past for bar in one.candles()]
        return sorted(bars, key=lambda bar: (bar.at_ms, bar.symbol))


def moved(bar: CandleClosed, by_ms: int) -> CandleClosed:
    """The same bar at another time."""
    times = {"at_ms": bar.at_ms + by_ms, "open_ms": bar.open_ms + by_ms}
    return msgspec.structs.replace(bar, **times)


async def _told(recordings: Sequence[Recording], by_ms: int) -> AsyncIterator[MarketFact]:
    streams = (one.facts() for one in recordings)
    for fact in heapq.merge(*streams, key=lambda each: (each.at_ms, each.symbol)):
        if isinstance(fact, CandleClosed):
            yield moved(fact, by_ms)
        else:
            yield msgspec.structs.replace(fact, at_ms=fact.at_ms + by_ms)
