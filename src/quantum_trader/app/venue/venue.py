"""The running venue: the hall, its journal and its streams, and who is told what and when."""

import asyncio
from collections.abc import Iterator
from itertools import count

import msgspec

from quantum_trader.app.venue.account import Event
from quantum_trader.app.venue.broadcast import Broadcast
from quantum_trader.app.venue.entry import Entry, Outcome, Told, perform
from quantum_trader.app.venue.faults import Faults
from quantum_trader.app.venue.hall import Hall
from quantum_trader.app.venue.hub import Hub
from quantum_trader.app.venue.journal import Journal
from quantum_trader.app.venue.limits import Limits
from quantum_trader.app.venue.moving import is_due
from quantum_trader.app.venue.pace import Pace
from quantum_trader.app.venue.security import Credentials
from quantum_trader.app.venue.traffic import Traffic
from quantum_trader.app.venue.truth import Truth
from quantum_trader.ports import Clock

SNAPSHOT_EVERY = 200_000
FACT, TIME = "fact", "time.passed"


class Venue:
    """One process' venue. ``offset_ms`` is how far its clock is set wrong on purpose."""

    def __init__(
        self,
        hall: Hall,
        keys: dict[str, Credentials],
        clock: Clock,
        journal: Journal | None,
        *,
        speed: float,
        limited: bool,
    ) -> None:
        self.hall = hall
        self.keys = keys
        self.clock = clock
        self.hub = Hub()
        self.faults = Faults()
        self.truth = Truth()
        self.traffic = Traffic()
        self.limits = Limits(enforced=limited)
        self.pace = Pace(speed, clock)
        self.offset_ms = 0
        self._journal = journal
        self._broadcast = Broadcast(hall, self.hub)
        self._number = 0
        self._snapshot_at = 0
        self._told: list[Outcome] = []
        self._flushed: asyncio.Future[None] | None = None

    def recover(self) -> int:
        """Become what the journal says; how many inputs were done again."""
        if self._journal is None:
            return 0
        self._number, saved = self._journal.load()
        self._snapshot_at = self._number
        if saved is not None:
            self.hall.restore(saved)
        again = 0
        for entry in self._journal.entries(self._number):
            perform(self.hall, entry)
            self._number = entry.number
            again += 1
        return again

    def wall_ms(self) -> int:
        """The server's clock, as it tells it."""
        return self.clock.now_ms() + self.offset_ms

    def market_ms(self) -> int:
        """The time of the market."""
        return max(self.pace.now_ms(), self.hall.at_ms)

    async def operate(self, operation: str, account: str, params: dict[str, str]) -> object:
        """Let an operation happen; the answer, once it cannot be lost. Raises ``Refused``."""
        entry = self._entry(operation, account, params, self.market_ms(), None)
        outcome, refused = perform(self.hall, entry)
        await self._keep(outcome)
        if refused is not None:
            raise refused
        return outcome.answer

    def take(self, fact: Told) -> None:
        """Let the market move."""
        outcome, _ = perform(self.hall, self._entry(FACT, "", {}, fact.at_ms, fact))
        self._keep(outcome)

    def _entry(
        self, operation: str, account: str, params: dict[str, str], at_ms: int, fact: Told | None
    ) -> Entry:
        self._number += 1
        return Entry(
            number=self._number,
            operation=operation,
            account=account,
            params=params,
            fact=fact,
            at_ms=at_ms,
            wall_ms=self.wall_ms(),
        )

    def _keep(self, outcome: Outcome) -> asyncio.Future[None]:
        """Note what happened. The future is done when it is in the journal and has been told."""
        if self._journal is not None:
            self._journal.append(outcome.entry)
        # An answer may show parts of the hall that change later: what is told is told as it was.
        self._told.append(outcome)
        if self._flushed is None:
            loop = asyncio.get_running_loop()
            self._flushed = loop.create_future()
            loop.call_soon(self._flush)
        return self._flushed

    def _flush(self) -> None:
        flushed, self._flushed = self._flushed, None
        told, self._told = self._told, []
        if self._journal is not None:
            self._journal.flush()
            if self._number - self._snapshot_at >= SNAPSHOT_EVERY:
                self.snapshot()
        for outcome in told:
            self.truth.note(outcome)
            self._broadcast.tell(outcome)
            for account, event in outcome.said:
                self._tell_user(account, event)
        if flushed is not None:
            flushed.set_result(None)

    def _tell_user(self, account: str, event: Event) -> None:
        key = event.get("listenKey") or self.hall.accounts[account].records.listen_key
        for each in self.faults.user_events(account, event):
            self.hub.publish(key, each)

    def release(self) -> None:
        """Tell the user events that a fault held back."""
        for account, event in self.faults.release():
            self.hub.publish(self.hall.accounts[account].records.listen_key, event)

    async def keep_time(self) -> None:
        """Every quarter of a second, end what has been good for long enough."""
        for _ in count():
            await asyncio.sleep(0.25)
            self.release()
            if is_due(self.hall, self.wall_ms()):
                await self.operate(TIME, "", {})

    def subscribe_base(self, names: Iterator[str]) -> None:
        """Streams of changes begin where somebody begins to listen."""
        for name in names:
            self._broadcast.baseline(name)

    def snapshot(self) -> None:
        """Make the way back short."""
        if self._journal is not None:
            self._journal.snapshot(self._number, self.hall.saved())
            self._snapshot_at = self._number

    def close(self) -> None:
        """Write everything and let go of the file."""
        if self._journal is not None:
            self.snapshot()
            self._journal.close()


def as_json(value: object) -> bytes:
    """An answer as bytes."""
    return msgspec.json.encode(value)
