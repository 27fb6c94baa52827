"""Regular orders: placed, changed and canceled."""

from collections.abc import Callable
from decimal import Decimal
from typing import cast

import msgspec

from quantum_trader.app.venue.account import Account
from quantum_trader.app.venue.asked import (
    RESPONSES,
    closes_side,
    leg_name,
    matched_price,
    read_client_id,
    read_terms,
)
from quantum_trader.app.venue.booking import settle
from quantum_trader.app.venue.events import Execution, order_update
from quantum_trader.app.venue.hall import Hall
from quantum_trader.app.venue.params import Params
from quantum_trader.app.venue.refusals import Refused, refuse
from quantum_trader.app.venue.shapes import Row, canceled_order, placed_order
from quantum_trader.app.venue.ticket import Terms, Ticket
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.matching.orders import cancel, place
from quantum_trader.core.matching.taking import Force
from quantum_trader.core.matching.triggers import CONDITIONAL_KINDS
from quantum_trader.core.venue import Rejected

BATCH_MAX = 5
OPEN_MAX = 200
NEITHER = "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!"

_batch = msgspec.json.Decoder(list[dict[str, str | int | float | bool | None]])


def new_order(hall: Hall, account: Account, params: Params) -> Row:
    """POST order, for types without a trigger. Answers as the client asked, ACK or RESULT."""
    if params.maybe("type") in CONDITIONAL_KINDS:
        refuse(-4120)
    answer = params.choice("newOrderRespType", RESPONSES, -1136, "ACK")
    given = read_client_id(params, "newClientOrderId")
    name = given or f"auto-{hall.counters.orders + 1}"
    terms = read_terms(hall, account, params, name)
    if params.flag("closePosition"):
        refuse(-4136, terms.kind)
    check_client_id(account, name)
    if len(account.open_tickets(terms.symbol)) >= OPEN_MAX:
        raise Refused(-2025, "Reach max open order limit.")
    ticket = Ticket(
        order_id=hall.counters.orders + 1,
        terms=terms,
        first_kind=terms.kind,
        created_ms=hall.at_ms,
        updated_ms=hall.at_ms,
    )
    as_new = placed_order(hall, ticket)
    enter(hall, account, ticket)
    return placed_order(hall, ticket) if answer == "RESULT" else as_new


def check_client_id(account: Account, name: str) -> None:
    """Refuse with -4116 what an open order, regular or conditional, is already called."""
    known = account.by_client.get(name)
    waiting = account.algo_by_client.get(name)
    if (known is not None and known.is_open) or (waiting is not None and waiting.is_open):
        refuse(-4116)


def enter(hall: Hall, account: Account, ticket: Ticket) -> None:
    """Give an order to the desk, and book what it did. Refuses in the desk's words."""
    check_open(hall, ticket.terms)
    placement = place(account.desk, _request(ticket, ticket.terms.qty), _force(ticket))
    if isinstance(placement, Rejected):
        settle(hall, account)
        _refuse_as(placement)
    hall.counters.orders = max(hall.counters.orders, ticket.order_id)
    account.remember(ticket)
    digits = hall.catalog.digits[ticket.terms.symbol]
    account.said.append(order_update(ticket, Execution(kind="NEW"), digits, hall.at_ms))
    settle(hall, account)


def check_open(hall: Hall, terms: Terms) -> None:
    """Refuse what a halted symbol does not take."""
    if hall.boards[terms.symbol].halted:
        raise Refused(-4141, "Symbol is closed.")


def _refuse_as(placement: Rejected) -> None:
    if placement.code in (-5021, -5022):
        refuse(placement.code)
    raise Refused(placement.code, placement.reason)


def _force(ticket: Ticket) -> Force:
    force = ticket.terms.force
    return "GTC" if force == "GTE_GTC" or ticket.terms.kind == "MARKET" else cast(Force, force)


def _request(ticket: Ticket, qty: Decimal) -> OrderRequest:
    terms = ticket.terms
    return OrderRequest(
        client_order_id=str(ticket.order_id),
        symbol=leg_name(terms),
        side=terms.side,
        kind="LIMIT" if terms.kind == "LIMIT" else "MARKET",
        qty=qty,
        price=terms.price if terms.kind == "LIMIT" else None,
        trigger_price=None,
        reduce_only=terms.reduce_only or closes_side(terms),
    )


def cancel_one(hall: Hall, account: Account, params: Params) -> Row:
    """DELETE order. Refuses with -2011 what is not open."""
    ticket = _open_ticket(hall, account, params)
    withdraw(hall, account, ticket)
    return canceled_order(hall, ticket)


def _open_ticket(hall: Hall, account: Account, params: Params) -> Ticket:
    symbol = params.symbol(hall.catalog.rows)
    order_id, name = params.maybe_whole("orderId"), params.maybe("origClientOrderId")
    if order_id is None and name is None:
        raise Refused(-1102, NEITHER)
    try:
        ticket = account.ticket(symbol, order_id, name)
    except Refused:
        refuse(-2011)
    if not ticket.is_open:
        refuse(-2011)
    return ticket


