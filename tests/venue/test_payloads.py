"""What the venue says beside what the real one said, field by field and type by type.

The differences that there are stand in docs/venue.md, and no others.
"""

import asyncio
import hmac
import json
import re
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.asyncio.client import connect

from tests.conftest import ROOT
from tests.venue.payloads import (
    differences,
    recorded_answer,
    recorded_event,
    recorded_message,
)
from tests.venues import RunningVenue, Stream, running_venue

pytestmark = pytest.mark.slow

SYMBOL = "BTCUSDT"
MARKET_STREAMS = {
    "AggTrades": "btcusdt@aggTrade",
    "Book": "btcusdt@depth@100ms",
    "BookTicker": "btcusdt@bookTicker",
    "ContKlines": "btcusdt_perpetual@continuousKline_1m",
    "Klines": "btcusdt@kline_1m",
    "MarkPrice": "btcusdt@markPrice@1s",
    "MiniTicker": "btcusdt@miniTicker",
    "PartialBook": "btcusdt@depth5@100ms",
    "Ticker": "btcusdt@ticker",
}
PUBLIC: dict[str, tuple[str, dict[str, Any]]] = {
    "ExchangeData/GetServerTime": ("v1/time", {}),
    "ExchangeData/GetExchangeInfo": ("v1/exchangeInfo", {}),
    "ExchangeData/GetOrderBook": ("v1/depth", {"symbol": SYMBOL, "limit": 5}),
    "ExchangeData/GetRecentTrades": ("v1/trades", {"symbol": SYMBOL}),
    "ExchangeData/GetAggregatedTradeHistory": ("v1/aggTrades", {"symbol": SYMBOL}),
    "ExchangeData/GetKlines": ("v1/klines", {"symbol": SYMBOL, "interval": "1m"}),
    "ExchangeData/GetContinuousContractKlines": (
        "v1/continuousKlines",
        {"pair": SYMBOL, "contractType": "PERPETUAL", "interval": "1m"},
    ),
    "ExchangeData/GetIndexPriceKlines": (
        "v1/indexPriceKlines",
        {"pair": SYMBOL, "interval": "1m"},
    ),
    "ExchangeData/GetMarkPriceKlines": (
        "v1/markPriceKlines",
        {"symbol": SYMBOL, "interval": "1m"},
    ),
    "ExchangeData/GetMarkPrice": ("v1/premiumIndex", {"symbol": SYMBOL}),
    "ExchangeData/GetFundingInfo": ("v1/fundingInfo", {}),
    "ExchangeData/GetFundingRates": ("v1/fundingRate", {"symbol": SYMBOL}),
    "ExchangeData/GetOpenInterest": ("v1/openInterest", {"symbol": SYMBOL}),
    "ExchangeData/GetTicker": ("v1/ticker/24hr", {"symbol": SYMBOL}),
    "ExchangeData/GetPrice": ("v2/ticker/price", {"symbol": SYMBOL}),
    "ExchangeData/GetBookPrice": ("v1/ticker/bookTicker", {"symbol": SYMBOL}),
}
PRIVATE: dict[str, tuple[str, dict[str, Any]]] = {
    "Account/GetAccountConfiguration": ("v1/accountConfig", {}),
    "Account/GetAccountInfo": ("v2/account", {}),
    "Account/GetAccountInfoV3": ("v3/account", {}),
    "Account/GetBalances": ("v3/balance", {}),
    "Account/GetBnbBurnStatus": ("v1/feeBurn", {}),
    "Account/GetBrackets": ("v1/leverageBracket", {}),
    "Account/GetIncomeHistory": ("v1/income", {}),
    "Account/GetMarginChangeHistory": ("v1/positionMargin/history", {"symbol": SYMBOL}),
    "Account/GetMultiAssetsMode": ("v1/multiAssetsMargin", {}),
    "Account/GetOrderRateLimit": ("v1/rateLimit/order", {}),
    "Account/GetPositionInformation": ("v2/positionRisk", {"symbol": SYMBOL}),
    "Account/GetSymbolConfiguration": ("v1/symbolConfig", {}),
    "Account/GetUserCommissionRate": ("v1/commissionRate", {"symbol": SYMBOL}),
    "Trading/GetPositions": ("v3/positionRisk", {}),
    "Trading/GetUserTrades": ("v1/userTrades", {"symbol": SYMBOL}),
    "Trading/GetOpenOrders": ("v1/openOrders", {}),
    "Trading/GetOrders": ("v1/allOrders", {"symbol": SYMBOL}),
    "Trading/GetOpenConditionalOrders": ("v1/openAlgoOrders", {}),
    "Trading/GetConditionalOrders": ("v1/allAlgoOrders", {"symbol": SYMBOL}),
    "ExchangeData/GetTradeHistory": ("v1/historicalTrades", {"symbol": SYMBOL}),
}


