"""The doors to the world. Adapters implement them; services hold them; the core knows none."""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from quantum_trader.core.books.told import Told
from quantum_trader.core.caps import Caps
from quantum_trader.core.events import (
    CancelCommanded,
    Fact,
    MarketFact,
    OrderCommanded,
    VenueQuoted,
)
from quantum_trader.core.events.ops import KillLevel
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.lease import Held, Holder
from quantum_trader.core.stream_info import Backlog, Life, Segment, StreamInfo
from quantum_trader.core.venue import (
    AnyVenueUpdate,
    Capabilities,
    Placement,
    Rejected,
    VenueAccount,
    VenueFill,
    VenueOrder,
)

Fields = Mapping[bytes, bytes]
"""What one stream entry holds, as bytes."""

RECORD = b"record"
"""The one field of an inbox record."""


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One message of a stream. ``fields`` is None for a tombstone: delivered, but data lost."""

    stream: str
    id: str
    fields: Fields | None
    deliveries: int


class Output(msgspec.Struct, frozen=True, gc=False):
    """One message to append. ``id`` is ``<epoch>-<seq>``, or ``*`` on streams open to others."""

    stream: str
    id: str
    fields: Fields


class Commit(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Everything one batch changes; it becomes visible together or not at all.

    ``seq`` numbers the commits of a service; ``<epoch>-<seq>`` is the id of the inbox record, so
    that a repeated commit is recognised and a stale writer refused. ``projections`` maps a key to
    the hash fields to set; a field value of None deletes the field.
    """

    service: str
    epoch: int
    seq: int
    inbox: bytes
    outputs: Sequence[Output]
    acks: Mapping[str, Sequence[str]]
    projections: Mapping[str, Mapping[str, bytes | None]]
    snapshot: bytes | None


CommitOutcome = Literal["committed", "already"]


class Saved(msgspec.Struct, frozen=True):
    """Where a service can start again: a snapshot, and the id of its last inbox record."""

    snapshot: bytes | None
    snapshot_at: str
    last: str


class Bus(Protocol):
    """Ordered streams, consumer groups and one atomic commit.

    Every method raises ``BusUnreachable`` when no answer came; nothing retries by itself except
    where the call is idempotent. ``0-0`` means "before everything".
    """

    async def append(self, stream: str, entries: Sequence[Fields], *, writer: str) -> None:
        """Append a batch once: a retry after a lost reply adds nothing.

        ``writer`` names one sequential writer; two writers with one name are a defect.
        """

    async def open_group(self, service: str, stream: str, start: str) -> None:
        """Create the group of a service where it is missing. ``start`` is ``0`` or ``$``."""

    async def read(
        self, service: str, streams: Sequence[str], *, count: int, block_ms: int
    ) -> list[Entry]:
        """New entries for this service, stream by stream in the given order, oldest first."""

    async def pending(self, service: str, stream: str, *, count: int) -> list[Entry]:
        """Entries delivered to this service's consumer and not acknowledged, oldest first."""

    async def claim(self, service: str, stream: str, *, idle_ms: int, count: int) -> int:
        """Move entries that other consumers left idle into our own pending list; how many."""

    async def take_lease(self, service: str) -> int:
        """Become the writer of this service: a new, larger epoch. Older ones are fenced."""

    async def commit(self, commit: Commit) -> CommitOutcome:
        """Apply a commit. Raises ``Fenced`` when a newer epoch exists; then nothing changed."""

    async def saved(self, service: str) -> Saved:
        """The last snapshot and inbox position of a service."""

    async def inbox(self, service: str, after: str, count: int) -> list[tuple[str, bytes]]:
        """Inbox records after an id, oldest first."""

    async def span(self, stream: str, first: str, last: str, count: int) -> list[Entry]:
        """Entries from ``first`` to ``last`` inclusive (``-`` and ``+`` are the ends).

        ``first`` may be ``(`` and an id: from behind it.
        """

    async def last(self, stream: str, count: int) -> list[Entry]:
        """The newest entries of a stream, newest first."""

    async def projection(self, key: str) -> dict[str, bytes]:
        """A projected hash, empty when there is none."""

    async def beat(self, service: str, status: Mapping[str, bytes]) -> None:
        """Write the heartbeat of a loop."""

    async def heartbeat(self, service: str) -> dict[str, bytes]:
        """The last heartbeat of a loop, empty when there was none."""

    async def info(self, stream: str) -> StreamInfo | None:
        """What is known of a stream, None when it does not exist."""

    async def streams(self) -> list[str]:
        """The names of all streams the server holds."""

    async def trim(self, stream: str, before: str) -> int:
        """Drop the entries before an id, but none that any group still needs; how many went.

        A group needs what it was not given, and what it was given and has not acknowledged.
        """

    async def drop_consumer(
        self, service: str, stream: str, consumer: str, *, idle_ms: int
    ) -> bool:
        """Forget a consumer that holds nothing and was idle for so long; whether it was."""

    async def backlog(self, service: str, stream: str, to: str) -> Backlog:
        """What a group has not acknowledged up to an id; strangers' groups go by their own name."""

    async def skip(self, service: str, stream: str, to: str, seen: Backlog, audit: Output) -> bool:
        """Acknowledge a backlog unread and append ``audit`` (its id is ``*``), in one step.

        False when the backlog is not what was ``seen``, or empty; then nothing was done.
        """

    async def close(self) -> None:
        """Let go of connections."""


