"""ccxt and ccxt.pro, unmodified: every address it knows is set, and two options keep it from asking
the spot market about currencies and margins.
"""

import asyncio
from importlib import import_module
from typing import Any
from urllib.parse import urlsplit

from tests.clients.trip import SYMBOL, Client, Placed, Places, main

CALLS = {
    "instruments": "load_markets",
    "leverage": "set_leverage",
    "first_balance": "fetch_balance",
    "user_stream": "watch_orders",
    "entry": "create_order, fetch_order",
    "position": "fetch_positions",
    "algo_stop": "create_order, fetch_open_orders",
    "target": "create_order, fetch_open_orders",
    "replaced": "edit_order",
    "target_reached": "watch_orders",
    "stop_moved": "create_order, cancel_order",
    "partial": "create_order, fetch_order, cancel_order",
    "stopped_out": "fetch_positions",
    "bad_signature": "fetch_balance",
    "too_little_margin": "create_order",
    "same_name_twice": "create_order",
    "nothing_to_reduce": "create_order",
    "stop_too_high": "create_order",
    "old_way": "fapiPrivatePostOrder",
    "nothing_left": "fetch_open_orders, fetch_positions",
}
library: Any = import_module("ccxt.pro")
UNIFIED = "BTC/USDT:USDT"
TRIGGER = {"trigger": True}


def elsewhere(urls: Any, places: Places) -> Any:
    """The same addresses at the venue: the path of each is kept."""
    if isinstance(urls, dict):
        return {name: elsewhere(url, places) for name, url in urls.items()}
    parts = urlsplit(urls)
    return (places.ws_url if parts.scheme == "wss" else places.url) + parts.path


class Ccxt(Client):
    calls = CALLS

    def __init__(self, places: Places) -> None:
        self._exchange = self._with(places, places.secret)
        self._stranger = self._with(places, "not-the-secret")
        self._said: set[tuple[str, str]] = set()
        self._watching: asyncio.Task[None] | None = None

    def _with(self, places: Places, secret: str) -> Any:
        options = {"fetchCurrencies": False, "fetchMargins": False}
        exchange = library.binanceusdm(
            {"apiKey": places.key, "secret": secret, "options": options, "newUpdates": True}
        )
        exchange.urls["api"] = elsewhere(exchange.urls["api"], places)
        return exchange

    async def symbols(self) -> list[str]:
        markets = await self._exchange.load_markets()
        return [market["id"] for market in markets.values()]

    async def lever(self, leverage: int) -> None:
        await self._exchange.set_leverage(leverage, UNIFIED)

    async def listen(self) -> None:
        first = asyncio.create_task(self._exchange.watch_orders(UNIFIED))
        # It tells nobody when it is subscribed: it is when its key is there and the line is open.
        while not self._is_connected():  # noqa: ASYNC110
            await asyncio.sleep(0.05)

        async def watch() -> None:
            self._note(await first)
            while True:
                self._note(await self._exchange.watch_orders(UNIFIED))

        self._watching = asyncio.create_task(watch())

    def _is_connected(self) -> bool:
        return any(line.connected.done() for line in self._exchange.clients.values())

    def _note(self, orders: list[dict[str, Any]]) -> None:
        self._said |= {(str(one["id"]), one["info"]["X"]) for one in orders}

    def heard(self, number: str, status: str) -> bool:
        return (number, status) in self._said

    async def best_ask(self) -> float:
        found = await self._exchange.fetch_bids_asks([UNIFIED])
        return float(found[UNIFIED]["ask"])

    async def market(self, side: str, qty: float, *, reduces: bool = False) -> Placed:
        more = {"reduceOnly": True} if reduces else {}
        return await self._create("market", side, qty, None, more)

    async def limit(self, side: str, qty: float, price: float, name: str) -> Placed:
        return await self._create("limit", side, qty, price, {"clientOrderId": name})

    async def target(self, qty: float, price: float) -> Placed:
        return await self._create("limit", "SELL", qty, price, {"reduceOnly": True})

    async def _create(
        self, kind: str, side: str, qty: float, price: float | None, more: dict[str, Any]
    ) -> Placed:
        found = await self._exchange.create_order(UNIFIED, kind, side.lower(), qty, price, more)
        return _placed(found)

    async def stop(self, qty: float, trigger: float) -> str:
        more = {"stopLossPrice": trigger, "reduceOnly": True}
        found = await self._exchange.create_order(UNIFIED, "market", "sell", qty, None, more)
        return str(found["id"])

    async def stop_old_way(self, qty: float, trigger: float) -> None:
        order = {"symbol": SYMBOL, "side": "SELL", "type": "STOP_MARKET"}
        await self._exchange.fapiPrivatePostOrder({**order, "quantity": qty, "stopPrice": trigger})

    async def order(self, number: str) -> Placed:
        return _placed(await self._exchange.fetch_order(number, UNIFIED))

    async def replace(self, number: str, qty: float, price: float) -> Placed:
        found = await self._exchange.edit_order(number, UNIFIED, "limit", "sell", qty, price)
        return _placed(found)

    async def cancel(self, number: str) -> None:
        await self._exchange.cancel_order(number, UNIFIED)

    async def cancel_stop(self, number: str) -> None:
        await self._exchange.cancel_order(number, UNIFIED, TRIGGER)

    async def open_orders(self) -> list[str]:
        return [str(one["id"]) for one in await self._exchange.fetch_open_orders(UNIFIED)]

    async def open_stops(self) -> list[str]:
        found = await self._exchange.fetch_open_orders(UNIFIED, params=TRIGGER)
        return [str(one["id"]) for one in found]

    async def position_qty(self) -> float:
        found = await self._exchange.fetch_positions([UNIFIED])
        signs = {"long": 1, "short": -1}
        return float(sum(one["contracts"] * signs[one["side"]] for one in found))

    async def balance_usd(self) -> float:
        return float((await self._exchange.fetch_balance())["USDT"]["total"])

    async def badly_signed(self) -> None:
        await self._stranger.fetch_balance()

    async def end(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
        for exchange in (self._exchange, self._stranger):
            await exchange.close()


def _placed(found: dict[str, Any]) -> Placed:
    return Placed(str(found["id"]), found["info"]["status"], found["filled"])


if __name__ == "__main__":
    main(Ccxt, import_module("ccxt").__version__)
