"""A journal in memory, for replay: the same answers as on disk, gone with the process."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from quantum_trader.adapters.journal.life import with_facts, with_taken
from quantum_trader.adapters.journal.orders import OpenOrders, check_same, ends, is_outcome
from quantum_trader.core.books.told import Told, ToldBooks
from quantum_trader.core.events import Fact, OrderCommanded
from quantum_trader.core.events.orders import OrderFact
from quantum_trader.core.orders.ids import Command, name_of
from quantum_trader.core.stream_info import Life
from quantum_trader.ports import Journalled


class MemoryJournal:
    """``ports.Journal`` without a disk. Nothing is hashed: nobody can reach in from outside."""

    def __init__(self) -> None:
        self._commands: dict[str, Command] = {}
        self._facts: dict[str, Fact] = {}
        self._outbox: list[tuple[int, Fact]] = []
        self._outcomes: dict[str, Fact] = {}
        self._ended: set[str] = set()
        self._open = OpenOrders()
        self._books = ToldBooks()
        self._venue_seq = 0
        self._life = Life()
        self._records = 0

    def intend(self, commands: Sequence[Command], taken: str = "") -> list[bool]:
        """Record commands before they are sent; see ``ports.Journal``."""
        fresh: dict[str, Command] = {}
        answers: list[bool] = []
        for command in commands:
            key = _key(command)
            earlier = fresh.get(key) or self._commands.get(key)
            if earlier is None:
                fresh[key] = command
            else:
                check_same(earlier, command)
            answers.append(earlier is None)
        for key, command in fresh.items():
            self._commands[key] = command
            self._records += 1
            if name_of(command) not in self._ended:
                self._open.take_command(self._records, command)
        if fresh:
            self._life = with_taken(self._life, taken)
        return answers

    def conclude(self, facts: Sequence[Fact], *, venue_seq: int | None) -> int:
        """Record what came back; see ``ports.Journal``."""
        before = len(self._outbox)
        for fact in facts:
            if fact.id not in self._facts:
                self._record(fact)
        if venue_seq is not None and venue_seq > self._venue_seq:
            self._venue_seq = venue_seq
            self._records += 1
        return len(self._outbox) - before

    def _record(self, fact: Fact) -> None:
        self._records += 1
        self._facts[fact.id] = fact
        self._outbox.append((self._records, fact))
        self._open.take_fact(fact)
        self._books.take(fact)
        self._life = with_facts(self._life, (fact,))
        if isinstance(fact, OrderFact):
            if is_outcome(fact):
                self._outcomes.setdefault(fact.client_order_id, fact)
            if ends(fact):
                self._ended.add(fact.client_order_id)

    def is_recorded(self, fact_id: str) -> bool:
        """Whether a fact of this id was recorded."""
        return fact_id in self._facts

    def has_ended(self, client_order_id: str) -> bool:
        """Whether nothing of an order remains at the venue, by what was recorded."""
        return client_order_id in self._ended

    def known(self, client_order_id: str) -> Journalled | None:
        """An order of ours, None when it is not."""
        command = self._commands.get(client_order_id)
        if command is None:
            return None
        return Journalled(command, self._outcomes.get(client_order_id))

    def unresolved(self) -> list[Command]:
        """Commands that have no outcome, oldest first."""
        return self._open.unresolved()

    def buried(self, since_ms: int) -> Mapping[str, int]:
        """Orders that were proved dead since then, and when."""
        return self._open.buried(since_ms)

    def books(self) -> Mapping[str, Told]:
        """What the recorded fills add up to, symbol by symbol."""
        return self._books.symbols

    def outbox(self, after: int, count: int) -> list[tuple[int, Fact]]:
        """Recorded facts with their numbers, after a number, in order."""
        start = bisect_right(self._outbox, after, key=_number)
        return self._outbox[start : start + count]

    def standing(self) -> list[OrderCommanded]:
        """Orders that the venue accepted and that have not ended, oldest first."""
        return self._open.standing()

    def life(self) -> Life:
        """Which life of the streams was recorded last, and how far it was taken."""
        return self._life

    def venue_seq(self) -> int:
        """The last report of the venue that was recorded, 0 at the beginning."""
        return self._venue_seq

    def verify(self) -> int:
        """The number of records."""
        return self._records

    def close(self) -> None:
        """Nothing to close."""


def _key(command: Command) -> str:
    """Orders by client id; a cancel by its own id, which no client id can be: it has a blank."""
    if isinstance(command, OrderCommanded):
        return command.order.client_order_id
    return f"cancel {command.id}"


def _number(row: tuple[int, Fact]) -> int:
    return row[0]