class Leases(Protocol):
    """Who may trade an account: one instance at a time, for a while. Raises ``BusUnreachable``."""

    async def hold(self, name: str, who: str, holder: Holder, ttl_ms: int) -> Held:
        """Take or renew a lease that is free or ours; who has it now."""

    async def look(self, name: str) -> Held | None:
        """Who has a lease, None for nobody."""


class Archive(Protocol):
    """What the streams held before they were trimmed. Whatever is in it stays as it is."""

    async def streams(self) -> list[str]:
        """The keys of all streams of which it holds something, in order."""

    async def segments(self, stream: str) -> list[Segment]:
        """The segments of a stream, oldest first. Raises ``StoreError`` for a gap."""

    async def store(self, stream: str, entries: Sequence[Entry], at_ms: int) -> Segment:
        """Keep the entries that follow the last segment; on return they are on disk.

        Raises ``StoreError``, for a full disk too; then nothing of the call was kept.
        """

    async def load(self, segment: Segment) -> list[Entry]:
        """The entries of a segment. Raises ``StoreError`` naming one that is torn or changed."""

    async def set_aside(self) -> str:
        """Begin anew, for other streams; where what was kept lies now, untouched."""


class Exchange(Protocol):
    """A venue and one account on it.

    Calls raise ``Unreachable`` (nothing was sent), ``InDoubt`` (sent, answer lost) or ``Locked``
    (key or permission). A refusal by the venue's rules is a value, ``Rejected``.
    """

    async def configure(self, symbol: str, leverage: int) -> Rejected | None:
        """Make leverage (and isolated margin) true for a symbol; None when it is."""

    async def place(self, order: OrderRequest) -> Placement:
        """Send one order. Its fills come through ``updates``."""

    async def cancel(self, symbol: str, client_order_id: str) -> Placement:
        """Cancel one order."""

    async def find(self, symbol: str, client_order_id: str) -> VenueOrder | None:
        """What became of an order; None when the venue does not know it (yet)."""

    async def updates(self, after: int, wait_ms: int) -> Sequence[AnyVenueUpdate]:
        """Reports after ``seq``, in order; waits at most ``wait_ms`` for the first."""

    async def account(self) -> VenueAccount:
        """Wallet, positions and open orders of every kind now, whoever placed them."""

    async def trades(self, symbol: str, since_ms: int) -> Sequence[VenueFill]:
        """Every trade of the account in a symbol since a time, oldest first.

        The same trades come through ``updates``, with the same trade ids; their ``seq`` may differ.
        """

    async def capabilities(self) -> Capabilities:
        """What this venue allows; asked once at the start."""

    async def close(self) -> None:
        """Let go of connections and files."""


class GuardedVenue(Protocol):
    """As much of an ``Exchange`` as the guardian may use. Raises what an exchange raises."""

    async def place(self, order: OrderRequest) -> Placement:
        """Send one order."""

    async def cancel(self, symbol: str, client_order_id: str) -> Placement:
        """Cancel one order."""

    async def account(self) -> VenueAccount:
        """Positions and open orders of every kind now, whoever placed them."""

    async def held(self) -> VenueAccount:
        """The same, where orders in symbols without a position may be left out."""


