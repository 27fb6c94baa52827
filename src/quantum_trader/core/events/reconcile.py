"""What the venue shows when it is asked, and what was done where the books said otherwise."""

from decimal import Decimal
from typing import Literal

import msgspec

from quantum_trader.core.events.base import Fact
from quantum_trader.core.events.orders import OrderKind
from quantum_trader.core.units import OrderSide

ReconcileKind = Literal[
    "ADOPT",
    "PROTECT",
    "CANCEL_ORPHAN",
    "FORGET",
    "BOOK_EXTERNAL",
    "SHRINK_EXITS",
    "QUARANTINE",
    "RELEASE",
    "ALERT",
]


class SeenPosition(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A position as the venue shows it; ``qty`` is signed."""

    symbol: str
    qty: Decimal
    entry_price: Decimal
    mark: Decimal
    leverage: int
    isolated: bool


class SeenOrder(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An order at rest as the venue shows it: ``qty`` is left of it, ``price`` limit or trigger."""

    symbol: str
    client_order_id: str
    side: OrderSide
    kind: OrderKind
    qty: Decimal
    price: Decimal | None
    reduces: bool


class AccountSeen(Fact, frozen=True, kw_only=True, tag="account.seen", gc=False):
    """Two looks at the venue's account, the first at ``first_ms``, that agree.

    ``unsettled`` are symbols about which they do not, or with something of ours under way: nothing
    is known of these. ``doubted`` are those of which an order has been in doubt for longer than
    a proof takes. ``found`` are how many trades of a symbol came to light by asking. ``strangers``
    are orders named as ours are that appeared lately, and that nobody here placed. ``wallet_usd``
    is without unrealised profit; None in facts of before.
    """

    first_ms: int
    positions: tuple[SeenPosition, ...]
    orders: tuple[SeenOrder, ...]
    unsettled: tuple[str, ...]
    doubted: tuple[str, ...]
    found: dict[str, int]
    hedge_mode: bool
    strangers: tuple[str, ...] = ()
    wallet_usd: Decimal | None = None


class Reconciled(Fact, frozen=True, kw_only=True, tag="reconciled", gc=False):
    """Books and venue differed, or agree again, and what was done; ``why`` has both numbers.

    ``symbol`` is empty for what is about the whole account.
    """

    kind: ReconcileKind
    symbol: str
    plan_id: str
    client_order_id: str
    why: str


class CloseReconciled(Fact, frozen=True, kw_only=True, tag="reconcile.closed", gc=False):
    """A difference between books and venue ends in a close: what stands cannot be protected."""

    symbol: str
    plan_id: str
    qty: Decimal
    reason: str


class FillCorrected(Fact, frozen=True, kw_only=True, tag="fill.corrected", gc=False):
    """The real trade behind a fill that had been inferred: it replaces it and adds nothing.

    ``replaces`` is the trade id of the inferred one, ``inferred_price`` what was assumed. The
    position was right already; the money is put right now.
    """

    symbol: str
    trade_id: str
    replaces: str
    side: OrderSide
    qty: Decimal
    price: Decimal
    inferred_price: Decimal
    fee_usd: Decimal
