"""python-binance, unmodified: its two addresses are set, and ``create()`` is not used, for it asks
the spot market first.
"""

import asyncio
from contextlib import AsyncExitStack
from importlib import import_module, metadata
from typing import Any

from tests.clients.trip import SYMBOL, Client, Placed, Places, main

CALLS = {
    "instruments": "futures_exchange_info",
    "leverage": "futures_change_leverage",
    "first_balance": "futures_account_balance",
    "user_stream": "futures_user_socket",
    "entry": "futures_create_order",
    "position": "futures_position_information",
    "algo_stop": "futures_create_order, futures_get_open_algo_orders",
    "target": "futures_limit_order, futures_get_open_orders",
    "replaced": "futures_modify_order",
    "target_reached": "futures_user_socket",
    "stop_moved": "futures_create_order, futures_cancel_algo_order",
    "partial": "futures_limit_order, futures_get_order, futures_cancel_order",
    "stopped_out": "futures_position_information",
    "bad_signature": "futures_account_balance",
    "too_little_margin": "futures_limit_order",
    "same_name_twice": "futures_limit_order",
    "nothing_to_reduce": "futures_create_order",
    "stop_too_high": "futures_create_order",
    "old_way": "futures_place_batch_order",
    "nothing_left": "futures_get_open_orders, futures_get_open_algo_orders",
}
library: Any = import_module("binance")


class PythonBinance(Client):
    calls = CALLS

    def __init__(self, places: Places) -> None:
        self._client = self._with(places, places.secret)
        self._stranger = self._with(places, "not-the-secret")
        self._sockets = library.BinanceSocketManager(self._client)
        self._sockets.FSTREAM_URL = f"{places.ws_url}/"
        self._events: list[dict[str, Any]] = []
        self._open = AsyncExitStack()
        self._reading: asyncio.Task[None] | None = None

    def _with(self, places: Places, secret: str) -> Any:
        client = library.AsyncClient(places.key, secret)
        client.FUTURES_URL = f"{places.url}/fapi"
        return client

    async def symbols(self) -> list[str]:
        found = await self._client.futures_exchange_info()
        return [one["symbol"] for one in found["symbols"]]

    async def lever(self, leverage: int) -> None:
        await self._client.futures_change_leverage(symbol=SYMBOL, leverage=leverage)

    async def listen(self) -> None:
        socket = await self._open.enter_async_context(self._sockets.futures_user_socket())

        async def read() -> None:
            while True:
                self._events.append(await socket.recv())

        self._reading = asyncio.create_task(read())

    def heard(self, number: str, status: str) -> bool:
        orders = [one["o"] for one in self._events if one.get("e") == "ORDER_TRADE_UPDATE"]
        return any(str(one["i"]) == number and one["X"] == status for one in orders)

    async def best_ask(self) -> float:
        found = await self._client.futures_orderbook_ticker(symbol=SYMBOL)
        return float(found["askPrice"])

    async def market(self, side: str, qty: float, *, reduces: bool = False) -> Placed:
        more = {"reduceOnly": "true"} if reduces else {}
        return _placed(
            await self._client.futures_create_order(
                symbol=SYMBOL,
                side=side,
                type="MARKET",
                quantity=qty,
                newOrderRespType="RESULT",
                **more,
            )
        )

    async def limit(self, side: str, qty: float, price: float, name: str) -> Placed:
        return await self._limit(side, qty, price, newClientOrderId=name)

    async def target(self, qty: float, price: float) -> Placed:
        return await self._limit("SELL", qty, price, reduceOnly="true")

    async def _limit(self, side: str, qty: float, price: float, **more: str) -> Placed:
        return _placed(
            await self._client.futures_limit_order(
                symbol=SYMBOL, side=side, timeInForce="GTC", quantity=qty, price=price, **more
            )
        )

    async def stop(self, qty: float, trigger: float) -> str:
        found = await self._client.futures_create_order(
            symbol=SYMBOL,
            side="SELL",
            type="STOP_MARKET",
            quantity=qty,
            stopPrice=trigger,
            reduceOnly="true",
        )
        return str(found["algoId"])

    async def stop_old_way(self, qty: float, trigger: float) -> None:
        order = {"symbol": SYMBOL, "side": "SELL", "type": "STOP_MARKET"}
        order |= {"quantity": str(qty), "stopPrice": str(trigger)}
        found = await self._client.futures_place_batch_order(batchOrders=[order])
        if "code" in found[0]:
            raise RuntimeError(f'"code": {found[0]["code"]}')

    async def order(self, number: str) -> Placed:
        return _placed(await self._client.futures_get_order(symbol=SYMBOL, orderId=number))

    async def replace(self, number: str, qty: float, price: float) -> Placed:
        return _placed(
            await self._client.futures_modify_order(
                symbol=SYMBOL, orderId=number, side="SELL", quantity=qty, price=price
            )
        )

    async def cancel(self, number: str) -> None:
        await self._client.futures_cancel_order(symbol=SYMBOL, orderId=number)

    async def cancel_stop(self, number: str) -> None:
        await self._client.futures_cancel_algo_order(algoId=number)

    async def open_orders(self) -> list[str]:
        found = await self._client.futures_get_open_orders(symbol=SYMBOL)
        return [str(one["orderId"]) for one in found]

    async def open_stops(self) -> list[str]:
        found = await self._client.futures_get_open_algo_orders(symbol=SYMBOL)
        return [str(one["algoId"]) for one in found]

    async def position_qty(self) -> float:
        found = await self._client.futures_position_information(symbol=SYMBOL)
        return sum(float(one["positionAmt"]) for one in found)

    async def balance_usd(self) -> float:
        return _usdt(await self._client.futures_account_balance())

    async def badly_signed(self) -> None:
        await self._stranger.futures_account_balance()

    async def end(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
        await self._open.aclose()
        for client in (self._client, self._stranger):
            await client.close_connection()


def _placed(found: dict[str, Any]) -> Placed:
    return Placed(str(found["orderId"]), found["status"], float(found["executedQty"]))


def _usdt(found: list[dict[str, Any]]) -> float:
    return next(float(one["balance"]) for one in found if one["asset"] == "USDT")


if __name__ == "__main__":
    main(PythonBinance, metadata.version("python-binance"))
