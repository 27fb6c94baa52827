"""The WebSocket API for orders: the same operations as over HTTP, one message each."""

from typing import Any

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from quantum_trader.app.venue import history, market_data, portfolio, settings_shown, tickers
from quantum_trader.app.venue.call import Call, Endpoint
from quantum_trader.app.venue.catalog import RATE_LIMITS
from quantum_trader.app.venue.params import Params
from quantum_trader.app.venue.refusals import Refused
from quantum_trader.app.venue.requests import UNKEPT
from quantum_trader.app.venue.security import Credentials, check_signature, check_time, known
from quantum_trader.app.venue.venue import Venue

Row = dict[str, Any]

METHODS: dict[str, Endpoint] = {
    "order.place": Endpoint(operation="order.place", weight=0, orders=1),
    "order.modify": Endpoint(operation="order.modify", weight=0, orders=1),
    "order.cancel": Endpoint(operation="order.cancel"),
    "order.status": Endpoint(look=history.order),
    "algoOrder.place": Endpoint(operation="algo.place", weight=0, orders=1),
    "algoOrder.cancel": Endpoint(operation="algo.cancel"),
    "account.status": Endpoint(look=portfolio.account_v2, weight=5),
    "v2/account.status": Endpoint(look=portfolio.account_v3, weight=5),
    "account.balance": Endpoint(look=portfolio.balances, weight=5),
    "v2/account.balance": Endpoint(look=portfolio.balances, weight=5),
    "account.position": Endpoint(look=portfolio.positions_v2, weight=5),
    "v2/account.position": Endpoint(look=portfolio.positions_ws, weight=5),
    "depth": Endpoint(look=market_data.depth, access="none", weight=10),
    "ticker.price": Endpoint(look=tickers.price, access="none"),
    "ticker.book": Endpoint(look=tickers.book_ticker, access="none", weight=2),
    "ping": Endpoint(look=settings_shown.ping, access="none"),
    "time": Endpoint(look=settings_shown.server_time, access="none"),
    "userDataStream.start": Endpoint(operation="key.start", access="key", weight=5),
    "userDataStream.ping": Endpoint(operation="key.keep", access="key"),
    "userDataStream.stop": Endpoint(operation="key.close", access="key"),
}
SESSION = ("session.logon", "session.logout", "session.status")


class Asked(msgspec.Struct):
    """A message of a client."""

    id: int | str | None
    method: str
    params: dict[str, Any] = {}


class Session(msgspec.Struct):
    """What a connection remembers: whose it is, after a logon."""

    address: str
    account: Credentials | None = None
    since_ms: int = 0


_asked = msgspec.json.Decoder(Asked)


class OrderDoor:
    """``/ws-fapi/v1``."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    async def serve(self, socket: WebSocket) -> None:
        """Serve one connection to its end."""
        await socket.accept()
        self._venue.traffic.note("WS /ws-fapi/v1", "ok")
        session = Session(socket.client.host if socket.client else "")
        while True:
            try:
                text = await socket.receive_text()
                row = await self._answer(session, text)
                await socket.send_text(msgspec.json.encode(row).decode())
            except (WebSocketDisconnect, KeyError, RuntimeError):
                return

    async def _answer(self, session: Session, text: str) -> Row:
        try:
            asked = _asked.decode(text)
        except msgspec.DecodeError:
            refused = Refused(-1135, "Invalid JSON Request")
            return {"id": None, "status": 400, "error": refused.body()}
        limits: list[Row] = []
        try:
            result = await self._result(session, asked, limits)
            return {"id": asked.id, "status": 200, "result": result, "rateLimits": limits}
        except Refused as refused:
            error = refused.body()
            return {"id": asked.id, "status": refused.status, "error": error, "rateLimits": limits}

    async def _result(self, session: Session, asked: Asked, limits: list[Row]) -> Any:
        given = {name: _text(value) for name, value in asked.params.items()}
        if asked.method in SESSION:
            return self._session(session, asked.method, given)
        endpoint = METHODS.get(asked.method)
        if endpoint is None:
            raise Refused(-1022, f"Unknown method: {asked.method}")
        account = self._admit(session, endpoint, given, limits)
        kept = {name: value for name, value in given.items() if name not in UNKEPT}
        if endpoint.look is None:
            return await self._venue.operate(endpoint.operation, account, kept)
        hall = self._venue.hall
        call = Call(hall, hall.accounts[account], Params(kept), self._venue.wall_ms())
        return endpoint.look(call)

    def _admit(
        self, session: Session, endpoint: Endpoint, given: dict[str, str], limits: list[Row]
    ) -> str:
        venue, now_ms = self._venue, self._venue.wall_ms()
        used = venue.limits.use(session.address, endpoint.weight_of(Params(given)), now_ms)
        limits.append(RATE_LIMITS[0] | {"count": used})
        if endpoint.access == "none":
            return next(iter(venue.hall.accounts))
        credentials = session.account or known(venue.keys, given.get("apiKey"))
        if endpoint.access == "signed":
            if session.account is None:
                _check_signature(credentials, given)
            check_time(Params(given), now_ms)
        if endpoint.orders:
            counts = venue.limits.order(credentials.name, endpoint.orders, now_ms)
            limits[:0] = [
                RATE_LIMITS[2] | {"count": counts[0]},
                RATE_LIMITS[1] | {"count": counts[1]},
            ]
        return credentials.name

    def _session(self, session: Session, method: str, given: dict[str, str]) -> Row:
        now_ms = self._venue.wall_ms()
        if method == "session.logon":
            credentials = known(self._venue.keys, given.get("apiKey"))
            _check_signature(credentials, given)
            check_time(Params(given), now_ms)
            session.account, session.since_ms = credentials, now_ms
        elif method == "session.logout":
            session.account, session.since_ms = None, 0
        return {
            "apiKey": session.account.key if session.account else None,
            "authorizedSince": session.since_ms or None,
            "connectedSince": now_ms,
            "returnRateLimits": True,
            "serverTime": now_ms,
        }


def _check_signature(credentials: Credentials, given: dict[str, str]) -> None:
    """Parameters are signed in the order of their names."""
    signed = "&".join(f"{name}={given[name]}" for name in sorted(given) if name != "signature")
    check_signature(credentials.secret, f"{signed}&signature={given.get('signature', '')}", "")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