class Collector:
    """One venue, asked for everything once."""

    def __init__(self, venue: RunningVenue) -> None:
        self.venue = venue
        self.found: dict[str, Any] = {}

    async def keep(self, name: str, method: str, path: str, **params: Any) -> Any:
        """A signed answer."""
        answer = self.found[name] = await self.venue.done(method, f"/fapi/{path}", **params)
        return answer

    async def changes(self) -> None:
        """Everything that changes something, in an order in which it can be done."""
        keep, on = self.keep, {"symbol": SYMBOL}
        await keep(
            "Account/ModifyPositionMode", "POST", "v1/positionSide/dual", dualSidePosition="true"
        )
        await self.venue.done("POST", "/fapi/v1/positionSide/dual", dualSidePosition="false")
        await keep(
            "Account/SetMultiAssetsMode", "POST", "v1/multiAssetsMargin", multiAssetsMargin="true"
        )
        await self.venue.done("POST", "/fapi/v1/multiAssetsMargin", multiAssetsMargin="false")
        await keep("Account/SetBnbBurnStatus", "POST", "v1/feeBurn", feeBurn="true")
        await keep("Account/ChangeMarginType", "POST", "v1/marginType", **on, marginType="ISOLATED")
        await keep("Account/ChangeInitialLeverage", "POST", "v1/leverage", **on, leverage=10)
        await self.orders()
        await keep(
            "Account/ModifyPositionMargin", "POST", "v1/positionMargin", **on, amount=5, type=1
        )
        await self.venue.control.post("fund", symbol=SYMBOL, rate="0.0001")

    async def orders(self) -> None:
        """A position, an order of every kind, each looked at and canceled."""
        keep, on = self.keep, {"symbol": SYMBOL}
        low = round(await self.venue.price(SYMBOL) * 0.97, 1)
        await self.venue.done(
            "POST", "/fapi/v1/order", **on, side="BUY", type="MARKET", quantity="0.02"
        )
        limit = {"side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
        order = await keep("Trading/PlaceOrder", "POST", "v1/order", **on, **limit, price=low)
        mine = {**on, "orderId": order["orderId"]}
        await keep(
            "Trading/EditOrder", "PUT", "v1/order", **mine, side="BUY", quantity="0.02", price=low
        )
        await keep("Trading/GetOrder", "GET", "v1/order", **mine)
        await keep("Trading/GetOpenOrder", "GET", "v1/openOrder", **mine)
        await keep("Trading/CancelOrder", "DELETE", "v1/order", **mine)
        batch = json.dumps([{**on, **limit, "price": str(low)}, {**on, **limit, "price": "1"}])
        placed = await keep(
            "Trading/PlaceMultipleOrders", "POST", "v1/batchOrders", batchOrders=batch
        )
        listed = json.dumps([placed[0]["orderId"], 1])
        await keep(
            "Trading/CancelMultipleOrders", "DELETE", "v1/batchOrders", **on, orderIdList=listed
        )
        stop = {**on, "algoType": "CONDITIONAL", "side": "SELL", "type": "STOP_MARKET"}
        algo = await keep(
            "Trading/PlaceConditionalOrder",
            "POST",
            "v1/algoOrder",
            **stop,
            quantity="0.01",
            triggerPrice=low,
        )
        await keep(
            "Trading/CancelConditionalOrder", "DELETE", "v1/algoOrder", algoId=algo["algoId"]
        )
        await keep("Trading/CancelAllConditionalOrders", "DELETE", "v1/algoOpenOrders", **on)
        await keep("Trading/CancelAllOrders", "DELETE", "v1/allOpenOrders", **on)
        await keep(
            "Trading/CancelAllOrdersAfterTimeout",
            "POST",
            "v1/countdownCancelAll",
            **on,
            countdownTime=100_000,
        )
        await self.venue.done(
            "POST", "/fapi/v1/algoOrder", **stop, quantity="0.01", triggerPrice=low
        )
        await self.venue.done("POST", "/fapi/v1/order", **on, **limit, price=low)

    async def looks(self) -> None:
        """Everything that only looks."""
        for name, (path, params) in PRIVATE.items():
            await self.keep(name, "GET", path, **params)
        for name, (path, params) in PUBLIC.items():
            answer = await self.venue.public(f"/fapi/{path}", **params)
            assert answer.status_code == 200, answer.text
            self.found[name] = answer.json()
        await self.keep("Account/GetPositionAdlQuantileEstimation", "GET", "v1/adlQuantile")
        await self.keep("Account/StartUserStream", "POST", "v1/listenKey")
        await self.keep("Trading/GetConditionalOrder", "GET", "v1/algoOrder", clientAlgoId="hit")

    async def orders_over_socket(self) -> None:
        """The WebSocket API."""
        low = round(await self.venue.price(SYMBOL) * 0.97, 1)
        order = {"symbol": SYMBOL, "side": "BUY", "type": "LIMIT", "timeInForce": "GTC"}
        async with connect(f"{self.venue.ws_url}/ws-fapi/v1") as socket:
            placed = await self.ask(
                socket, "PlaceOrder", "order.place", **order, quantity="0.01", price=low
            )
            mine = {"symbol": SYMBOL, "orderId": placed["orderId"]}
            await self.ask(
                socket, "EditOrder", "order.modify", **mine, side="BUY", quantity="0.02", price=low
            )
            await self.ask(socket, "GetOrder", "order.status", **mine)
            await self.ask(socket, "CancelOrder", "order.cancel", **mine)
            stop = {
                "algoType": "CONDITIONAL",
                "symbol": SYMBOL,
                "side": "SELL",
                "type": "STOP_MARKET",
            }
            algo = await self.ask(
                socket,
                "PlaceConditionalOrder",
                "algoOrder.place",
                **stop,
                quantity="0.01",
                triggerPrice=low,
            )
            await self.ask(
                socket, "CancelConditionalOrder", "algoOrder.cancel", algoId=algo["algoId"]
            )
            await self.ask(socket, "GetPositions", "v2/account.position")
            await self.ask(socket, "GetAccountInfo", "v2/account.status")
            await self.ask(socket, "GetBalances", "v2/account.balance")
            await self.ask(socket, "GetBookPrice", "ticker.book", symbol=SYMBOL)
            await self.ask(socket, "GetPrice", "ticker.price", symbol=SYMBOL)
            await self.ask(socket, "GetOrderBook", "depth", symbol=SYMBOL)

    async def ask(self, socket: Any, name: str, method: str, **params: Any) -> Any:
        """One message, signed as this API wants it: by the order of the names."""
        now_ms = time.time_ns() // 1_000_000
        given = {**params, "apiKey": self.venue.key, "timestamp": now_ms}
        signed = urlencode({key: given[key] for key in sorted(given)})
        secret = self.venue.secret.encode()
        given["signature"] = hmac.new(secret, signed.encode(), sha256).hexdigest()
        await socket.send(json.dumps({"id": "1", "method": method, "params": given}))
        answer = json.loads(await socket.recv())
        assert answer["status"] == 200, answer
        self.found[f"socket/{name}"] = answer["result"]
        return answer["result"]

    async def harm(self) -> None:
        """A stop is met, then the position is liquidated, which the stream tells."""
        price = await self.venue.price(SYMBOL)
        stop = {"symbol": SYMBOL, "algoType": "CONDITIONAL", "side": "BUY", "type": "STOP_MARKET"}
        await self.venue.done(
            "POST",
            "/fapi/v1/algoOrder",
            **stop,
            quantity="0.01",
            clientAlgoId="hit",
            triggerPrice=round(price * 1.02, 1),
        )
        await self.venue.control.jump(SYMBOL, fraction="0.03")


async def collect() -> dict[str, Any]:
    async with AsyncExitStack() as stack:
        venue = await stack.enter_async_context(running_venue("--symbols", SYMBOL))
        one = Collector(venue)
        names = "/".join(MARKET_STREAMS.values())
        market = await stack.enter_async_context(venue.streams(f"/stream?streams={names}"))
        user = await stack.enter_async_context(venue.user_stream())
        await one.changes()
        await one.harm()
        await one.looks()
        await one.orders_over_socket()
        await events(one, market, user)
        return one.found


async def events(one: Collector, market: Stream, user: Stream) -> None:
    for name, stream in MARKET_STREAMS.items():
        one.found[f"event/{name}"] = await market_event(market, stream)
    kinds: dict[str, Callable[[dict[str, Any]], bool]] = {
        "OrderUpdate": lambda each: each["e"] == "ORDER_TRADE_UPDATE",
        "AccountUpdate": lambda each: each["e"] == "ACCOUNT_UPDATE" and bool(each["a"]["P"]),
        "TradeUpdate": lambda each: each["e"] == "TRADE_LITE",
        "AlgoOrderUpdate": lambda each: each["e"] == "ALGO_UPDATE" and bool(each["o"]["ai"]),
        "Leverage": lambda each: each["e"] == "ACCOUNT_CONFIG_UPDATE" and "ac" in each,
        "MultiAssetMode": lambda each: each["e"] == "ACCOUNT_CONFIG_UPDATE" and "ai" in each,
    }
    for name, holds in kinds.items():
        known = next((each for each in user.seen if holds(each)), None)
        one.found[f"event/{name}"] = known or await user.until(holds)
    one.found.update(await liquidated(one.venue, market, user))


async def market_event(market: Stream, stream: str) -> Any:
    """A message of a stream; of a book, one in which both sides changed."""

    def suits(message: dict[str, Any]) -> bool:
        if message.get("stream") != stream:
            return False
        event = message["data"]
        return "depth" not in stream or bool(event["b"] and event["a"])

    found = next(filter(suits, market.seen), None) or await market.until(suits)
    return found["data"]


async def liquidated(venue: RunningVenue, market: Stream, user: Stream) -> dict[str, Any]:
    await venue.control.jump(SYMBOL, fraction="-0.3")
    forced = await user.until(
        lambda each: each["e"] == "ORDER_TRADE_UPDATE" and each["o"]["x"] == "CALCULATED"
    )
    assert forced["o"]["c"].startswith("autoclose-")
    return {"Trading/GetForcedOrders": await venue.done("GET", "/fapi/v1/forceOrders")}


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    """Everything the venue says, each thing once."""
    return asyncio.run(collect())


LISTED = re.compile(r"^([A-Za-z]+/[A-Za-z0-9]+): (.+)$", re.MULTILINE)


def listed() -> dict[str, list[str]]:
    """The differences that docs/venue.md lists."""
    found: dict[str, list[str]] = {}
    text = (ROOT / "docs" / "venue.md").read_text(encoding="utf-8")
    for name, lines in LISTED.findall(text):
        found[name] = sorted(lines.split("; "))
    return found


def recorded_of(data: Path, name: str) -> Any:
    """The recorded payload of that name."""
    kind, _, rest = name.partition("/")
    if kind == "event":
        return recorded_event(data, rest)
    if kind == "socket":
        return recorded_message(data, rest)
    return recorded_answer(data, name)


def test_every_payload_is_the_recorded_one_but_for_the_differences_that_are_listed(
    ours: dict[str, Any], shared_data: Path
) -> None:
    found: dict[str, list[str]] = {}
    for name, payload in ours.items():
        recorded = recorded_of(shared_data, name)
        lines = differences(recorded, payload)
        if lines:
            found[name] = lines
    told = "\n".join(f"{name}: {'; '.join(lines)}" for name, lines in sorted(found.items()))
    assert found == listed(), told
