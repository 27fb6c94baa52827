"""The official SDK, unmodified: its two addresses are set. It reads answers into strict models, so
a missing or mistyped field fails the step. Of an error it hands on the words and no code.
"""

from importlib import import_module, metadata
from typing import Any

from tests.clients.trip import SYMBOL, Client, Placed, Places, main

CALLS = {
    "instruments": "exchange_information",
    "leverage": "change_initial_leverage",
    "first_balance": "futures_account_balance_v3",
    "user_stream": "start_user_data_stream, user_data",
    "entry": "new_order, query_order",
    "position": "position_information_v3",
    "algo_stop": "new_algo_order, current_all_algo_open_orders",
    "target": "new_order, current_all_open_orders",
    "replaced": "modify_order",
    "target_reached": "user_data",
    "stop_moved": "new_algo_order, cancel_algo_order",
    "partial": "new_order, query_order, cancel_order",
    "stopped_out": "position_information_v3",
    "bad_signature": "futures_account_balance_v3",
    "too_little_margin": "new_order",
    "same_name_twice": "new_order",
    "nothing_to_reduce": "new_order",
    "stop_too_high": "new_algo_order",
    "old_way": "new_order",
    "nothing_left": "current_all_open_orders, current_all_algo_open_orders",
}
PACKAGE = "binance_sdk_derivatives_trading_usds_futures.derivatives_trading_usds_futures"
library: Any = import_module(PACKAGE)
settings: Any = import_module("binance_common.configuration")


class UsdmSdk(Client):
    calls = CALLS

    def __init__(self, places: Places) -> None:
        self._client = self._with(places, places.secret)
        self._rest = self._client.rest_api
        self._stranger = self._with(places, "not-the-secret").rest_api
        self._line: Any = None
        self._events: list[dict[str, Any]] = []

    def _with(self, places: Places, secret: str) -> Any:
        return library.DerivativesTradingUsdsFutures(
            config_rest_api=settings.ConfigurationRestAPI(
                api_key=places.key, api_secret=secret, base_path=places.url, timeout=20_000
            ),
            config_ws_streams=settings.ConfigurationWebSocketStreams(stream_url=places.ws_url),
        )

    async def symbols(self) -> list[str]:
        return [one.symbol for one in self._rest.exchange_information().data().symbols]

    async def lever(self, leverage: int) -> None:
        self._rest.change_initial_leverage(symbol=SYMBOL, leverage=leverage).data()

    async def listen(self) -> None:
        key = self._rest.start_user_data_stream().data().listen_key
        self._line = await self._client.websocket_streams.create_connection()
        stream = await self._line.user_data(key)
        stream.on("message", lambda event: self._events.append(event.to_dict()))

    def heard(self, number: str, status: str) -> bool:
        # Its models drop the name of the event; only a regular order has an ``i``.
        orders = [one["o"] for one in self._events if "i" in one.get("o", {})]
        return any(str(one["i"]) == number and one["X"] == status for one in orders)

    async def best_ask(self) -> float:
        found = self._rest.symbol_order_book_ticker(symbol=SYMBOL).data()
        return float((getattr(found, "actual_instance", None) or found).ask_price)

    async def market(self, side: str, qty: float, *, reduces: bool = False) -> Placed:
        more = {"reduce_only": "true"} if reduces else {}
        return self._new(side, "MARKET", qty, new_order_resp_type="RESULT", **more)

    async def limit(self, side: str, qty: float, price: float, name: str) -> Placed:
        return self._new(
            side, "LIMIT", qty, price=price, time_in_force="GTC", new_client_order_id=name
        )

    async def target(self, qty: float, price: float) -> Placed:
        return self._new("SELL", "LIMIT", qty, price=price, time_in_force="GTC", reduce_only="true")

    def _new(self, side: str, kind: str, qty: float, **more: Any) -> Placed:
        return _placed(
            self._rest.new_order(symbol=SYMBOL, side=side, type=kind, quantity=qty, **more).data()
        )

    async def stop(self, qty: float, trigger: float) -> str:
        found = self._rest.new_algo_order(
            algo_type="CONDITIONAL",
            symbol=SYMBOL,
            side="SELL",
            type="STOP_MARKET",
            quantity=qty,
            trigger_price=trigger,
            reduce_only="true",
        ).data()
        return str(found.algo_id)

    async def stop_old_way(self, qty: float, trigger: float) -> None:
        self._new("SELL", "STOP_MARKET", qty, price=trigger)

    async def order(self, number: str) -> Placed:
        return _placed(self._rest.query_order(symbol=SYMBOL, order_id=int(number)).data())

    async def replace(self, number: str, qty: float, price: float) -> Placed:
        return _placed(
            self._rest.modify_order(
                symbol=SYMBOL, order_id=int(number), side="SELL", quantity=qty, price=price
            ).data()
        )

    async def cancel(self, number: str) -> None:
        self._rest.cancel_order(symbol=SYMBOL, order_id=int(number)).data()

    async def cancel_stop(self, number: str) -> None:
        self._rest.cancel_algo_order(algo_id=int(number)).data()

    async def open_orders(self) -> list[str]:
        found = self._rest.current_all_open_orders(symbol=SYMBOL).data()
        return [str(one.order_id) for one in found]

    async def open_stops(self) -> list[str]:
        found = self._rest.current_all_algo_open_orders(symbol=SYMBOL).data()
        return [str(one.algo_id) for one in found]

    async def position_qty(self) -> float:
        found = self._rest.position_information_v3(symbol=SYMBOL).data()
        return sum(float(one.position_amt) for one in found)

    async def balance_usd(self) -> float:
        return _usdt(self._rest)

    async def badly_signed(self) -> None:
        _usdt(self._stranger)

    async def end(self) -> None:
        if self._line is not None:
            await self._line.close_connection(close_session=True)


def _placed(found: Any) -> Placed:
    return Placed(str(found.order_id), found.status, float(found.executed_qty))


def _usdt(rest: Any) -> float:
    found = rest.futures_account_balance_v3().data()
    return next(float(one.balance) for one in found if one.asset == "USDT")


if __name__ == "__main__":
    main(UsdmSdk, metadata.version("binance-sdk-derivatives-trading-usds-futures"))
