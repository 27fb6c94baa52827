"""Watching a running system: what its streams and the trader's board say, gathered once a second.

It reads and decides nothing. Every number keeps the time it is of, so that whoever shows it can
say how old it is.
"""

from collections import deque
from collections.abc import Sequence
from decimal import Decimal

import msgspec

from quantum_trader.app import board
from quantum_trader.app.board import Head, Held
from quantum_trader.core.events import (
    Fact,
    IntentApplied,
    IntentRefused,
    IntentSkipped,
    TradeClosed,
)
from quantum_trader.ports import Bus, Clock, Entry
from quantum_trader.services import wire
from quantum_trader.streams import APPLY_RESULT, TRADE_CLOSED
from quantum_trader.streams.ids import parse

EVERY_S = 1.0
PAGE = 256
OUTCOMES_KEPT = 20
TRADES_KEPT = 15
SAMPLES_KEPT = 600

NOWHERE = "0-0"

Outcome = IntentApplied | IntentRefused | IntentSkipped


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What does not change while the system runs."""

    mode: str
    market: str
    account: str
    real: bool
    note: str
    symbols: tuple[str, ...]
    model: str


class Sample(msgspec.Struct, frozen=True):
    """Equity at one moment of the market."""

    at_ms: int
    equity_usd: Decimal


class View(msgspec.Struct, frozen=True, kw_only=True):
    """The system at one moment. ``at_ms`` is the market's time then, ``seen_ms`` this machine's.

    ``opened`` and ``closed`` count since the account began; ``head`` is None before its rules.
    """

    about: About
    at_ms: int
    seen_ms: int
    head: Head | None
    equity_usd: Decimal | None
    held: tuple[Held, ...]
    outcomes: tuple[Outcome, ...]
    trades: tuple[TradeClosed, ...]
    opened: int
    closed: int
    equity: tuple[Sample, ...]

    @property
    def positions(self) -> list[Held]:
        """What is really held."""
        return [held for held in self.held if held.qty]

    @property
    def protected(self) -> int:
        """How many positions are covered by a confirmed stop."""
        return sum(held.protected for held in self.positions)


class Watch:
    """Looks at the bus again and again; ``time`` is the time of the market."""

    def __init__(self, bus: Bus, about: About, wall: Clock, time: Clock) -> None:
        self._bus = bus
        self._about = about
        self._wall = wall
        self._time = time
        self._after = {APPLY_RESULT: "-", TRADE_CLOSED: "-"}
        self._past = dict.fromkeys(self._after, NOWHERE)
        self._outcomes: deque[Outcome] = deque(maxlen=OUTCOMES_KEPT)
        self._trades: deque[TradeClosed] = deque(maxlen=TRADES_KEPT)
        self._equity: deque[Sample] = deque(maxlen=SAMPLES_KEPT)
        self._opened = self._closed = 0
        self._posted = board.Posted(None, ())

    async def begin(self) -> None:
        """Only what comes from here on is news; a start must not tell old trades as new ones."""
        for stream in self._past:
            info = await self._bus.info(stream)
            self._past[stream] = NOWHERE if info is None else info.last_id

    @property
    def view(self) -> View:
        """What was seen last, and how late it is now."""
        head = self._posted.head
        return View(
            about=self._about,
            at_ms=max(self._time.now_ms(), 0 if head is None else head.at_ms),
            seen_ms=self._wall.now_ms(),
            head=head,
            equity_usd=board.equity_usd(self._posted),
            held=self._posted.held,
            outcomes=tuple(reversed(self._outcomes)),
            trades=tuple(reversed(self._trades)),
            opened=self._opened,
            closed=self._closed,
            equity=tuple(self._equity),
        )

    async def look(self) -> list[Fact]:
        """See what was not seen before; the outcomes and trades among it that are news, in order.

        Raises ``BusUnreachable``; what was seen before stays.
        """
        unseen = [*await self._unseen(APPLY_RESULT), *await self._unseen(TRADE_CLOSED)]
        self._posted = board.read(await self._bus.projection(board.PROJECTION))
        for entry in unseen:
            self._after[entry.stream] = entry.id
        for fact in facts_in(unseen):
            if isinstance(fact, Outcome):
                self._outcomes.append(fact)
                self._opened += isinstance(fact, IntentApplied) and fact.status == "opened"
            elif isinstance(fact, TradeClosed):
                self._trades.append(fact)
                self._closed += 1
        self._sample()
        return facts_in([entry for entry in unseen if self._is_news(entry)])

    def _is_news(self, entry: Entry) -> bool:
        return parse(entry.id) > parse(self._past[entry.stream])

    async def _unseen(self, stream: str) -> list[Entry]:
        """Everything on a stream since the last look."""
        found: list[Entry] = []
        after = self._after[stream]
        while True:
            page = await self._bus.span(stream, after, "+", PAGE)
            fresh = [entry for entry in page if entry.id != after]
            if not fresh:
                return found
            after = fresh[-1].id
            found += fresh

    def _sample(self) -> None:
        head, equity_usd = self._posted.head, board.equity_usd(self._posted)
        if head is None or equity_usd is None:
            return
        if not self._equity or head.at_ms > self._equity[-1].at_ms:
            self._equity.append(Sample(head.at_ms, equity_usd))


def facts_in(entries: Sequence[Entry]) -> list[Fact]:
    """The facts of entries; one that cannot be read is its readers' trouble, not ours."""
    facts = []
    for entry in entries:
        try:
            facts.append(wire.read(entry))
        except wire.UNREADABLE:
            continue
    return facts
