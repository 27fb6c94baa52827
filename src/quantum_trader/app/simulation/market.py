"""The market of a world: two prices that wander, gap, and now and then fall silent."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from random import Random

from quantum_trader.app.simulation.clock import WallClock
from quantum_trader.app.simulation.dice import dice
from quantum_trader.app.simulation.faults import Faults
from quantum_trader.app.simulation.tape import Tape
from quantum_trader.app.simulation.venue import TruthVenue
from quantum_trader.core.events import CandleClosed, FundingRatePublished, MarketFact, Tick

FIRST_PRICE = {"BTCUSDT": 60_000.0, "DOGEUSDT": 0.2}
TICK_MS = 2_000
BAR_MS = 20_000
FUNDING_MS = 120_000
HISTORY_BARS = 40


class Market:
    """One tape of prices that every process is told from now on, and its history before."""

    def __init__(
        self, seed: int, faults: Faults, clock: WallClock, tape: Tape, venue: TruthVenue
    ) -> None:
        self._dice = dice(seed, "market")
        self._faults = faults
        self._clock = clock
        self._tape = tape
        self._venue = venue
        self._sigma = self._dice.choice((0.0005, 0.002, 0.005))
        self._paths: dict[str, list[float]] = {symbol: [] for symbol in FIRST_PRICE}
        self._listeners: list[asyncio.Queue[MarketFact]] = []
        self.prices = dict(FIRST_PRICE)
        self.silent_until_ms = 0
        self.bars: list[MarketFact] = self._history()

    async def run(self) -> None:
        """Move for ever."""
        while True:
            await asyncio.sleep(TICK_MS / 1000)
            at_ms = self._clock.true_ms()
            for symbol in FIRST_PRICE:
                self._move(symbol, self._dice.gauss(0, self._sigma))
                self._tell(self._tick(symbol, at_ms))
            if at_ms % BAR_MS < TICK_MS:
                for symbol in FIRST_PRICE:
                    bar = self._bar(symbol, at_ms)
                    self.bars.append(bar)
                    self._tell(bar)
            if at_ms % FUNDING_MS < TICK_MS:
                for symbol in FIRST_PRICE:
                    self._tell(self._funding(symbol, at_ms))

    def gap(self, chance: Random) -> None:
        """Let the price of one symbol jump; nothing was traded in between."""
        symbol = chance.choice(list(FIRST_PRICE))
        jump = chance.choice((-1, 1)) * chance.uniform(0.01, 0.08)
        self._tape("market", f"{symbol} jumps by {jump:+.1%}")
        self._move(symbol, jump)
        self._tell(self._tick(symbol, self._clock.true_ms()))

    def source(self) -> "Source":
        """What one process hears."""
        return Source(self)

    def listen(self) -> "asyncio.Queue[MarketFact]":
        """A queue into which everything is told from now on."""
        queue: asyncio.Queue[MarketFact] = asyncio.Queue()
        self._listeners = [*self._listeners[-3:], queue]
        return queue

    def _tell(self, fact: MarketFact) -> None:
        self._venue.advance(fact)
        if self._clock.true_ms() >= self.silent_until_ms or self._faults.calm:
            for queue in self._listeners:
                queue.put_nowait(fact)

    def _move(self, symbol: str, by_frac: float) -> None:
        first = FIRST_PRICE[symbol]
        moved = self.prices[symbol] * (1 + by_frac)
        self.prices[symbol] = min(max(moved, first / 3), first * 3)
        self._paths[symbol].append(self.prices[symbol])

    def _history(self) -> list[MarketFact]:
        bars: list[MarketFact] = []
        for number in range(HISTORY_BARS, 0, -1):
            for symbol in FIRST_PRICE:
                for _ in range(4):
                    self._move(symbol, self._dice.gauss(0, self._sigma))
                bar = self._bar(symbol, self._clock.true_ms() - number * BAR_MS)
                self._venue.advance(bar)
                bars.append(bar)
        return bars

    def _tick(self, symbol: str, at_ms: int) -> Tick:
        return Tick(
            id=f"{symbol}:{at_ms}",
            at_ms=at_ms,
            symbol=symbol,
            source="recorded",
            price=self.prices[symbol],
            qty=1.0,
        )

    def _bar(self, symbol: str, at_ms: int) -> CandleClosed:
        path, self._paths[symbol] = self._paths[symbol] or [self.prices[symbol]], []
        return CandleClosed(
            id=f"{symbol}:{BAR_MS}:{at_ms}",
            at_ms=at_ms,
            symbol=symbol,
            source="recorded",
            interval_ms=BAR_MS,
            open_ms=at_ms - BAR_MS,
            open=path[0],
            high=max(path),
            low=min(path),
            close=path[-1],
            volume=1.0,
        )

    def _funding(self, symbol: str, at_ms: int) -> FundingRatePublished:
        return FundingRatePublished(
            id=f"{symbol}:funding:{at_ms}",
            at_ms=at_ms,
            symbol=symbol,
            source="recorded",
            rate_frac=Decimal(self._dice.randrange(-20, 21)) / 10_000,
        )


class Source:
    """``ports.MarketData`` of one process."""

    def __init__(self, market: Market) -> None:
        self._market = market

    @property
    def label(self) -> str:
        """Nobody traded here."""
        return "SIMULATED"

    def history(self) -> Sequence[MarketFact]:
        """Every bar so far."""
        return tuple(self._market.bars[-2 * HISTORY_BARS :])

    async def facts(self) -> AsyncIterator[MarketFact]:
        """Facts from now on."""
        queue = self._market.listen()
        while True:
            yield await queue.get()
