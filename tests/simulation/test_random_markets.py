"""Wild seeded markets and careless proposers against the whole system on memory.

After every moment the promises must hold: covered by a stop at the venue, books equal to the
venue's account, stops that only tighten, exits that only reduce, one answer per intent.
"""

from collections import Counter
from decimal import Decimal
from random import Random

import pytest

from quantum_trader.app.rig import Rig
from quantum_trader.core.events import (
    CandleClosed,
    FundingRatePublished,
    PlanMade,
)
from quantum_trader.core.state import state_hash
from tests.support import MINUTE_MS, NOON_MS, a_candle, an_intent, some_rules
from tests.witness import Witness

SYMBOLS = ("BTCUSDT", "ETHUSDT", "DOGEUSDT")
FIRST_PRICE = {"BTCUSDT": 60_000.0, "ETHUSDT": 3_000.0, "DOGEUSDT": 0.2}
MOMENTS = 250


class World:
    """A market, a proposer, and a witness."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.witness = Witness()
        limits = {"cooldown_close_ms": 0, "cooldown_open_ms": 0, "leverage_max": 50}
        self.rig = Rig(some_rules(**limits), [], self.witness)
        self.prices = dict(FIRST_PRICE)
        self.at_ms = NOON_MS
        self.proposed = 0

    async def live(self) -> None:
        await self.rig.start(self.at_ms)
        for _ in range(MOMENTS):
            self.at_ms += MINUTE_MS
            await self.rig.show([self._bar(symbol) for symbol in SYMBOLS])
            if self.random.random() < 0.08:
                await self.rig.show([self._funding(symbol) for symbol in SYMBOLS])
            if self.random.random() < 0.3:
                await self._propose()
            await self.witness.check(self.rig)

    def _bar(self, symbol: str) -> CandleClosed:
        first = self.prices[symbol]
        if self.random.random() < 0.02:
            first *= 1 + self.random.gauss(0, 0.05)
        path = [first]
        for _ in range(4):
            path.append(path[-1] * (1 + self.random.gauss(0, 0.003)))
        self.prices[symbol] = path[-1]
        return a_candle(path[-1], self.at_ms, symbol, open=path[0], high=max(path), low=min(path))

    def _funding(self, symbol: str) -> FundingRatePublished:
        rate = Decimal(self.random.randrange(-75, 76)) / 10_000
        return FundingRatePublished(
            id=f"{symbol}:funding:{self.at_ms}",
            at_ms=self.at_ms,
            symbol=symbol,
            source="recorded",
            rate_frac=rate,
        )

    async def _propose(self) -> None:
        self.proposed += 1
        await self.rig.propose(
            an_intent(
                self.random.choice(["LONG", "SHORT", "LONG", "SHORT", "FLAT", "HOLD"]),
                at_ms=self.at_ms,
                symbol=self.random.choice(SYMBOLS),
                leverage=self.random.choice([1, 3, 10, 20, 25]),
                notional_usd=self.random.choice([None, Decimal(200), Decimal(1500)]),
                signal_id=f"s{self.proposed}",
                trace_id=f"t{self.proposed}",
            )
        )


@pytest.mark.parametrize("seed", range(12))
async def test_no_market_and_no_proposer_breaks_a_promise(seed: int) -> None:
    world = World(seed)
    await world.live()
    world.witness.check_story()
    assert len(world.witness.answers()) == world.proposed


async def test_the_worlds_are_eventful_enough_to_prove_something() -> None:
    reasons: Counter[str] = Counter()
    plans = 0
    for seed in range(6):
        world = World(seed)
        await world.live()
        plans += sum(isinstance(fact, PlanMade) for fact in world.witness.said)
        reasons.update(trade.reason for trade in world.witness.trades())
    assert plans > 60
    assert {"stop_loss", "targets", "break_even", "flat_intent"} <= set(reasons)


async def test_the_same_world_leaves_the_same_state() -> None:
    one, other = World(7), World(7)
    await one.live()
    await other.live()
    assert state_hash(one.rig.trader.state) == state_hash(other.rig.trader.state)
