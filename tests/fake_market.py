"""A venue's public market data on this machine: bars over HTTP, messages over a web socket."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from quantum_trader.adapters.market.binance import Venue
from quantum_trader.adapters.market.binance_messages import BAR_MS


def bar_row(open_ms: int, close: float = 100.0) -> list[object]:
    """A bar as REST tells it."""
    price = str(close)
    return [open_ms, price, price, price, price, "5", open_ms + BAR_MS - 1, "0", 1, "0", "0", "0"]


def kline(open_ms: int, symbol: str = "BTCUSDT", *, closed: bool = True, close: str = "100") -> str:
    """A bar as the stream tells it."""
    event = {
        "e": "kline",
        "E": open_ms + BAR_MS,
        "s": symbol,
        "k": {
            "t": open_ms,
            "T": open_ms + BAR_MS - 1,
            "s": symbol,
            "i": "1m",
            "o": close,
            "c": close,
            "h": close,
            "l": close,
            "v": "5",
            "x": closed,
        },
    }
    return combined("kline_1m", event)


def mark(at_ms: int, next_funding_ms: int, rate: str = "0.0001", symbol: str = "BTCUSDT") -> str:
    """A mark price as the stream tells it."""
    event = {
        "e": "markPriceUpdate",
        "E": at_ms,
        "s": symbol,
        "p": "101.5",
        "r": rate,
        "T": next_funding_ms,
    }
    return combined("markPrice@1s", event)


def trade(at_ms: int, number: int = 1, price: str = "100.5", symbol: str = "BTCUSDT") -> str:
    """A trade as the stream tells it."""
    event = {
        "e": "aggTrade",
        "E": at_ms,
        "a": number,
        "s": symbol,
        "p": price,
        "q": "2",
        "T": at_ms,
    }
    return combined("aggTrade", event)


def quote(at_ms: int, update: int, bid: str = "100", ask: str = "100.1", qty: str = "2") -> str:
    """A best bid and ask as the stream tells them."""
    event = {
        "e": "bookTicker",
        "u": update,
        "s": "BTCUSDT",
        "b": bid,
        "B": qty,
        "a": ask,
        "A": qty,
        "T": at_ms,
        "E": at_ms,
    }
    return combined("bookTicker", event)


Levels = Sequence[tuple[str, str]]


def depth(before: int, last: int, bids: Levels = (), asks: Levels = ()) -> str:
    """A change of the book as the stream tells it: the updates after ``before`` up to ``last``."""
    event = {
        "e": "depthUpdate",
        "E": 1,
        "T": 1,
        "s": "BTCUSDT",
        "U": before + 1,
        "u": last,
        "pu": before,
        "b": bids,
        "a": asks,
    }
    return combined("depth@100ms", event)


def book_body(last: int, bids: Levels = (("100", "2"),), asks: Levels = (("100.1", "2"),)) -> bytes:
    """A whole book as REST tells it."""
    return json.dumps({"lastUpdateId": last, "bids": bids, "asks": asks}).encode()


def combined(name: str, event: dict[str, object]) -> str:
    """An event in the envelope of a combined stream."""
    return json.dumps({"stream": f"{str(event['s']).lower()}@{name}", "data": event})


class FakeMarket:
    """Plays one list of messages per connection, then closes it; the last one stays open.

    ``scripts`` are for the route of bars, marks and trades, ``public`` for the one of quotes and
    books. ``rows`` are the bars REST knows by symbol, ``books`` its answers about whole books, the
    last one for ever. While ``down`` every REST answer is a 503; a ``delisted`` symbol is none.
    """

    def __init__(self, now_ms: int) -> None:
        self.now_ms = now_ms
        self.rows: dict[str, list[list[object]]] = {}
        self.scripts: list[Sequence[str]] = []
        self.public: list[Sequence[str]] = []
        self.books: list[bytes] = []
        self.asked: list[str] = []
        self.asked_public: list[str] = []
        self.fetched: list[str] = []
        self.down = False
        self.delisted: set[str] = set()
        self.refusal = b'{"code":-1121,"msg":"Invalid symbol."}'

    async def play(self, socket: ServerConnection) -> None:
        """One connection."""
        assert socket.request is not None
        is_public = socket.request.path.startswith("/public")
        scripts = self.public if is_public else self.scripts
        (self.asked_public if is_public else self.asked).append(socket.request.path)
        script = scripts.pop(0) if scripts else ()
        try:
            for message in script:
                await socket.send(message)
            if scripts:
                await socket.close()
            await socket.wait_closed()
        except ConnectionClosed:
            return

    def answer(self, _socket: ServerConnection, request: Request) -> Response | None:
        """REST and web sockets share a port; None lets the socket be."""
        url = urlsplit(request.path)
        if url.path in ("/market/stream", "/public/stream"):
            return None
        self.fetched.append(request.path)
        if self.down:
            return _response(HTTPStatus.SERVICE_UNAVAILABLE, b"{}")
        if url.path == "/fapi/v1/time":
            return _response(HTTPStatus.OK, json.dumps({"serverTime": self.now_ms}).encode())
        if url.path == "/fapi/v1/depth":
            if not self.books:
                return _response(HTTPStatus.SERVICE_UNAVAILABLE, b"{}")
            return _response(HTTPStatus.OK, self.books.pop(0) if self.books[1:] else self.books[0])
        query = parse_qs(url.query)
        if query["symbol"][0] in self.delisted:
            return _response(HTTPStatus.BAD_REQUEST, self.refusal)
        first_ms, limit = int(query["startTime"][0]), int(query["limit"][0])
        rows = [
            row for row in self.rows.get(query["symbol"][0], []) if int(str(row[0])) >= first_ms
        ]
        return _response(HTTPStatus.OK, json.dumps(rows[:limit]).encode())


def _response(status: HTTPStatus, body: bytes) -> Response:
    headers = Headers({"Content-Length": str(len(body)), "Connection": "close"})
    return Response(status.value, status.phrase, headers, body)


@asynccontextmanager
async def serving(market: FakeMarket, **limits: float) -> AsyncIterator[Venue]:
    """Where the market can be found while it is open."""
    async with serve(market.play, "127.0.0.1", 0, process_request=market.answer) as server:
        host, port = next(iter(server.sockets)).getsockname()
        address = f"{host}:{port}"
        yield Venue(rest=f"http://{address}", streams=f"ws://{address}", **limits)
        await asyncio.sleep(0)
