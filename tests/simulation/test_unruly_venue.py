"""Seeded worlds in which the venue is unruly: late, forgetful, refusing, and still honest.

A hand trades there beside us, and positions are left by every policy there is. While it lasts, no
position stands uncovered for longer than the rules allow without being closed, targets never add up
to more than there is, and no stage is harvested twice. When it is over, books and venue agree,
every plan ends, and every intent was answered once.
"""

from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from random import Random

import msgspec
import pytest

from quantum_trader.adapters.exchanges.paper import PaperExchange
from quantum_trader.app.rig import Rig
from quantum_trader.core.events import (
    CandleClosed,
    ExitDecided,
    Fact,
    FundingRatePublished,
    KillScored,
    MarketFact,
    PlanEnded,
    PlanMade,
    Tick,
)
from quantum_trader.core.orders.adoption import ADOPTED
from quantum_trader.core.rules import Rules
from quantum_trader.core.state import TraderState, state_hash
from quantum_trader.core.units import ZERO
from quantum_trader.services.recovery import rebuild_from_log
from quantum_trader.services.snapshots import snapshots_of
from quantum_trader.streams import TRADER
from tests.harvest_watch import HarvestWatch
from tests.support import NOON_MS, an_intent, kill, some_rules
from tests.unruly_venue import UnrulyVenue
from tests.witness import Witness

SECOND_MS = 1_000
BAR_MS = 2_000
WARM_UP_BARS = 260
"""A few more than market state needs."""
STEPS = 180
STEPS_LONG = 1_500
CALM_STEPS = 130
"""Longer than the last doubt and the last late order need."""
FIRST_PRICE = {"BTCUSDT": 60_000.0, "DOGEUSDT": 0.2}
POLICIES = (
    "adaptive",
    "dynamic",
    "profile:TREND_DEFAULT",
    "profile:CHALLENGE_100",
    "static_0.5_1",
    "hints",
)
KILLS_SOON = {"entry_from": 0.3, "threshold": 0.35}
SNAPSHOTS = snapshots_of(TraderState)


def rules_of(random: Random) -> Rules:
    """Rules of which nearly everything about exits is drawn; long times are short here."""
    limits = {"cooldown_close_ms": 0, "cooldown_open_ms": 0, "leverage_max": 50}
    rules = some_rules(**limits)
    exits, change = rules.exits, msgspec.structs.replace
    exits = change(
        exits,
        policy=random.choice(POLICIES),
        stops=change(exits.stops, by_score=random.random() < 0.3),
        harvest=change(exits.harvest, scale_by_leverage=random.random() < 0.5),
        kill=change(exits.kill, hold_min_ms=20_000, **random.choice(({}, KILLS_SOON))),
        guards=change(exits.guards, first_target_ms=60_000),
        hold_max_ms=random.choice((90_000, exits.hold_max_ms)),
    )
    return change(rules, exits=exits)


