"""A market nobody traded: seeded, deterministic, and labelled SIMULATED on every fact.

Prices follow a random walk whose drift and volatility switch between calm, trending and wild
spells, so that a trader has something to do. It proves plumbing, never a strategy.
"""

from collections.abc import AsyncIterator, Sequence
from math import exp
from random import Random

import msgspec

from quantum_trader.core.events import CandleClosed, MarketFact, MarkPriced
from quantum_trader.ports import Clock

SIMULATED = "SIMULATED"
BAR_MS = 1_000
HISTORY_BARS = 300
STEPS_A_BAR = 4
FUNDING_EVERY_MS = 8 * 3_600_000
FUNDING_RATE_FRAC = 0.0001
FIRST_PRICE = {"BTCUSDT": 60_000.0, "ETHUSDT": 3_000.0, "SOLUSDT": 150.0, "BNBUSDT": 600.0}
OTHER_FIRST_PRICE = 1.0


class Spell(msgspec.Struct, frozen=True):
    """A stretch of market: drift and volatility per bar, as fractions of price."""

    drift_frac: float
    sigma_frac: float


SPELLS = (
    Spell(0.0, 0.0003),
    Spell(0.00015, 0.0005),
    Spell(-0.00015, 0.0005),
    Spell(0.0, 0.0012),
)
SPELL_BARS_MEAN = 90


class _Walk:
    """The path of one symbol."""

    def __init__(self, symbol: str, seed: int) -> None:
        self.symbol = symbol
        self.price = FIRST_PRICE.get(symbol, OTHER_FIRST_PRICE)
        # A text seed is hashed the same way in every process, unlike hash().
        self._random = Random(f"{seed}/{symbol}")  # noqa: S311 - a market, not a secret
        self._spell = SPELLS[0]

    def bar(self, open_ms: int) -> CandleClosed:
        """The next bar; it opens where the last one closed."""
        if self._random.random() < 1 / SPELL_BARS_MEAN:
            self._spell = self._random.choice(SPELLS)
        path = [self.price]
        for _ in range(STEPS_A_BAR):
            step = self._random.gauss(
                self._spell.drift_frac / STEPS_A_BAR, self._spell.sigma_frac / STEPS_A_BAR**0.5
            )
            path.append(path[-1] * exp(step))
        self.price = path[-1]
        return CandleClosed(
            id=f"{self.symbol}:{BAR_MS}:{open_ms}",
            at_ms=open_ms + BAR_MS,
            symbol=self.symbol,
            source=SIMULATED,
            interval_ms=BAR_MS,
            open_ms=open_ms,
            open=path[0],
            high=max(path),
            low=min(path),
            close=path[-1],
            volume=self._random.uniform(1, 100),
        )


class SyntheticMarket:
    """``ports.MarketData``: one bar and one mark price a second for every symbol."""

    label = SIMULATED

    def __init__(self, symbols: Sequence[str], seed: int, clock: Clock) -> None:
        self._walks = [_Walk(symbol, seed) for symbol in sorted(symbols)]
        self._clock = clock
        self._next_ms = clock.now_ms() // BAR_MS * BAR_MS

    def history(self) -> Sequence[MarketFact]:
        """The bars before now."""
        first_ms = self._next_ms - HISTORY_BARS * BAR_MS
        opens = range(first_ms, self._next_ms, BAR_MS)
        return [walk.bar(open_ms) for open_ms in opens for walk in self._walks]

    async def facts(self) -> AsyncIterator[MarketFact]:
        """Each second's bar and mark price, when that second has passed."""
        while True:
            open_ms, self._next_ms = self._next_ms, self._next_ms + BAR_MS
            await self._clock.sleep_until(self._next_ms)
            for walk in self._walks:
                bar = walk.bar(open_ms)
                yield bar
                yield _mark(bar)


def _mark(bar: CandleClosed) -> MarkPriced:
    return MarkPriced(
        id=f"{bar.symbol}:mark:{bar.at_ms}",
        at_ms=bar.at_ms,
        symbol=bar.symbol,
        source=SIMULATED,
        mark=bar.close,
        funding_rate_frac=FUNDING_RATE_FRAC,
        next_funding_ms=(bar.at_ms // FUNDING_EVERY_MS + 1) * FUNDING_EVERY_MS,
    )
