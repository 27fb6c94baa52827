"""The guardian: asks the venue for the account every two seconds, and reduces what nobody covers.

It needs neither the streams nor the trader nor room on the disk. A question without an answer
changes nothing: an account that nobody could see is not flat.
"""

from collections.abc import Callable
from typing import NoReturn

import msgspec
import structlog

from quantum_trader.core.cover import opens
from quantum_trader.core.errors import ExchangeError, InDoubt, Locked, Unreachable
from quantum_trader.core.events.ops import KillLevel
from quantum_trader.core.guard import Act, Guard, Outcome, Withdrawal
from quantum_trader.core.orders.guardian_ids import guardian_order_id
from quantum_trader.core.venue import Placement, Rejected, VenueAccount
from quantum_trader.ports import Clock, GuardedVenue, Latch
from quantum_trader.services import progress

LOCKED_PAUSE_MS = 10_000
"""A refused key is not knocked with: the venue would lock the address out."""

_log = structlog.get_logger()


class GuardBeat(msgspec.Struct, frozen=True, kw_only=True):
    """How the guardian is. ``seen`` is whether the last look had an answer, ``trouble`` why not.

    ``where`` is the venue. ``held`` and ``bare`` are the symbols of the last answer: with a
    position, and of these without stops for all of it. ``acts`` counts its orders since it started.
    """

    where: str
    seen: bool
    trouble: str | None
    level: KillLevel
    held: tuple[str, ...]
    bare: tuple[str, ...]
    acts: int


class Guardian:
    """One account, at the venue ``where``. ``clock`` is never set back.

    ``beat`` is told after every look, and may not fail.
    """

    def __init__(
        self,
        venue: GuardedVenue,
        latch: Latch,
        clock: Clock,
        guard: Guard,
        beat: Callable[[GuardBeat], None],
        *,
        where: str,
    ) -> None:
        self._venue = venue
        self._latch = latch
        self._clock = clock
        self._guard = guard
        self._beat = beat
        self._where = where
        self._trouble: str | None = None
        self._pause_ms = 0
        self._held: tuple[str, ...] = ()
        self._acts = 0
        self._number = 0

    async def run(self) -> NoReturn:
        """Look for ever."""
        while True:
            await self.look()
            progress.made()
            await self._clock.sleep_until(self.next_ms())

    def next_ms(self) -> int:
        """When to look again."""
        now_ms = self._clock.now_ms()
        return max(self._guard.next_look_ms(now_ms), now_ms + self._pause_ms)

    async def look(self) -> None:
        """Look once, and do what has to be done."""
        held = self._latch.read()
        level: KillLevel = "RUN" if held is None else held.level
        account = await self._asked(level)
        if account is not None:
            self._held = tuple(one.symbol for one in account.positions if one.qty)
            for act in self._guard.look(account, level, self._clock.now_ms()):
                await self._do(act, account.at_ms)
        self._beat(
            GuardBeat(
                where=self._where,
                seen=account is not None,
                trouble=self._trouble,
                level=level,
                held=self._held,
                bare=tuple(self._guard.bare),
                acts=self._acts,
            )
        )

    @property
    def holds(self) -> bool:
        """Whether anything was held when the account was seen last."""
        return bool(self._held)

    async def is_needless(self) -> bool:
        """Whether nothing is held and no order at rest could open, as the venue says just now."""
        try:
            account = await self._venue.account()
        except ExchangeError:
            return False
        orders = [resting.order for resting in account.open_orders]
        return not any(one.qty for one in account.positions) and not any(map(opens, orders))

    async def _asked(self, level: KillLevel) -> VenueAccount | None:
        """The account, None when there was no answer. To flatten, every order must be known."""
        self._pause_ms = 0
        try:
            ask = self._venue.account if level == "FLATTEN" else self._venue.held
            account = await ask()
        except ExchangeError as error:
            if isinstance(error, Locked):
                self._pause_ms = LOCKED_PAUSE_MS
            if self._trouble is None:
                _log.error("the account cannot be seen; nothing is done", reason=str(error))
            self._trouble = str(error)
            return None
        if self._trouble is not None:
            _log.info("the account is seen again")
        self._trouble = None
        return account

    async def _do(self, act: Act, at_ms: int) -> None:
        """One order or cancel, and what came of it."""
        outcome: Outcome = "done"
        code, reason = 0, ""
        name = self._name(act, at_ms)
        try:
            answer = await self._send(act, name)
            if isinstance(answer, Rejected):
                outcome, code, reason = "refused", answer.code, answer.reason
        except Unreachable as error:
            outcome, reason = "not_sent", str(error)
        except InDoubt as error:
            outcome, reason = "unknown", str(error)
        except Locked as error:
            outcome, reason = "not_sent", str(error)
            self._pause_ms = LOCKED_PAUSE_MS
        self._acts += outcome == "done"
        self._guard.told(act, outcome, code, self._clock.now_ms())
        say = _log.warning if outcome == "done" else _log.error
        say("guarded", **_words(act), order=name, outcome=outcome, code=code, reason=reason)

    def _name(self, act: Act, at_ms: int) -> str:
        """The order an act is about; a new one never had the name, after a restart either."""
        if isinstance(act, Withdrawal):
            return act.client_order_id
        self._number = max(self._number + 1, at_ms)
        return guardian_order_id(act.symbol, self._number)

    async def _send(self, act: Act, name: str) -> Placement:
        if isinstance(act, Withdrawal):
            return await self._venue.cancel(act.symbol, name)
        return await self._venue.place(act.request(name))


def _words(act: Act) -> dict[str, str]:
    if isinstance(act, Withdrawal):
        return {"what": "cancel", "symbol": act.symbol, "why": act.why}
    return {
        "what": "close" if act.trigger_price is None else "stop",
        "symbol": act.symbol,
        "side": act.side,
        "qty": "all" if act.qty is None else f"{act.qty:f}",
        "trigger": "" if act.trigger_price is None else f"{act.trigger_price:f}",
        "why": act.why,
    }
