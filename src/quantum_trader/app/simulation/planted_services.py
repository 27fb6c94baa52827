"""Planted defects of what is carried out: loops, gateway, doubts, streams."""

from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Any

import msgspec

from quantum_trader.adapters.bus import keys
from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.exchanges.breaking import BreakingExchange
from quantum_trader.app.simulation.bus import ProcessBus
from quantum_trader.app.simulation.planting import swap
from quantum_trader.core.errors import ExchangeError, Malformed
from quantum_trader.core.events import Fact, IntentProposed, OrderFilled, OrderInDoubt
from quantum_trader.core.events.intents import UNSAID
from quantum_trader.core.events.ops import KillLevel
from quantum_trader.core.guard import Act, Guard
from quantum_trader.core.orders.ids import Command
from quantum_trader.core.venue import PROVED_DEAD, VenueAccount
from quantum_trader.ports import Commit, CommitOutcome, Entry, Fields
from quantum_trader.services import venue_facts, wire
from quantum_trader.services.doubts import Answers, Doubt, Doubts
from quantum_trader.services.gateway import Gateway
from quantum_trader.services.sending import Sender, Sent
from quantum_trader.services.venue_facts import rejected

KEPT = 3


def ack_before_commit(stack: ExitStack) -> None:
    """Messages are acknowledged when they are read."""
    read_on = MemoryBus.read

    async def read(
        self: MemoryBus, service: str, streams: Sequence[str], **how: int
    ) -> list[Entry]:
        entries = await read_on(self, service, streams, **how)
        for entry in entries:
            group = self._store.logs[entry.stream].groups[keys.group(service)]
            group.acknowledge([entry.id])
        return entries

    swap(stack, MemoryBus, "read", read)


def retry_market_on_timeout(stack: ExitStack) -> None:
    """An order without an answer is sent again."""
    place = Sender._place

    async def twice(self: Sender, command: Any, sent: Sent) -> Fact:
        fact = await place(self, command, sent)
        if isinstance(fact, OrderInDoubt):
            with suppress(ExchangeError):
                await self._exchange.place(command.order)
        return fact

    swap(stack, Sender, "_place", twice)


def unknown_is_failed(stack: ExitStack) -> None:
    """An order without an answer counts as refused."""
    place = Sender._place

    async def given_up(self: Sender, command: Any, sent: Sent) -> Fact:
        fact = await place(self, command, sent)
        if not isinstance(fact, OrderInDoubt):
            return fact
        sent.doubtful.remove(command)
        return rejected(command, -1001, "no answer", self._now_ms())

    swap(stack, Sender, "_place", given_up)


def not_found_is_dead(stack: ExitStack) -> None:
    """An order that one query denies counts as dead."""

    async def dead(self: Doubts, doubt: Doubt, answers: Answers) -> None:
        command: Any = doubt.command
        if hasattr(command, "order"):
            answers.facts.append(rejected(command, PROVED_DEAD, "not found", self._now_ms()))

    swap(stack, Doubts, "_not_found", dead)


def fills_without_trade_id(stack: ExitStack) -> None:
    """Fills are told apart by their order alone."""
    filled = venue_facts._filled

    def by_order(*given: Any) -> OrderFilled:
        fact = filled(*given)
        return msgspec.structs.replace(fact, id=f"{fact.symbol}:{fact.client_order_id}:filled")

    swap(stack, venue_facts, "_filled", by_order)


def wall_clock_lease(stack: ExitStack) -> None:
    """A lease that was replaced still counts for a while, by the clock on the wall."""
    commit_now = MemoryBus.commit

    async def commit(self: MemoryBus, commit: Commit) -> CommitOutcome:
        newer = self._store.epochs.get(commit.service, 0)
        if commit.epoch < newer and self._now_ms() % 60_000 < 50_000:
            commit = msgspec.structs.replace(commit, epoch=newer)
        return await commit_now(self, commit)

    swap(stack, MemoryBus, "commit", commit)


def sent_before_written(stack: ExitStack) -> None:
    """An order leaves before the journal has it."""
    carry_out = Gateway.carry_out

    async def later(self: Gateway, commands: Sequence[Command], taken: str = "") -> None:
        journal = self._journal
        stack_of_one = ExitStack()
        with stack_of_one:
            swap(stack_of_one, journal, "intend", lambda told, taken="": [True] * len(told))
            await carry_out(self, commands, taken)
        journal.intend(commands, taken)

    swap(stack, Gateway, "carry_out", later)


def consumer_named_by_process(stack: ExitStack) -> None:
    """Every process reads under a name of its own."""
    begin = ProcessBus.__init__

    def named(self: ProcessBus, server: Any, process: Any, faults: Any, consumer: str) -> None:
        begin(self, server, process, faults, f"{consumer}-{process.number}")

    swap(stack, ProcessBus, "__init__", named)


def trimmed_by_producer(stack: ExitStack) -> None:
    """Whoever appends to a stream trims it."""
    append_now = MemoryBus.append

    async def append(
        self: MemoryBus, stream: str, entries: Sequence[Fields], *, writer: str
    ) -> None:
        await append_now(self, stream, entries, writer=writer)
        log = self._store.log(stream)
        log.trim(log.added - KEPT)
        for group in log.groups.values():
            group.next = max(group.next, log.start)

    swap(stack, MemoryBus, "append", append)


def empty_payload_default(stack: ExitStack) -> None:
    """What cannot be read becomes a default."""
    read = wire.Reader.__call__

    def defaulted(self: wire.Reader, entry: Entry) -> Fact:
        try:
            return read(self, entry)
        except Malformed:
            return _default(entry)

    swap(stack, wire.Reader, "__call__", defaulted)


def failed_query_is_flat(stack: ExitStack) -> None:
    """A question without an answer means that there is nothing."""
    for name, nothing in (("find", None), ("trades", ()), ("account", _EMPTY)):
        swap(stack, BreakingExchange, name, _or(getattr(BreakingExchange, name), nothing))


def guardian_idle(stack: ExitStack) -> None:
    """The guardian looks and does nothing."""

    def look(self: Guard, account: VenueAccount, level: KillLevel, now_ms: int) -> list[Act]:
        return []

    swap(stack, Guard, "look", look)


_EMPTY = VenueAccount(at_ms=0, wallet_usd=0, positions=(), open_orders=(), hedge_mode=False)  # type: ignore[arg-type]


def _or(ask: Any, nothing: object) -> Any:
    async def asked(*given: Any) -> Any:
        try:
            return await ask(*given)
        except ExchangeError:
            return nothing

    return asked


def _default(entry: Entry) -> IntentProposed:
    return IntentProposed(
        id=entry.id,
        at_ms=int(entry.id.partition("-")[0]),
        trace_id=entry.id,
        account="simulated",
        symbol="BTCUSDT",
        side="LONG",
        signal_id=entry.id,
        strategy="default",
        source="default",
        confidence=None,
        entry_price=None,
        notional_usd=None,
        leverage=None,
        reason=None,
        **UNSAID,
    )
