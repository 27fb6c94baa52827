"""An archive without a disk, for tests and simulations."""

import hashlib
from collections.abc import Sequence

from quantum_trader.core.errors import StoreError
from quantum_trader.core.stream_info import Segment
from quantum_trader.ports import Entry


class MemoryArchive:
    """An ``Archive`` in this process. ``full`` makes it refuse, as a full disk would."""

    def __init__(self) -> None:
        self.full = False
        self._kept: dict[str, list[tuple[Segment, list[Entry]]]] = {}

    async def streams(self) -> list[str]:
        """The keys of all streams of which it holds something, in order."""
        return sorted(self._kept)

    async def segments(self, stream: str) -> list[Segment]:
        """The segments of a stream, oldest first."""
        return [segment for segment, _ in self._kept.get(stream, ())]

    async def store(self, stream: str, entries: Sequence[Entry], at_ms: int) -> Segment:
        """Keep the entries that follow the last segment."""
        if self.full:
            raise StoreError("the archive cannot be written (No space left on device)")
        kept = self._kept.setdefault(stream, [])
        copies = [Entry(stream, one.id, one.fields, 0) for one in entries]
        digest = hashlib.sha256(repr(copies).encode()).hexdigest()
        ends = (copies[0].id, copies[-1].id)
        segment = Segment(stream, len(kept) + 1, *ends, len(copies), at_ms, digest)
        kept.append((segment, copies))
        return segment

    async def load(self, segment: Segment) -> list[Entry]:
        """The entries of a segment. Raises ``StoreError`` for one that is not here."""
        for known, entries in self._kept.get(segment.stream, ()):
            if known == segment:
                return list(entries)
        raise StoreError(f"segment {segment.number} of {segment.stream} is not in this archive")

    async def set_aside(self) -> str:
        """Begin anew, for other streams; nothing of what was kept is left here."""
        self._kept.clear()
        return "nowhere"
