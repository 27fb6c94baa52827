"""Facts on their way into the journal: a real fill takes the place of one that was inferred."""

from collections.abc import Sequence

from quantum_trader.core.books.told import replacing
from quantum_trader.core.events import Fact, OrderCanceled, OrderFilled
from quantum_trader.ports import Journal

BOOKED_BEFORE = "its trades were inferred before they were told"


def record(journal: Journal, facts: Sequence[Fact], venue_seq: int | None) -> int:
    """Record facts, and with the last of them the cursor; how many were new.

    Where a fill of their symbol was inferred they go one by one, for each of them may replace a
    part of it. What was recorded before is known by its name, so a repeat changes nothing.
    """
    if not any(_may_replace(journal, fact) for fact in facts):
        return journal.conclude(facts, venue_seq=venue_seq)
    new = 0
    for fact in facts:
        pieces = _pieces(journal, fact) if isinstance(fact, OrderFilled) else [fact]
        new += journal.conclude(pieces, venue_seq=None)
    journal.conclude((), venue_seq=venue_seq)
    return new


def _may_replace(journal: Journal, fact: Fact) -> bool:
    if not isinstance(fact, OrderFilled):
        return False
    told = journal.books().get(fact.symbol)
    return told is not None and bool(told.inferred)


def _pieces(journal: Journal, fact: OrderFilled) -> list[Fact]:
    """A fill as corrections of what was inferred, and what goes beyond them.

    An order of ours that ends with it ends so, for a correction is nothing an order could do.
    """
    if fact.cause == "inferred" or journal.is_recorded(fact.id) or not _may_replace(journal, fact):
        return [fact]
    pieces = replacing(fact, journal.books()[fact.symbol].inferred)
    if fact.plan_id and fact.done and not isinstance(pieces[-1], OrderFilled):
        pieces.append(_ended(fact))
    return pieces


def _ended(fact: OrderFilled) -> OrderCanceled:
    return OrderCanceled(
        id=f"{fact.account}:{fact.symbol}:{fact.client_order_id}:canceled",
        at_ms=fact.at_ms,
        trace_id=fact.trace_id,
        account=fact.account,
        plan_id=fact.plan_id,
        role=fact.role,
        symbol=fact.symbol,
        client_order_id=fact.client_order_id,
        reason=BOOKED_BEFORE,
    )
