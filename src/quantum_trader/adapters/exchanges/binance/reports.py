"""From what the venue says, by stream or by REST, to what the exchange door reports.

Every report has a key, the same whichever way it came, by which it is told once. Its number is
given later, by the log.
"""

from collections.abc import Iterator
from decimal import Decimal

import msgspec

from quantum_trader.adapters.exchanges.binance.answers import (
    AlgoRow,
    IncomeRow,
    OrderRow,
    RateRow,
    TradeRow,
    amount,
    order_id_of,
    positive,
)
from quantum_trader.adapters.exchanges.binance.events import AlgoEvent, OrderState
from quantum_trader.adapters.exchanges.binance.identity import Conditional, cause_of
from quantum_trader.core.errors import Malformed
from quantum_trader.core.events.orders import FillCause
from quantum_trader.core.units import MONEY_STEP, ZERO
from quantum_trader.core.venue import (
    AnyVenueUpdate,
    VenueCancel,
    VenueFill,
    VenueFunding,
    VenueReject,
    VenueTrigger,
)

Key = tuple[str, str, int | str]
REFUSED_AT_TRIGGER = -2010
"""The venue gives words, and no code, for a conditional order that it refuses at its trigger."""
ENDED = frozenset({"CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"})
TRADES_IN = frozenset({"TRADE", "CALCULATED"})
QUIET = frozenset({"NEW", "AMENDMENT"})
"""What happens to a regular order without a trade or an end."""
TRIGGERED = frozenset({"TRIGGERING", "TRIGGERED", "FINISHED"})
NO_REASON = frozenset({None, "", "0", 0})
QTY_STEP = Decimal("0.00000001")


class Told(msgspec.Struct, frozen=True):
    """A report without its number, and what it is told once by."""

    key: Key
    update: AnyVenueUpdate


class Unfamiliar(Exception):
    """Something new may have happened to an order: the venue must be asked what."""


def of_order(state: OrderState, name: str, fee_usd: Decimal) -> Iterator[Told]:
    """What an order event reports under the order's first name.

    Raises ``Malformed``, and ``Unfamiliar`` for what this venue never did before.
    """
    if state.X == "REJECTED":
        yield _rejected(state.s, name, ("end", state.s, state.i), "rejected by the venue", state.T)
    elif state.x in TRADES_IN:
        if amount("l", state.l) > ZERO:
            yield _filled(state, name, fee_usd)
    elif state.X in ENDED:
        why = state.X.lower().replace("_", " ")
        reason = why if state.er in NO_REASON else f"{why} by the venue (reason {state.er})"
        yield _canceled(state.s, name, ("end", state.s, state.i), reason, state.T)
    elif state.x not in QUIET:
        raise Unfamiliar(f"execution type {state.x} of {name}")


def of_algo(event: AlgoEvent, found: Conditional) -> Iterator[Told]:
    """What an event of a conditional order reports. Raises like ``of_order``."""
    state = event.o
    end: Key = ("algo-end", state.s, state.aid)
    if state.X in TRIGGERED:
        yield trigger_of(found, state.s, state.tt or event.T)
    elif state.X in ENDED:
        reason = f"{state.X.lower()}: {state.rm}" if state.rm else state.X.lower()
        yield _canceled(state.s, found.name, end, reason, event.T)
    elif state.X == "REJECTED":
        reason = state.rm or "refused at its trigger"
        yield _rejected(state.s, found.name, end, reason, event.T)
    elif state.X != "NEW":
        raise Unfamiliar(f"state {state.X} of the conditional order {found.name}")


def trigger_of(found: Conditional, symbol: str, at_ms: int) -> Told:
    """A conditional order met its trigger."""
    return Told(
        ("trigger", symbol, found.algo_id),
        VenueTrigger(
            seq=0,
            at_ms=at_ms,
            symbol=symbol,
            client_order_id=found.name,
            trigger_price=positive("triggerPrice", found.trigger_price),
        ),
    )


def of_order_row(row: OrderRow, name: str) -> Iterator[Told]:
    """How a regular order ended without a (further) fill, if it did; trades are asked for apart."""
    key: Key = ("end", row.symbol, row.order_id)
    if row.status in ENDED:
        reason = row.status.lower().replace("_", " ")
        yield _canceled(row.symbol, name, key, reason, row.update_time)
    elif row.status == "REJECTED":
        yield _rejected(row.symbol, name, key, "rejected by the venue", row.update_time)


