"""Market frames through reader, books and feed, beside a parser that only decodes them."""

import asyncio
import time
import tracemalloc
from collections.abc import AsyncIterator, Mapping, Sequence
from random import Random

import msgspec

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import SystemClock
from quantum_trader.adapters.market.binance_reading import BinanceReader
from quantum_trader.adapters.market.faults import Faults
from quantum_trader.app.bench.measure import Aim, Effort, Row, row
from quantum_trader.core.errors import BrokenInvariant
from quantum_trader.core.events import MarketFact
from quantum_trader.services.feed import Feed
from quantum_trader.streams import MARKET_KLINES, MARKET_TICK

SYMBOLS = tuple(f"S{number:02d}USDT" for number in range(20))
FRAMES = 200_000
FRAMES_QUICK = 4_000
FRAMES_A_SECOND = 20_000.0
STEP_MS = 0.05
"""Twenty thousand frames a second, by their own times."""
START_MS = 1_735_732_800_000
GROWTH_BYTES_MAX = 8_000_000
SEED = 7
KINDS = ("quote", "depth", "quote", "trade", "quote", "depth", "quote", "mark")
BID, ASK = "100.0", "100.1"
FIRST_QTY = "3"
FIRST_UPDATE = 1
BOOK = msgspec.json.encode(
    {"lastUpdateId": FIRST_UPDATE, "bids": [[BID, FIRST_QTY]], "asks": [[ASK, FIRST_QTY]]}
)


async def feed_speed(effort: Effort) -> Sequence[Row]:
    """Frames a second, every fact that follows counted at its stream."""
    frames = made_frames(effort.of(FRAMES, FRAMES_QUICK))
    ours, bare, note = [], [], ""
    for _ in effort.rounds():
        bare.append(_bare(frames))
        rate, told = await fed(frames)
        ours.append(rate)
        note = f"{len(frames):,} frames of {len(SYMBOLS)} symbols came to {told:,} facts, none lost"
    grown = await growth_bytes(frames)
    if grown > GROWTH_BYTES_MAX:
        raise BrokenInvariant(f"what is kept grew by {grown:,} bytes over {len(frames):,} frames")
    return [row(_aim(f"{note}; what is kept grew by {max(grown, 0) / 1e6:.1f} MB"), ours, bare)]


class _Walk:
    """One symbol of a venue: what it says next."""

    def __init__(self, symbol: str) -> None:
        self._base = {"s": symbol}
        self._dice = Random(f"{SEED}/{symbol}")  # noqa: S311 - prices, not secrets
        self._update = self._depth_update = FIRST_UPDATE
        self._bid_qty = FIRST_QTY

    def say(self, kind: str, at_ms: int) -> tuple[str, Mapping[str, object]]:
        """The next event of a kind, and the stream it is on."""
        self._update += 1
        base = {**self._base, "E": at_ms, "T": at_ms}
        if kind == "quote":
            self._bid_qty = f"{self._dice.randint(1, 9)}"
            price = {"b": BID, "B": self._bid_qty, "a": ASK, "A": FIRST_QTY}
            return "bookTicker", {"e": "bookTicker", "u": self._update, **base, **price}
        if kind == "depth":
            return "depth@100ms", {"e": "depthUpdate", **base, **self._change()}
        if kind == "trade":
            return "aggTrade", {"e": "aggTrade", "a": self._update, "p": BID, "q": "1", **base}
        mark = {"p": BID, "r": "0.0001", "T": START_MS + 8 * 3_600_000}
        return "markPrice@1s", {"e": "markPriceUpdate", **base, **mark}

    def _change(self) -> Mapping[str, object]:
        """Begins where the last change ended, and leaves the best prices those of the quotes."""
        before, self._depth_update = self._depth_update, self._update
        dice = self._dice
        bids = [[f"{dice.randint(80, 98)}.{n}", f"{dice.randint(0, 5)}"] for n in range(5)]
        asks = [[f"{dice.randint(102, 120)}.{n}", f"{dice.randint(0, 5)}"] for n in range(5)]
        return {
            "U": before + 1,
            "u": self._update,
            "pu": before,
            "b": [[BID, self._bid_qty], *bids],
            "a": asks,
        }


def made_frames(many: int) -> list[bytes]:
    """What a venue would send: half of it quotes, the rest changes of books, trades and marks."""
    walks = [(symbol.lower(), _Walk(symbol)) for symbol in SYMBOLS]
    frames = []
    for number in range(many):
        name, walk = walks[number % len(walks)]
        kind = KINDS[number // len(walks) % len(KINDS)]
        stream, event = walk.say(kind, START_MS + int(number * STEP_MS))
        frames.append(msgspec.json.encode({"stream": f"{name}@{stream}", "data": event}))
    return frames


def _bare(frames: Sequence[bytes]) -> float:
    """Frames a second of a decoder that knows no fields and keeps nothing."""
    decode = msgspec.json.Decoder().decode
    began_s = time.perf_counter()
    for frame in frames:
        decode(frame)
    return len(frames) / (time.perf_counter() - began_s)


class Frames:
    """``ports.MarketData`` that reads frames as they are asked for, and counts what it told."""

    label = "SIMULATED"

    def __init__(self, frames: Sequence[bytes]) -> None:
        self._frames = frames
        self.faults = Faults(self.label)
        self.reader = BinanceReader(SYMBOLS, self.faults)
        self.told = 0
        for symbol in SYMBOLS:
            self.reader.restore(symbol, BOOK)

    def history(self) -> Sequence[MarketFact]:
        """Nothing is known before."""
        return ()

    async def facts(self) -> AsyncIterator[MarketFact]:
        """What the frames say."""
        for number, frame in enumerate(self._frames):
            for fact in self.reader.take(frame, START_MS + int(number * STEP_MS)).facts:
                self.told += 1
                yield fact


async def fed(frames: Sequence[bytes]) -> tuple[float, int]:
    """Frames a second until the last fact is on its stream, and how many facts.

    Raises ``BrokenInvariant`` where a fact was lost or a frame could not be read.
    """
    bus, source = MemoryBus(), Frames(frames)
    began_s = time.perf_counter()
    await Feed(bus, source, SystemClock()).run()
    taken_s = time.perf_counter() - began_s
    infos = [await bus.info(stream) for stream in (MARKET_TICK, MARKET_KLINES)]
    arrived = sum(0 if info is None else info.added for info in infos)
    whole = all(source.reader.is_whole(symbol) for symbol in SYMBOLS)
    if arrived != source.told or source.faults.counts or not whole:
        raise BrokenInvariant(
            f"{source.told} facts were told and {arrived} arrived; {dict(source.faults.counts)}"
        )
    return len(frames) / taken_s, arrived


async def growth_bytes(frames: Sequence[bytes]) -> int:
    """How much more the reader holds after all frames than after the first quarter of them."""
    source = Frames(frames)
    quarter = len(frames) // 4
    tracemalloc.start()
    try:
        for number, frame in enumerate(frames[:quarter]):
            source.reader.take(frame, START_MS + int(number * STEP_MS))
        held, _ = tracemalloc.get_traced_memory()
        for number, frame in enumerate(frames[quarter:], quarter):
            source.reader.take(frame, START_MS + int(number * STEP_MS))
        await asyncio.sleep(0)
        return tracemalloc.get_traced_memory()[0] - held
    finally:
        tracemalloc.stop()


def _aim(note: str) -> Aim:
    return Aim(name="market frames", unit="/s", note=note, target=FRAMES_A_SECOND)
