"""What was delivered to us, or to one before us, and never finished: it comes before what is new.

The first such entry comes alone, its neighbours with it the fewer the more often they came: so the
one that breaks the handler is found, and they are not blamed for it. To take all of them one at a
time, always, would be as safe and slow: whoever is killed with full batches begins with a commit
for every message. And what is new on the streams before one comes before what is old on it: the
stops of open positions must not wait for signals of before, nor those be judged without the time.
"""

from collections.abc import Sequence

from quantum_trader.ports import Bus, Clock, Entry
from quantum_trader.services.loop_settings import LoopSettings


class LeftOver:
    """The unfinished entries of one service, stream by stream."""

    def __init__(
        self,
        bus: Bus,
        service: str,
        streams: Sequence[str],
        settings: LoopSettings,
        clock: Clock,
    ) -> None:
        self._bus = bus
        self._service = service
        self._streams = streams
        self._settings = settings
        self._clock = clock
        self.begin()

    def begin(self) -> None:
        """Look at everything at the next turn; what was known belongs to an earlier start."""
        self._unfinished: list[str] = []
        self._together = 1
        self._waiting: list[Entry] = []
        self._claim_due_ms = self._look_due_ms = 0

    def is_due(self, now_ms: int) -> bool:
        """Whether something is known to be unfinished, or a look would be due."""
        return bool(self._waiting or self._unfinished) or self._is_look_due(now_ms)

    async def take(self) -> list[Entry]:
        """The next entries that were not finished, or what is new before them, by turns.

        None when all are finished, or no look is due. Taking over comes first, so that what we
        were given and what others left are finished in the order of the stream.
        """
        if self._waiting:
            old, self._waiting = self._waiting, []
            return old
        while True:
            while self._unfinished:
                stream = self._unfinished[0]
                old = await self._again(stream)
                if old:
                    new = await self._new_before(stream)
                    self._waiting = old if new else []
                    return new or old
                del self._unfinished[0]
            now_ms = self._clock.now_ms()
            if not self._is_look_due(now_ms):
                return []
            self._look_due_ms = now_ms + self._settings.look_back_ms
            await self._claim(now_ms)
            self._unfinished = list(self._streams)

    async def _new_before(self, stream: str) -> list[Entry]:
        """What is new on the streams before this one."""
        before = self._streams[: self._streams.index(stream)]
        if not before:
            return []
        count = self._settings.batch_max
        return await self._bus.read(self._service, before, count=count, block_ms=0)

    async def _again(self, stream: str) -> list[Entry]:
        """The oldest entries of one stream that were not finished, as many as go together."""
        found = await self._bus.pending(self._service, stream, count=self._together)
        entries = self._fitting(found)
        # A guess for the next ones: asking how often they came would count as coming.
        self._together = self._room(entries[-1].deliveries) if entries else 1
        return entries

    def _fitting(self, entries: Sequence[Entry]) -> list[Entry]:
        """The first of the entries, as long as there is room for all of them together."""
        room = self._settings.batch_max
        for count, entry in enumerate(entries):
            room = min(room, self._room(entry.deliveries))
            if count >= max(room, 1):
                return list(entries[:count])
        return list(entries)

    def _room(self, deliveries: int) -> int:
        """With how many at most an entry is tried, itself among them, when it comes so often."""
        if deliveries >= self._settings.deliveries_max:
            return 1
        return max(self._settings.batch_max >> 2 * max(deliveries - 2, 0), 1)

    def _is_look_due(self, now_ms: int) -> bool:
        return _is_due(now_ms, self._look_due_ms, self._settings.look_back_ms)

    async def _claim(self, now_ms: int) -> None:
        idle_ms = self._settings.claim_idle_ms
        if not _is_due(now_ms, self._claim_due_ms, idle_ms // 2):
            return
        self._claim_due_ms = now_ms + idle_ms // 2
        for stream in self._streams:
            await self._bus.claim(
                self._service, stream, idle_ms=idle_ms, count=self._settings.batch_max
            )


def _is_due(now_ms: int, due_ms: int, every_ms: int) -> bool:
    """Whether something is to be done again. A clock that was set back holds it up no longer."""
    return not due_ms - every_ms <= now_ms < due_ms
