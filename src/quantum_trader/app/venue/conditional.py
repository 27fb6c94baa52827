"""The algo service: orders that wait for a price, and become regular orders when it comes."""

from decimal import Decimal

import msgspec

from quantum_trader.app.venue.account import Account
from quantum_trader.app.venue.asked import closes_side, leg_name, read_client_id, read_terms
from quantum_trader.app.venue.booking import end_algo
from quantum_trader.app.venue.events import algo_update
from quantum_trader.app.venue.hall import Hall
from quantum_trader.app.venue.ordering import check_client_id, check_open, enter
from quantum_trader.app.venue.params import Params
from quantum_trader.app.venue.refusals import Refused, refuse
from quantum_trader.app.venue.shapes import Row, algo_order, legacy_order
from quantum_trader.app.venue.ticket import Algo, Terms, Ticket
from quantum_trader.core.matching.filters import price_fault, qty_fault
from quantum_trader.core.matching.triggers import (
    CONDITIONAL_KINDS,
    TARGETS,
    TRAILING,
    direction_of,
    is_active,
    is_met,
    trailed,
    trailing_trigger,
)
from quantum_trader.core.units import ZERO, decimal_of

OPEN_MAX = 200
CALLBACK_MIN, CALLBACK_MAX = Decimal("0.1"), Decimal(20)
WORKING = ("CONTRACT_PRICE", "MARK_PRICE")
CLOSING_KINDS = ("STOP_MARKET", "TAKE_PROFIT_MARKET")
LEGACY_NAMES = {
    "newClientOrderId": "clientAlgoId",
    "stopPrice": "triggerPrice",
    "activationPrice": "activatePrice",
}
NEITHER = "Param 'algoId' or 'clientAlgoId' must be sent, but both were empty/null!"


def new_algo(hall: Hall, account: Account, params: Params) -> Row:
    """POST algoOrder. Refuses with -2021 what would trigger at once, -4045 beyond 200."""
    if params.text("algoType") != "CONDITIONAL":
        raise Refused(-1102, "Mandatory parameter 'algoType' was not sent, or malformed.")
    if params.text("type") not in CONDITIONAL_KINDS:
        refuse(-1116)
    given = read_client_id(params, "clientAlgoId")
    name = given or f"auto-{hall.counters.algos + 1}"
    algo = _read(hall, account, params, read_terms(hall, account, params, name))
    check_client_id(account, name)
    _check(hall, account, algo)
    hall.counters.algos += 1
    account.remember_algo(algo)
    digits = hall.catalog.digits[algo.terms.symbol]
    account.said.append(algo_update(algo, digits, hall.at_ms))
    return algo_order(hall, algo)


def _read(hall: Hall, account: Account, params: Params, terms: Terms) -> Algo:
    trailing = terms.kind == TRAILING
    callback = params.number("callbackRate") if trailing else None
    if callback is not None and not CALLBACK_MIN <= callback <= CALLBACK_MAX:
        raise Refused(-2007, "Invalid callBack rate.")
    closes = params.flag("closePosition")
    if closes and terms.kind not in CLOSING_KINDS:
        refuse(-4136, terms.kind)
    changes: dict[str, object] = {"force": "GTE_GTC"} if closes else {}
    if params.maybe("selfTradePreventionMode") is None:
        changes["self_trade"] = "NONE"
    terms = msgspec.structs.replace(terms, **changes)
    return Algo(
        algo_id=hall.counters.algos + 1,
        terms=terms,
        trigger_price=ZERO if trailing else params.number("triggerPrice"),
        working=params.choice("workingType", WORKING, -4143, "CONTRACT_PRICE"),
        protected=params.flag("priceProtect"),
        closes_position=closes,
        created_ms=hall.at_ms,
        updated_ms=hall.at_ms,
        activate_price=params.maybe_number("activatePrice") if trailing else None,
        callback_frac=None if callback is None else callback / 100,
    )


