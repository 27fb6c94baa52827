"""From events of the user stream to reports: whose order it is, what it paid, what it means."""

import asyncio
from collections.abc import Hashable, Sequence
from decimal import Decimal

import msgspec
import structlog

from quantum_trader.adapters.exchanges.binance import answers
from quantum_trader.adapters.exchanges.binance.answers import amount, order_id_of
from quantum_trader.adapters.exchanges.binance.events import (
    AccountEvent,
    AlgoEvent,
    Event,
    LiteEvent,
    MarginCallEvent,
    OrderEvent,
    OrderState,
    Unknown,
)
from quantum_trader.adapters.exchanges.binance.history import FUNDING, History
from quantum_trader.adapters.exchanges.binance.identity import Conditional, Identity
from quantum_trader.adapters.exchanges.binance.report_log import ReportLog
from quantum_trader.adapters.exchanges.binance.reports import (
    Told,
    fee_of,
    of_algo,
    of_order,
    trigger_of,
)
from quantum_trader.core.errors import InDoubt, Malformed, Unreachable
from quantum_trader.core.units import ONE, ZERO
from quantum_trader.core.venue import VenueFill, VenueFunding

FUNDING_PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""The income lags behind the event; it is asked for after each of these pauses."""
FUNDING_BACK_MS = 120_000

_log = structlog.get_logger()


class FundingDue(msgspec.Struct, frozen=True):
    """A settlement that the stream told of: when, and how the wallet changed."""

    at_ms: int
    change_usd: Decimal


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What an event came to: reports, what was heard of, what to count, what to look into."""

    told: Sequence[Told] = ()
    heard: Sequence[Hashable] = ()
    counts: Sequence[str] = ()
    funding: FundingDue | None = None


class Teller:
    """Reads events of one account."""

    def __init__(self, identity: Identity, history: History) -> None:
        self._identity = identity
        self._history = history
        self._strange: set[str] = set()

    async def take(self, event: Event) -> Taken:
        """What an event reports.

        Raises ``Malformed`` and ``Unfamiliar``, and what asking the venue about it raises.
        """
        match event:
            case OrderEvent():
                return await self._order(event.o)
            case AlgoEvent():
                return self._algo(event)
            case AccountEvent():
                return self._account(event)
            case LiteEvent():
                return Taken(counts=("repeated",))
            case MarginCallEvent():
                _log.error("the venue calls for margin: liquidation is near")
                return Taken(counts=("margin calls",))
            case Unknown():
                return self._unknown(event)
        return Taken()

    async def fund(self, due: FundingDue, log: ReportLog) -> bool:
        """Report a settlement from the income; False when the two do not agree in time."""
        for pause_s in FUNDING_PAUSES_S:
            await asyncio.sleep(pause_s)
            try:
                told = await self._history.funding(due.at_ms - FUNDING_BACK_MS)
            except (Unreachable, InDoubt) as error:
                _log.warning("a payment of funding cannot be asked for yet", reason=str(error))
                continue
            log.add(told)
            if _agrees(due, told):
                return True
        _log.error("funding: stream and income differ", at_ms=due.at_ms, usd=str(due.change_usd))
        return False

    async def _order(self, state: OrderState) -> Taken:
        name = await self._whose(state)
        fee_usd = await self._fee_usd(state)
        told = list(of_order(state, name, fee_usd))
        found = self._identity.conditional_of(state.i, state.c)
        if found is not None and any(isinstance(one.update, VenueFill) for one in told):
            # Its trigger may be told later; but it was before, and is reported so.
            told.insert(0, trigger_of(found, state.s, state.T))
        heard = [("order", name), ("trade", state.s, state.t)]
        return Taken(told=told, heard=heard, counts=() if told else ("quiet",))

    def _algo(self, event: AlgoEvent) -> Taken:
        state = event.o
        found = Conditional(state.caid, state.aid, state.tp)
        self._identity.note_conditional(found, order_id_of(state.ai))
        told = list(of_algo(event, found))
        return Taken(told=told, heard=[("order", found.name)], counts=() if told else ("quiet",))

    def _account(self, event: AccountEvent) -> Taken:
        if event.a.m != FUNDING:
            return Taken(counts=("quiet",))
        change_usd = sum((amount("bc", one.bc) for one in event.a.B if one.a == answers.USD), ZERO)
        return Taken(funding=FundingDue(event.T, change_usd), counts=("funding",))

    def _unknown(self, event: Unknown) -> Taken:
        if event.name not in self._strange and len(self._strange) < 100:
            self._strange.add(event.name)
            _log.warning("an event nobody here knows is left out", name=event.name[:40])
        return Taken(counts=(f"unknown: {event.name[:40]}",))

    async def _whose(self, state: OrderState) -> str:
        """The name an order was placed under; the venue is asked where only it can tell."""
        name = self._identity.name_of(state.i, state.c)
        if name is not None:
            return name
        await self._history.algos(state.s)
        name = self._identity.name_of(state.i, state.c)
        if name is None:
            self._identity.note_stranger(state.i, state.c)
        return name or state.c

    async def _fee_usd(self, state: OrderState) -> Decimal:
        """What a trade paid. A fee that is not told is asked for; another asset is converted."""
        if amount("l", state.l) == ZERO or state.t <= 0:
            return ZERO
        if state.n is not None and state.N == answers.USD:
            return fee_of(state.n, ONE, maker=state.m)
        if state.n is not None and state.N:
            price_usd = await self._history.price_usd(state.N)
            return fee_of(state.n, price_usd, maker=state.m)
        for row in await self._history.trades_of(state.s, state.i):
            if row.id == state.t:
                return await self._history.fee_usd(row)
        raise Malformed("n", state.n, "the fee of a trade")


def _agrees(due: FundingDue, told: Sequence[Told]) -> bool:
    """Whether the income holds the change: as one payment, or all that were made at that time."""
    paid = [one.update.payment_usd for one in told if isinstance(one.update, VenueFunding)]
    return due.change_usd in paid or sum(paid, ZERO) == due.change_usd
