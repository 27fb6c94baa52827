"""What a connection hears from the moment it stands."""

import asyncio
from typing import Any

from starlette.websockets import WebSocket

from quantum_trader.adapters.clock import ManualClock
from quantum_trader.app.venue.catalog import Catalog
from quantum_trader.app.venue.hall import Hall, HouseRules
from quantum_trader.app.venue.sockets import StreamDoor
from quantum_trader.app.venue.venue import Venue


async def heard_at_once() -> list[dict[str, Any]]:
    """What is sent to a client for which something happens while its handshake is answered."""
    venue = Venue(
        Hall(Catalog([], []), HouseRules(), ()), {}, ManualClock(0), None, speed=1.0, limited=False
    )
    sent: list[dict[str, Any]] = []
    told = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if sent:
            await told.wait()
            return {"type": "websocket.disconnect", "code": 1000}
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "websocket.accept":
            venue.hub.publish("a-key", {"e": "ORDER_TRADE_UPDATE"})
        else:
            told.set()

    scope = {"type": "websocket", "path": "/private/ws/a-key", "query_string": b"", "headers": []}
    await StreamDoor(venue).serve(WebSocket(scope, receive, send))
    assert not venue.hub.listeners
    return sent


def test_an_order_that_is_faster_than_the_handshake_is_heard() -> None:
    sent = asyncio.run(asyncio.wait_for(heard_at_once(), 10))
    assert [one["type"] for one in sent[:2]] == ["websocket.accept", "websocket.send"]
    assert sent[1]["text"] == '{"e":"ORDER_TRADE_UPDATE"}'
