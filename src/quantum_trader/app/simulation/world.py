"""One seed: a world is made, it is hostile, it heals, and it has to come to rest."""

import asyncio
from collections.abc import Mapping
from time import perf_counter, process_time

import msgspec

from quantum_trader.app.rig import matching_rules
from quantum_trader.app.simulation import final_rules
from quantum_trader.app.simulation.around import Around
from quantum_trader.app.simulation.bus import Server
from quantum_trader.app.simulation.clock import BEGAN_MS, WallClock
from quantum_trader.app.simulation.dice import dice
from quantum_trader.app.simulation.disk import Disk
from quantum_trader.app.simulation.faults import Faults
from quantum_trader.app.simulation.guard import sealed
from quantum_trader.app.simulation.machine import Machine
from quantum_trader.app.simulation.market import Market
from quantum_trader.app.simulation.moods import Moods
from quantum_trader.app.simulation.nature import Nature
from quantum_trader.app.simulation.people import Hand, Operator, Place, Proposer
from quantum_trader.app.simulation.scheduler import Scheduler
from quantum_trader.app.simulation.settings import rules_of
from quantum_trader.app.simulation.socket_rules import SocketRules
from quantum_trader.app.simulation.standing_rules import Bounds, StandingRules
from quantum_trader.app.simulation.tape import Line, Tape
from quantum_trader.app.simulation.venue import TruthVenue
from quantum_trader.app.simulation.violation import Violated, Violation
from quantum_trader.core.errors import BrokenInvariant

