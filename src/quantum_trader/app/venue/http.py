"""The door of the venue for HTTP: as close to the wire as an application gets."""

from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from quantum_trader.app.venue.requests import BODY_MAX, Answer, Request, answer
from quantum_trader.app.venue.venue import Venue

TRANSPORT = "quantum.transport"


class Protocol(HttpToolsProtocol):
    """HTTP whose application may cut the line: that is how an answer gets lost."""

    def on_message_begin(self) -> None:
        """Let the application have the connection."""
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope[TRANSPORT] = self.transport


class Door:
    """An ASGI application for everything below ``/fapi``."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = dict(scope["headers"])
        body = await _body(receive)
        if body is None:
            reply = Answer(status=413, body=b'{"code":-1101,"msg":"Too much data."}')
        else:
            reply = await answer(self._venue, _request(scope, headers, body))
        if reply.dropped:
            scope[TRANSPORT].abort()
            while (await receive())["type"] != "http.disconnect":
                pass
            return
        start = {"type": "http.response.start", "status": reply.status}
        await send({**start, "headers": _headers(reply)})
        await send({"type": "http.response.body", "body": reply.body})


async def _body(receive: Receive) -> bytes | None:
    """All of a body; None when it is too much."""
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > BODY_MAX:
            return None
        if not message.get("more_body"):
            return body


def _request(scope: Scope, headers: dict[bytes, bytes], body: bytes) -> Request:
    key = headers.get(b"x-mbx-apikey")
    client: Any = scope.get("client")
    return Request(
        scope["method"],
        scope["path"],
        scope["query_string"].decode("latin-1"),
        body,
        None if key is None else key.decode("latin-1"),
        client[0] if client else "",
    )


def _headers(reply: Answer) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", reply.kind),
        (b"content-length", str(len(reply.body)).encode()),
        *((name.encode(), value.encode()) for name, value in reply.headers.items()),
    ]
