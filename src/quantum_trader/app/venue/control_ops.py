"""What the control API changes in the hall itself; everything here is journalled like an order."""

from decimal import Decimal
from typing import Any

import msgspec

from quantum_trader.app.venue import listen_keys, moving
from quantum_trader.app.venue.account import Account
from quantum_trader.app.venue.booking import settle
from quantum_trader.app.venue.hall import Hall
from quantum_trader.app.venue.params import Params
from quantum_trader.app.venue.refusals import Refused
from quantum_trader.app.venue.shapes import Row
from quantum_trader.app.venue.ticket import Income
from quantum_trader.core.errors import ConfigError, Malformed
from quantum_trader.core.events import FundingRatePublished, MarkPriced, Tick
from quantum_trader.core.matching.adl import deleverage
from quantum_trader.core.matching.margin import refresh_mark
from quantum_trader.core.matching.sides import legs_of
from quantum_trader.core.units import ZERO, money

CONTROL = "control"
DONE: Row = {"ok": True}


def jump(hall: Hall, _account: Account, params: Params) -> Row:
    """The price goes to ``price`` at once, or by ``fraction`` of itself, and the mark with it."""
    symbol = params.symbol(hall.catalog.rows)
    board = hall.boards[symbol]
    if board.last is None:
        raise Refused(-1112, "No orders on book for symbol.")
    fraction = params.maybe_number("fraction")
    price = params.number("price") if fraction is None else _moved(board.last, fraction)
    instrument = hall.catalog.instruments[symbol]
    price = instrument.nearest_price(price)
    if not instrument.price_min <= price <= instrument.price_max or price <= 0:
        raise Refused(-4001, "Price out of the range of the symbol.")
    at_ms, to = hall.at_ms, float(price)
    marked = params.maybe_flag("mark") is not False
    if marked:
        _value_at(hall, symbol, to)
    qty = float(params.maybe_number("qty") or instrument.qty_max)
    tick = Tick(id="", at_ms=at_ms, symbol=symbol, source=CONTROL, price=to, qty=qty)
    moving.move(hall, tick)
    if marked:
        # A mark of this very millisecond may have been seen; the next one counts.
        _mark(hall, symbol, to, at_ms + 1)
    return {"ok": True, "symbol": symbol, "price": f"{price:f}"}


def _moved(last: float, fraction: Decimal) -> Decimal:
    return Decimal(repr(last)) * (1 + fraction)


def _value_at(hall: Hall, symbol: str, mark: float) -> None:
    """Value every position at a mark that comes with the price.

    Orders that the price triggers are held against it (PERCENT_PRICE), not against the one before.
    """
    hall.boards[symbol].mark = mark
    for account in hall.accounts.values():
        for leg in legs_of(symbol):
            market = account.desk.state.markets.get(leg)
            if market is not None:
                market.mark = mark
                refresh_mark(account.desk, market)


def _mark(hall: Hall, symbol: str, price: float, at_ms: int) -> None:
    fact = MarkPriced(
        id="",
        at_ms=at_ms,
        symbol=symbol,
        source=CONTROL,
        mark=price,
        funding_rate_frac=None,
        next_funding_ms=None,
    )
    moving.move(hall, fact)


def mark(hall: Hall, _account: Account, params: Params) -> Row:
    """The mark price alone goes to ``price``, until the market tells the next one."""
    symbol = params.symbol(hall.catalog.rows)
    price = params.number("price")
    if not 0 < price <= hall.catalog.instruments[symbol].price_max:
        raise Refused(-4001, "Price out of the range of the symbol.")
    _mark(hall, symbol, float(price), hall.at_ms + 1)
    return DONE


def fund(hall: Hall, _account: Account, params: Params) -> Row:
    """A settlement of funding now, at ``rate``."""
    symbol, rate = params.symbol(hall.catalog.rows), params.number("rate")
    if abs(rate) > 1:
        raise Refused(-1100, "Illegal characters found in parameter 'rate'.")
    at_ms = hall.at_ms + 1
    fact = FundingRatePublished(id="", at_ms=at_ms, symbol=symbol, source=CONTROL, rate_frac=rate)
    moving.move(hall, fact)
    return DONE


