"""The heartbeat of a loop: written by the loop itself, from progress and nothing else."""

from collections.abc import Mapping, Sequence

import msgspec

from quantum_trader.ports import Bus


class Pulse:
    """Counts what a loop has done and says so, at most once in ``every_ms``."""

    def __init__(self, bus: Bus, service: str, every_ms: int = 1_000) -> None:
        self._bus = bus
        self._service = service
        self._every_ms = every_ms
        self._at_ms = 0
        self._due_ms = 0
        self._processed = 0
        self._seq = 0
        self._last_ids: dict[str, str] = {}

    def progress(self, acks: Mapping[str, Sequence[str]], seq: int) -> None:
        """The ``seq``-th commit of the service was made; it acknowledged these ids by stream."""
        self._seq = seq
        for stream, ids in acks.items():
            self._processed += len(ids)
            self._last_ids[stream] = ids[-1]

    def count(self, processed: int) -> None:
        """So many facts were appended by a loop that consumes nothing."""
        self._processed += processed

    def is_due(self, now_ms: int) -> bool:
        """Whether the last beat is long enough ago."""
        # A clock that was set back must not silence a loop that is well.
        return not self._at_ms <= now_ms < self._due_ms

    async def beat(self, now_ms: int) -> None:
        """The loop came round: with work or, after a quiet while, without."""
        if not self.is_due(now_ms):
            return
        self._at_ms, self._due_ms = now_ms, now_ms + self._every_ms
        status = {
            "at": str(now_ms).encode(),
            "processed": str(self._processed).encode(),
            "seq": str(self._seq).encode(),
            "last": msgspec.json.encode(self._last_ids),
        }
        await self._bus.beat(self._service, status)
