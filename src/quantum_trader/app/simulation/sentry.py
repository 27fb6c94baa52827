"""The guardian of a world: a process with a way to the venue of its own, that dies as well."""

import asyncio
from contextvars import Context

from quantum_trader.app.simulation.around import Around
from quantum_trader.app.simulation.clock import SteadyTime
from quantum_trader.app.simulation.dice import dice
from quantum_trader.app.simulation.scheduler import Killed, Process
from quantum_trader.app.simulation.violation import Violated
from quantum_trader.core.errors import ExchangeError
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.guard import Guard
from quantum_trader.core.orders.guardian_ids import is_guardians
from quantum_trader.core.venue import Placement, VenueAccount
from quantum_trader.services.guardian import GuardBeat, Guardian

SHARE = 0.6
"""In so many of all worlds there is one; where the venue is our own there is none."""
RESTART_S = (0.5, 8.0)
NUMBER = 0
"""No process of the trader has this one."""


class Sentry:
    """Starts the guardian, where the world has one, and starts it again.

    ``failed_ms`` is when a question of its own last had no answer, ``tried_ms`` when it last sent
    an order for a symbol, ``defects`` is what it ended by.
    """

    def __init__(self, seed: int, around: Around) -> None:
        self._around = around
        self._dice = dice(seed, "guardian")
        self._is_there = self._dice.random() < SHARE
        self.process: Process | None = None
        self.failed_ms = 0
        self.tried_ms: dict[str, int] = {}
        self.defects: list[Violated] = []

    def begin(self) -> None:
        """Start it, if this world has one and none runs."""
        if not self._is_there or self.process is not None:
            return
        around = self._around
        self.process = process = Process(NUMBER, self.kill)
        around.loop.processes.append(process)
        around.tape("guardian", "starts")
        guardian = Guardian(
            SentryDoor(around, self, process),
            around.latch,
            SteadyTime(around.loop),
            Guard(filters=around.rules.instruments),
            _unheard,
            where="",
        )
        task = around.loop.start(process, guardian.run())
        task.add_done_callback(lambda done: self._ended(process, done), context=Context())

    def kill(self, process: Process) -> None:
        """It dies where it stands, and comes back in a while."""
        if process.dead:
            return
        around = self._around
        around.tape("guardian", "is killed")
        process.kill()
        self.process = None
        pause_s = RESTART_S[0] if around.faults.calm else self._dice.uniform(*RESTART_S)
        around.loop.call_later(pause_s, self.begin, context=Context())

    def kill_at_some_step(self) -> None:
        """Let it die before one of its next steps."""
        if self.process is not None:
            self.process.dies_at = self.process.steps + self._dice.randrange(1, 40)

    @property
    def can_act(self) -> bool:
        """Whether it lives, and the venue would answer."""
        if self.process is None or self.process.frozen:
            return False
        return self._around.moods.banned_until_ms <= self._around.clock.true_ms()

    def _ended(self, process: Process, done: asyncio.Task[None]) -> None:
        """It came to its end by itself, which it never should."""
        if done.cancelled() or process.dead or process.over:
            return
        failure = done.exception()
        if not isinstance(failure, Killed):
            told = Violated("alive", f"the guardian ended: {failure!r}")
            self.defects.append(failure if isinstance(failure, Violated) else told)


class SentryDoor:
    """``ports.GuardedVenue`` for one life of the guardian: only what reduces may leave."""

    def __init__(self, around: Around, sentry: Sentry, process: Process) -> None:
        self._moods = around.moods
        self._clock = around.clock
        self._sentry = sentry
        self._process = process

    async def place(self, order: OrderRequest) -> Placement:
        """Send one order."""
        self._process.check()
        if not is_guardians(order.client_order_id):
            raise Violated("I9", f"{order.client_order_id!r} is no name of the guardian's")
        if not order.reduce_only:
            raise Violated("I6", f"the guardian's {order.client_order_id} is not reduce-only")
        self._sentry.tried_ms[order.symbol] = self._clock.true_ms()
        return await self._moods.place(order, self._clock.now_ms())

    async def cancel(self, symbol: str, client_order_id: str) -> Placement:
        """Cancel one order."""
        self._process.check()
        return await self._moods.cancel(symbol, client_order_id)

    async def account(self) -> VenueAccount:
        """The account as it is."""
        self._process.check()
        try:
            return await self._moods.ask(self._moods.venue.account)
        except ExchangeError:
            self._sentry.failed_ms = self._clock.true_ms()
            raise

    held = account


def _unheard(beat: GuardBeat) -> None:
    """Nobody reads how it is: the rules see for themselves."""