def _check(hall: Hall, account: Account, algo: Algo) -> None:
    """Refuse what the algo service does not take; margin is asked for at the trigger."""
    terms = algo.terms
    instrument = hall.catalog.instruments[terms.symbol]
    check_open(hall, terms)
    reducing = algo.closes_position or terms.reduce_only or closes_side(terms)
    if not instrument.tradable and not reducing:
        raise Refused(-4140, "Invalid symbol status for opening position.")
    at_rest = terms.kind in ("STOP", "TAKE_PROFIT")
    faults = [
        None if algo.closes_position else qty_fault(instrument, terms.qty, at_rest=at_rest),
        price_fault(instrument, terms.price if at_rest else None),
        price_fault(instrument, None if algo.callback_frac else algo.trigger_price),
        price_fault(instrument, algo.activate_price),
    ]
    for fault in faults:
        if fault is not None:
            raise Refused(*fault)
    if not reducing:
        _check_notional(hall, algo)
    _check_position(account, algo)
    if len(account.algo_open) >= OPEN_MAX:
        refuse(-4045)
    price = working_price(hall, algo)
    if price is not None and _would_trigger(algo, price):
        refuse(-2021)


def _check_notional(hall: Hall, algo: Algo) -> None:
    terms, floor_usd = algo.terms, hall.catalog.instruments[algo.terms.symbol].notional_min_usd
    price = terms.price or algo.trigger_price or working_price(hall, algo) or ZERO
    if terms.qty * price < floor_usd:
        text = f"Order's notional must be no smaller than {floor_usd:f}"
        raise Refused(-4164, f"{text} (unless you choose reduce only).")


def _check_position(account: Account, algo: Algo) -> None:
    terms = algo.terms
    if algo.closes_position:
        if terms.position_side != "BOTH" and not closes_side(terms):
            refuse(-4061)
        for one in account.open_algos(terms.symbol):
            if one.closes_position and _family(one) == _family(algo):
                refuse(-4130)
    if terms.force == "GTE_GTC" and not _has_something(account, terms):
        refuse(-4509)


def _family(algo: Algo) -> tuple[str, str, bool]:
    return algo.terms.side, algo.terms.position_side, algo.terms.kind in TARGETS


def _has_something(account: Account, terms: Terms) -> bool:
    return account.has_position(terms.symbol) or bool(account.open_tickets(terms.symbol))


def _would_trigger(algo: Algo, price: Decimal) -> bool:
    if algo.callback_frac is None:
        return is_met(direction_of(algo.terms.kind, algo.terms.side), algo.trigger_price, price)
    # A trailing stop that is active at once is refused, if it names a price to become active at.
    return algo.activate_price is not None and is_active(
        algo.terms.side, algo.activate_price, price
    )


def working_price(hall: Hall, algo: Algo) -> Decimal | None:
    """The price an order looks at: the last trade, or the mark."""
    board = hall.boards[algo.terms.symbol]
    value = board.mark if algo.working == "MARK_PRICE" else board.last
    value = board.last if value is None else value
    return None if value is None else decimal_of(value)


def watch(hall: Hall, account: Account, symbol: str) -> None:
    """Look at the conditional orders of a symbol after its price moved, in order of their age."""
    if account.algo_open and not hall.boards[symbol].halted:
        for algo in account.open_algos(symbol):
            price = working_price(hall, algo)
            met = algo.is_open and price is not None and _is_met(algo, price)
            if met and (not algo.protected or _is_near(hall, algo)):
                trigger(hall, account, algo)


def _is_met(algo: Algo, price: Decimal) -> bool:
    terms = algo.terms
    if algo.callback_frac is None:
        return is_met(direction_of(terms.kind, terms.side), algo.trigger_price, price)
    if algo.extreme is None and not is_active(terms.side, algo.activate_price, price):
        return False
    algo.extreme = trailed(terms.side, algo.extreme, price)
    algo.trigger_price = trailing_trigger(terms.side, algo.extreme, algo.callback_frac)
    return is_met(direction_of(terms.kind, terms.side), algo.trigger_price, price)


def _is_near(hall: Hall, algo: Algo) -> bool:
    """priceProtect: last and mark are no further apart than the symbol allows."""
    board = hall.boards[algo.terms.symbol]
    allowed = hall.catalog.instruments[algo.terms.symbol].trigger_protect_frac
    if allowed is None or board.last is None or board.mark is None:
        return True
    return abs(board.last - board.mark) <= float(allowed) * board.mark


