"""What an order request asks for, read and checked before the desk is asked."""

import re
from decimal import Decimal
from typing import cast

from quantum_trader.app.venue.account import Account
from quantum_trader.app.venue.hall import Hall
from quantum_trader.app.venue.params import Params
from quantum_trader.app.venue.refusals import Refused, refuse
from quantum_trader.app.venue.ticket import Terms
from quantum_trader.core.matching.book import levels
from quantum_trader.core.matching.sides import SIDES, PositionSide, leg_of
from quantum_trader.core.matching.triggers import CONDITIONAL_KINDS
from quantum_trader.core.units import ZERO, OrderSide, decimal_of

CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
ORDER_SIDES = ("BUY", "SELL")
KINDS = ("LIMIT", "MARKET", *CONDITIONAL_KINDS)
LIMITED = ("LIMIT", "STOP", "TAKE_PROFIT")
FORCES = ("GTC", "IOC", "FOK", "GTX", "GTD")
RESPONSES = ("ACK", "RESULT")
SELF_TRADES = ("NONE", "EXPIRE_TAKER", "EXPIRE_BOTH", "EXPIRE_MAKER")
PRICE_MATCHES = {
    "OPPONENT": 0,
    "OPPONENT_5": 4,
    "OPPONENT_10": 9,
    "OPPONENT_20": 19,
    "QUEUE": 0,
    "QUEUE_5": 4,
    "QUEUE_10": 9,
    "QUEUE_20": 19,
}
"""How many levels behind the best price, on the other side of the book or on one's own."""
GOOD_TILL_MIN_MS = 600_000


def read_client_id(params: Params, name: str) -> str | None:
    """The client's own name for an order. Refuses with -4015."""
    given = params.maybe(name)
    if given is not None and not CLIENT_ID.fullmatch(given):
        text = "Client order id length should be less than 36 chars"
        if len(given) <= 36:
            text = "Illegal characters found in parameter '%s'; legal range is '%s'."
            raise Refused(-1100, text % (name, "^[\\.A-Z\\:/a-z0-9_-]{1,36}$"))
        raise Refused(-4015, text)
    return given


def read_position_side(account: Account, params: Params) -> PositionSide:
    """The position side, which has to suit the mode. Refuses with -4060 or -4061."""
    side = cast(PositionSide, params.choice("positionSide", SIDES, -4060, "BOTH"))
    if (side == "BOTH") == account.records.hedge:
        refuse(-4061)
    return side


def read_terms(hall: Hall, account: Account, params: Params, client_id: str) -> Terms:
    """The terms of a regular or conditional order; its trigger is read elsewhere."""
    symbol = params.symbol(hall.catalog.rows)
    side = cast(OrderSide, params.choice("side", ORDER_SIDES, -1117))
    kind = params.choice("type", KINDS, -1116)
    position_side = read_position_side(account, params)
    reduce_only = params.maybe_flag("reduceOnly")
    if reduce_only is not None and account.records.hedge:
        raise Refused(-1106, "Parameter 'reduceonly' sent when not required.")
    closes = params.flag("closePosition")
    if closes and params.maybe("quantity") is not None:
        refuse(-4137)
    if closes and reduce_only is not None:
        raise Refused(-1106, "Parameter 'reduceonly' sent when not required.")
    force = _force(params, kind)
    match = params.choice("priceMatch", ("NONE", *PRICE_MATCHES), -1145, "NONE")
    return Terms(
        client_id=client_id,
        symbol=symbol,
        side=side,
        position_side=position_side,
        kind=kind,
        qty=ZERO if closes else params.number("quantity"),
        price=_price(hall, params, kind, match) or ZERO,
        force=force,
        reduce_only=bool(reduce_only),
        self_trade=params.choice("selfTradePreventionMode", SELF_TRADES, -1145, "EXPIRE_MAKER"),
        price_match=match,
        good_till_ms=_good_till(hall, params, force),
    )


def _force(params: Params, kind: str) -> str:
    if kind == "MARKET" and params.maybe("timeInForce") is not None:
        raise Refused(-1106, "Parameter 'timeInForce' sent when not required.")
    if kind == "LIMIT":
        return params.choice("timeInForce", FORCES, -1115)
    return params.choice("timeInForce", (*FORCES, "GTE_GTC"), -1115, "GTC")


def _price(hall: Hall, params: Params, kind: str, match: str) -> Decimal | None:
    if kind not in LIMITED:
        if params.maybe("price") is not None and params.number("price"):
            raise Refused(-1106, "Parameter 'price' sent when not required.")
        return None
    if match == "NONE":
        return params.number("price")
    if params.maybe("price") is not None:
        raise Refused(-1106, "Parameter 'price' sent when not required.")
    return matched_price(hall, params.text("symbol"), cast(OrderSide, params.text("side")), match)


def matched_price(hall: Hall, symbol: str, side: OrderSide, match: str) -> Decimal:
    """The price of a level of the book. Refuses with -1112 when there is none."""
    last = hall.boards[symbol].last
    own: OrderSide = "SELL" if side == "BUY" else "BUY"
    facing = side if match.startswith("OPPONENT") else own
    if last is not None:
        instrument = hall.catalog.instruments[symbol]
        book = list(levels(hall.house.depth, instrument, facing, decimal_of(last)))
        if len(book) > PRICE_MATCHES[match]:
            return book[PRICE_MATCHES[match]].price
    raise Refused(-1112, "No orders on book for symbol.")


def _good_till(hall: Hall, params: Params, force: str) -> int:
    if force != "GTD":
        return 0
    until_ms = params.whole("goodTillDate") // 1000 * 1000
    if until_ms <= hall.at_ms + GOOD_TILL_MIN_MS:
        raise Refused(-4158, "GoodTillDate should be at least 10 minutes from now.")
    return until_ms


def closes_side(terms: Terms) -> bool:
    """In hedge mode what trades against its position side can only reduce it."""
    against = {"LONG": "SELL", "SHORT": "BUY"}
    return against.get(terms.position_side) == terms.side


def leg_name(terms: Terms) -> str:
    """The leg of the desk that an order trades in."""
    return leg_of(terms.symbol, terms.position_side)
