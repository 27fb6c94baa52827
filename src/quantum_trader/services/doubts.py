"""Commands whose effect nobody knows: asked about until the venue's word is certain.

Nothing is sent again here, except a cancel of an order that is found open. That an order does not
exist is believed only when everything the venue can be asked agrees for a minute; see
``core/orders/proof``. Of a venue in this process it is believed at once, for nothing is ever on its
way there.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence

import msgspec

from quantum_trader.core.errors import InDoubt, Unreachable
from quantum_trader.core.events import CancelCommanded, Fact, OrderCommanded
from quantum_trader.core.lease import RECEIVE_WINDOW_MS, SKEW_MS
from quantum_trader.core.orders.ids import Command, name_of, symbol_of
from quantum_trader.core.orders.proof import NO_DENIALS, Denials, Look, deny, is_proof
from quantum_trader.core.units import ZERO
from quantum_trader.core.venue import PROVED_DEAD, VenueAccount, VenueFill, VenueOrder
from quantum_trader.ports import Clock, Exchange, Journal
from quantum_trader.services import progress
from quantum_trader.services.sending import Sender
from quantum_trader.services.venue_facts import (
    REFUSED_EARLIER,
    accepted,
    canceled,
    rejected,
    trades_of,
)

ASK_AT_MS = (200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000)
"""When to ask, counted from the doubt; after the last every minute."""
MARGIN_MS = 2_000
FENCE_MS = RECEIVE_WINDOW_MS + SKEW_MS + MARGIN_MS
"""Before this much time has passed an unknown order may still arrive, so a no proves nothing."""
SHARED_MS = 1_000
"""Doubts of one moment share what the account shows for so long."""
TRADES_FROM_MS = 1_000
"""So long before a command its trades are looked for: clocks differ."""


class Doubt(msgspec.Struct):
    """One command: since when it is in doubt, how often it was asked about, and what was denied."""

    command: Command
    since_ms: int
    asked: int = 0
    denials: Denials = NO_DENIALS

    def due_ms(self) -> int:
        """When to ask next."""
        more = self.asked - len(ASK_AT_MS)
        if more < 0:
            return self.since_ms + ASK_AT_MS[self.asked]
        return self.since_ms + ASK_AT_MS[-1] * (more + 2)


class Answers(msgspec.Struct):
    """What asking brought. ``ends`` come after the venue's own reports, which say it better."""

    facts: list[Fact] = msgspec.field(default_factory=list)
    ends: list[Fact] = msgspec.field(default_factory=list)


