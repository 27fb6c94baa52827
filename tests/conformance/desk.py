"""Where a case is tried: one account at one venue, asked over real HTTP and WebSocket."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from decimal import Decimal
from typing import Any

import aiohttp
import httpx2
import msgspec
from websockets.asyncio.client import connect

from quantum_trader.adapters.clock import SystemClock
from quantum_trader.adapters.exchanges.binance.door import BinanceExchange
from quantum_trader.adapters.exchanges.binance.hosts import Hosts
from quantum_trader.core.errors import InDoubt
from quantum_trader.core.secret import Secret
from tests.venues import Control, Stream, signed_query

ORDER, ALGO = "/fapi/v1/order", "/fapi/v1/algoOrder"
IN_BODY = ("POST", "PUT")
OPEN_TRIES = 6


async def opened(door: BinanceExchange) -> None:
    """Open a door, again when this process was too busy to measure the time there."""
    for _ in range(OPEN_TRIES):
        with suppress(InDoubt):
            return await door.open()
    raise AssertionError("the door did not open")


class Keys(msgspec.Struct, frozen=True):
    """One account's name, key and secret."""

    name: str
    key: str
    secret: str


class Reply(msgspec.Struct, frozen=True):
    """What came back."""

    status: int
    body: Any
    headers: dict[str, str]

    @property
    def code(self) -> int:
        """The venue's code; 0 for a success."""
        return int(self.body["code"]) if self.status >= 400 else 0


