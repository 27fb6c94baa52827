"""A venue that says what a test tells it to: HTTP to the byte, and a user stream by hand."""

import asyncio
import hashlib
import hmac
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl, urlsplit

import msgspec
from websockets.asyncio.server import ServerConnection, serve

from quantum_trader.adapters.exchanges.binance.hosts import Hosts
from quantum_trader.core.secret import Secret

KEY = "k3y" * 12
SECRET = "s3cr3t-" * 6
NOW_MS = 1_764_470_000_000
SYMBOL = "BTCUSDT"

INFO = {
    "serverTime": NOW_MS,
    "rateLimits": [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
        {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": 1200},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
    ],
    "symbols": [
        {
            "symbol": SYMBOL,
            "status": "TRADING",
            "contractType": "PERPETUAL",
            "quoteAsset": "USDT",
            "liquidationFee": "0.012500",
            "triggerProtect": "0.0500",
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "tickSize": "0.10",
                    "minPrice": "556.80",
                    "maxPrice": "4529764",
                },
                {
                    "filterType": "LOT_SIZE",
                    "stepSize": "0.001",
                    "minQty": "0.001",
                    "maxQty": "1000",
                },
                {
                    "filterType": "MARKET_LOT_SIZE",
                    "stepSize": "0.001",
                    "minQty": "0.001",
                    "maxQty": "120",
                },
                {"filterType": "MIN_NOTIONAL", "notional": "100"},
                {
                    "filterType": "PERCENT_PRICE",
                    "multiplierUp": "1.0500",
                    "multiplierDown": "0.9500",
                },
            ],
        }
    ],
}
TIERS = [
    {
        "symbol": SYMBOL,
        "brackets": [
            {
                "initialLeverage": 50,
                "notionalFloor": 0,
                "notionalCap": 100000,
                "maintMarginRatio": 0.01,
                "cum": 0.0,
            }
        ],
    }
]


class Reply(msgspec.Struct):
    """One answer. ``body`` is JSON to be, or bytes as they are; ``how`` is how it goes wrong.

    "well"; "cut": half of it and then nothing; "drop": not a byte; "hang": nothing, for ever.
    """

    body: object = msgspec.field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    how: str = "well"


class Asked(msgspec.Struct):
    """One request as it arrived."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    signed: bool


Answering = Callable[[Asked], Reply]


class ScriptedVenue:
    """``script`` holds answers by "METHOD /path", each used once; ``usual`` answers the rest."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.script: dict[str, deque[Reply]] = defaultdict(deque)
        self.now_ms = NOW_MS
        self.usual: dict[str, Reply | Answering] = {
            "GET /fapi/v1/time": lambda _: Reply({"serverTime": self.now_ms}),
            "GET /fapi/v1/exchangeInfo": Reply(INFO),
            "GET /fapi/v1/leverageBracket": Reply(TIERS),
            "GET /fapi/v1/premiumIndex": lambda _: Reply(
                {"symbol": SYMBOL, "markPrice": "60000.0", "time": self.now_ms}
            ),
            "GET /fapi/v1/accountConfig": Reply(
                {"dualSidePosition": False, "multiAssetsMargin": False, "canTrade": True}
            ),
            "GET /fapi/v1/symbolConfig": Reply(
                [{"symbol": SYMBOL, "marginType": "CROSSED", "leverage": 20}]
            ),
            "GET /fapi/v3/account": Reply(
                {"assets": [{"asset": "USDT", "walletBalance": "5000.5"}]}
            ),
            "GET /fapi/v3/positionRisk": Reply([]),
            "POST /fapi/v1/listenKey": Reply({"listenKey": "listen-1"}),
            **{
                f"GET /fapi/v1/{name}": Reply([])
                for name in (
                    *("openOrders", "openAlgoOrders", "allOrders", "allAlgoOrders"),
                    *("userTrades", "income", "fundingRate"),
                )
            },
        }
        self.streams: list[ServerConnection] = []
        self.listened = asyncio.Event()
        self.stream_paths: list[str] = []

    def say(self, what: str, *replies: Reply) -> None:
        """Answer the next requests of a kind so."""
        self.script[what].extend(replies)

    def requests(self, what: str) -> list[Asked]:
        """What arrived of a kind."""
        return [one for one in self.asked if f"{one.method} {one.path}" == what]

    async def tell(self, *events: object) -> None:
        """Say events on the newest user stream, once there is one."""
        async with asyncio.timeout(10):
            await self.listened.wait()
        for event in events:
            text = event if isinstance(event, str | bytes) else json.dumps(event)
            await self.streams[-1].send(text)

    def reply(self, asked: Asked) -> Reply:
        """What to answer."""
        self.asked.append(asked)
        what = f"{asked.method} {asked.path}"
        if self.script[what]:
            return self.script[what].popleft()
        usual = self.usual.get(what, Reply({"code": -1, "msg": f"no {what}"}, 404))
        return usual if isinstance(usual, Reply) else usual(asked)

    async def play(self, socket: ServerConnection) -> None:
        """One user stream."""
        assert socket.request is not None
        self.streams.append(socket)
        self.stream_paths.append(socket.request.path)
        self.listened.set()
        await socket.wait_closed()
        self.streams.remove(socket)
        if not self.streams:
            self.listened.clear()

    async def serve_http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request after request."""
        try:
            while asked := await _read(reader):
                if not await _write(writer, self.reply(asked)):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    line = (await reader.readline()).decode().split()
    if not line:
        return None
    headers = {}
    while text := (await reader.readline()).decode().strip():
        name, _, value = text.partition(": ")
        headers[name.lower()] = value
    body = (await reader.readexactly(int(headers.get("content-length", 0)))).decode()
    parts = urlsplit(line[1])
    text = parts.query or body
    plain, _, signature = text.rpartition("&signature=")
    proof = hmac.new(SECRET.encode(), plain.encode(), hashlib.sha256).hexdigest()
    params = dict(parse_qsl(text))
    return Asked(line[0], parts.path, params, headers, signature == proof)


async def _write(writer: asyncio.StreamWriter, reply: Reply) -> bool:
    """Send an answer; False when the connection ends with it."""
    if reply.how == "hang":
        await asyncio.sleep(1)
    if reply.how in ("hang", "drop"):
        return False
    body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
    lines = [f"HTTP/1.1 {reply.status} X", f"content-length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    writer.write(body if reply.how == "well" else body[: len(body) // 2])
    await writer.drain()
    return reply.how == "well"


@asynccontextmanager
async def serving(venue: ScriptedVenue) -> AsyncIterator[Hosts]:
    """Where the venue can be found while it is open."""
    http = await asyncio.start_server(venue.serve_http, "127.0.0.1", 0)
    async with http, serve(venue.play, "127.0.0.1", 0) as streams:
        rest_port = http.sockets[0].getsockname()[1]
        stream_port = next(iter(streams.sockets)).getsockname()[1]
        yield Hosts(f"http://127.0.0.1:{rest_port}", f"ws://127.0.0.1:{stream_port}")


def credentials() -> tuple[Secret, Secret]:
    """The key and the secret that this venue takes."""
    return Secret(KEY), Secret(SECRET)