HOSTILE_MS = 180_000
HEAL_MS = 60_000
"""Within this time after the last fault every plan has to be over or protected."""
DOUBT_MS = 150_000
"""The same while an order is in doubt: to prove that one never was takes a minute by itself."""
HEARD_MS = 15_000
"""So long after the last doubt was over, whoever waited for it has to have come to an end.

What rests and belongs to nothing goes after two pictures of the account, five seconds apart.
"""
CALM_MS = 20_000
"""Then everything is ordered flat, and must be within as long again as healing may take."""


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """What decides a world. ``only`` leaves other kinds of faults out; None leaves none out."""

    seed: int
    hostile_ms: int = HOSTILE_MS
    only: tuple[str, ...] | None = None
    bounds: Bounds = Bounds()


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a world. ``log_hash`` is the same whenever it is made again."""

    scenario: Scenario
    steps: int
    simulated_ms: int
    wall_ms: float
    cpu_ms: float
    faults: Mapping[str, int]
    enabled: tuple[str, ...]
    log_hash: str
    facts: int
    violation: Violation | None = None
    lines: tuple[Line, ...] = ()


class World:
    """Everything of one seed."""

    def __init__(self, scenario: Scenario) -> None:
        seed = scenario.seed
        self.scenario = scenario
        self.steps = 0
        self.loop = Scheduler(dice(seed, "order"))
        self.faults = Faults(seed, scenario.only)
        clock = WallClock(self.loop)
        self.tape = Tape(lambda: clock.true_ms() - BEGAN_MS)
        rules = rules_of(dice(seed, "rules"))
        server, disk = Server(self.faults, clock, self.tape), Disk()
        venue = TruthVenue(matching_rules(rules), self.faults, clock.true_ms, self.tape)
        market = Market(seed, self.faults, clock, self.tape, venue)
        moods = Moods(venue, self.faults, clock.true_ms, self.tape)
        place = Place(rules.account, server, self.faults, clock, self.tape)
        self.operator = Operator(place)
        self.around = Around(
            loop=self.loop,
            rules=rules,
            faults=self.faults,
            clock=clock,
            server=server,
            disk=disk,
            moods=moods,
            market=market,
            latch=self.operator.latch,
            tape=self.tape,
        )
        self.proposer = Proposer(place, seed)
        socket = SocketRules(rules, clock, disk, venue, lambda: self.proposer.proposals)
        self.machine = Machine(seed, self.around, socket)
        self.rules = StandingRules(self.around, self.machine, socket, scenario.bounds)
        hand = Hand(venue, market, self.faults)
        self.nature = Nature(self.around, self.machine, self.operator, hand, self.rules)

    async def live(self) -> None:
        """The bad times, the good ones, and the end."""
        self.loop.on_step = self.rules.look
        for work in (self.around.market.run(), self.proposer.run(), self.nature.tick()):
            self.loop.start(None, work)
        self.machine.spawn()
        self.machine.sentry.begin()
        self.nature.begin()
        await asyncio.sleep(self.scenario.hostile_ms / 1000)
        await self._heal()
        await self._settle(HEAL_MS)
        await asyncio.sleep(CALM_MS / 1000)
        self.proposer.quiet = True
        await self._settle(HEAL_MS)
        await self.operator.kill_level("FLATTEN")
        await self._settle(HEAL_MS, flat=True)
        await self._check_all()

    async def _heal(self) -> None:
        """All faults off, everything restarted, and whoever is at the desk resumes."""
        self.tape("world", "all faults end")
        self.nature.end()
        self.rules.note_disturbance()
        for running in list(self.machine.alive):
            self.machine.kill(running.process)
        for _ in range(HEAL_MS // 100):
            if self._is_up():
                break
            await asyncio.sleep(0.1)
        else:
            raise Violated(
                "I14", f"no process has started {HEAL_MS // 1000} s after the last fault"
            )
        await self.operator.resume()

    def _is_up(self) -> bool:
        leader = self.machine.leader
        return leader is not None and leader.ready

    async def _settle(self, within_ms: int, *, flat: bool = False) -> None:
        """Wait until every plan is over or protected, and, if wanted, nothing is held."""
        why: str | None = "nothing was looked at"
        began_s = self.loop.time()
        end_s, doubt_s = began_s + within_ms / 1000, began_s + DOUBT_MS / 1000
        while why is not None:
            if self.loop.time() < doubt_s and self.around.disk.journal.unresolved():
                end_s = max(end_s, self.loop.time() + HEARD_MS / 1000)
            if self.loop.time() >= end_s:
                raise Violated(
                    "I14", f"{self.loop.time() - began_s:.0f} s after the last fault: {why}"
                )
            await asyncio.sleep(0.5)
            leader = self.machine.leader
            if leader is None or not leader.ready:
                why = "no process runs"
            else:
                why = final_rules.unsettled(self.around, leader)
                if flat and why is None and self.around.moods.venue.positions:
                    why = f"{self.around.moods.venue.positions} stand"

    async def _check_all(self) -> None:
        # Between two prices: on the second some of them are always on their way.
        await asyncio.sleep(3.5 - self.loop.time() % 1)
        leader = self.machine.leader
        if leader is None:
            raise Violated("I14", "no process runs")
        final_rules.check_ledger(self.around, leader)
        await final_rules.check_messages(self.around)
        await final_rules.check_replay(self.around, leader)


def run(scenario: Scenario, *, trace: bool = False) -> Outcome:
    """Make the world of a scenario and let it live. ``trace`` keeps every line of it."""
    began, began_cpu = perf_counter(), process_time()
    with sealed():
        world = World(scenario)
        violation = _lived(world)
        steps = world.steps
    return Outcome(
        scenario=scenario,
        steps=steps,
        simulated_ms=round(world.loop.time() * 1000),
        wall_ms=(perf_counter() - began) * 1000,
        cpu_ms=(process_time() - began_cpu) * 1000,
        faults=dict(sorted(world.faults.counts.items())),
        enabled=world.faults.enabled,
        log_hash=world.tape.hash(),
        facts=len(world.around.disk.written.facts),
        violation=violation,
        lines=tuple(world.tape.lines) if trace or violation else (),
    )


def _lived(world: World) -> Violation | None:
    """Let a world live; the first violation ends it."""
    loop = world.loop
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(world.live())
    except (Violated, BrokenInvariant) as error:
        found = error if isinstance(error, Violated) else Violated("alive", str(error))
        at_ms = round(loop.time() * 1000)
        world.tape("world", f"{found.invariant} is broken: {found.what}")
        return Violation(invariant=found.invariant, at_ms=at_ms, what=found.what)
    finally:
        world.steps = loop.steps
        loop.bury()
        loop.close()
        asyncio.set_event_loop(None)
    return None
