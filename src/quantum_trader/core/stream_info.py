"""What is known of a stream: its numbers, who reads it, and what of it is archived."""

import msgspec


class GroupInfo(msgspec.Struct, frozen=True):
    """One consumer group as the server and our own counters know it.

    ``consumers`` are name, entries held and ms idle. ``oldest_pending`` is the id of the entry
    that was delivered first and is not acknowledged.
    """

    service: str
    pending: int
    oldest_pending_ms: int | None
    oldest_pending: str | None
    consumers: tuple[tuple[str, int, int], ...]
    last_delivered: str
    lag: int


class Backlog(msgspec.Struct, frozen=True):
    """What a group has not acknowledged up to an id: how many entries, and the two ends."""

    count: int
    first: str
    last: str


class StreamInfo(msgspec.Struct, frozen=True):
    """One stream as the server knows it."""

    stream: str
    length: int
    added: int
    last_id: str
    groups: tuple[GroupInfo, ...]


class Segment(msgspec.Struct, frozen=True, order=True):
    """A run of entries of one stream in the archive.

    Segments of a stream are numbered from 1 without a gap. ``digest`` is the SHA-256 of its bytes,
    ``written_ms`` when it was archived.
    """

    stream: str
    number: int
    first: str
    last: str
    count: int
    written_ms: int
    digest: str


class Life(msgspec.Struct, frozen=True):
    """Which life of the streams it is, and the last of its commands that the journal took.

    Streams that came back from a loss begin a new one. ``taken`` is an entry's id on
    ``order.command``, empty while nothing was taken in this life.
    """

    number: int = 1
    taken: str = ""
