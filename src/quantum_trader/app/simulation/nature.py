"""What befalls a world by itself: every fault that has a time of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from random import Random

from quantum_trader.app.simulation.around import Around
from quantum_trader.app.simulation.faults import KINDS
from quantum_trader.app.simulation.machine import Machine
from quantum_trader.app.simulation.people import Hand, Operator
from quantum_trader.app.simulation.scheduler import Process
from quantum_trader.app.simulation.standing_rules import StandingRules

TICK_S = 0.25
BACKUP_S = 7.0
LEASE_MS = 10_000
CLOCK_JUMPS_MS = (400, 1_500, 20_000, 3_600_000)


class Nature:
    """Starts every fault of its own time, and ends them all."""

    def __init__(
        self,
        around: Around,
        machine: Machine,
        operator: Operator,
        hand: Hand,
        rules: StandingRules,
    ) -> None:
        self._around = around
        self._machine = machine
        self._operator = operator
        self._hand = hand
        self._rules = rules
        self._tasks: list[asyncio.Task[None]] = []
        self._acts: Mapping[str, Callable[[Random], Awaitable[None] | None]] = {
            "killed": self._kill,
            "frozen": self._freeze,
            "stayed_away": lambda chance: machine.keep_down(chance.uniform(10.0, 60.0)),
            "guardian_killed": lambda _: machine.sentry.kill_at_some_step(),
            "guardian_frozen": self._freeze_guardian,
            "two_leaders": self._second_leader,
            "bus_down": self._bus_down,
            "bus_lost": self._bus_lost,
            "bus_rolled_back": self._bus_rolled_back,
            "disk_full": self._disk_full,
            "clock_forward": lambda chance: self._clock(chance, 1),
            "clock_back": lambda chance: self._clock(chance, -1),
            "banned": self._ban,
            "events_late": self._silence,
            "stop_expired": lambda chance: self._expire(chance, "STOP_MARKET"),
            "target_expired": lambda chance: self._expire(chance, "LIMIT"),
            "deleveraged": lambda _: self._hand.deleverage(),
            "price_gap": around.market.gap,
            "feed_silent": self._feed_silent,
            "hand_traded": lambda _: self._hand.trade(),
            "halted": lambda _: operator.panic("halted", "HALT"),
            "flattened": lambda _: operator.panic("flattened", "FLATTEN"),
            "drained": lambda _: operator.drain_for_a_while(),
            "latched": lambda _: operator.latch_for_a_while(),
            "poison": lambda _: operator.poison(),
        }

    def begin(self) -> None:
        """Let everything that is enabled happen in its own time."""
        missing = {name for name, kind in KINDS.items() if kind.per_minute} - set(self._acts)
        assert not missing, missing
        for kind in self._acts:
            self._tasks.append(self._around.loop.start(None, self._happen(kind)))

    def end(self) -> None:
        """All is well again."""
        around = self._around
        around.faults.calm = True
        for task in self._tasks:
            task.cancel()
        for process in around.loop.processes:
            if process.frozen and not process.dead:
                around.loop.thaw(process)
        around.clock.offset_ms = 0
        around.disk.full = False
        around.market.silent_until_ms = 0

    async def tick(self) -> None:
        """What is due in the world, and backups of the streams."""
        backup_s = BACKUP_S
        while True:
            await asyncio.sleep(TICK_S)
            self._around.moods.venue.let_rests_in()
            self._around.moods.let_late_ones_in()
            backup_s -= TICK_S
            if backup_s <= 0 and "bus_rolled_back" in self._around.faults.enabled:
                backup_s = BACKUP_S
                self._around.server.back_up()

    async def _happen(self, kind: str) -> None:
        faults = self._around.faults
        while (pause_s := faults.pause_s(kind)) is not None:
            await asyncio.sleep(pause_s)
            faults.count(kind)
            doing = self._acts[kind](faults.chance(kind))
            if doing is not None:
                await doing

    def _kill(self, chance: Random) -> None:
        leader = self._machine.leader
        if leader is not None:
            self._machine.kill_at_some_step(leader)

    async def _freeze(self, chance: Random) -> None:
        leader = self._machine.leader
        if leader is None:
            return
        await self._stand_still(f"process {leader.process.number}", leader.process, chance)
        self._rules.note_disturbance()

    async def _freeze_guardian(self, chance: Random) -> None:
        process = self._machine.sentry.process
        if process is not None:
            await self._stand_still("the guardian", process, chance)

    async def _stand_still(self, name: str, process: Process, chance: Random) -> None:
        self._around.tape("machine", f"{name} stands still")
        process.frozen = True
        await asyncio.sleep(chance.choice((0.5, 4.0, 15.0, 40.0)))
        self._around.tape("machine", f"{name} goes on")
        self._around.loop.thaw(process)

    async def _second_leader(self, chance: Random) -> None:
        if len(self._machine.alive) == 1:
            self._machine.spawn()
            await asyncio.sleep(chance.uniform(1.0, 20.0))
            self._machine.kill_all_but_the_leader()

    def _bus_down(self, chance: Random) -> None:
        self._around.server.go_down(chance.choice((300, 2_000, 8_000)))

    async def _bus_lost(self, chance: Random) -> None:
        self._around.server.lose_everything()
        await self._looked_after(chance)

    async def _bus_rolled_back(self, chance: Random) -> None:
        if self._around.server.roll_back(chance.randrange(3)):
            await self._looked_after(chance)

    async def _looked_after(self, chance: Random) -> None:
        """The server is away for a while, and later somebody lets the system trade again."""
        self._bus_down(chance)
        await asyncio.sleep(chance.uniform(1.0, 40.0))
        await self._operator.kill_level("RUN")

    async def _disk_full(self, chance: Random) -> None:
        self._around.tape("machine", "the journal's disk is full")
        self._around.disk.full = True
        await asyncio.sleep(chance.uniform(0.5, 8.0))
        self._around.disk.full = False
        self._around.tape("machine", "the journal's disk has room again")

    async def _clock(self, chance: Random, sign: int) -> None:
        jump_ms = sign * chance.choice(CLOCK_JUMPS_MS)
        self._around.tape("machine", f"the wall clock jumps by {jump_ms} ms")
        self._around.clock.offset_ms += jump_ms
        self._rules.note_disturbance()
        await asyncio.sleep(chance.uniform(1.0, 30.0))
        self._around.tape("machine", "the wall clock is set right")
        self._around.clock.offset_ms -= jump_ms
        self._rules.note_disturbance()

    def _ban(self, chance: Random) -> None:
        moods = self._around.moods
        for_ms = chance.choice((1_000, 4_000, 15_000))
        self._around.tape("venue", f"bans us for {for_ms} ms")
        moods.banned_until_ms = self._around.clock.true_ms() + for_ms

    def _silence(self, chance: Random) -> None:
        for_ms = chance.choice((1_000, 5_000, 20_000))
        self._around.tape("venue", f"reports nothing for {for_ms} ms")
        self._around.moods.silent_until_ms = self._around.clock.true_ms() + for_ms

    def _expire(self, chance: Random, kind: str) -> None:
        venue = self._around.moods.venue
        for symbol in self._around.market.prices:
            for order in venue.resting(symbol):
                if order.kind == kind and chance.random() < 0.5:
                    venue.expire(order)
                    return

    def _feed_silent(self, chance: Random) -> None:
        for_ms = chance.choice((3_000, 20_000, 60_000))
        self._around.tape("market", f"says nothing for {for_ms} ms")
        self._around.market.silent_until_ms = self._around.clock.true_ms() + for_ms
