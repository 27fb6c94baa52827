"""Orders, trades and money of an account as queries list them."""

from collections.abc import Sequence
from typing import Any

from quantum_trader.app.venue.call import Call
from quantum_trader.app.venue.conditional import find_algo
from quantum_trader.app.venue.market_data import Row, page, span
from quantum_trader.app.venue.ordering import NEITHER
from quantum_trader.app.venue.refusals import Refused, refuse
from quantum_trader.app.venue.shapes import (
    income_row,
    legacy_query,
    queried_algo,
    queried_order,
    user_trade,
)
from quantum_trader.app.venue.ticket import Algo, Ticket

DAY_MS = 86_400_000
WINDOW_MAX_MS = 7 * DAY_MS
UNFILLED_KEPT_MS = 3 * DAY_MS
ORDERS_KEPT_MS = 90 * DAY_MS


def _is_kept(call: Call, ticket: Ticket) -> bool:
    """Orders that ended without a fill are shown for three days, all others for ninety."""
    if ticket.is_open:
        return True
    kept_ms = ORDERS_KEPT_MS if ticket.filled_qty else UNFILLED_KEPT_MS
    return ticket.updated_ms > call.hall.at_ms - kept_ms


def order(call: Call) -> Row:
    """GET order. Refuses with -2013 what is not known (any more)."""
    symbol = call.params.symbol(call.hall.catalog.rows)
    order_id, name = call.params.maybe_whole("orderId"), call.params.maybe("origClientOrderId")
    if order_id is None and name is None:
        raise Refused(-1102, NEITHER)
    if call.hall.house.legacy_conditional:
        waiting = [one for one in call.account.open_algos(symbol) if _is_meant(one, order_id, name)]
        if waiting:
            return legacy_query(call.hall, waiting[0])
    ticket = call.account.ticket(symbol, order_id, name)
    if not _is_kept(call, ticket):
        refuse(-2013)
    return queried_order(call.hall, ticket)


def open_order(call: Call) -> Row:
    """GET openOrder. Refuses with -2013 what is not open."""
    found = order(call)
    if found["status"] not in ("NEW", "PARTIALLY_FILLED"):
        refuse(-2013)
    return found


def open_orders(call: Call) -> list[Row]:
    """GET openOrders, of a symbol or all."""
    symbol = call.params.maybe_symbol(call.hall.catalog.rows)
    rows = [queried_order(call.hall, one) for one in call.account.open_tickets(symbol)]
    if call.hall.house.legacy_conditional:
        rows += [legacy_query(call.hall, one) for one in call.account.open_algos(symbol)]
    return rows


def _is_meant(algo: Algo, order_id: int | None, name: str | None) -> bool:
    return algo.algo_id == order_id if order_id is not None else algo.terms.client_id == name


def all_orders(call: Call) -> list[Row]:
    """GET allOrders: by number from orderId on, else by time, at most seven days at once."""
    symbol = call.params.maybe_symbol(call.hall.catalog.rows)
    start, end = _window(call)
    first_id = call.params.maybe_whole("orderId")
    found = [
        one
        for one in call.account.records.tickets.values()
        if symbol in (None, one.terms.symbol)
        and (one.order_id >= first_id if first_id is not None else start <= one.created_ms <= end)
        and _is_kept(call, one)
    ]
    limit = call.params.whole("limit", 500)
    kept = _first(found, limit) if first_id is not None else page(found, call.params, limit, 1000)
    return [queried_order(call.hall, one) for one in kept]


def _first(rows: Sequence[Any], limit: int) -> Sequence[Any]:
    return rows[: max(1, min(limit, 1000))]


def _window(call: Call) -> tuple[float, float]:
    """The span asked for. Refuses with -4166 one of more than seven days."""
    start, end = span(call.params)
    given = call.params.maybe("startTime") is not None and call.params.maybe("endTime") is not None
    if given and end - start > WINDOW_MAX_MS:
        raise Refused(-4166, "Search window is restricted to recent 7 days only.")
    return start, end


def algo(call: Call) -> Row:
    """GET algoOrder."""
    return queried_algo(call.hall, find_algo(call.account, call.params))


def open_algos(call: Call) -> list[Row]:
    """GET openAlgoOrders, of a symbol or all."""
    symbol = call.params.maybe_symbol(call.hall.catalog.rows)
    wanted = call.params.maybe_whole("algoId")
    found = call.account.open_algos(symbol)
    return [queried_algo(call.hall, one) for one in found if wanted in (None, one.algo_id)]


def all_algos(call: Call) -> list[Row]:
    """GET allAlgoOrders: by number from algoId on, else by time."""
    symbol = call.params.symbol(call.hall.catalog.rows)
    start, end = _window(call)
    first_id = call.params.maybe_whole("algoId") or 0
    found = [
        one
        for one in call.account.records.algos.values()
        if one.terms.symbol == symbol and one.algo_id >= first_id and start <= one.created_ms <= end
    ]
    kept = page(found, call.params, call.params.whole("limit", 500), 1000)
    return [queried_algo(call.hall, one) for one in kept]


def user_trades(call: Call) -> list[Row]:
    """GET userTrades: of a symbol, of an order, from a trade on, or by time."""
    symbol = call.params.symbol(call.hall.catalog.rows)
    start, end = _window(call)
    first_id = call.params.maybe_whole("fromId") or 0
    wanted = call.params.maybe_whole("orderId")
    found = [
        one
        for one in call.account.records.trades
        if one.symbol == symbol
        and one.trade_id >= first_id
        and start <= one.at_ms <= end
        and wanted in (None, one.order_id)
    ]
    kept = page(found, call.params, call.params.whole("limit", 500), 1000)
    return [user_trade(call.hall, one) for one in kept]


def income(call: Call) -> list[Row]:
    """GET income: movements of money, oldest first."""
    symbol, kind = call.params.maybe("symbol"), call.params.maybe("incomeType")
    start, end = span(call.params)
    found = [
        one
        for one in call.account.records.incomes
        if symbol in (None, one.symbol) and kind in (None, one.kind) and start <= one.at_ms <= end
    ]
    return [
        income_row(one) for one in page(found, call.params, call.params.whole("limit", 100), 1000)
    ]


def margin_history(call: Call) -> list[Row]:
    """GET positionMargin/history: margin added or taken by hand."""
    symbol = call.params.symbol(call.hall.catalog.rows)
    rows = [one for one in call.account.records.margin_changes if one["symbol"] == symbol]
    return [dict(one) for one in page(rows, call.params, call.params.whole("limit", 500), 500)]


def force_orders(call: Call) -> list[Row]:
    """GET forceOrders: liquidations and deleveragings."""
    symbol = call.params.maybe_symbol(call.hall.catalog.rows)
    prefixes = {"LIQUIDATION": ("autoclose-",), "ADL": ("adl_autoclose",)}
    wanted = call.params.maybe("autoCloseType")
    known = prefixes.get(wanted or "", ("autoclose-", "adl_autoclose"))
    found = [
        one
        for one in call.account.records.tickets.values()
        if one.terms.client_id.startswith(known) and symbol in (None, one.terms.symbol)
    ]
    return [
        queried_order(call.hall, one)
        for one in page(found, call.params, call.params.whole("limit", 50), 100)
    ]


def commission(call: Call) -> Row:
    """GET commissionRate."""
    house = call.hall.house
    return {
        "symbol": call.params.symbol(call.hall.catalog.rows),
        "makerCommissionRate": f"{house.maker_fee_frac:f}",
        "takerCommissionRate": f"{house.taker_fee_frac:f}",
    }
