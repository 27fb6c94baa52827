"""Sending commands to the venue: what may be tried again, what is asked for, what is given up."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec

from quantum_trader.core.errors import InDoubt, Unreachable
from quantum_trader.core.events import CancelCommanded, CancelWithheld, Fact, OrderCommanded
from quantum_trader.core.orders.ids import Command
from quantum_trader.core.venue import Placement, Rejected, VenueOrder
from quantum_trader.ports import Clock, Exchange, Journal
from quantum_trader.services import progress
from quantum_trader.services.venue_facts import NOT_SENT, accepted, in_doubt, rejected, withheld

RETRY_WAITS_MS = (100, 200, 400, 800)
"""Pauses between tries of what never left; it is safe to repeat, and bounded all the same."""
DUPLICATE = -4116
"""The venue's code for a client id that is on an open order: proof that an earlier try arrived."""

T = TypeVar("T")


class Sent(msgspec.Struct):
    """What came of commands: facts in order, and commands that must be asked about.

    ``ends`` come after the venue's own reports, which say why.
    """

    facts: list[Fact] = msgspec.field(default_factory=list)
    ends: list[Fact] = msgspec.field(default_factory=list)
    doubtful: list[Command] = msgspec.field(default_factory=list)


class Sender:
    """Sends to one venue. ``now_ms`` is the time of the market, ``clock`` is for waiting."""

    def __init__(
        self, exchange: Exchange, journal: Journal, clock: Clock, now_ms: Callable[[], int]
    ) -> None:
        self._exchange = exchange
        self._journal = journal
        self._clock = clock
        self._now_ms = now_ms

    async def send(self, commands: Sequence[Command], sent: Sent) -> None:
        """Send commands of one symbol, one after the other; results go into ``sent`` at once.

        Raises ``Locked``; what was sent before that is in ``sent``.
        """
        for command in commands:
            if isinstance(command, CancelCommanded):
                await self._cancel(command, sent)
            else:
                sent.facts.append(await self._place(command, sent))

    async def _place(self, command: OrderCommanded, sent: Sent) -> Fact:
        refusal = await self._prepare(command)
        if refusal is not None:
            return refusal
        name = command.order.client_order_id
        tries = 0 if command.role == "entry" else len(RETRY_WAITS_MS)
        try:
            answer = await self._trying(lambda: self._exchange.place(command.order), tries)
        except Unreachable as error:
            return self._never_sent(command, f"never sent: {error}")
        except InDoubt as error:
            sent.doubtful.append(command)
            return in_doubt(command, str(error), self._now_ms())
        if isinstance(answer, Rejected) and answer.code == DUPLICATE:
            sent.doubtful.append(command)
            return in_doubt(command, f"the venue knows {name} already", self._now_ms())
        if isinstance(answer, Rejected):
            return rejected(command, answer.code, answer.reason, self._now_ms())
        return accepted(command, answer.venue_order_id, self._now_ms())

    async def _prepare(self, command: OrderCommanded) -> Fact | None:
        """What keeps an order from leaving: it came too late, or its leverage cannot be had."""
        if self._is_late(command):
            return self._never_sent(command, "expired before it was sent")
        if command.leverage is None:
            return None
        symbol, leverage = command.order.symbol, command.leverage
        try:
            refused = await self._exchange.configure(symbol, leverage)
        except (Unreachable, InDoubt) as error:
            return self._never_sent(command, f"never sent: leverage is not certain: {error}")
        if refused is not None:
            reason = f"leverage {leverage}: {refused.reason}"
            return rejected(command, refused.code, reason, self._now_ms())
        if self._is_late(command):
            return self._never_sent(command, "expired before it was sent")
        return None

    async def _cancel(self, command: CancelCommanded, sent: Sent) -> None:
        """Ask the venue to cancel; its report is the outcome. Without its word we ask again.

        What is to leave beside another order is tried once: with every pause the venue's word on
        the other one grows older.
        """
        try:
            kept = await self.withholds(command)
        except (Unreachable, InDoubt):
            sent.doubtful.append(command)
            return
        if kept is not None:
            sent.ends.append(kept)
        elif not await self.cancels(command, 0 if command.stays else len(RETRY_WAITS_MS)):
            sent.doubtful.append(command)

    async def withholds(self, command: CancelCommanded) -> CancelWithheld | None:
        """Why a cancel must not leave now; None when it may.

        Between its command and now the order that is to stay may have ended, and then this one is
        all that a position has. The venue's word on it is taken before, and ours after that: a
        report of its end may have come meanwhile. Raises ``Unreachable`` and ``InDoubt``.
        """
        stays = command.stays
        if stays is None:
            return None
        progress.made(None)
        found = await self._exchange.find(command.symbol, stays)
        fault = self._fault_of(command, stays, found)
        if fault is None:
            return None
        return withheld(command, f"{stays}, which was to stay, is {fault}", self._now_ms())

    def _fault_of(
        self, command: CancelCommanded, stays: str, found: VenueOrder | None
    ) -> str | None:
        """Why an order cannot take another one's place, as the venue and the journal have it."""
        if found is None or found.state != "open":
            return "unknown" if found is None else found.state
        if self._journal.has_ended(stays):
            return "over"
        known, told = self._journal.known(stays), self._journal.books().get(command.symbol)
        if known is None or told is None or not isinstance(known.command, OrderCommanded):
            return None
        left, held = known.command.order.qty - found.filled_qty, abs(told.qty)
        return f"for {left} of {held}" if left < held else None

    async def cancels(self, command: CancelCommanded, tries: int = 0) -> bool:
        """Whether the venue took a cancel. Canceling twice does no harm."""
        symbol, name = command.symbol, command.client_order_id

        def call() -> Awaitable[Placement]:
            return self._exchange.cancel(symbol, name)

        try:
            answer = await self._trying(call, tries)
        except (Unreachable, InDoubt):
            return False
        return not isinstance(answer, Rejected)

    async def _trying(self, call: Callable[[], Awaitable[T]], tries: int) -> T:
        for wait_ms in RETRY_WAITS_MS[:tries]:
            progress.made(None)
            try:
                return await call()
            except Unreachable:
                await self._clock.sleep_until(self._clock.now_ms() + wait_ms)
        progress.made(None)
        return await call()

    def _is_late(self, command: OrderCommanded) -> bool:
        return command.expires_ms is not None and self._now_ms() > command.expires_ms

    def _never_sent(self, command: OrderCommanded, reason: str) -> Fact:
        return rejected(command, NOT_SENT, reason, self._now_ms())