class Doubts:
    """All doubts of one account. The journal says when one is over."""

    def __init__(
        self,
        exchange: Exchange,
        journal: Journal,
        sender: Sender,
        clock: Clock,
        now_ms: Callable[[], int],
        *,
        in_process: bool = False,
    ) -> None:
        """``in_process``: what the exchange does not know does not exist, and never will."""
        self._exchange = exchange
        self._in_process = in_process
        self._journal = journal
        self._sender = sender
        self._clock = clock
        self._now_ms = now_ms
        self._doubts: dict[str, Doubt] = {}
        self._hears = True
        self._shown: VenueAccount | None = None
        self._shown_ms = 0
        # Two askers at one moment would count one silence of the venue twice.
        self._asking = asyncio.Lock()

    def add(self, commands: Iterable[Command]) -> None:
        """Begin to ask about commands; those that are in doubt already keep their time."""
        since_ms = self._clock.now_ms()
        for command in commands:
            self._doubts.setdefault(command.id, Doubt(command, since_ms))

    def heard(self, well: bool) -> None:
        """Whether the venue's own reports came the last time they were asked for.

        While they do not, an order may have been reported without our hearing it.
        """
        self._hears = well

    def symbols(self) -> dict[str, int]:
        """The symbols about which something is in doubt, and for how long, in ms."""
        now_ms, found = self._clock.now_ms(), dict[str, int]()
        for doubt in self._doubts.values():
            symbol = symbol_of(doubt.command)
            found[symbol] = max(found.get(symbol, 0), now_ms - doubt.since_ms)
        return found

    async def ask(self, *, at_once: bool = False) -> Answers:
        """Ask about what is due, or about everything. Raises ``Locked``."""
        answers = Answers()
        if self._doubts:
            async with self._asking:
                await self._ask_all(answers, at_once=at_once)
        return answers

    async def _ask_all(self, answers: Answers, *, at_once: bool) -> None:
        open_ids = {command.id for command in self._journal.unresolved()}
        self._doubts = {key: one for key, one in self._doubts.items() if key in open_ids}
        self._shown = None
        for doubt in list(self._doubts.values()):
            if at_once or self._clock.now_ms() >= doubt.due_ms():
                await self._ask(doubt, answers)

    async def _ask(self, doubt: Doubt, answers: Answers) -> None:
        command = doubt.command
        progress.made(None)
        if self._clock.now_ms() >= doubt.due_ms():
            doubt.asked += 1
        try:
            found = await self._exchange.find(symbol_of(command), name_of(command))
        except (Unreachable, InDoubt):
            return  # A question without an answer changes nothing.
        if found is None:
            await self._not_found(doubt, answers)
        elif isinstance(command, OrderCommanded):
            self._found(command, found, answers)
        elif found.state == "open":
            await self._cancel_again(command, answers)
        elif found.state != "filled":
            reason = f"found {found.state} at the venue"
            answers.ends.append(canceled(command, reason, self._now_ms()))

    async def _cancel_again(self, command: CancelCommanded, answers: Answers) -> None:
        """The order is there: its cancel leaves again, if it may still."""
        try:
            kept = await self._sender.withholds(command)
        except (Unreachable, InDoubt):
            return
        if kept is None:
            await self._sender.cancels(command)
        else:
            answers.ends.append(kept)

    def _found(self, command: OrderCommanded, found: VenueOrder, answers: Answers) -> None:
        now_ms = self._now_ms()
        if found.state == "rejected":
            reason = "found rejected at the venue"
            answers.facts.append(rejected(command, REFUSED_EARLIER, reason, now_ms))
            return
        if found.state == "canceled":
            # Never said to be there: whoever believed that would give up another stop for it.
            answers.ends.append(canceled(command, "found canceled at the venue", now_ms))
        else:
            answers.facts.append(accepted(command, found.venue_order_id, now_ms))

    async def _not_found(self, doubt: Doubt, answers: Answers) -> None:
        """The order query knows nothing of it; now everything else that may know is asked."""
        command, exchange = doubt.command, self._exchange
        symbol = symbol_of(command)
        if self._clock.now_ms() - doubt.since_ms < self._fence_ms(command):
            return
        try:
            trades = await exchange.trades(symbol, command.at_ms - TRADES_FROM_MS)
            account = await self._account()
        except (Unreachable, InDoubt):
            return
        if not await self._is_shown(command, account, trades, answers) and self._hears:
            look = _look(symbol, account, trades, self._clock.now_ms())
            doubt.denials = deny(doubt.denials, look)
            self._bury_if_proved(doubt, answers)

    async def _account(self) -> VenueAccount:
        """The account as it is now, for all that are asked about at one moment: it is dear."""
        at_ms, account = self._clock.now_ms(), self._shown
        if account is None or at_ms - self._shown_ms > SHARED_MS:
            account = self._shown = await self._exchange.account()
            self._shown_ms = at_ms
        return account

    async def _is_shown(
        self,
        command: Command,
        account: VenueAccount,
        trades: Sequence[VenueFill],
        answers: Answers,
    ) -> bool:
        """Whether the venue shows elsewhere what its order query denied; then that is acted on."""
        name = name_of(command)
        resting = [one for one in account.open_orders if one.order.client_order_id == name]
        if not isinstance(command, OrderCommanded):
            if resting:
                await self._cancel_again(command, answers)
            return bool(resting)
        now_ms = self._now_ms()
        shown: list[Fact] = [accepted(command, one.venue_order_id, now_ms) for one in resting]
        shown += trades_of(command, trades)
        answers.facts += shown
        return bool(shown)

    def _bury_if_proved(self, doubt: Doubt, answers: Answers) -> None:
        command, denials = doubt.command, doubt.denials
        passed_ms = self._clock.now_ms() - doubt.since_ms
        if not (self._in_process or is_proof(denials, passed_ms)):
            return
        times = (
            "" if self._in_process else f", {denials.count} times within {passed_ms / 1000:.1f} s"
        )
        proof = f"no query, no open order, no trade and no move of the position showed it{times}"
        if isinstance(command, OrderCommanded):
            reason = f"proved dead: {proof}"
            answers.facts.append(rejected(command, PROVED_DEAD, reason, self._now_ms()))
        else:
            reason = f"the venue does not know it any more: {proof}"
            answers.ends.append(canceled(command, reason, self._now_ms()))

    def _fence_ms(self, command: Command) -> int:
        """An order whose arrival was confirmed cannot arrive any more, so its absence counts."""
        if self._in_process:
            return 0
        if isinstance(command, CancelCommanded):
            order = self._journal.known(command.client_order_id)
            if order is not None and order.outcome is not None:
                return 0
        return FENCE_MS


def _look(symbol: str, account: VenueAccount, trades: Sequence[VenueFill], at_ms: int) -> Look:
    signed = (one.qty if one.side == "BUY" else -one.qty for one in trades)
    held = [one.qty for one in account.positions if one.symbol == symbol]
    return Look(at_ms=at_ms, qty=sum(held, ZERO), traded_qty=sum(signed, ZERO))