class World:
    """A market, a careless proposer, a hand, and a venue that cannot be relied on."""

    def __init__(self, seed: int, *, reconciling: bool = False) -> None:
        self.random = Random(seed)
        self.witness = Witness()
        self.harvest = HarvestWatch()
        self.venue: UnrulyVenue | None = None
        self.reconciling = reconciling
        rules = rules_of(self.random)
        self.rig = Rig(rules, [], self.witness, self._door, reconciling=reconciling)
        self.decide = self.rig.trader.step
        self.rig.trader.step = self._watched
        self.sigma = self.random.choice((0.001, 0.003))
        self.prices = dict(FIRST_PRICE)
        self.bars: dict[str, list[float]] = {symbol: [] for symbol in FIRST_PRICE}
        self.at_ms = NOON_MS
        self.proposed = 0
        self.restarts = 0
        self.naked: dict[str, int] = {}

    def _door(self, venue: PaperExchange) -> UnrulyVenue:
        self.venue = UnrulyVenue(venue, self.random)
        self.venue.loses_accounts = self.reconciling
        return self.venue

    def _watched(self, state: TraderState, fact: Fact) -> Sequence[Fact]:
        said = self.decide(state, fact)
        self.harvest(fact, said)
        return said

    @property
    def state(self) -> TraderState:
        return self.rig.trader.state

    async def live(self, steps: int = STEPS) -> None:
        """Turmoil, calm, and everything ordered flat."""
        await self._warm_up()
        for _ in range(steps):
            await self._step()
            if self.random.random() < 0.3:
                await self._propose()
            if self.random.random() < 0.02:
                self._restart()
            if self.random.random() < 0.02:
                await self.rig.show([self._funding(symbol) for symbol in FIRST_PRICE])
            await self._panic()
        await self.rig.order(kill("RUN", self.at_ms))
        await self._calm_down()
        assert self.venue is not None
        await self.witness.check(self.rig, self.venue.came_late)
        await self._check_settled()
        await self.rig.order(kill("FLATTEN", self.at_ms))
        await self._calm_down()

    async def _warm_up(self) -> None:
        """Bars enough for volatility and market state, before anybody trades."""
        await self.rig.start(self.at_ms)
        bars: list[MarketFact] = []
        for _ in range(WARM_UP_BARS):
            self.at_ms += BAR_MS
            for symbol in FIRST_PRICE:
                self.bars[symbol] += [self._move(symbol) for _ in range(4)]
                bars.append(self._bar(symbol))
        await self.rig.show(bars)

    def _restart(self) -> None:
        """The trader goes on from a snapshot of its state."""
        self.restarts += 1
        self.rig.trader.state = SNAPSHOTS.load(SNAPSHOTS.save(self.state))

    async def _calm_down(self) -> None:
        assert self.venue is not None
        self.venue.calm = True
        for _ in range(CALM_STEPS):
            await self._step()

    async def _step(self) -> None:
        assert self.venue is not None
        self.at_ms += SECOND_MS
        facts: list[MarketFact] = [self._tick(symbol) for symbol in FIRST_PRICE]
        if self.at_ms % BAR_MS == 0:
            facts += [self._bar(symbol) for symbol in FIRST_PRICE]
        await self.rig.show(facts)
        await self.venue.wait(self.prices)
        await self.rig.wait_until(self.at_ms)
        self._check_naked()
        self._check_targets()

    def _move(self, symbol: str) -> float:
        sigma = 0.06 if self.random.random() < 0.01 else self.sigma
        self.prices[symbol] *= 1 + self.random.gauss(0, sigma)
        return self.prices[symbol]

    def _tick(self, symbol: str) -> Tick:
        assert self.venue is not None
        price = self.prices[symbol] if self.venue.calm else self._move(symbol)
        self.bars[symbol].append(price)
        return Tick(
            id=f"{symbol}:{self.at_ms}",
            at_ms=self.at_ms,
            symbol=symbol,
            source="recorded",
            price=price,
            qty=1.0,
        )

    def _bar(self, symbol: str) -> CandleClosed:
        """The bar of all prices since the last one."""
        path, self.bars[symbol] = self.bars[symbol], []
        return CandleClosed(
            id=f"{symbol}:{BAR_MS}:{self.at_ms}",
            at_ms=self.at_ms,
            symbol=symbol,
            source="recorded",
            interval_ms=BAR_MS,
            open_ms=self.at_ms - BAR_MS,
            open=path[0],
            high=max(path),
            low=min(path),
            close=path[-1],
            volume=1.0,
        )

    def _funding(self, symbol: str) -> FundingRatePublished:
        return FundingRatePublished(
            id=f"{symbol}:funding:{self.at_ms}",
            at_ms=self.at_ms,
            symbol=symbol,
            source="recorded",
            rate_frac=Decimal(self.random.randrange(-75, 76)) / 10_000,
        )

    async def _panic(self) -> None:
        """Now and then somebody orders everything flat, and thinks better of it soon."""
        if self.state.kill_level == "FLATTEN":
            if self.random.random() < 0.2:
                await self.rig.order(kill("RUN", self.at_ms))
        elif self.random.random() < 0.004:
            await self.rig.order(kill("FLATTEN", self.at_ms))

    async def _propose(self) -> None:
        self.proposed += 1
        side = self.random.choices(["LONG", "SHORT", "FLAT"], (10, 10, 1))[0]
        symbol = self.random.choice(list(FIRST_PRICE))
        await self.rig.propose(
            an_intent(
                side,
                at_ms=self.at_ms,
                symbol=symbol,
                leverage=self.random.choice([5, 10, 20, 50]),
                notional_usd=self.random.choice([None, Decimal(1500)]),
                signal_id=f"s{self.proposed}",
                trace_id=f"t{self.proposed}",
                **self._hints(symbol, 1 if side == "LONG" else -1),
            )
        )

    def _hints(self, symbol: str, sign: int) -> dict[str, Decimal | None]:
        """Where the proposer would like to leave, now and then."""
        price = self.prices[symbol]
        wishes = {"take_profit": sign * 0.02, "stop_loss": sign * -0.004}
        return {
            name: Decimal(f"{price * (1 + frac):.5f}") if self.random.random() < 0.3 else None
            for name, frac in wishes.items()
        }

    def _check_naked(self) -> None:
        """A position without a confirmed stop for all of it is being closed within four seconds."""
        for symbol in FIRST_PRICE:
            if self._is_covered(symbol):
                self.naked.pop(symbol, None)
                continue
            since_ms = max(self.naked.setdefault(symbol, self.at_ms), self._naked_since_ms(symbol))
            if self.at_ms - since_ms > self.rig.rules.exits.protect_within_ms + SECOND_MS:
                assert self.at_ms - self._exit_tried_ms(symbol) <= 2 * SECOND_MS, symbol

    async def _check_settled(self) -> None:
        """Once it is calm every position has one stop for all of it, and nothing is under way.

        A plan that is flat may still wait for the last word on an order in doubt.
        """
        positions = (await self.rig.venue.account()).positions
        levels = {one.symbol: one.liquidation_price for one in positions}
        for plan in self.state.plans.values():
            if plan.flat_ms is not None:
                continue
            under_way = (plan.next_stops, plan.retiring, plan.exits, plan.reducing, plan.exit_id)
            assert not any(under_way), plan.symbol
            assert plan.exit_reason is None, plan.symbol
            assert plan.covers(self.state.positions[plan.symbol]), plan.symbol
            level = levels[plan.symbol]
            if level is not None:
                sign = 1 if plan.made.side == "LONG" else -1
                assert plan.stop is not None
                assert sign * (plan.stop.price - level) > 0, "the stop is behind liquidation"

    def _check_targets(self) -> None:
        """Targets never add up to more than there is."""
        for plan in self.state.plans.values():
            position = self.state.positions.get(plan.symbol)
            if position is None or not plan.holds(position):
                continue
            going = [one for name, one in plan.targets.items() if name not in plan.retiring]
            assert sum((one.qty for one in going), ZERO) <= abs(position.qty), plan.symbol

    def _is_covered(self, symbol: str) -> bool:
        position = self.state.positions.get(symbol)
        plan = self.state.plans.get(self.state.plan_of.get(symbol, ""))
        return position is None or (plan is not None and plan.covers(position))

    def _naked_since_ms(self, symbol: str) -> int:
        """Between two of our looks a stop may have been confirmed, and lost again.

        So may one position have gone, and a hand have made another.
        """
        stray = self.state.strays.get(symbol)
        if stray is not None:
            return stray.since_ms
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
@pytest.mark.parametrize("seed", range(100, 300))
async def test_the_same_holds_for_many_more(seed: int) -> None:
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


