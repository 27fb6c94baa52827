"""The doors of the venue for streams: old and new paths, one stream or many."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from quantum_trader.app.venue.hub import Listener
from quantum_trader.app.venue.venue import Venue

STREAMS_MAX = 1024
DAY_S = 24 * 3600
PUBLIC = ("@bookTicker", "!bookTicker", "@depth")


class Subscription(msgspec.Struct):
    """A message of a client."""

    method: str
    id: int | str | None = None
    params: list[Any] | None = None


_subscription = msgspec.json.Decoder(Subscription)


def _everything(_name: str) -> bool:
    return True


def _is_public(name: str) -> bool:
    return any(part in name for part in PUBLIC)


def _is_private(name: str) -> bool:
    return "@" not in name and not name.startswith("!")


def _is_market(name: str) -> bool:
    return not _is_public(name) and not _is_private(name)


ROUTES: dict[str, Callable[[str], bool]] = {
    "": _everything,
    "public": _is_public,
    "market": _is_market,
    "private": _is_private,
}
"""What may be heard on each base path; on the wrong one there is silence."""


class StreamDoor:
    """One endpoint for all stream paths."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection to its end."""
        route, combined, names = _asked(socket)
        listener = Listener(combined=combined, admits=ROUTES[route])
        # Heard from before the handshake is answered: a client may order as soon as it reads it.
        self._venue.hub.join(listener)
        self._venue.traffic.note(f"WS {_base(route, combined)}", "ok")
        self._subscribe(listener, names)
        try:
            await socket.accept()
            await self._talk(socket, listener)
        finally:
            self._venue.hub.leave(listener)
        with suppress(RuntimeError, WebSocketDisconnect):
            await socket.close()

    async def _talk(self, socket: WebSocket, listener: Listener) -> None:
        sender = asyncio.create_task(_send(socket, listener))
        reader = asyncio.create_task(self._read(socket, listener))
        try:
            await asyncio.wait({sender, reader}, timeout=DAY_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await _end(sender, reader)

    def _subscribe(self, listener: Listener, names: list[str]) -> None:
        self._venue.subscribe_base(iter(names))
        self._venue.hub.subscribe(listener, names)

    async def _read(self, socket: WebSocket, listener: Listener) -> None:
        while True:
            try:
                text = await socket.receive_text()
            except (WebSocketDisconnect, KeyError):
                return
            listener.tell(msgspec.json.encode(self._answer(listener, text)).decode())

    def _answer(self, listener: Listener, text: str) -> dict[str, Any]:
        try:
            asked = _subscription.decode(text)
        except msgspec.ValidationError:
            return {"code": 1, "msg": "Invalid value type: expected Object with method"}
        except msgspec.DecodeError as error:
            return {"code": 3, "msg": f"Invalid JSON: {error}"}
        names = [one for one in asked.params or [] if isinstance(one, str)]
        if asked.method == "SUBSCRIBE":
            if len(listener.names) + len(names) > STREAMS_MAX:
                return {"code": 2, "msg": "Invalid request: too many streams", "id": asked.id}
            self._subscribe(listener, names)
        elif asked.method == "UNSUBSCRIBE":
            self._venue.hub.unsubscribe(listener, names)
        elif asked.method == "LIST_SUBSCRIPTIONS":
            return {"result": list(listener.names), "id": asked.id}
        elif asked.method == "SET_PROPERTY" and (asked.params or [""])[0] == "combined":
            listener.combined = (asked.params or ["", True])[-1] is True
        elif asked.method == "GET_PROPERTY":
            return {"result": listener.combined, "id": asked.id}
        else:
            text = f"Invalid request: unknown variant {asked.method}"
            return {"code": 2, "msg": text, "id": asked.id}
        return {"result": None, "id": asked.id}


def _asked(socket: WebSocket) -> tuple[str, bool, list[str]]:
    """Base path, whether messages are wrapped, and the streams named in path and query."""
    parts = [part for part in socket.url.path.split("/") if part]
    route = parts.pop(0) if parts and parts[0] in ROUTES else ""
    combined = bool(parts) and parts[0] == "stream"
    names = parts[1:]
    query = socket.query_params
    names += [one for one in query.get("streams", "").split("/") if one]
    names += [one for one in query.getlist("listenKey") if one]
    return route, combined, names


def _base(route: str, combined: bool) -> str:
    kind = "stream" if combined else "ws"
    return f"/{route}/{kind}" if route else f"/{kind}"


async def _send(socket: WebSocket, listener: Listener) -> None:
    while (text := await listener.queue.get()) is not None:
        try:
            await socket.send_text(text)
        except (WebSocketDisconnect, RuntimeError):
            return


async def _end(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
