"""Orders, trades and money in the venue's own fields, for answers to requests."""

from typing import Any

from quantum_trader.app.venue.hall import Hall
from quantum_trader.app.venue.ticket import Algo, Income, Ticket, Trade
from quantum_trader.core.units import ZERO

Row = dict[str, Any]
ASSET = "USDT"


def placed_order(hall: Hall, ticket: Ticket) -> Row:
    """The answer to placing, changing or canceling; without average price and sum since 2026.

    Venues of the old kind (``legacy_conditional``) still have both.
    """
    terms = ticket.terms
    digits = hall.catalog.digits[terms.symbol]
    filled = digits.qty_text(ticket.filled_qty)
    row: Row = {
        "orderId": ticket.order_id,
        "symbol": terms.symbol,
        "status": ticket.status,
        "clientOrderId": terms.client_id,
        "price": digits.price_text(terms.price),
        "origQty": digits.qty_text(terms.qty),
        "executedQty": filled,
        "cumQty": filled,
        "timeInForce": terms.force,
        "type": terms.kind,
        "reduceOnly": terms.reduce_only,
        "closePosition": ticket.closes_position,
        "side": terms.side,
        "positionSide": terms.position_side,
        "stopPrice": digits.price_text(ticket.trigger_price),
        "workingType": ticket.working,
        "priceProtect": ticket.protected,
        "origType": ticket.first_kind,
        "priceMatch": terms.price_match,
        "selfTradePreventionMode": terms.self_trade,
        "goodTillDate": terms.good_till_ms,
        "updateTime": ticket.updated_ms,
    }
    if hall.house.legacy_conditional:
        row["avgPrice"] = digits.price_text(ticket.average_price)
        row["cumQuote"] = f"{ticket.quote_usd:.5f}"
    return row


canceled_order = placed_order


def queried_order(hall: Hall, ticket: Ticket) -> Row:
    """An order as every query shows it."""
    digits = hall.catalog.digits[ticket.terms.symbol]
    row = placed_order(hall, ticket)
    del row["cumQty"]
    return row | {
        "avgPrice": f"{ticket.average_price:.{max(5, digits.price)}f}",
        "cumQuote": f"{ticket.quote_usd:.5f}",
        "time": ticket.created_ms,
    }


def algo_order(hall: Hall, algo: Algo) -> Row:
    """A conditional order as placing and canceling show it."""
    terms = algo.terms
    digits = hall.catalog.digits[terms.symbol]
    price = digits.price_text
    row: Row = {
        "algoId": algo.algo_id,
        "clientAlgoId": terms.client_id,
        "algoType": "CONDITIONAL",
        "orderType": terms.kind,
        "symbol": terms.symbol,
        "side": terms.side,
        "positionSide": terms.position_side,
        "timeInForce": terms.force,
        "quantity": digits.qty_text(terms.qty),
        "algoStatus": algo.status,
        "triggerPrice": price(algo.trigger_price),
        "price": price(terms.price),
        "icebergQuantity": None,
        "selfTradePreventionMode": terms.self_trade,
        "workingType": algo.working,
        "priceMatch": terms.price_match,
        "closePosition": algo.closes_position,
        "priceProtect": algo.protected,
        "reduceOnly": terms.reduce_only,
        "activatePrice": "" if algo.activate_price is None else price(algo.activate_price),
        "callbackRate": "" if algo.callback_frac is None else f"{algo.callback_frac * 100:.1f}",
        "createTime": algo.created_ms,
        "updateTime": algo.updated_ms,
        "triggerTime": algo.triggered_ms,
        "goodTillDate": terms.good_till_ms,
    }
    return row


def queried_algo(hall: Hall, algo: Algo) -> Row:
    """A conditional order as every query shows it."""
    digits = hall.catalog.digits[algo.terms.symbol]
    zero = digits.price_text(ZERO)
    row = algo_order(hall, algo) | {
        "actualOrderId": str(algo.order_id) if algo.order_id else "",
        "actualPrice": f"{algo.average_price:.5f}",
        "tpTriggerPrice": zero,
        "tpPrice": zero,
        "slTriggerPrice": zero,
        "slPrice": zero,
        "tpOrderType": "",
    }
    if algo.order_id:
        row |= {"actualQty": digits.qty_text(algo.filled_qty), "actualType": algo.placed_kind}
    return row


def legacy_order(hall: Hall, algo: Algo) -> Row:
    """A waiting conditional order as placing it on the old endpoint showed it."""
    return placed_order(hall, _as_ticket(algo))


def legacy_query(hall: Hall, algo: Algo) -> Row:
    """A waiting conditional order as queries on the old endpoint showed it."""
    return queried_order(hall, _as_ticket(algo))


def _as_ticket(algo: Algo) -> Ticket:
    terms = algo.terms
    return Ticket(
        order_id=algo.algo_id,
        terms=terms,
        first_kind=terms.kind,
        created_ms=algo.created_ms,
        updated_ms=algo.updated_ms,
        status="NEW" if algo.is_open else "CANCELED",
        trigger_price=algo.trigger_price,
        working=algo.working,
        protected=algo.protected,
        closes_position=algo.closes_position,
    )


def user_trade(hall: Hall, trade: Trade) -> Row:
    """A trade of an account."""
    digits = hall.catalog.digits[trade.symbol]
    return {
        "symbol": trade.symbol,
        "id": trade.trade_id,
        "orderId": trade.order_id,
        "side": trade.side,
        "price": digits.price_text(trade.price),
        "qty": digits.qty_text(trade.qty),
        "realizedPnl": f"{trade.realized_usd:.8f}",
        "quoteQty": f"{trade.qty * trade.price:.8f}",
        "commission": f"{trade.fee_usd:.8f}",
        "commissionAsset": ASSET,
        "time": trade.at_ms,
        "positionSide": trade.position_side,
        "buyer": trade.side == "BUY",
        "maker": trade.maker,
    }


def income_row(income: Income) -> Row:
    """A movement of money."""
    return {
        "symbol": income.symbol,
        "incomeType": income.kind,
        "income": f"{income.amount_usd:.8f}",
        "asset": ASSET,
        "time": income.at_ms,
        "info": income.info,
        "tranId": income.number,
        "tradeId": income.trade_id,
    }
