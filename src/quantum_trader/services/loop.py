"""The only consumer loop: read, handle, commit. Nothing else in the system acknowledges.

What a batch changes becomes visible in one commit together with its acknowledgement, so a crash
at any point repeats the batch or does not, and never half of it. Messages that this instance, or
one before it, was given and did not finish come before new ones (see ``left_over``).
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn

from quantum_trader.core.errors import (
    BrokenInvariant,
    BusUnreachable,
    ExchangeError,
    StoreError,
    TraderError,
)
from quantum_trader.core.events import DeadLettered, Fact
from quantum_trader.ports import Bus, Clock, Entry
from quantum_trader.services import progress, wire
from quantum_trader.services.batch import NOTHING, Handled, Handler, Received, Standing
from quantum_trader.services.dead_letters import dead_letter
from quantum_trader.services.drafting import Lease, Work, commit_of
from quantum_trader.services.left_over import LeftOver
from quantum_trader.services.loop_settings import LoopSettings
from quantum_trader.services.patience import Patience
from quantum_trader.services.pulse import Pulse
from quantum_trader.streams import LIVE

_STARTS = {row.key: row.start for row in LIVE}
_THE_WORLD = (StoreError, ExchangeError)
_DEFECTS = (
    TraderError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
)
"""What a handler raises when a message and our code do not agree."""


class Consumer:
    """One service's loop over its streams, in their order.

    A failure between reading and committing leaves the handler's state in doubt: nothing is
    processed any more until ``start`` has restored it.
    """

    def __init__(
        self,
        bus: Bus,
        service: str,
        streams: Sequence[str],
        handler: Handler,
        settings: LoopSettings,
        *,
        clock: Clock,
    ) -> None:
        self._bus = bus
        self._service = service
        self._streams = tuple(streams)
        self._handler = handler
        self._settings = settings
        self._batch_max = settings.batch_max
        self._silent_max = settings.silent_max
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._lease = Lease(service, 0)
        self._standing: Standing | None = None
        self._failure: Exception | None = None
        self._committed = 0
        self._silent: list[Entry] = []
        self._left_over = LeftOver(bus, service, self._streams, settings, clock)
        self._pulse = Pulse(bus, service, settings.beat_every_ms)

    async def start(self) -> None:
        """Open the groups, fence every instance before this one, and restore the handler."""
        async with self._one_at_a_time:
            for stream in self._streams:
                await self._bus.open_group(self._service, stream, _STARTS[stream])
            # Restoring first would miss what a predecessor commits until it is fenced.
            self._lease = Lease(self._service, await self._bus.take_lease(self._service))
            standing = await self._handler.restore(self._bus, self._service)
            self._check_store(standing)
            self._standing = standing
            self._failure = None
            self._silent.clear()
            self._left_over.begin()

    def _check_store(self, standing: Standing) -> None:
        """A store that came back without what we committed is not the one we began on.

        Whoever starts anew on it needs what the system's start gives: rules first of all.
        """
        if standing.seq < self._committed:
            raise StoreError(
                f"{self._committed} commits of {self._service} were made and the stream server "
                f"has {standing.seq}: it came back empty, or as of an older state. Nothing was "
                "sent since; the process ends and starts anew from what is there"
            )
        self._committed = standing.seq

    async def run(self) -> NoReturn:
        """Consume for ever; whoever sees this return has found a defect.

        A server that does not answer is borne for a while; then everything begins with ``start``
        again, so that the store's word counts and not our memory of it.
        """
        patience = Patience(self._clock)
        while True:
            try:
                if self._standing is None:
                    await self.start()
                await self.poll_once(self._settings.block_ms)
                progress.made()
                patience.relieved()
            except BusUnreachable as error:
                self._standing = None
                await patience.bear(error)

    async def poll_once(self, block_ms: int = 0) -> int:
        """Process one batch, if there is one within ``block_ms``; how many entries it had."""
        clock = self._clock
        entries: Sequence[Entry] = ()
        if self._left_over.is_due(clock.now_ms()):
            await self._speak_up()
            entries = await self._left_over.take()
        if not entries:
            entries = await self._bus.read(
                self._service, self._streams, count=self._batch_max, block_ms=block_ms
            )
        if entries:
            turn = self._one_at_a_time
            # As ``async with turn``, which takes twice as many calls; most batches are small.
            await turn.acquire()
            try:
                await self._process(entries)
            finally:
                turn.release()
        else:
            await self._speak_up()
        now_ms = clock.now_ms()
        if self._pulse.is_due(now_ms):
            await self._pulse.beat(now_ms)
        return len(entries)

    async def publish(self, make: Callable[[], Awaitable[Handled]]) -> int:
        """Commit what ``make`` returns although no message caused it; how many outputs.

        ``make`` runs while no batch does, so outputs keep the order in which they were made.
        Raises ``BusUnreachable`` while the loop itself waits for an answer.
        """
        async with self._one_at_a_time:
            if self._standing is None:
                raise BusUnreachable(f"the loop of {self._service} has not started (again) yet")
            standing = self._take_standing()
            try:
                handled = await make()
            except _DEFECTS as error:
                self._failure = error
                raise
            if handled.outputs or handled.projections:
                standing = await self._commit(standing, Work((), handled))
            self._standing = standing
        return len(handled.outputs)

    async def say(self, outputs: Sequence[tuple[str, Fact]]) -> int:
        """Commit facts that nothing caused, each on its stream; how many."""

        async def make() -> Handled:
            return Handled(outputs)

        return await self.publish(make)

    async def _process(self, entries: Sequence[Entry]) -> None:
        standing, self._standing = self._standing, None
        if standing is None:
            raise self._in_doubt()
        received, dead = self._read(entries)
        handled = NOTHING
        if received:
            try:
                handled = await self._handler.handle(received)
            except _DEFECTS as error:
                self._failure = error
                await self._give_up(standing, received, error)
                # Given up or not, the handler's state may be half changed: only a restart is sure.
                raise
        if handled is NOTHING and not dead:
            silent = self._silent
            if len(silent) + len(entries) <= self._silent_max:
                silent += entries
                self._standing = standing
                return
        self._standing = await self._commit(standing, Work(entries, handled, dead))

    async def _speak_up(self) -> None:
        """Commit what waits."""
        if self._silent:
            async with self._one_at_a_time:
                self._standing = await self._commit(self._take_standing(), Work((), NOTHING))

    def _take_standing(self) -> Standing:
        """The standing, which is put back after the commit; whatever fails before leaves none."""
        standing, self._standing = self._standing, None
        if standing is None:
            raise self._in_doubt()
        return standing

    def _in_doubt(self) -> Exception:
        """Why there is no standing: the failure itself, so that none is told in its place."""
        if isinstance(self._failure, BusUnreachable):
            return BusUnreachable(f"{self._service} was left without an answer; it starts again")
        return self._failure or BrokenInvariant(f"the loop of {self._service} was never started")

    def _read(self, entries: Sequence[Entry]) -> tuple[list[Received], list[DeadLettered]]:
        received: list[Received] = []
        dead: list[DeadLettered] = []
        read = self._handler.read
        for entry in entries:
            try:
                received.append(Received(entry, read(entry)))
            except wire.UNREADABLE as error:
                dead.append(self._letter(entry, error))
        return received, dead

    async def _give_up(
        self, standing: Standing, received: Sequence[Received], error: Exception
    ) -> None:
        """Make a dead letter of what failed alone and too often, unless the world is to blame."""
        entry = received[0].entry
        often = entry.deliveries >= self._settings.deliveries_max
        if often and len(received) == 1 and not isinstance(error, _THE_WORLD):
            letter = self._letter(entry, error)
            await self._commit(standing, Work([entry], NOTHING, skipped=[letter]))

    def _letter(self, entry: Entry, error: Exception) -> DeadLettered:
        reason = f"{type(error).__name__}: {error}"
        at_ms = self._clock.now_ms()
        return dead_letter(entry, reason, at_ms=at_ms, account=self._settings.account)

    async def _commit(self, standing: Standing, work: Work) -> Standing:
        if self._silent:
            entries = [*self._silent, *work.entries]
            work = Work(entries, work.handled, work.dead, work.skipped)
        commit = commit_of(work, self._lease, standing)
        try:
            await self._bus.commit(commit)
        except TraderError as error:
            self._failure = error
            raise
        self._silent.clear()
        self._committed = commit.seq
        self._pulse.progress(commit.acks, commit.seq)
        return Standing(commit.seq, standing.out + len(commit.outputs))