class SimulatedVenue(Exchange, Protocol):
    """A venue that lives off market facts instead of a market."""

    async def advance(self, fact: MarketFact) -> None:
        """Let the market move: match, trigger, settle funding, liquidate. Repeats are ignored."""


class Journalled(msgspec.Struct, frozen=True, gc=False):
    """What the journal knows of an order: the command and, once known, the first outcome."""

    command: OrderCommanded | CancelCommanded
    outcome: Fact | None


class Journal(Protocol):
    """The durable truth of what was sent and what came back, one per account.

    Every method returns after the data is on disk (one fsync per call) and blocks for that long.
    Raises ``StoreError``: then nothing of the call was written.
    """

    def intend(
        self, commands: Sequence[OrderCommanded | CancelCommanded], taken: str = ""
    ) -> list[bool]:
        """Record commands before they are sent; False for each that was recorded before.

        ``taken`` is the entry up to which the stream of commands was taken with them. The same
        client order id with another content raises ``BrokenInvariant``.
        """

    def conclude(self, facts: Sequence[Fact], *, venue_seq: int | None) -> int:
        """Record what came back; facts already known by id are left out. How many were new.

        ``venue_seq`` moves the cursor in the venue's reports in the same transaction.
        """

    def is_recorded(self, fact_id: str) -> bool:
        """Whether a fact of this id was recorded."""

    def has_ended(self, client_order_id: str) -> bool:
        """Whether nothing of an order remains at the venue, by what was recorded."""

    def known(self, client_order_id: str) -> Journalled | None:
        """An order of ours, None when it is not."""

    def unresolved(self) -> list[OrderCommanded | CancelCommanded]:
        """Commands that were recorded and have no outcome, oldest first."""

    def buried(self, since_ms: int) -> Mapping[str, int]:
        """Orders that were proved dead since then: their client ids, and when that was."""

    def books(self) -> Mapping[str, Told]:
        """What the recorded fills add up to, symbol by symbol."""

    def outbox(self, after: int, count: int) -> list[tuple[int, Fact]]:
        """Recorded facts with their numbers, after a number, in order."""

    def standing(self) -> list[OrderCommanded]:
        """Orders that the venue accepted and that have not ended, oldest first."""

    def life(self) -> Life:
        """Which life of the streams was recorded last, and how far it was taken."""

    def venue_seq(self) -> int:
        """The last report of the venue that was recorded, 0 at the beginning."""

    def verify(self) -> int:
        """Check the hash chain from the beginning; the number of records. Raises ``StoreError``."""

    def close(self) -> None:
        """Close the file."""


class Latched(msgspec.Struct, frozen=True, kw_only=True):
    """A kill level that holds until somebody takes the latch away; ``at_ms`` is since when."""

    level: KillLevel
    who: str
    why: str
    at_ms: int


class Latch(Protocol):
    """A kill level beside the streams, so that it can be set while they are dead."""

    def read(self) -> Latched | None:
        """What is latched now, None for nothing. What cannot be read counts as HALT."""


class Leave(Protocol):
    """Whether orders that add risk may leave, and within which caps."""

    def caps(self) -> Caps | tuple[str, ...]:
        """The caps in force, or every reason why nothing may leave. Asked before each order."""

    def end(self, why: str) -> None:
        """Something is odd: nothing may leave any more until a person says so."""


class Clock(Protocol):
    """Time and waiting; the only way to either."""

    def now_ms(self) -> int:
        """Epoch milliseconds, UTC; of a clock that cannot be set, since some moment."""

    async def sleep_until(self, at_ms: int) -> None:
        """Return at ``at_ms`` or, when that has passed, at once."""


class MarketData(Protocol):
    """A source of market facts."""

    @property
    def label(self) -> str:
        """Where the facts come from; "SIMULATED" when nobody traded them."""

    def history(self) -> Sequence[MarketFact]:
        """Closed candles from before now, oldest first, so that nobody starts blind."""

    def facts(self) -> AsyncIterator[MarketFact]:
        """Facts as they become true."""


class QuoteSource(Protocol):
    """Best bids and asks of several venues."""

    @property
    def venues(self) -> Sequence[str]:
        """Every venue that was asked for, heard or not."""

    def quotes(self) -> AsyncIterator[VenueQuoted]:
        """Quotes as they come; they do not end."""

    async def close(self) -> None:
        """Let go of connections."""
