"""What the fuzzing starts from: payloads of our own in the venue's words, and recorded ones."""

import json
from pathlib import Path
from typing import Any

import msgspec

from quantum_trader.app.venue.catalog import open_catalog
from tests.binance_words import algo_event, order_event, order_row, trade_row
from tests.scripted_venue import NOW_MS, SYMBOL
from tests.venue.payloads import recorded_answer, recorded_event

Seeds = dict[str, list[Any]]
ALGO_ROW = {
    "algoId": 9,
    "clientAlgoId": "q1S" + "0" * 24,
    "symbol": SYMBOL,
    "algoStatus": "FINISHED",
    "side": "SELL",
    "orderType": "STOP_MARKET",
    "triggerPrice": "58000.0",
    "quantity": "0.020",
    "actualOrderId": "77",
    "actualQty": "0.020",
    "reduceOnly": True,
    "updateTime": NOW_MS,
    "triggerTime": NOW_MS,
}
INCOME = {
    "symbol": SYMBOL,
    "incomeType": "FUNDING_FEE",
    "income": "-0.12",
    "asset": "USDT",
    "time": NOW_MS,
    "tranId": 5,
}
POSITION = {
    "symbol": SYMBOL,
    "positionSide": "BOTH",
    "positionAmt": "0.020",
    "entryPrice": "60000.0",
    "markPrice": "60010.0",
    "unRealizedProfit": "0.2",
    "liquidationPrice": "0",
    "isolatedWallet": "120",
}
FUNDING = {"m": "FUNDING_FEE", "B": [{"a": "USDT", "wb": "1", "cw": "1", "bc": "-0.12"}], "P": []}
MODES = {"dualSidePosition": False, "multiAssetsMargin": False, "canTrade": True}
ENDPOINTS = {
    "order": ("Trading/GetOrder", "Trading/PlaceOrder", "Trading/CancelOrder"),
    "past orders": ("Trading/GetOrders",),
    "open orders": ("Trading/GetOpenOrders",),
    "conditional order": ("Trading/GetConditionalOrder", "Trading/PlaceConditionalOrder"),
    "open conditional orders": ("Trading/GetOpenConditionalOrders",),
    "trades": ("Trading/GetUserTrades",),
    "positions": ("Trading/GetPositions",),
    "account": ("Account/GetAccountInfoV3",),
    "leverages": ("Account/GetSymbolConfiguration",),
    "modes": ("Account/GetAccountConfiguration",),
    "instruments": ("ExchangeData/GetExchangeInfo",),
    "brackets": ("Account/GetBrackets",),
}
EVENTS = (
    "AccountUpdate",
    "AlgoOrderUpdate",
    "OrderUpdate",
    "Leverage",
    "MarginUpdate",
    "TradeUpdate",
)


def own_seeds() -> Seeds:
    """Payloads as the adapter's tests write them."""
    catalog = open_catalog((SYMBOL,), None, None)
    events = [
        order_event(),
        order_event(x="NEW", X="NEW", l="0", z="0", t=0),
        order_event(x="CANCELED", X="CANCELED", l="0", z="0", t=0),
        algo_event(),
        algo_event(X="TRIGGERED", ai="77", tt=NOW_MS),
        algo_event(X="REJECTED", rm="margin"),
        {"e": "TRADE_LITE", "E": NOW_MS, "s": SYMBOL, "t": 100},
        {"e": "ACCOUNT_UPDATE", "E": NOW_MS, "T": NOW_MS, "a": FUNDING},
        {"e": "ACCOUNT_CONFIG_UPDATE", "E": NOW_MS, "ac": {"s": SYMBOL, "l": 5}},
        {"e": "MARGIN_CALL", "E": NOW_MS},
        {"e": "listenKeyExpired", "E": NOW_MS},
        {"stream": "key", "data": order_event()},
    ]
    return {
        "event": events,
        "order": [order_row()],
        "past orders": [[order_row(number) for number in range(3)]],
        "open orders": [[order_row(status="NEW")]],
        "conditional order": [ALGO_ROW],
        "open conditional orders": [[ALGO_ROW]],
        "trades": [[trade_row(1), trade_row(2)]],
        "income": [INCOME],
        "positions": [[POSITION]],
        "account": [{"assets": [{"asset": "USDT", "walletBalance": "100.5"}]}],
        "leverages": [[{"symbol": SYMBOL, "marginType": "ISOLATED", "leverage": 5}]],
        "modes": [MODES],
        "mark": [{"symbol": SYMBOL, "markPrice": "60000.0", "time": NOW_MS}],
        "error": [{"code": -2019, "msg": "Margin is insufficient."}],
        "instruments": [_plain(catalog.info(NOW_MS))],
        "brackets": [_plain([catalog.brackets[SYMBOL]])],
    }


def recorded_seeds(data: Path) -> Seeds:
    """What the venue really said."""
    found: Seeds = {"event": [recorded_event(data, name) for name in EVENTS]}
    for folder in ("user_data_json", "py_ws_messages"):
        files = sorted((data / "binance" / "nautilus" / folder).glob("*.json"))
        found["event"] += [json.loads(file.read_bytes()) for file in files]
    for parser, names in ENDPOINTS.items():
        found[parser] = [recorded_answer(data, name) for name in names]
    found["income"] = recorded_answer(data, "Account/GetIncomeHistory")
    bodies = json.loads((data / "binance" / "errors" / "error_bodies.json").read_bytes())
    found["error"] = [{"code": one["code"], "msg": one["msg"]} for one in bodies]
    return found


def _plain(value: object) -> Any:
    return json.loads(msgspec.json.encode(value))
