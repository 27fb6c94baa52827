"""The control API: the kill level over HTTP, for programs of this machine that have the token.

It does what ``quantum halt``, ``flatten``, ``disarm`` and ``resume`` do, through the same desk
(``app/kill.py``), and answers with the same object. A page in a browser cannot use it: a request
that names its origin is refused, whatever the origin is, and so is one under another host name.
"""

import asyncio
import hmac
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from quantum_trader.adapters.bus.namespace import Namespace
from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.adapters.latch import FileLatch
from quantum_trader.adapters.token_file import token_in
from quantum_trader.app.kill import Desk, Said
from quantum_trader.app.kill_words import Result
from quantum_trader.app.trouble import Trouble, trouble_of
from quantum_trader.core.errors import StoreError, TraderError
from quantum_trader.ports import Bus

PATH = "/api/control"
DOCUMENT_PATH = "/api/openapi.json"
BODY_MAX = 16 * 1024
BODY_WITHIN_S = 10.0
JSON = "application/json"
BEARER = "Bearer "
CONTROL_FILE = "control.token"

_log = structlog.get_logger()

Who = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"\S")]
Why = Annotated[str, msgspec.Meta(max_length=500)]


class Order(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Who orders it, and why: both stay in the log."""

    who: Who
    why: Why


class ResumeOrder(Order, kw_only=True, forbid_unknown_fields=True):
    """Who takes new risk again, and why; the word shows that it is meant."""

    confirm: Literal["resume"]


class Failed(msgspec.Struct, frozen=True):
    """What went wrong, what it means for the money, and what to do."""

    error: Trouble


class Refusal(msgspec.Struct, frozen=True):
    """Why nothing was done."""

    error: str


BODIES: Mapping[str, type[Order]] = {
    "halt": Order,
    "flatten": Order,
    "disarm": Order,
    "resume": ResumeOrder,
}
SUMMARIES: Mapping[str, str] = {
    "halt": "Take no new risk until resumed; exits and stops go on.",
    "flatten": "Close every position at market, and halt. Answers once it is in force.",
    "disarm": "Take the leave to trade real money away, and halt.",
    "resume": "Take new risk again.",
}

_NOBODY = "the control API answers programs of this machine, not pages of a browser"
_NOT_KNOWN = "the token of the data folder (control.token) belongs into the header Authorization"

Act = Callable[[Said], Awaitable[Result]]


def token_of(folder: Path) -> str:
    """The token of a data folder, as its file has it; one that nobody knows where none fits in."""
    try:
        return token_in(folder / CONTROL_FILE)
    except StoreError as error:
        _log.warning("the control API is out of reach", reason=str(error))
        return secrets.token_urlsafe()


def desk_of(folder: Path, url: str, names: Namespace) -> Desk:
    """The desk of the system in a folder, whose streams are at ``url`` under ``names``."""
    return Desk(FileLatch(folder), lambda: _visiting(url, names))


@asynccontextmanager
async def _visiting(url: str, names: Namespace) -> AsyncIterator[Bus]:
    bus = RedisBus(url, consumer=f"api-{secrets.token_hex(4)}", names=names)
    try:
        yield bus
    finally:
        await bus.close()


class Control:
    """The endpoints of one system. ``token`` is what a caller has to know."""

    def __init__(self, desk: Desk, token: str) -> None:
        self._token = token.encode()
        self._acts: Mapping[str, Act] = {
            "halt": desk.halt,
            "flatten": desk.flatten,
            "disarm": desk.disarm,
            "resume": desk.lower,
        }

    def routes(self) -> list[Route]:
        """All of them, and their description."""
        return [
            Route(DOCUMENT_PATH, _described),
            *(Route(f"{PATH}/{name}", self._endpoint(name), methods=["POST"]) for name in BODIES),
        ]

    def _endpoint(self, name: str) -> Callable[[Request], Awaitable[Response]]:
        act, shape = self._acts[name], BODIES[name]

        async def endpoint(request: Request) -> Response:
            refused = self._refused(request)
            if refused is not None:
                return refused
            try:
                async with asyncio.timeout(BODY_WITHIN_S):
                    body = await _body(request)
            except TimeoutError:
                return _json(408, Refusal(f"the body did not come within {BODY_WITHIN_S:g} s"))
            except ClientDisconnect:
                return Response(status_code=400)  # Nobody is there to read it.
            if body is None:
                return _json(413, Refusal(f"the body is larger than {BODY_MAX} bytes"))
            try:
                order = msgspec.json.decode(body, type=shape)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                return _json(400, Refusal(str(error)))
            return await _done(act, Said(order.who.strip(), order.why))

        return endpoint

    def _refused(self, request: Request) -> Response | None:
        """Whoever is no program of this machine with the token, or sends no JSON."""
        if "origin" in request.headers or request.headers.get("sec-fetch-site", "none") != "none":
            return _json(403, Refusal(_NOBODY))
        given = request.headers.get("authorization", "")
        token = given.removeprefix(BEARER).encode("latin-1", "replace")
        if not given.startswith(BEARER) or not hmac.compare_digest(token, self._token):
            return _json(401, Refusal(_NOT_KNOWN), {"www-authenticate": "Bearer"})
        if request.headers.get("content-type", "").split(";")[0].strip().lower() != JSON:
            return _json(415, Refusal(f"the body has to be {JSON}"))
        return None


async def _done(act: Act, said: Said) -> Response:
    """Carry it out. 503: it is latched or ordered as far as that goes, and something is wrong."""
    try:
        result = await act(said)
    except TraderError as error:
        return _json(503, Failed(trouble_of(error)))
    return _json(200 if result.problem is None else 503, result)


async def _body(request: Request) -> bytes | None:
    """All of a body; None when it is too much."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_MAX:
            return None
    return body


async def _described(_request: Request) -> Response:
    return _json(200, document())


def _json(status: int, body: Any, more: Mapping[str, str] | None = None) -> Response:
    headers = {"cache-control": "no-store", "x-content-type-options": "nosniff", **(more or {})}
    return Response(msgspec.json.encode(body), status, headers, media_type=JSON)


def document() -> dict[str, Any]:
    """The API for machines: OpenAPI 3.1, made of the types it reads and writes."""
    shapes = (Order, ResumeOrder, Result, Failed, Refusal)
    _, components = msgspec.json.schema_components(
        shapes, ref_template="#/components/schemas/{name}"
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Control of a running system", "version": "1"},
        "security": [{"token": []}],
        "paths": {f"{PATH}/{name}": {"post": _operation(name)} for name in BODIES},
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(name: str) -> dict[str, Any]:
    refused = {"schema": {"$ref": "#/components/schemas/Refusal"}}
    told = {"$ref": "#/components/schemas/Result"}
    failed = {"anyOf": [told, {"$ref": "#/components/schemas/Failed"}]}
    return {
        "operationId": name,
        "summary": SUMMARIES[name],
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": {"$ref": f"#/components/schemas/{BODIES[name].__name__}"}}
            },
        },
        "responses": {
            "200": {"description": "Done.", "content": {JSON: {"schema": told}}},
            "503": {
                "description": "Latched or ordered as far as that goes, and something is wrong.",
                "content": {JSON: {"schema": failed}},
            },
            **{
                str(status): {"description": words, "content": {JSON: refused}}
                for status, words in _REFUSALS.items()
            },
        },
    }


_REFUSALS = {
    400: "The body makes no sense, and why.",
    401: "Without the token.",
    403: "From a page in a browser.",
    413: "The body is too large.",
    415: "The body is not JSON.",
}
