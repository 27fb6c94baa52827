"""The journal of a machine: it survives its processes as of its last sync, and may fail."""

from collections.abc import Callable, Mapping, Sequence

from quantum_trader.adapters.journal.memory import MemoryJournal
from quantum_trader.app.simulation.faults import Faults
from quantum_trader.app.simulation.scheduler import Killed, Process
from quantum_trader.core.books.told import Told
from quantum_trader.core.errors import Fenced, StoreError
from quantum_trader.core.events import Fact, OrderCommanded
from quantum_trader.core.orders.ids import Command
from quantum_trader.core.stream_info import Life
from quantum_trader.ports import Journal, Journalled


class Written:
    """Everything the journal was ever told, in order: commands, and facts with the venue's seq."""

    def __init__(self) -> None:
        self.commands: dict[str, Command] = {}
        self.facts: list[Fact] = []
        self.calls: list[tuple[Sequence[Command], Sequence[Fact], int | None]] = []


class Disk:
    """What all processes of a world share of the journal."""

    def __init__(self) -> None:
        self.journal: Journal = MemoryJournal()
        self.written = Written()
        self.full = False
        self.epoch = 0


class ProcessJournal:
    """``ports.Journal`` of one process; opening it fences whoever had it open before.

    ``die`` is how the process ends around a write.
    """

    def __init__(
        self, disk: Disk, process: Process, faults: Faults, die: Callable[[Process], None]
    ) -> None:
        self._disk = disk
        self._process = process
        self._faults = faults
        self._die = die
        disk.epoch += 1
        self._epoch = disk.epoch

    def intend(self, commands: Sequence[Command], taken: str = "") -> list[bool]:
        """Record commands before they are sent."""
        self._before()
        fresh = self._disk.journal.intend(commands, taken)
        new = [one for one, is_new in zip(commands, fresh, strict=True) if is_new]
        self._disk.written.commands.update({one.id: one for one in new})
        self._disk.written.calls.append((new, (), None))
        self._after()
        return fresh

    def conclude(self, facts: Sequence[Fact], *, venue_seq: int | None) -> int:
        """Record what came back."""
        self._before()
        new = self._disk.journal.conclude(facts, venue_seq=venue_seq)
        self._disk.written.facts += facts
        self._disk.written.calls.append(((), tuple(facts), venue_seq))
        self._after()
        return new

    def has_ended(self, client_order_id: str) -> bool:
        """Whether nothing of an order remains at the venue."""
        return self._disk.journal.has_ended(client_order_id)

    def known(self, client_order_id: str) -> Journalled | None:
        """An order of ours."""
        return self._disk.journal.known(client_order_id)

    def unresolved(self) -> list[Command]:
        """Commands that have no outcome."""
        return self._disk.journal.unresolved()

    def buried(self, since_ms: int) -> Mapping[str, int]:
        """Orders that were proved dead."""
        return self._disk.journal.buried(since_ms)

    def books(self) -> Mapping[str, Told]:
        """What the recorded fills add up to."""
        return self._disk.journal.books()

    def is_recorded(self, fact_id: str) -> bool:
        """Whether a fact of this id was recorded."""
        return self._disk.journal.is_recorded(fact_id)

    def outbox(self, after: int, count: int) -> list[tuple[int, Fact]]:
        """Recorded facts with their numbers."""
        return self._disk.journal.outbox(after, count)

    def standing(self) -> list[OrderCommanded]:
        """Orders that the venue accepted and that have not ended."""
        return self._disk.journal.standing()

    def life(self) -> Life:
        """Which life of the streams was recorded last."""
        return self._disk.journal.life()

    def venue_seq(self) -> int:
        """The last report of the venue that was recorded."""
        return self._disk.journal.venue_seq()

    def verify(self) -> int:
        """The number of records."""
        return self._disk.journal.verify()

    def close(self) -> None:
        """The file stays."""

    def _before(self) -> None:
        self._process.check()
        if self._disk.epoch != self._epoch:
            raise Fenced("another process has opened the journal since")
        if self._disk.full and not self._faults.calm:
            raise StoreError("the journal could not be written (No space left on device)")
        if self._faults.strikes("disk_error"):
            raise StoreError("the journal could not be written (Input/output error)")
        self._perhaps_die()

    def _after(self) -> None:
        self._perhaps_die()

    def _perhaps_die(self) -> None:
        if self._faults.strikes("killed_in_write"):
            self._die(self._process)
            raise Killed
