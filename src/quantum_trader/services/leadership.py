"""Leading an account where several instances share one stream server: only one of them trades.

The file lock of a data folder keeps two systems off one folder, and this keeps them off one
account. A leader that stood still for longer than its lease knows by its own clock, without asking
anybody, that it must not send.
"""

from typing import NoReturn

import structlog

from quantum_trader.core.errors import BusUnreachable, Fenced, Occupied
from quantum_trader.core.lease import Held, Holder, LeaseRules
from quantum_trader.ports import Clock, Leases
from quantum_trader.services import progress

LEASE = "lease"
LOOK_EVERY_MS = 500
"""How often a lease of somebody else is looked at, until it is renewed or over."""

_log = structlog.get_logger()


class Leadership:
    """One instance and one account. ``clock`` goes on while the process stands still."""

    def __init__(
        self, leases: Leases, account: str, who: str, holder: Holder, clock: Clock
    ) -> None:
        self._leases = leases
        self._account = account
        self._who = who
        self._holder = holder
        self._clock = clock
        self._rules = LeaseRules()
        self._until_ms = 0

    def left_ms(self) -> int:
        """How long we may still lead; negative when that is over."""
        return self._until_ms - self._clock.now_ms()

    def refusal(self) -> str | None:
        """Why nothing may be sent now; None when what is signed now is over before the lease."""
        left_ms = self.left_ms()
        if left_ms >= self._rules.left_ms_min:
            return None
        return f"the lease of {self._account} has {left_ms} ms left, too few to send by"

    async def take(self) -> None:
        """Become the leader. Waits for the lease of a holder that is gone to be over.

        Raises ``Occupied`` when the other one lives, ``BusUnreachable``.
        """
        held = await self._hold()
        shortest_ms = held.left_ms
        while held.who != self._who:
            await self._clock.sleep_until(self._clock.now_ms() + LOOK_EVERY_MS)
            held = await self._hold()
            if held.who != self._who and held.left_ms > shortest_ms:
                raise Occupied(_occupied(self._account, held.holder))
            shortest_ms = min(shortest_ms, held.left_ms)
        if held.before not in (None, self._who):
            await self._let_settle()

    async def run(self) -> NoReturn:
        """Renew for ever. Raises ``Fenced`` when somebody else has the lease.

        While there is no answer the lease runs out, and nothing can be sent; whoever then gets an
        answer first has it.
        """
        while True:
            now_ms = self._clock.now_ms()
            pause_ms = self._rules.renew_ms
            try:
                held = await self._hold()
            except BusUnreachable as error:
                _log.warning("the lease was not renewed", left_ms=self.left_ms(), reason=str(error))
                pause_ms = LOOK_EVERY_MS
            else:
                if held.who != self._who:
                    raise Fenced(_occupied(self._account, held.holder))
            progress.made()
            await self._clock.sleep_until(now_ms + pause_ms)

    async def _hold(self) -> Held:
        asked_ms = self._clock.now_ms()
        held = await self._leases.hold(self._account, self._who, self._holder, self._rules.ttl_ms)
        # Counted from before the question, so that ours is over before the store's.
        self._until_ms = asked_ms + self._rules.ttl_ms if held.who == self._who else 0
        return held

    async def _let_settle(self) -> None:
        """What the one before us signed at the end of its lease may still be taken; wait for that.

        The lease is renewed afterwards.
        """
        _log.warning(
            "another instance led this account before; waiting for what it may have sent",
            account=self._account,
            wait_ms=self._rules.settle_ms,
        )
        await self._clock.sleep_until(self._clock.now_ms() + self._rules.settle_ms)
        held = await self._hold()
        if held.who != self._who:
            raise Occupied(_occupied(self._account, held.holder))


def _occupied(account: str, holder: Holder) -> str:
    return (
        f"{account} is traded by process {holder.pid} on {holder.host} "
        f"since {holder.since}; two instances would trade against each other"
    )