def withdraw(hall: Hall, account: Account, ticket: Ticket, expired: bool = False) -> None:
    """Take an open order out of the book, at somebody's wish or because its time has come."""
    cancel(account.desk, leg_name(ticket.terms), str(ticket.order_id))
    settle(hall, account, "EXPIRED" if expired else "CANCELED")


def cancel_all(hall: Hall, account: Account, params: Params) -> Row:
    """DELETE allOpenOrders: every regular order of a symbol."""
    for ticket in account.open_tickets(params.symbol(hall.catalog.rows)):
        withdraw(hall, account, ticket)
    return {"code": 200, "msg": "The operation of cancel all open order is done."}


def modify(hall: Hall, account: Account, params: Params) -> Row:
    """PUT order: another quantity or price for a limit order, which keeps its number."""
    ticket = _open_ticket(hall, account, params)
    terms = ticket.terms
    match = params.maybe("priceMatch") or "NONE"
    if match == "NONE":
        price = params.number("price")
    else:
        price = matched_price(hall, terms.symbol, terms.side, match)
    qty = params.number("quantity")
    if (qty, price) == (terms.qty, terms.price):
        refuse(-5027)
    if qty <= ticket.filled_qty:
        withdraw(hall, account, ticket)
        return placed_order(hall, ticket)
    _replace(hall, account, ticket, msgspec.structs.replace(terms, qty=qty, price=price))
    return placed_order(hall, ticket)


def _replace(hall: Hall, account: Account, ticket: Ticket, terms: Terms) -> None:
    desk, before = account.desk, ticket.terms
    cancel(desk, leg_name(before), str(ticket.order_id))
    desk.updates.pop()
    ticket.terms = terms
    placement = place(desk, _request(ticket, terms.qty - ticket.filled_qty), _force(ticket))
    if isinstance(placement, Rejected):
        ticket.terms = before
        # It rested until now; with the same terms it may rest again.
        place(desk, _request(ticket, before.qty - ticket.filled_qty), _force(ticket))
        settle(hall, account)
        _refuse_as(placement)
    ticket.updated_ms = hall.at_ms
    digits = hall.catalog.digits[terms.symbol]
    account.said.append(order_update(ticket, Execution(kind="AMENDMENT"), digits, hall.at_ms))
    settle(hall, account)


Operation = Callable[[Hall, Account, Params], Row]


def _each(operation: Operation, hall: Hall, account: Account, rows: list[Params]) -> list[Row]:
    answers: list[Row] = []
    for params in rows:
        try:
            answers.append(operation(hall, account, params))
        except Refused as refused:
            answers.append(refused.body())
    return answers


def _read_batch(params: Params) -> list[Params]:
    try:
        rows = _batch.decode(params.text("batchOrders"))
    except msgspec.DecodeError:
        raise Refused(-1130, "Data sent for parameter 'batchOrders' is not valid.") from None
    if not 1 <= len(rows) <= BATCH_MAX:
        raise Refused(-4083, "Batch orders size is limited to 5.")
    return [Params({name: _text(value) for name, value in row.items()}) for row in rows]


def _text(value: str | float | bool | None) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)


def new_batch(hall: Hall, account: Account, params: Params) -> list[Row]:
    """POST batchOrders: up to five, each with its own answer."""
    return _each(new_order, hall, account, _read_batch(params))


def modify_batch(hall: Hall, account: Account, params: Params) -> list[Row]:
    """PUT batchOrders."""
    return _each(modify, hall, account, _read_batch(params))


def cancel_batch(hall: Hall, account: Account, params: Params) -> list[Row]:
    """DELETE batchOrders, by numbers or by the client's names."""
    symbol = params.symbol(hall.catalog.rows)
    by_number = params.maybe("orderIdList") is not None
    name = "orderIdList" if by_number else "origClientOrderIdList"
    try:
        listed = msgspec.json.decode(params.text(name), type=list[int | str])
    except msgspec.DecodeError:
        raise Refused(-1130, f"Data sent for parameter '{name}' is not valid.") from None
    if not 1 <= len(listed) <= 2 * BATCH_MAX:
        raise Refused(-4083, "Batch orders size is limited to 10.")
    field = "orderId" if by_number else "origClientOrderId"
    rows = [Params({"symbol": symbol, field: str(one)}) for one in listed]
    return _each(cancel_one, hall, account, rows)


def countdown(hall: Hall, account: Account, params: Params) -> Row:
    """POST countdownCancelAll: the dead man's switch of a symbol; zero takes it away."""
    symbol = params.symbol(hall.catalog.rows)
    wait_ms = params.whole("countdownTime")
    account.records.countdowns.pop(symbol, None)
    if wait_ms > 0:
        account.records.countdowns[symbol] = hall.counters.wall_ms + wait_ms
    return {"symbol": symbol, "countdownTime": str(wait_ms)}
