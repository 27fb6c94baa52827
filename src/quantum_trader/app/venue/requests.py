"""Requests over HTTP: read, limited, checked, answered, and made to fail where it is wished."""

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from quantum_trader.app.venue.call import Call, Endpoint
from quantum_trader.app.venue.endpoints import ENDPOINTS
from quantum_trader.app.venue.faults import Fault
from quantum_trader.app.venue.limits import TooMany
from quantum_trader.app.venue.params import Params
from quantum_trader.app.venue.refusals import Refused
from quantum_trader.app.venue.security import check_signature, check_time, known
from quantum_trader.app.venue.traffic import NOWHERE
from quantum_trader.app.venue.venue import Venue

BODY_MAX = 256 * 1024
PARAMS_MAX = 100
JSON = b"application/json"
UNKNOWN = (
    503,
    b'{"code":-1000,"msg":"Unknown error, please check your request or try again later."}',
)
UNAVAILABLE = (503, b'{"code":-1008,"msg":"Request throttled by system-level protection."}')
BAD_GATEWAY = (
    502,
    b"<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    b"<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n",
)
TIMEOUT = (
    504,
    b'{"code":-1007,"msg":"Timeout waiting for response from backend server. '
    b'Send status unknown; execution status unknown."}',
)


class Request(msgspec.Struct, frozen=True):
    """What came over the wire. ``query`` and ``body`` are as they were sent."""

    method: str
    path: str
    query: str
    body: bytes
    key: str | None
    address: str


class Answer(msgspec.Struct, kw_only=True):
    """What goes back; ``dropped`` closes the connection instead. ``outcome`` says it in a word."""

    status: int = 200
    body: bytes = b""
    kind: bytes = JSON
    headers: dict[str, str] = {}
    dropped: bool = False
    outcome: str = "ok"


async def answer(venue: Venue, request: Request) -> Answer:
    """Answer a request, whatever it is."""
    reply = Answer(headers={})
    endpoint = ENDPOINTS.get((request.method, request.path))
    try:
        if endpoint is None:
            raise _no_such_endpoint(request)
        given = _params(request.query, request.body.decode())
        account = _admit(venue, request, endpoint, given, reply)
        await _carry_out(venue, request, endpoint, (account, given), reply)
    except UnicodeDecodeError:
        _refuse(reply, Refused(-1100, "Illegal characters found in a parameter."))
    except TooMany as refused:
        reply.headers["retry-after"] = str(refused.wait_s)
        _refuse(reply, refused)
    except Refused as refused:
        _refuse(reply, refused)
    door = NOWHERE if endpoint is None else f"{request.method} {request.path}"
    venue.traffic.note(door, reply.outcome)
    return reply


def _refuse(reply: Answer, refused: Refused) -> None:
    reply.status, reply.outcome = refused.status, str(refused.code)
    reply.body = msgspec.json.encode(refused.body())


def _no_such_endpoint(request: Request) -> Refused:
    if any(path == request.path for _, path in ENDPOINTS):
        return Refused(-1002, "Method not allowed.", 405)
    return Refused(-5000, f"Path {request.path}, Method {request.method} is invalid", 404)


def _params(query: str, body: str) -> dict[str, str]:
    given = _pairs(query)
    return given | _pairs(body) if body else given


def _pairs(text: str) -> dict[str, str]:
    """One encoded form. Most have nothing that is encoded, and are read in a fifth of the time."""
    if "%" not in text and "+" not in text and text.count("&") < PARAMS_MAX:
        pairs = (part.partition("=") for part in text.split("&") if part)
        return {name: value for name, _, value in pairs}
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=PARAMS_MAX))
    except ValueError:
        raise Refused(-1101, "Too many parameters sent for this endpoint.") from None


def _admit(
    venue: Venue,
    request: Request,
    endpoint: Endpoint,
    given: Mapping[str, str],
    reply: Answer,
) -> str:
    """Count the request, then ask for key, time and signature; whose request it is."""
    now_ms, params = venue.wall_ms(), Params(given)
    used = venue.limits.use(request.address, endpoint.weight_of(params), now_ms)
    reply.headers["x-mbx-used-weight-1m"] = str(used)
    if endpoint.access == "none":
        return next(iter(venue.hall.accounts))
    credentials = known(venue.keys, request.key)
    if endpoint.access == "signed":
        check_signature(credentials.secret, request.query, request.body.decode())
        check_time(params, now_ms)
    if endpoint.orders:
        in_ten_seconds, in_minute = venue.limits.order(credentials.name, endpoint.orders, now_ms)
        reply.headers["x-mbx-order-count-10s"] = str(in_ten_seconds)
        reply.headers["x-mbx-order-count-1m"] = str(in_minute)
    return credentials.name


async def _carry_out(
    venue: Venue,
    request: Request,
    endpoint: Endpoint,
    asked: tuple[str, dict[str, str]],
    reply: Answer,
) -> None:
    account, given = asked
    faults = venue.faults.strike(request.method, request.path, account)
    delay_ms = sum(one.delay_ms for one in faults if one.kind == "delay")
    if delay_ms:
        await asyncio.sleep(delay_ms / 1000)
    fault = next((one for one in faults if one.kind != "delay"), None)
    if fault is not None and fault.strikes_before:
        strike(fault, reply)
        return
    result = await _result(venue, endpoint, account, given)
    reply.body = msgspec.json.encode(result)
    if fault is not None:
        strike(fault, reply)


async def _result(venue: Venue, endpoint: Endpoint, account: str, given: dict[str, str]) -> Any:
    if endpoint.look is not None:
        hall = venue.hall
        return endpoint.look(Call(hall, hall.accounts[account], Params(given), venue.wall_ms()))
    kept = {name: value for name, value in given.items() if name not in UNKEPT}
    return await venue.operate(endpoint.operation, account, kept)


UNKEPT = frozenset(("signature", "timestamp", "recvWindow", "apiKey"))
"""Parameters that say nothing about what is asked for, and are in no journal."""


def strike(fault: Fault, reply: Answer) -> None:
    """Make an answer what a fault makes of it."""
    reply.outcome = fault.kind
    if fault.kind == "drop":
        reply.dropped = True
    elif fault.kind == "truncated":
        reply.body = reply.body[: max(1, len(reply.body) // 2)]
    elif fault.kind == "bad_gateway":
        (reply.status, reply.body), reply.kind = BAD_GATEWAY, b"text/html"
    elif fault.kind == "unknown":
        reply.status, reply.body = UNKNOWN
    elif fault.kind == "unavailable":
        reply.status, reply.body = UNAVAILABLE
    elif fault.kind == "timeout":
        reply.status, reply.body = TIMEOUT
    elif fault.kind == "reject":
        _refuse(reply, Refused(fault.code, fault.msg, fault.status))
        if fault.retry_after_s is not None:
            reply.headers["retry-after"] = str(fault.retry_after_s)