def of_algo_row(row: AlgoRow) -> Iterator[Told]:
    """What became of a conditional order. Raises ``Malformed``."""
    found = Conditional(row.client_algo_id, row.algo_id, row.trigger_price)
    key: Key = ("algo-end", row.symbol, row.algo_id)
    if row.algo_status in TRIGGERED or order_id_of(row.actual_order_id) is not None:
        yield trigger_of(found, row.symbol, row.trigger_time or row.update_time)
    if row.algo_status in ENDED:
        reason = row.algo_status.lower()
        yield _canceled(row.symbol, found.name, key, reason, row.update_time)
    elif row.algo_status == "REJECTED":
        yield _rejected(row.symbol, found.name, key, "refused at its trigger", row.update_time)


def of_trade_row(row: TradeRow, name: str, fee_usd: Decimal, *, done: bool) -> Told:
    """One trade; ``done`` when it was the last one of its order. Raises ``Malformed``."""
    return Told(
        ("trade", row.symbol, row.id),
        VenueFill(
            seq=0,
            at_ms=row.time,
            symbol=row.symbol,
            client_order_id=name,
            trade_id=str(row.id),
            side=row.side,
            qty=positive("qty", row.qty),
            price=positive("price", row.price),
            fee_usd=fee_usd,
            liquidity="maker" if row.maker else "taker",
            cause=cause_of(name),
            done=done,
        ),
    )


def of_income(row: IncomeRow, rate: RateRow) -> Told:
    """A funding settlement: the money from the income, rate and mark from the settlement itself.

    The quantity is what explains the payment: a long pays quantity times mark times rate.
    """
    payment_usd = amount("income", row.income)
    rate_frac = amount("fundingRate", rate.funding_rate)
    mark = positive("markPrice", rate.mark_price)
    share = rate_frac * mark
    qty = ZERO if share == ZERO else _rounded("income", -payment_usd / share, QTY_STEP)
    return Told(
        ("funding", row.symbol, str(row.tran_id)),
        VenueFunding(
            seq=0,
            at_ms=row.time,
            symbol=row.symbol,
            client_order_id="",
            rate_frac=rate_frac,
            mark=mark,
            qty=qty,
            payment_usd=payment_usd,
        ),
    )


def fee_of(commission: Decimal, price_usd: Decimal, *, maker: bool) -> Decimal:
    """A commission in dollars, positive when paid.

    The venue writes it with either sign; whoever takes liquidity always pays.
    """
    paid_usd = amount("commission", commission) * price_usd
    fee_usd = _rounded("commission", paid_usd, MONEY_STEP)
    return fee_usd if maker else abs(fee_usd)


def _rounded(field: str, value: Decimal, step: Decimal) -> Decimal:
    """A number on a grid. Raises ``Malformed`` for one that is too large to have a place there."""
    try:
        return value.quantize(step)
    except ArithmeticError:
        raise Malformed(field, value, "a number that can be booked") from None


def _filled(state: OrderState, name: str, fee_usd: Decimal) -> Told:
    if state.t <= 0:
        raise Malformed("trade id", state.t, "a number above zero")
    asked, traded = positive("q", state.q), positive("z", state.z)
    return Told(
        ("trade", state.s, state.t),
        VenueFill(
            seq=0,
            at_ms=state.T,
            symbol=state.s,
            client_order_id=name,
            trade_id=str(state.t),
            side=state.S,
            qty=positive("l", state.l),
            price=positive("L", state.L),
            fee_usd=fee_usd,
            liquidity="maker" if state.m else "taker",
            cause=_cause(state, name),
            done=state.X == "FILLED" or traded >= asked,
        ),
    )


def _cause(state: OrderState, name: str) -> FillCause:
    """The venue's names say it; a trade it calculated for itself is a liquidation or an ADL."""
    cause = cause_of(name)
    if cause == "order" and state.x == "CALCULATED":
        return "adl" if state.X == "NEW_ADL" else "liquidation"
    return cause


def _canceled(symbol: str, name: str, key: Key, reason: str, at_ms: int) -> Told:
    return Told(
        key,
        VenueCancel(seq=0, at_ms=at_ms, symbol=symbol, client_order_id=name, reason=reason),
    )


def _rejected(symbol: str, name: str, key: Key, reason: str, at_ms: int) -> Told:
    code = REFUSED_AT_TRIGGER
    update = VenueReject(
        seq=0, at_ms=at_ms, symbol=symbol, client_order_id=name, code=code, reason=reason
    )
    return Told(key, update)