def trigger(hall: Hall, account: Account, algo: Algo) -> None:
    """The price has come: the algo order becomes a regular one, or is rejected."""
    terms, at_ms = algo.terms, hall.at_ms
    digits = hall.catalog.digits[terms.symbol]
    account.algo_open.pop(algo.algo_id, None)
    algo.status, algo.triggered_ms, algo.updated_ms = "TRIGGERING", at_ms, at_ms
    account.said.append(algo_update(algo, digits, at_ms))
    ticket = _ticket(hall, account, algo)
    if not ticket.terms.qty:
        end_algo(hall, account, algo.algo_id, "EXPIRED")
        return
    before = len(account.said)
    algo.order_id, algo.placed_kind = ticket.order_id, ticket.terms.kind
    algo.status = "TRIGGERED"
    account.said.append(algo_update(algo, digits, at_ms))
    try:
        enter(hall, account, ticket)
    except Refused as refused:
        del account.said[before]
        algo.order_id, algo.placed_kind = 0, ""
        end_algo(hall, account, algo.algo_id, "REJECTED", refused.msg)


def _ticket(hall: Hall, account: Account, algo: Algo) -> Ticket:
    terms = algo.terms
    kind = "LIMIT" if terms.kind in ("STOP", "TAKE_PROFIT") else "MARKET"
    qty = terms.qty
    if algo.closes_position:
        qty = _closable(account, terms)
    values = {name: getattr(terms, name) for name in terms.__struct_fields__}
    reducing = terms.reduce_only or (algo.closes_position and terms.position_side == "BOTH")
    return Ticket(
        order_id=hall.counters.orders + 1,
        terms=Terms(**(values | {"kind": kind, "qty": qty, "reduce_only": reducing})),
        first_kind=terms.kind,
        created_ms=hall.at_ms,
        updated_ms=hall.at_ms,
        trigger_price=algo.trigger_price,
        algo_id=algo.algo_id,
        working=algo.working,
        protected=algo.protected,
        closes_position=algo.closes_position,
    )


def _closable(account: Account, terms: Terms) -> Decimal:
    market = account.desk.state.markets.get(leg_name(terms))
    held = ZERO if market is None else market.position.qty
    against = held > 0 if terms.side == "SELL" else held < 0
    return abs(held) if against else ZERO


def find_algo(account: Account, params: Params) -> Algo:
    """The conditional order a request names. Refuses with -1102 or -2013."""
    algo_id, name = params.maybe_whole("algoId"), params.maybe("clientAlgoId")
    if algo_id is None and name is None:
        raise Refused(-1102, NEITHER)
    return account.algo(algo_id, name)


def cancel_algo(hall: Hall, account: Account, params: Params) -> Row:
    """DELETE algoOrder. Refuses with -2011 what does not wait any more."""
    try:
        algo = find_algo(account, params)
    except Refused as refused:
        if refused.code == -2013:
            refuse(-2011)
        raise
    if not algo.is_open:
        refuse(-2011)
    end_algo(hall, account, algo.algo_id, "CANCELED")
    return algo_order(hall, algo) | {"code": "200", "msg": "success"}


def new_legacy(hall: Hall, account: Account, params: Params) -> Row:
    """A conditional order on the old endpoint: the same order, in the words of that time."""
    given = dict(params.given) | {"algoType": "CONDITIONAL"}
    for old, new in LEGACY_NAMES.items():
        if old in given:
            given[new] = given.pop(old)
    row = new_algo(hall, account, Params(given))
    return legacy_order(hall, account.records.algos[row["algoId"]])


def cancel_legacy(hall: Hall, account: Account, params: Params) -> Row | None:
    """Cancel a waiting conditional order by the names of the old endpoint; None when it is none."""
    algo_id, name = params.maybe_whole("orderId"), params.maybe("origClientOrderId")
    try:
        algo = account.algo(algo_id, name)
    except Refused:
        return None
    if not algo.is_open:
        return None
    end_algo(hall, account, algo.algo_id, "CANCELED")
    return legacy_order(hall, algo)


def cancel_all_algos(hall: Hall, account: Account, params: Params) -> Row:
    """DELETE algoOpenOrders: every conditional order of a symbol."""
    for algo in account.open_algos(params.symbol(hall.catalog.rows)):
        end_algo(hall, account, algo.algo_id, "CANCELED")
    return {"code": 200, "msg": "The operation of cancel all open order is done."}
