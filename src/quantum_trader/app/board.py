"""The trader's board: what it shows of its books to readers without a group.

A projection, committed together with what it is about, so that it never says more or less than
the streams beside it. Nothing in the system decides by it.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from quantum_trader.core.books.ledger import WalletGap
from quantum_trader.core.books.position import FLAT, Position, unrealized_usd
from quantum_trader.core.events import Fact
from quantum_trader.core.events.ops import KillLevel
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.state import TraderState
from quantum_trader.core.units import ZERO, Side, side_of

PROJECTION = "trader"
HEAD = "head"
REFRESH_MS = 1_000
"""How old what is shown of a market may become while nothing else happens."""


class Target(msgspec.Struct, frozen=True):
    """A harvest order at rest."""

    leg: int
    price: Decimal
    qty: Decimal


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A position, or an entry on its way (``qty`` 0). None is missing, times are the market's.

    ``stop_price`` is confirmed at the venue; ``stop_sent`` is on its way there. While
    ``naked_since_ms`` is set no confirmed stop covers all of the position. ``stages`` of ``legs``
    targets were harvested. A position without a plan is not ours and has no stop.
    """

    symbol: str
    side: Side
    qty: Decimal
    entry_price: Decimal | None
    mark: Decimal | None
    mark_ms: int | None
    unrealized_usd: Decimal | None
    plan_id: str | None = None
    trace_id: str = ""
    strategy: str = ""
    leverage: int | None = None
    opened_ms: int | None = None
    stop_price: Decimal | None = None
    stop_sent: Decimal | None = None
    naked_since_ms: int | None = None
    targets: tuple[Target, ...] = ()
    stages: int = 0
    legs: int = 0
    risk_usd: Decimal | None = None
    closing: str | None = None

    @property
    def protected(self) -> bool:
        """A confirmed stop covers all of it."""
        return self.stop_price is not None and self.naked_since_ms is None


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """The account as the books have it at ``at_ms``, the trader's own time.

    ``deposit_usd`` is what was paid in, less what was taken out; ``wallet_gap`` what the venue's
    wallet has that the books have not. ``venue_ms`` is when the venue's own view was last seen.
    Symbols in quarantine and alerts come with why; no entry is taken there, or anywhere.
    """

    at_ms: int
    account: str
    wallet_usd: Decimal
    deposit_usd: Decimal
    kill_level: KillLevel
    safe_drain: bool
    venue_ms: int | None = None
    quarantined: dict[str, str] = {}
    alerts: dict[str, str] = {}
    wallet_gap: WalletGap | None = None


class Posted(msgspec.Struct, frozen=True):
    """What is on the board. ``head`` is None before the trader's first rules and second."""

    head: Head | None
    held: tuple[Held, ...]


_encode = msgspec.json.Encoder().encode
_head = msgspec.json.Decoder(Head)
_held = msgspec.json.Decoder(Held)


class Board:
    """Writes the projection: what a batch touched at once, everything once a second."""

    def __init__(self) -> None:
        self._written_ms = -REFRESH_MS

    def __call__(
        self, state: TraderState, said: Sequence[Fact]
    ) -> Mapping[str, Mapping[str, bytes | None]]:
        """The hash fields that may have changed; one per symbol, and the head."""
        if state.rules is None or not state.now_ms:
            return {}  # Before the first second nobody could say how old it is.
        if state.now_ms - self._written_ms >= REFRESH_MS:
            self._written_ms = state.now_ms
            symbols: Iterable[str] = state.markets
        else:
            symbols = dict.fromkeys(
                symbol for fact in said if (symbol := getattr(fact, "symbol", None))
            )
        fields: dict[str, bytes | None] = {symbol: _row(state, symbol) for symbol in symbols}
        fields[HEAD] = _encode(_head_of(state))
        return {PROJECTION: fields}


def read(fields: Mapping[str, bytes]) -> Posted:
    """The board as it was written."""
    head = fields.get(HEAD)
    rows = [_held.decode(row) for symbol, row in sorted(fields.items()) if symbol != HEAD]
    return Posted(None if head is None else _head.decode(head), tuple(rows))


def equity_usd(posted: Posted) -> Decimal | None:
    """Wallet and open profit; None while a position has no mark."""
    if posted.head is None:
        return None
    total_usd = posted.head.wallet_usd
    for held in posted.held:
        if held.unrealized_usd is None:
            return None
        total_usd += held.unrealized_usd
    return total_usd


def _head_of(state: TraderState) -> Head:
    return Head(
        at_ms=state.now_ms,
        account=state.account,
        wallet_usd=state.ledger.wallet_usd,
        deposit_usd=state.ledger.paid_in_usd,
        kill_level=state.kill_level,
        safe_drain=state.safe_drain,
        venue_ms=state.venue_ms or None,
        quarantined=state.quarantined,
        alerts=state.alerts,
        wallet_gap=state.wallet_gap,
    )


def _row(state: TraderState, symbol: str) -> bytes | None:
    """One symbol's field; None when there is nothing to show any more."""
    plan_id = state.plan_of.get(symbol)
    plan = None if plan_id is None else state.plans[plan_id]
    position = state.positions.get(symbol, FLAT)
    if plan is None and not position.qty:
        return None
    mark = state.mark_of(symbol)
    return _encode(
        Held(
            symbol=symbol,
            side=side_of(position.qty) if plan is None else plan.made.side,
            qty=position.qty,
            entry_price=position.entry_price,
            mark=mark,
            mark_ms=None if mark is None else state.markets[symbol].mark_ms,
            unrealized_usd=_open_profit(position, mark),
            **({} if plan is None else _of_plan(plan)),
        )
    )


def _open_profit(position: Position, mark: Decimal | None) -> Decimal | None:
    if not position.qty:
        return ZERO
    return None if mark is None else unrealized_usd(position, mark)


def _of_plan(plan: Plan) -> dict[str, Any]:
    made = plan.made
    sent = next(reversed(plan.next_stops.values()), None)
    return {
        "plan_id": made.plan_id,
        "trace_id": made.trace_id,
        "strategy": made.strategy,
        "leverage": made.leverage,
        "opened_ms": plan.opened_ms or None,
        "stop_price": None if plan.stop is None else plan.stop.price,
        "stop_sent": None if sent is None else sent.price,
        "naked_since_ms": plan.naked_since_ms,
        "targets": tuple(
            Target(one.leg, one.price, one.qty)
            for one in sorted(plan.targets.values(), key=lambda one: one.leg)
        ),
        "stages": plan.stage,
        "legs": len(made.legs),
        "risk_usd": made.risk_usd,
        "closing": plan.exit_reason,
    }