def halt(hall: Hall, _account: Account, params: Params) -> Row:
    """A symbol stops trading (``halted`` true) or goes on (false)."""
    symbol, halted = params.symbol(hall.catalog.rows), params.flag("halted")
    hall.boards[symbol].halted = halted
    status = "SETTLING" if halted else "TRADING"
    hall.catalog.rows[symbol] = hall.catalog.rows[symbol] | {"status": status}
    return DONE


def change_filter(hall: Hall, _account: Account, params: Params) -> Row:
    """One field of one filter of a symbol gets another value, in exchangeInfo and in force."""
    symbol, kind, field = (
        params.symbol(hall.catalog.rows),
        params.text("filter"),
        params.text("field"),
    )
    row = hall.catalog.rows[symbol]
    filters = [dict(one) for one in row["filters"]]
    found = [one for one in filters if one["filterType"] == kind and field in one]
    if not found or field == "filterType":
        raise Refused(-1100, f"{symbol} has no filter {kind} with a field {field}.")
    found[0][field] = params.text("value")
    _list_anew(hall, row | {"filters": filters})
    return DONE


def change_brackets(hall: Hall, _account: Account, params: Params) -> Row:
    """The brackets of a symbol are replaced by ``brackets``, a JSON list as leverageBracket has."""
    symbol = params.symbol(hall.catalog.rows)
    try:
        rows = msgspec.json.decode(params.text("brackets"), type=list[dict[str, Any]])
    except msgspec.DecodeError as error:
        raise Refused(-1130, f"brackets: {error}") from None
    before = hall.catalog.brackets[symbol]
    hall.catalog.brackets[symbol] = before | {"brackets": rows}
    try:
        _list_anew(hall, hall.catalog.rows[symbol])
    except Refused:
        hall.catalog.brackets[symbol] = before
        raise
    return DONE


def _list_anew(hall: Hall, row: Row) -> None:
    try:
        hall.catalog.put(row)
    except (Malformed, ConfigError) as error:
        raise Refused(-1130, str(error)) from None


def expire_key(hall: Hall, account: Account, _params: Params) -> Row:
    """The listen key of an account expires now."""
    listen_keys.expire(hall, account)
    return DONE


def deposit(hall: Hall, account: Account, params: Params) -> Row:
    """Money comes in, or goes out when ``amount`` is negative."""
    amount_usd = money(params.number("amount"))
    account.desk.state.wallet_usd += amount_usd
    income = Income(
        number=hall.next_movement(),
        kind="TRANSFER",
        symbol="",
        amount_usd=amount_usd,
        at_ms=hall.at_ms,
        info="TRANSFER",
        trade_id="",
    )
    account.records.incomes.append(income)
    return DONE


def adl(hall: Hall, _account: Account, params: Params) -> Row:
    """The winners of a side close ``quantity`` at ``price``, as if a fund had run dry."""
    symbol = params.symbol(hall.catalog.rows)
    side = params.choice("side", ("BUY", "SELL"), -1117)
    qty = params.number("quantity")
    price = hall.catalog.instruments[symbol].nearest_price(params.number("price"))
    if qty <= ZERO or price <= ZERO:
        raise Refused(-4003, "Quantity less than or equal to zero.")
    desks = [one.desk for one in hall.accounts.values()]
    left_qty = deleverage(desks, symbol, "BUY" if side == "BUY" else "SELL", qty, price)
    for account in hall.accounts.values():
        settle(hall, account)
    return {"ok": True, "closed": f"{qty - left_qty:f}"}


def insurance(hall: Hall, _account: Account, params: Params) -> Row:
    """What the insurance fund has from now on."""
    hall.counters.insurance_usd = money(max(params.number("amount"), ZERO))
    return DONE


def time_passed(hall: Hall, _account: Account, _params: Params) -> Row:
    """Whatever has been good for long enough ends."""
    moving.pass_time(hall)
    return DONE


OPERATIONS = {
    "control.jump": jump,
    "control.mark": mark,
    "control.fund": fund,
    "control.halt": halt,
    "control.filter": change_filter,
    "control.brackets": change_brackets,
    "control.expire_key": expire_key,
    "control.deposit": deposit,
    "control.adl": adl,
    "control.insurance": insurance,
    "time.passed": time_passed,
}
