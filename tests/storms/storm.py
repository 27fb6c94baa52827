"""One storm: messages and faults by turns, until there were enough of both or time is up."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random

import msgspec

from quantum_trader import streams
from quantum_trader.adapters.bus.redis import RedisBus
from tests.storms.faults import Fault, again
from tests.storms.house import House
from tests.storms.judge import Verdict, judge, settled
from tests.storms.proposer import Proposer

SETTLE_WITHIN_S = 180.0
QUIET_S = 5.0
"""After the last answer, orders get this long to come to rest."""
APPEND_AT_ONCE = 50


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """How long a storm rages: ``faults`` of them, or ``seconds``; with so many messages at each.

    A round is every fault once, or ``round`` where that is given: one named twice strikes twice.
    """

    seed: int
    faults: int
    messages: int
    seconds: float = float("inf")
    round: tuple[str, ...] = ()


class Report(msgspec.Struct, kw_only=True):
    """What was done, and what was found in the end."""

    seed: int
    seconds: float
    faults: dict[str, int]
    messages: dict[str, int]
    starts: int
    verdict: Verdict


class Storm:
    """Rages over one folder."""

    def __init__(self, folder: Path, plan: Plan, faults: Mapping[str, Fault]) -> None:
        self._house = House(folder)
        self._plan = plan
        self._kinds = faults
        self._random = Random(plan.seed)
        self._proposer = Proposer(plan.seed)
        self._struck: Counter[str] = Counter()

    async def rage(self, told: Callable[[str], None] = lambda line: None) -> Report:
        """Strike, settle, count. Raises ``AssertionError`` where the system does not come back."""
        began_s = time.monotonic()
        await self._house.open()
        try:
            await again(self._house)
            for name in self._order():
                if time.monotonic() - began_s > self._plan.seconds:
                    break
                await self._propose(self._plan.messages)
                await self._kinds[name](self._house, self._random)
                self._struck[name] += 1
                told(f"{self._struck.total():>5}  {name}")
            verdict = await self._end()
        finally:
            await self._house.close()
        return Report(
            seed=self._plan.seed,
            seconds=round(time.monotonic() - began_s, 1),
            faults=dict(self._struck),
            messages=dict(self._proposer.kinds),
            starts=self._house.starts,
            verdict=verdict,
        )

    def _order(self) -> list[str]:
        """Round after round, each in another order."""
        order: list[str] = []
        while len(order) < self._plan.faults:
            names = list(self._plan.round or self._kinds)
            self._random.shuffle(names)
            order += names
        return order[: self._plan.faults]

    async def _propose(self, count: int) -> None:
        bus = self._house.bus()
        messages = [self._proposer.message() for _ in range(count)]
        try:
            for start in range(0, count, APPEND_AT_ONCE):
                some = messages[start : start + APPEND_AT_ONCE]
                await bus.append(streams.TRADE_INTENT, some, writer="storm")
        finally:
            await bus.close()

    async def _end(self) -> Verdict:
        """Let everything come to rest, end the system, and count."""
        bus = self._house.bus()
        try:
            await self._settle(bus)
            await asyncio.sleep(QUIET_S)
            assert self._house.is_up, "the system ended by itself although nothing struck it"
            self._house.end(signal.SIGTERM)
            return await judge(bus, self._house.data, self._house.times)
        finally:
            await bus.close()

    async def _settle(self, bus: RedisBus) -> None:
        deadline_s = time.monotonic() + SETTLE_WITHIN_S
        counts = ""
        while time.monotonic() < deadline_s:
            done, counts = await settled(bus)
            if done:
                return
            if not self._house.is_up:
                await again(self._house)
            await asyncio.sleep(0.5)
        raise AssertionError(f"not at rest after {SETTLE_WITHIN_S:g} s: {counts}")