class Desk:
    """``control`` is the hand on a paper venue; cases for the demo environment go without."""

    def __init__(
        self,
        hosts: Hosts,
        keys: Keys,
        symbol: str,
        control: Control | None,
        *,
        address: str | None = None,
    ) -> None:
        """``address`` is where requests come from: a venue limits every address by itself."""
        self.hosts = hosts
        self.keys = keys
        self.symbol = symbol
        self._address = address
        self._client = httpx2.AsyncClient(
            timeout=20, transport=httpx2.AsyncHTTPTransport(local_address=address)
        )
        self._control = control
        self._ahead_ms = 0
        self._faults: list[int] = []
        self._proposals = 0
        self.one_at_a_time = asyncio.Lock()
        """Shared by the desks of one venue."""

    def next_number(self) -> int:
        """A number that no proposal at this desk has."""
        self._proposals += 1
        return self._proposals

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    @property
    def control(self) -> Control:
        """The hand."""
        assert self._control is not None, "there is no hand on this market"
        return self._control

    def set_clock(self, there_ms: int) -> None:
        """The venue's clock shows this now."""
        self._ahead_ms = there_ms - time.time_ns() // 1_000_000

    def now_ms(self) -> int:
        """The venue's clock."""
        return time.time_ns() // 1_000_000 + self._ahead_ms

    async def public(self, path: str, **params: Any) -> Any:
        """A question anybody may ask."""
        answer = await self._client.get(f"{self.hosts.rest}{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ask(self, method: str, path: str, /, **params: Any) -> Reply:
        """A signed request."""
        return await self.ask_at(self.now_ms(), method, path, params)

    async def ask_at(self, at_ms: int, method: str, path: str, params: dict[str, Any]) -> Reply:
        """A signed request with this time in it."""
        text = signed_query(self.keys.secret, params, at_ms)
        return await self.send(method, path, text, self.keys.key)

    async def send(self, method: str, path: str, text: str, key: str | None) -> Reply:
        """A request as it is, its parameters in the body where there is one."""
        url = f"{self.hosts.rest}{path}"
        headers = {"content-type": "application/x-www-form-urlencoded"}
        if key is not None:
            headers["x-mbx-apikey"] = key
        if method in IN_BODY:
            answer = await self._client.request(method, url, content=text, headers=headers)
        else:
            answer = await self._client.request(method, f"{url}?{text}", headers=headers)
        try:
            body = answer.json()
        except ValueError:
            body = answer.text
        return Reply(answer.status_code, body, dict(answer.headers))

    async def done(self, method: str, path: str, /, **params: Any) -> Any:
        """A request that has to succeed; its answer."""
        reply = await self.ask(method, path, **params)
        assert reply.status == 200, f"{method} {path}: {reply.body}"
        return reply.body

    async def refused(self, code: int, method: str, path: str, /, **params: Any) -> None:
        """A request that has to be refused with a code."""
        reply = await self.ask(method, path, **params)
        assert reply.code == code, f"{method} {path}: {reply.body}, not {code}"

    async def price(self) -> Decimal:
        """The last price."""
        answer = await self.public("/fapi/v1/ticker/price", symbol=self.symbol)
        return Decimal(answer["price"])

    async def near(self, share: str) -> str:
        """A price at a share of the last one, on the grid."""
        return f"{(await self.price()) * Decimal(share):.1f}"

    async def buy(self, quantity: str = "0.02", **more: Any) -> Any:
        """Buy at market; the answer tells the result."""
        return await self.order(side="BUY", quantity=quantity, **more)

    async def order(self, **params: Any) -> Any:
        """A market order unless told otherwise."""
        given = {"symbol": self.symbol, "type": "MARKET", "newOrderRespType": "RESULT"}
        return await self.done("POST", ORDER, **{**given, **params})

    async def bid(self, share: str = "0.97", quantity: str = "0.002", **more: Any) -> Any:
        """A bid below the market, which rests."""
        return await self.done("POST", ORDER, **await self.bid_terms(share, quantity), **more)

    async def bid_terms(self, share: str = "0.97", quantity: str = "0.002") -> dict[str, str]:
        """What such a bid asks for."""
        return {
            "symbol": self.symbol,
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": quantity,
            "price": await self.near(share),
        }

    def stop_terms(self, trigger: str, **more: str) -> dict[str, str]:
        """A stop below, reduce-only with a quantity unless told otherwise."""
        given = {
            "algoType": "CONDITIONAL",
            "symbol": self.symbol,
            "side": "SELL",
            "type": "STOP_MARKET",
            "triggerPrice": trigger,
        }
        if "closePosition" not in more:
            given |= {"quantity": "0.02", "reduceOnly": "true"}
        return {**given, **more}

    async def stop(self, share: str = "0.97", **more: str) -> Any:
        """Place such a stop."""
        return await self.done("POST", ALGO, **self.stop_terms(await self.near(share), **more))

    async def position(self) -> Decimal:
        """What is held of the symbol, in one-way mode."""
        rows = await self.done("GET", "/fapi/v3/positionRisk", symbol=self.symbol)
        return sum((Decimal(row["positionAmt"]) for row in rows), Decimal(0))

    async def listen_key(self, method: str = "POST") -> Reply:
        """Ask for, keep or close the key of the user stream."""
        return await self.send(method, "/fapi/v1/listenKey", "", self.keys.key)

    @asynccontextmanager
    async def user_stream(self) -> AsyncIterator[Stream]:
        """What the account is told."""
        key = (await self.listen_key()).body["listenKey"]
        async with connect(f"{self.hosts.streams}/private/ws?listenKey={key}") as socket:
            yield Stream(socket)

    @asynccontextmanager
    async def streams(self, path: str) -> AsyncIterator[Stream]:
        """Any stream path."""
        async with connect(f"{self.hosts.streams}{path}") as socket:
            yield Stream(socket)

    def door(self) -> BinanceExchange:
        """The exchange door of this program to the account."""
        who, clock = self.keys, SystemClock().now_ms
        hosts, symbols = self.hosts, [self.symbol]
        door = BinanceExchange(hosts, Secret(who.key), Secret(who.secret), symbols, clock)
        if self._address is not None:
            connector = aiohttp.TCPConnector(local_addr=(self._address, 0))
            door._rest._wire.session = aiohttp.ClientSession(connector=connector)
        return door

    async def fault(self, kind: str, /, **more: Any) -> int:
        """Something that strikes this account alone."""
        number = await self.control.fault(kind, account=self.keys.name, **more)
        self._faults.append(number)
        return number

    async def heal(self) -> None:
        """Take the faults of this desk away; those of others stay."""
        for number in self._faults:
            await self.control.clear(number)
        self._faults.clear()
