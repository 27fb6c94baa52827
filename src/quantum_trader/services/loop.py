"""The only consumer loop: read, handle, commit. Nothing else in the system acknowledges.

What a batch changes becomes visible in one commit together with its acknowledgement, so a crash
at any point repeats the batch or does not, and never half of it. Messages that this instance, or
one before it, was given and did not finish come before new ones, one at a time: so the one that
breaks the handler is found, and its neighbours are not blamed for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import NoReturn

import msgspec

from quantum_trader.core.errors import (
    BrokenInvariant,
    BusUnreachable,
    ExchangeError,
    Malformed,
    StoreError,
    TraderError,
)
from quantum_trader.core.events import Fact
from quantum_trader.ports import Bus, Clock, Commit, Entry, Output
from quantum_trader.services import inbox, wire
from quantum_trader.services.batch import NOTHING, Handled, Handler, Received, Standing
from quantum_trader.services.dead_letters import dead_letter
from quantum_trader.services.inbox import InboxRecord, Place, runs
from quantum_trader.services.patience import Patience
from quantum_trader.streams import LIVE, TRADE_INTENT, dead_letters_of

OPEN_TO_OTHERS = frozenset({TRADE_INTENT})
"""Streams on which the server gives the ids, because we are not the only writer."""

_STARTS = {row.key: row.start for row in LIVE}
_UNREADABLE = (Malformed, msgspec.DecodeError, RecursionError)
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


class LoopSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How the loop behaves; ``account`` is whose dead letters it writes.

    An entry that fails at its ``deliveries_max``-th delivery is given up. Entries that another
    consumer of the group has left alone for ``claim_idle_ms`` are taken over.
    """

    account: str
    batch_max: int = 64
    block_ms: int = 1_000
    deliveries_max: int = 5
    claim_idle_ms: int = 60_000
    beat_every_ms: int = 1_000


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
        clock: Clock,
    ) -> None:
        self._bus = bus
        self._service = service
        self._streams = tuple(streams)
        self._handler = handler
        self._settings = settings
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._epoch = 0
        self._standing: Standing | None = None
        self._unfinished: list[str] = []
        self._processed = 0
        self._last_ids: dict[str, str] = {}
        self._claimed_ms = 0
        self._beat_ms = 0

    async def start(self) -> None:
        """Open the groups, fence every instance before this one, and restore the handler."""
        for stream in self._streams:
            await self._bus.open_group(self._service, stream, _STARTS[stream])
        # Restoring first would miss what a predecessor commits until it is fenced.
        self._epoch = await self._bus.take_lease(self._service)
        self._standing = await self._handler.restore(self._bus, self._service)
        self._unfinished = list(self._streams)
        self._claimed_ms = 0

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
                patience.relieved()
            except BusUnreachable as error:
                self._standing = None
                await patience.bear(error)

    async def poll_once(self, block_ms: int = 0) -> int:
        """Process one batch, if there is one within ``block_ms``; how many entries it had."""
        if self._unfinished or self._clock.now_ms() >= self._claimed_ms + self._claim_every_ms:
            entries = await self._left_over()
            if entries:
                return await self._process(entries)
        entries = await self._bus.read(
            self._service, self._streams, count=self._settings.batch_max, block_ms=block_ms
        )
        return await self._process(entries)

    async def publish(self, make: Callable[[], Awaitable[Handled]]) -> int:
        """Commit what ``make`` returns although no message caused it; how many outputs.

        ``make`` runs while no batch does, so outputs keep the order in which they were made.
        """
        async with self._one_at_a_time:
            handled = await self._guarded(make)
            if handled.outputs or handled.projections:
                await self._commit(handled, (), InboxRecord(n=0, out=0))
        return len(handled.outputs)
