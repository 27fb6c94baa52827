"""Orders as the venue wants them: text, in the words of the service that takes them."""

import re
from decimal import Decimal

from quantum_trader.adapters.exchanges.binance.identity import Service
from quantum_trader.adapters.exchanges.binance.rest import Params
from quantum_trader.core.errors import BrokenInvariant
from quantum_trader.core.events.orders import OrderRequest

NAME = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
"""What the venue takes for a client id."""
CONDITIONAL = frozenset({"STOP_MARKET", "TAKE_PROFIT_MARKET"})
WORKING_TYPE = "CONTRACT_PRICE"
"""Stops watch the last trade, as the paper venue's do: what is tested there holds here."""


def service_for(order: OrderRequest) -> Service:
    """Which service takes an order."""
    return "algo" if order.kind in CONDITIONAL else "regular"


def check_name(name: str) -> None:
    """Raise ``BrokenInvariant`` for a client id that the venue would not take."""
    if NAME.fullmatch(name) is None:
        raise BrokenInvariant(f"{name!r} is no client order id: 1 to 36 of [.A-Z:/a-z0-9_-]")


def order_params(order: OrderRequest) -> Params:
    """A regular order; its answer shall tell how it ended, if it did."""
    params = {
        "symbol": order.symbol,
        "side": order.side,
        "type": order.kind,
        "quantity": text_of(order.qty),
        "newClientOrderId": order.client_order_id,
        "newOrderRespType": "RESULT",
    }
    if order.price is not None:
        params |= {"price": text_of(order.price), "timeInForce": "GTC"}
    if order.reduce_only:
        params["reduceOnly"] = "true"
    return params


def algo_params(order: OrderRequest) -> Params:
    """A conditional order. One that closes the position has neither quantity nor reduce-only."""
    if order.trigger_price is None:
        raise BrokenInvariant(f"{order.client_order_id}: a conditional order without a trigger")
    params = {
        "algoType": "CONDITIONAL",
        "symbol": order.symbol,
        "side": order.side,
        "type": order.kind,
        "triggerPrice": text_of(order.trigger_price),
        "workingType": WORKING_TYPE,
        "clientAlgoId": order.client_order_id,
    }
    if order.close_position:
        return {**params, "closePosition": "true"}
    params["quantity"] = text_of(order.qty)
    if order.reduce_only:
        params["reduceOnly"] = "true"
    return params


def text_of(number: Decimal) -> str:
    """A number in digits: no exponent, no float, nothing rounded."""
    return f"{number:f}"
