"""Binance, Bybit and OKX on this machine, as far as their best bid and ask go."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from quantum_trader.adapters.market.contracts import BINANCE, BYBIT, OKX
from quantum_trader.adapters.market.venue_quotes import Places

HANG_UP = "hang up"
"""In a script: the venue ends the connection."""

Frame = str | bytes


def quote_frame(venue: str, symbol: str, at_ms: int, bid: str, ask: str) -> str:
    """A best bid of 2 and ask of 3, as the venue tells them; ``symbol`` is the venue's own."""
    frames: dict[str, dict[str, Any]] = {
        BINANCE: {
            "stream": f"{symbol.lower()}@bookTicker",
            "data": {
                "e": "bookTicker",
                "u": at_ms,
                "s": symbol,
                "b": bid,
                "B": "2",
                "a": ask,
                "A": "3",
                "T": at_ms,
                "E": at_ms,
            },
        },
        BYBIT: {
            "topic": f"orderbook.1.{symbol}",
            "type": "snapshot",
            "ts": at_ms,
            "data": {"s": symbol, "b": [[bid, "2"]], "a": [[ask, "3"]], "u": 1, "seq": 1},
        },
        OKX: {
            "arg": {"channel": "bbo-tbt", "instId": symbol},
            "data": [
                {
                    "bids": [[bid, "2", "0", "1"]],
                    "asks": [[ask, "3", "0", "1"]],
                    "ts": str(at_ms),
                    "seqId": 1,
                }
            ],
        },
    }
    return json.dumps(frames[venue])


class FakeVenues:
    """Plays one list of frames per subscription of a venue; the last one is played for ever.

    A venue without a script says nothing at all.
    """

    def __init__(self) -> None:
        self.scripts: dict[str, list[Sequence[Frame]]] = {}
        self.subscribed: list[tuple[str, str, str]] = []
        self.connections: Counter[str] = Counter()

    async def play(self, socket: ServerConnection) -> None:
        """One connection."""
        assert socket.request is not None
        path = socket.request.path
        venue = next(name for name in (BYBIT, OKX, BINANCE) if name in path)
        self.connections[venue] += 1
        try:
            asked = await socket.recv()
            self.subscribed.append((venue, path, str(asked)))
            scripts = self.scripts.get(venue, [])
            script = scripts.pop(0) if len(scripts) > 1 else (scripts or [()])[0]
            for frame in script:
                if frame == HANG_UP:
                    await socket.close()
                    return
                await socket.send(frame)
                await asyncio.sleep(0.01)
            await socket.wait_closed()
        except ConnectionClosed:
            return


@asynccontextmanager
async def open_venues(venues: FakeVenues) -> AsyncIterator[Places]:
    """Where they can be found while they are open."""
    async with serve(venues.play, "127.0.0.1", 0) as server:
        host, port = next(iter(server.sockets)).getsockname()
        base = f"ws://{host}:{port}"
        yield Places(
            binance=f"{base}/{BINANCE}/public/stream",
            bybit=f"{base}/{BYBIT}/v5/public/linear",
            okx=f"{base}/{OKX}/ws/v5",
        )