async def test_the_worlds_are_hostile_enough_to_prove_something() -> None:
    happened: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for seed in range(30):
        world = World(seed)
        await world.live()
        assert world.venue is not None
        happened.update(world.venue.counts)
        happened.update(world.venue.hand.counts)
        happened.update(restarts=world.restarts, parts=sum(world.harvest.by_r.values()))
        reasons.update(trade.reason for trade in world.witness.trades())
        for fact in world.witness.said:
            if isinstance(fact, PlanMade) and fact.strategy == ADOPTED:
                happened["adopted"] += 1
            elif isinstance(fact, ExitDecided):
                asked[fact.rule] += 1
            elif isinstance(fact, KillScored):
                happened["kill score"] += 1
    assert len(happened) == 24, happened
    assert min(happened.values()) > 5, happened
    assert {"stop_loss", "stop_passed", "no_stop_accepted"} <= set(reasons)
    assert {"hand", "liquidation", "targets", "flatten"} <= set(reasons)
    assert {"harvest", "giveback", "profit_lock", "atr_trail", "exit_score"} <= set(asked)


async def test_the_same_world_leaves_the_same_state() -> None:
    one, other = World(7), World(7)
    await one.live()
    await other.live()
    assert state_hash(one.state) == state_hash(other.state)


async def test_restarts_change_nothing_in_what_the_log_leads_to() -> None:
    world = World(3)
    await world.live()
    assert world.restarts
    # What nothing follows from is committed together with what something does.
    await world.rig.propose(an_intent("HOLD", at_ms=world.at_ms, signal_id="last"))
    world.rig.trader.step = world.decide
    rebuilt = await rebuild_from_log(world.rig.bus, TRADER, world.rig.trader)
    assert state_hash(rebuilt.state) == state_hash(world.state)
