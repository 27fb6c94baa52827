"""Seeded worlds in which the venue is unruly: late, forgetful, refusing, and still honest.

While it lasts, no position stands uncovered for longer than the rules allow without being closed.
When it is over, books and venue agree, every plan ends, and every intent was answered once.
"""

from collections import Counter
from decimal import Decimal
from random import Random

import pytest

from quantum_trader.adapters.exchanges.paper import PaperExchange
from quantum_trader.app.rig import Rig
from quantum_trader.core.events import PlanEnded, PlanMade, Tick
from quantum_trader.core.state import TraderState, state_hash
from tests.support import NOON_MS, an_intent, kill, some_rules
from tests.unruly_venue import UnrulyVenue
from tests.witness import Witness

SECOND_MS = 1_000
STEPS = 240
STEPS_LONG = 1_500
CALM_STEPS = 130
"""Longer than the last doubt and the last late order need."""
FIRST_PRICE = {"BTCUSDT": 60_000.0, "DOGEUSDT": 0.2}


class World:
    """A market, a careless proposer, and a venue that cannot be relied on."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.witness = Witness()
        limits = {"cooldown_close_ms": 0, "cooldown_open_ms": 0}
        self.venue: UnrulyVenue | None = None
        self.rig = Rig(some_rules(**limits), [], self.witness, self._door)
        self.prices = dict(FIRST_PRICE)
        self.at_ms = NOON_MS
        self.proposed = 0
        self.naked: dict[str, int] = {}

    def _door(self, venue: PaperExchange) -> UnrulyVenue:
        self.venue = UnrulyVenue(venue, self.random)
        return self.venue

    @property
    def state(self) -> TraderState:
        return self.rig.trader.state

    async def live(self, steps: int = STEPS) -> None:
        """Turmoil, calm, and everything ordered flat."""
        await self.rig.start(self.at_ms)
        for _ in range(steps):
            await self._step()
            if self.random.random() < 0.4:
                await self._propose()
        await self._calm_down()
        await self.witness.check(self.rig)
        await self.rig.order(kill("FLATTEN", self.at_ms))
        await self._calm_down()

    async def _calm_down(self) -> None:
        assert self.venue is not None
        self.venue.calm = True
        for _ in range(CALM_STEPS):
            await self._step()

    async def _step(self) -> None:
        assert self.venue is not None
        self.at_ms += SECOND_MS
        await self.rig.show([self._tick(symbol) for symbol in FIRST_PRICE])
        await self.venue.wait()
        await self.rig.wait_until(self.at_ms)
        self._check_naked()

    def _tick(self, symbol: str) -> Tick:
        assert self.venue is not None
        if not self.venue.calm:
            sigma = 0.06 if self.random.random() < 0.01 else 0.003
            self.prices[symbol] *= 1 + self.random.gauss(0, sigma)
        return Tick(
            id=f"{symbol}:{self.at_ms}",
            at_ms=self.at_ms,
            symbol=symbol,
            source="recorded",
            price=self.prices[symbol],
            qty=1.0,
        )

    async def _propose(self) -> None:
        self.proposed += 1
        await self.rig.propose(
            an_intent(
                self.random.choice(["LONG", "SHORT", "LONG", "SHORT", "FLAT"]),
                at_ms=self.at_ms,
                symbol=self.random.choice(list(FIRST_PRICE)),
                leverage=self.random.choice([5, 10, 20]),
                notional_usd=self.random.choice([None, Decimal(1500)]),
                signal_id=f"s{self.proposed}",
                trace_id=f"t{self.proposed}",
            )
        )

    def _check_naked(self) -> None:
        """A position without a confirmed stop for all of it is being closed within four seconds."""
        for symbol in FIRST_PRICE:
            if self._is_covered(symbol):
                self.naked.pop(symbol, None)
                continue
            since_ms = max(self.naked.setdefault(symbol, self.at_ms), self._naked_since_ms(symbol))
            if self.at_ms - since_ms > self.rig.rules.exits.protect_within_ms + SECOND_MS:
                assert self.at_ms - self._exit_tried_ms(symbol) <= 2 * SECOND_MS, symbol

    def _is_covered(self, symbol: str) -> bool:
        position = self.state.positions.get(symbol)
        plan = self.state.plans.get(self.state.plan_of.get(symbol, ""))
        return position is None or (plan is not None and plan.covers(position))

    def _naked_since_ms(self, symbol: str) -> int:
        """Between two of our looks a stop may have been confirmed, and lost again."""
        plan = self.state.plans.get(self.state.plan_of.get(symbol, ""))
        return 0 if plan is None else plan.naked_since_ms or 0

    def _exit_tried_ms(self, symbol: str) -> int:
        """When the last exit was commanded; now, while the answer to one is awaited."""
        stray = self.state.strays.get(symbol)
        one = stray or self.state.plans[self.state.plan_of[symbol]]
        return one.exit_tried_ms if one.exit_id is None else self.at_ms


def check_ended(world: World) -> None:
    """Nothing is left of anything, and everybody was told."""
    state, witness = world.state, world.witness
    witness.check_story()
    sums = state.exposure
    tables = (state.positions, state.strays, state.trades, state.plans, state.plan_of)
    assert not any((*tables, state.margins, state.unrealized))
    assert not any((sums.gross_usd, sums.margin_usd, sums.coming_usd, sums.coming_margin_usd))
    assert len(witness.answers()) == world.proposed
    made = Counter(one.plan_id for one in witness.said if isinstance(one, PlanMade))
    ended = Counter(one.plan_id for one in witness.said if isinstance(one, PlanEnded))
    assert made == ended


@pytest.mark.parametrize("seed", range(100))
async def test_no_venue_leaves_a_position_naked_or_an_intent_unanswered(seed: int) -> None:
    world = World(seed)
    await world.live()
    await world.witness.check(world.rig)
    check_ended(world)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1_000, 1_040))
async def test_the_same_holds_for_longer(seed: int) -> None:
    world = World(seed)
    await world.live(STEPS_LONG)
    await world.witness.check(world.rig)
    check_ended(world)


async def test_the_venues_are_unruly_enough_to_prove_something() -> None:
    counts: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for seed in range(30):
        world = World(seed)
        await world.live()
        assert world.venue is not None
        counts.update(world.venue.counts)
        reasons.update(trade.reason for trade in world.witness.trades())
    assert len(counts) == 11
    assert min(counts.values()) > 5, counts
    assert {"stop_loss", "stop_passed", "no_stop_accepted", "unprotected"} <= set(reasons)


async def test_the_same_world_leaves_the_same_state() -> None:
    one, other = World(7), World(7)
    await one.live()
    await other.live()
    assert state_hash(one.state) == state_hash(other.state)
