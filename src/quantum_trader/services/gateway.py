"""The only way to the exchange: the journal first, then the order, then what came of it.

Commands are written down before they leave and facts before they are published. Published is what
one commit made visible together with how far the journal's outbox has come, so after a crash at
any point the rest follows once. Nothing that was written down is ever sent again.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeGuard

import msgspec

from quantum_trader.core.errors import (
    BrokenInvariant,
    InDoubt,
    Locked,
    StoreError,
    Unreachable,
)
from quantum_trader.core.events import (
    AccountSeen,
    CanarySung,
    CancelCommanded,
    Fact,
    OrderCommanded,
    OrderFilled,
    OrderRejected,
)
from quantum_trader.core.orders.ids import Command, is_ours, role_of, symbol_of
from quantum_trader.core.orders.venue_codes import OFF_RULES
from quantum_trader.core.venue import AnyVenueUpdate
from quantum_trader.ports import Bus, Clock, Entry, Exchange, Journal
from quantum_trader.services import wire
from quantum_trader.services.batch import NOTHING, Handled, Received, Standing
from quantum_trader.services.doubts import Answers, Doubts
from quantum_trader.services.last_word import why_no_entry
from quantum_trader.services.lives import Lives
from quantum_trader.services.reconciler import Reconciler, Sighting, symbols_of
from quantum_trader.services.recovery import standing
from quantum_trader.services.replacing import record
from quantum_trader.services.sending import Sender, Sent
from quantum_trader.services.venue_facts import NOT_SENT, from_report, in_doubt, rejected
from quantum_trader.services.watching import Watch
from quantum_trader.streams import ROUTES

PROJECTION = "gateway"
PUBLISHED = "published"
PUBLISH_MAX = 1_000
LANES_AT_ONCE = 16
"""So many symbols have a request of ours under way at one time."""


class News(msgspec.Struct, frozen=True):
    """What came from the venue without a command."""

    reports: Sequence[AnyVenueUpdate]
    answers: Answers


class Gateway:
    """What the loop calls. One account, one journal, one venue."""

    def __init__(
        self,
        exchange: Exchange,
        journal: Journal,
        account: str,
        clock: Clock,
        now_ms: Callable[[], int],
        *,
        in_process: bool = False,
    ) -> None:
        """``now_ms`` is the time of the market, which old orders are old by.

        ``clock`` waits, and says for how long something has been so: nobody may set it.
        ``in_process``: the exchange lives in here, so that nothing is ever on its way to it.
        """
        self._exchange = exchange
        self._journal = journal
        self._account = account
        self._clock = clock
        self._now_ms = now_ms
        self.on_misfit: Callable[[], None] = lambda: None
        """Told that an order was not to the rules that its symbol has by now."""
        self._sender = Sender(exchange, journal, clock, now_ms)
        self._doubts = Doubts(exchange, journal, self._sender, clock, now_ms, in_process=in_process)
        self._watch = Watch(exchange, journal, now_ms)
        self.reconciler = Reconciler(exchange, journal, clock, now_ms)
        self._lives = Lives(journal)
        self._hears = True
        self._bus: Bus | None = None
        self._published = 0

    def read(self, entry: Entry) -> Fact:
        """What an entry says. Raises ``Malformed`` or ``msgspec.DecodeError``."""
        return wire.read(entry)

    async def restore(self, bus: Bus, service: str) -> Standing:
        """Find out how far publishing came and what became of everything that was sent."""
        self._bus = bus
        fields = await bus.projection(PROJECTION)
        self._published = int(fields.get(PUBLISHED, b"0"))
        self._check_journal()
        why_new = await self._lives.why_new(bus, fields)
        await self.resolve()
        if why_new is not None:
            began = self._lives.began(why_new, self._account, self._now_ms())
            self._journal.conclude([began], venue_seq=None)
        return await standing(bus, service)

    @property
    def awaits_life(self) -> bool:
        """Whether the streams lost something, and the trader does not know it yet."""
        return self._lives.awaits

    async def handle(self, batch: Sequence[Received]) -> Handled:
        """Carry out a batch of commands and publish what came of it.

        What a trader commanded that does not know this life of the streams is left alone.
        """
        awaited = self._lives.awaits
        meant = [one for one in self._lives.meant(batch) if not isinstance(one.fact, CanarySung)]
        if meant:
            await self.carry_out([_command(one.fact) for one in meant], meant[-1].entry.id)
        handled = self._unpublished()
        if awaited == self._lives.awaits:
            return handled
        return Handled(
            handled.outputs, {PROJECTION: {**self._projected(), **self._lives.projected()}}
        )

    async def resolve(self) -> None:
        """Ask about every command whose outcome is not known, before anything new is sent."""
        self._doubts.add(self._journal.unresolved())
        answers = await self._doubts.ask(at_once=True)
        self._conclude(answers, await self._reports(0))
        open_ones = [one for one in self._journal.unresolved() if isinstance(one, OrderCommanded)]
        reason = "the process ended before the answer came"
        doubtful: list[Fact] = [in_doubt(command, reason, self._now_ms()) for command in open_ones]
        self._conclude(Answers(facts=doubtful), ())

    async def carry_out(self, commands: Sequence[Command], taken: str = "") -> None:
        """Record, send, collect, record. Commands that were recorded before are left alone.

        ``taken`` is the entry of the last of them.

        Raises ``Locked`` when the key is refused; what was sent until then is recorded.
        """
        forbidden = await self._why_no_entry(commands)
        fresh = self._journal.intend(commands, taken)
        lanes: dict[str, list[Command]] = {}
        kept: list[Fact] = []
        for command, is_new in zip(commands, fresh, strict=True):
            if is_new and forbidden is not None and _is_entry(command):
                reason = f"never sent: {forbidden}"
                kept.append(rejected(command, NOT_SENT, reason, self._now_ms()))
            elif is_new:
                lanes.setdefault(symbol_of(command), []).append(command)
        sent = [Sent(kept), *(Sent() for _ in lanes)]
        try:
            await self._send(list(lanes.values()), sent[1:])
            reports = await self._reports(0)
        except Locked:
            self._conclude(_answers(sent), ())
            raise
        self._conclude(_answers(sent), reports)
        for lane in sent:
            self._doubts.add(lane.doubtful)
            if lane.doubtful:
                self.reconciler.hurry()

    async def _why_no_entry(self, commands: Sequence[Command]) -> str | None:
        """Asked before anything is recorded: without an answer nothing has happened."""
        if self._bus is None or not any(map(_is_entry, commands)):
            return None
        return await why_no_entry(self._bus)

    async def listen(self, wait_ms: int) -> News:
        """What the venue has to say by itself, and to our questions. Changes nothing."""
        began_ms = self._clock.now_ms()
        reports = await self._reports(wait_ms)
        if not reports and self._clock.now_ms() == began_ms:
            # A venue that answers without waiting must not be asked without a pause.
            await self._clock.sleep_until(began_ms + wait_ms)
        answers = await self._doubts.ask()
        answers.facts += await self._watch.ask()
        return News(reports, answers)

    def is_news(self, news: News) -> bool:
        """Whether there is anything to write down or to publish."""
        return bool(
            self._unread(news.reports)
            or news.answers.facts
            or news.answers.ends
            or self._journal.outbox(self._published, 1)
        )

    async def take(self, news: News) -> Handled:
        """Write news down and publish it."""
        self._conclude(news.answers, self._unread(news.reports))
        return self._unpublished()

    async def take_sighting(self, sighting: Sighting) -> Handled:
        """Write down what the venue's account shows, and publish it behind all that is recorded.

        It is evidence when it shows anything new, and then it is in the journal.
        """
        reconciler = self.reconciler
        found = self._book(sighting)
        seen = reconciler.seen(sighting, self._doubts.symbols(), found, self._account)
        inferred = reconciler.inferred(sighting, seen)
        if inferred:
            reconciler.moved(symbols_of(inferred))
            reconciler.hurry()
        if reconciler.is_evidence(seen) or inferred:
            self._journal.conclude([*inferred, seen], venue_seq=None)
            return self._unpublished()
        handled = self._unpublished()
        if len(handled.outputs) == PUBLISH_MAX or not self._may_say(seen):
            return handled  # It would overtake what is still to be published.
        return Handled([*handled.outputs, (ROUTES[AccountSeen], seen)], handled.projections)

    def _book(self, sighting: Sighting) -> dict[str, int]:
        """Record the trades that asking brought to light; how many of each symbol were new."""
        found: dict[str, int] = {}
        for symbol, trades in sighting.trades.items():
            facts = [self._fact(one) for one in trades]
            if symbol not in self._journal.books():
                # What a hand did here before us is no business of ours; our own orders are.
                facts = [one for one in facts if isinstance(one, OrderFilled) and one.plan_id]
            new = record(self._journal, facts, None)
            if new:
                found[symbol] = new
                self.reconciler.moved([symbol])
        return found

    async def _send(self, lanes: Sequence[Sequence[Command]], sent: Sequence[Sent]) -> None:
        """Symbols side by side, each in its order. Tries all; raises the first failure."""
        waiting = zip(lanes, sent, strict=True)
        failures: list[Locked] = []

        async def work() -> None:
            for lane, into in waiting:
                try:
                    await self._sender.send(lane, into)
                except Locked as error:
                    failures.append(error)

        if len(lanes) == 1:
            await work()
        else:
            workers = (work() for _ in lanes[:LANES_AT_ONCE])
            for failure in await asyncio.gather(*workers, return_exceptions=True):
                if failure is not None:
                    raise failure
        if failures:
            raise failures[0]

    async def _reports(self, wait_ms: int) -> Sequence[AnyVenueUpdate]:
        try:
            reports = await self._exchange.updates(self._journal.venue_seq(), wait_ms)
            self._heard(well=True)
            return reports
        except (Unreachable, InDoubt):
            # They are kept at the venue and will be asked for again.
            self._heard(well=False)
            await self._clock.sleep_until(self._clock.now_ms() + wait_ms)
            return ()

    def _heard(self, *, well: bool) -> None:
        """Whether the venue's reports come; when they come again, the account is looked at soon."""
        if well and not self._hears:
            self.reconciler.hurry()
        self._hears = well
        self._doubts.heard(well)

    def _unread(self, reports: Sequence[AnyVenueUpdate]) -> Sequence[AnyVenueUpdate]:
        """Reports that a batch of commands has not written down in the meantime."""
        read_seq = self._journal.venue_seq()
        if reports and reports[0].seq > read_seq:
            return reports
        return [report for report in reports if report.seq > read_seq]

    def _conclude(self, answers: Answers, reports: Sequence[AnyVenueUpdate]) -> None:
        facts = [*answers.facts, *map(self._fact, reports), *answers.ends]
        if any(isinstance(one, OrderRejected) and one.code in OFF_RULES for one in facts):
            self.on_misfit()
        if facts:
            refused = {one.id for one in answers.facts if isinstance(one, OrderRejected)}
            self.reconciler.moved(symbols_of(one for one in facts if one.id not in refused))
            record(self._journal, facts, reports[-1].seq if reports else None)

    def _fact(self, report: AnyVenueUpdate) -> Fact:
        name = report.client_order_id
        known = self._journal.known(name)
        if known is None and is_ours(name) and role_of(name) == "entry":
            self.reconciler.named(name)  # Entries fill at once, so it is nobody's of long ago.
        command = known.command if known is not None else None
        ours = command if isinstance(command, OrderCommanded) else None
        return from_report(report, ours, self._account)

    def _unpublished(self) -> Handled:
        """What the outbox holds behind the last published fact; counts as published from now on.

        Should the commit fail, the loop restores us, and the store's word counts.
        """
        rows = self._journal.outbox(self._published, PUBLISH_MAX)
        if not rows:
            return NOTHING
        self._published = rows[-1][0]
        outputs = [(ROUTES[type(fact)], fact) for _, fact in rows if self._may_say(fact)]
        return Handled(outputs, {PROJECTION: self._projected()})

    def _may_say(self, fact: Fact) -> bool:
        """What the venue showed a life ago is no picture of now, and would be taken for one."""
        return not (self._lives.awaits and isinstance(fact, AccountSeen))

    def _projected(self) -> dict[str, bytes]:
        return {PUBLISHED: str(self._published).encode()}

    def _check_journal(self) -> None:
        if self._published:
            rows = self._journal.outbox(self._published - 1, 1)
            if not rows or rows[0][0] != self._published:
                raise StoreError(
                    f"fact {self._published} was published from a journal, and not from this one: "
                    "put the journal of this account back, or start on an empty store"
                )


def _command(fact: Fact) -> Command:
    if isinstance(fact, OrderCommanded | CancelCommanded):
        return fact
    raise BrokenInvariant(f"{fact.id} is no command, and yet it came as one")


def _is_entry(command: Command) -> TypeGuard[OrderCommanded]:
    return isinstance(command, OrderCommanded) and command.role == "entry"


def _answers(sent: Sequence[Sent]) -> Answers:
    facts = [fact for lane in sent for fact in lane.facts]
    return Answers(facts=facts, ends=[fact for lane in sent for fact in lane.ends])
