"""What the venue has told of a symbol, fill by fill; and fills that were inferred in their absence.

The position must be what its fills add up to. Where it is not, a trade has not been told: it is
asked for, and when nobody knows it, inferred, until the real one comes and takes its place.
"""

from collections.abc import Sequence
from decimal import Decimal
from hashlib import sha256

import msgspec

from quantum_trader.core.events import Fact, FillCorrected, OrderFilled
from quantum_trader.core.units import ZERO, OrderSide

INFERRED_PREFIX = "inferred-"
INFERRED_CHARS = 20


class Inferred(msgspec.Struct, frozen=True):
    """What is left of an inferred fill; ``qty`` is signed."""

    trade_id: str
    qty: Decimal
    price: Decimal


class Told(msgspec.Struct):
    """One symbol: the sum of its fills, signed, when the first and last of them was, and which of
    them were inferred and not replaced yet, oldest first.
    """

    qty: Decimal = ZERO
    first_ms: int = 0
    last_ms: int = 0
    last_id: str = ""
    last_price: Decimal | None = None
    inferred: tuple[Inferred, ...] = ()


class ToldBooks:
    """All symbols of an account, as a fold of facts."""

    def __init__(self) -> None:
        self.symbols: dict[str, Told] = {}

    def take(self, fact: Fact) -> None:
        """Fold one fact; each must come once."""
        if isinstance(fact, OrderFilled):
            self._filled(fact)
        elif isinstance(fact, FillCorrected):
            told = self.symbols[fact.symbol]
            told.inferred = _without(told.inferred, fact.replaces, signed(fact.side, fact.qty))

    def _filled(self, fact: OrderFilled) -> None:
        told = self.symbols.setdefault(fact.symbol, Told(first_ms=fact.at_ms))
        qty = signed(fact.side, fact.qty)
        told.qty += qty
        told.last_ms = max(told.last_ms, fact.at_ms)
        told.last_id, told.last_price = fact.id, fact.price
        if fact.cause == "inferred":
            told.inferred = (*told.inferred, Inferred(fact.trade_id, qty, fact.price))


def signed(side: OrderSide, qty: Decimal) -> Decimal:
    """A quantity with the sign of what it does to a position."""
    return qty if side == "BUY" else -qty


def infer(told: Told, symbol: str, venue_qty: Decimal, price: Decimal, at: Fact) -> OrderFilled:
    """The fill that must have been, named by what it explains; ``at`` lends it account and time.

    The same difference after the same last fill has the same name, however often it is found.
    """
    missing = venue_qty - told.qty
    purpose = f"{symbol}|{told.last_id}|{told.qty}|{venue_qty}"
    name = INFERRED_PREFIX + sha256(purpose.encode()).hexdigest()[:INFERRED_CHARS]
    return OrderFilled(
        id=f"{at.account}:{symbol}:t{name}",
        at_ms=at.at_ms,
        trace_id="",
        account=at.account,
        plan_id="",
        role="exit",
        symbol=symbol,
        client_order_id=name,
        trade_id=name,
        side="BUY" if missing > 0 else "SELL",
        qty=abs(missing),
        price=price,
        fee_usd=ZERO,
        liquidity="taker",
        cause="inferred",
        done=True,
    )


def replacing(fact: OrderFilled, inferred: Sequence[Inferred]) -> list[Fact]:
    """A real fill, as what it means after fills of its symbol were inferred.

    What an inferred fill the same way has booked already is corrected, and not added again; only
    what goes beyond that is a fill. The first piece has the name of the trade, so that the trade
    is known when it is told again, and pays its fee.
    """
    left = fact.qty
    pieces: list[Fact] = []
    for one in inferred:
        qty = min(left, abs(one.qty))
        if qty and (one.qty > 0) == (fact.side == "BUY"):
            pieces.append(_corrected(fact, one, qty, len(pieces)))
            left -= qty
    if not pieces:
        return [fact]
    if left:
        rest = msgspec.structs.replace(fact, id=f"{fact.id}:rest", qty=left, fee_usd=ZERO)
        pieces.append(rest)
    return pieces


def _corrected(fact: OrderFilled, one: Inferred, qty: Decimal, before: int) -> FillCorrected:
    return FillCorrected(
        id=fact.id if not before else f"{fact.id}:{before}",
        at_ms=fact.at_ms,
        trace_id=fact.trace_id,
        account=fact.account,
        symbol=fact.symbol,
        trade_id=fact.trade_id,
        replaces=one.trade_id,
        side=fact.side,
        qty=qty,
        price=fact.price,
        inferred_price=one.price,
        fee_usd=ZERO if before else fact.fee_usd,
    )


def _without(inferred: Sequence[Inferred], trade_id: str, qty: Decimal) -> tuple[Inferred, ...]:
    """What is left once ``qty`` of one was replaced."""
    left = [
        msgspec.structs.replace(one, qty=one.qty - qty) if one.trade_id == trade_id else one
        for one in inferred
    ]
    return tuple([one for one in left if one.qty])
