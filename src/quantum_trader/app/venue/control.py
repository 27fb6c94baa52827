"""The control API: what makes a venue misbehave, and what tells what it really did.

For this machine only, and only with the token of the data folder.
"""

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quantum_trader.app.venue.account import Account
from quantum_trader.app.venue.control_bodies import BODIES, Clear, ClockOffset, Page
from quantum_trader.app.venue.faults import Fault
from quantum_trader.app.venue.openapi import document
from quantum_trader.app.venue.portfolio import standings
from quantum_trader.app.venue.refusals import Refused
from quantum_trader.app.venue.venue import Venue
from quantum_trader.core.matching.sides import side_of_leg, symbol_of

NAMES = frozenset(("127.0.0.1", "localhost", "[::1]"))
BODY_MAX = 1024 * 1024

Handler = Callable[[Any], Awaitable[Any]]


class Control:
    """The handlers of one venue."""

    def __init__(self, venue: Venue, token: str) -> None:
        self._venue = venue
        self._token = token

    def routes(self) -> list[Route]:
        """All of them, below ``/control``."""
        looks: dict[str, Handler] = {
            "state": self._state,
            "truth": self._truth,
            "traffic": self._traffic,
            "faults": self._list_faults,
        }
        acts: dict[str, Handler] = {
            "faults": self._inject,
            "faults/clear": self._clear,
            "clock": self._set_clock,
            "disconnect": self._disconnect,
        }
        routes = [Route("/control/openapi.json", self._guarded(self._document, None))]
        for name, handler in looks.items():
            body = Page if name == "truth" else None
            routes.append(Route(f"/control/{name}", self._guarded(handler, body)))
        for name in BODIES:
            handler = acts.get(name) or self._operation(name)
            endpoint = self._guarded(handler, BODIES[name])
            routes.append(Route(f"/control/{name}", endpoint, methods=["POST"]))
        return routes

    def _guarded(
        self, handler: Handler, shape: type[msgspec.Struct] | None
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            refused = self._refused(request)
            if refused is not None:
                return refused
            try:
                asked = None if shape is None else await _read(request, shape)
                return _json(200, await handler(asked))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                return _json(400, {"error": str(error)})
            except Refused as error:
                return _json(400, {"error": error.msg, "code": error.code})

        return endpoint

    def _refused(self, request: Request) -> Response | None:
        """Another host name means another page in a browser; no token, somebody else."""
        host = request.headers.get("host", "").rsplit(":", 1)[0]
        if host not in NAMES or "origin" in request.headers:
            return _json(403, {"error": "the control API answers this machine's own programs"})
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode("latin-1", "replace"), self._token.encode()):
            text = (
                "the token of the data folder (places.json) belongs into the header Authorization"
            )
            return _json(401, {"error": text}, {"www-authenticate": "Bearer"})
        return None

    async def _document(self, _asked: None) -> Any:
        return document()

    async def _state(self, _asked: None) -> Any:
        hall = self._venue.hall
        return {
            "server_ms": self._venue.wall_ms(),
            "market_ms": hall.at_ms,
            "speed": self._venue.pace.speed,
            "insurance_usd": f"{hall.counters.insurance_usd:f}",
            "halted": [symbol for symbol, board in hall.boards.items() if board.halted],
            "prices": {symbol: board.last for symbol, board in hall.boards.items()},
            "connections": len(self._venue.hub.listeners),
            "accounts": {name: _account(one) for name, one in hall.accounts.items()},
        }

    async def _truth(self, asked: Page) -> Any:
        return {"entries": self._venue.truth.after(asked.after, asked.limit)}

    async def _traffic(self, _asked: None) -> Any:
        return {"doors": self._venue.traffic.told()}

    async def _list_faults(self, _asked: None) -> Any:
        active = self._venue.faults.active
        return {"faults": [{"id": number, "fault": one} for number, one in active.items()]}

    async def _inject(self, asked: Fault) -> Any:
        return {"id": self._venue.faults.inject(asked)}

    async def _clear(self, asked: Clear) -> Any:
        cleared = self._venue.faults.clear(asked.id)
        self._venue.release()
        return {"cleared": cleared}

    async def _set_clock(self, asked: ClockOffset) -> Any:
        self._venue.offset_ms = asked.offset_ms
        return {"ok": True, "server_ms": self._venue.wall_ms()}

    async def _disconnect(self, _asked: Any) -> Any:
        count = len(self._venue.hub.listeners)
        self._venue.hub.end_all()
        return {"ok": True, "connections": count}

    def _operation(self, name: str) -> Handler:
        async def operate(asked: Any) -> Any:
            values = msgspec.to_builtins(asked)
            account = values.pop("account", None) or ""
            if account and account not in self._venue.hall.accounts:
                raise Refused(-1109, f"There is no account {account}.")
            given = {key: _text(value) for key, value in values.items() if value is not None}
            return await self._venue.operate(f"control.{name}", account, given)

        return operate


def _account(account: Account) -> dict[str, Any]:
    return {
        "wallet_usd": f"{account.desk.state.wallet_usd:f}",
        "hedge": account.records.hedge,
        "open_orders": len(account.open),
        "open_algos": len(account.algo_open),
        "positions": [
            {
                "symbol": symbol_of(one.market.symbol),
                "side": side_of_leg(one.market.symbol),
                "qty": f"{one.market.position.qty:f}",
                "cost_usd": f"{one.market.position.cost_usd:f}",
            }
            for one in standings(account)
            if one.market.position.qty
        ],
    }


async def _read(request: Request, shape: type[msgspec.Struct]) -> msgspec.Struct:
    if request.method == "GET":
        return msgspec.convert(dict(request.query_params), shape, strict=False)
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY_MAX:
            raise msgspec.ValidationError("the body is larger than 1 MiB")
    return msgspec.json.decode(body, type=shape)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return msgspec.json.encode(value).decode()
    return str(value)


def _json(status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
    content = msgspec.json.encode(body)
    return Response(content, status, headers, media_type="application/json")
