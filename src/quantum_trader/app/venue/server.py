"""The venue as a server on loopback."""

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from quantum_trader.app.venue.control import Control
from quantum_trader.app.venue.http import Door, Protocol
from quantum_trader.app.venue.player import Player
from quantum_trader.app.venue.security import Credentials
from quantum_trader.app.venue.sockets import StreamDoor
from quantum_trader.app.venue.venue import Venue
from quantum_trader.app.venue.ws_api import OrderDoor
from quantum_trader.core.errors import ConfigError

LOOPBACK = "127.0.0.1"
API = "/fapi/"
PLACES_FILE = "places.json"
PING_EVERY_S = 180.0


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Where everything of a running venue is, with its keys: the content of ``places.json``."""

    pid: int
    url: str
    ws_url: str
    control_url: str
    control_token: str
    accounts: list[Credentials]
    symbols: list[str]
    market: str


class _Server(uvicorn.Server):
    """A server that leaves the signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Touch no signal handler."""
        yield


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The quickest loop there is here, as the server itself would choose it."""
    return uvicorn.Config(_nothing, log_config=None).get_loop_factory()


async def _nothing() -> None:
    """An application that is never served."""


def application(venue: Venue, token: str) -> ASGIApp:
    """Everything the venue serves. Requests of the API do not go through the router's layers."""
    door, others = Door(venue), _others(venue, token)

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        is_api = scope["type"] == "http" and scope["path"].startswith(API)
        await (door if is_api else others)(scope, receive, send)

    return front


def _others(venue: Venue, token: str) -> Starlette:
    """The control API, and all that is no HTTP."""
    streams, orders = StreamDoor(venue), OrderDoor(venue)
    bases = ("", "/public", "/market", "/private")
    paths = [f"{base}/{kind}" for base in bases for kind in ("ws", "stream")]
    return Starlette(
        routes=[
            *Control(venue, token).routes(),
            WebSocketRoute("/ws-fapi/v1", orders.serve),
            *(WebSocketRoute(path, streams.serve) for path in paths),
            *(WebSocketRoute(f"{path}/{{names:path}}", streams.serve) for path in paths),
        ]
    )


def bound(port: int) -> socket.socket:
    """A listening socket on loopback. Raises ``ConfigError`` when the port is taken."""
    # Told to be TCP: only then are answers sent at once, and not 40 ms later with what follows.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((LOOPBACK, port))
        sock.listen(1024)
    except OSError as error:
        sock.close()
        raise ConfigError(
            f"--port {port}: {error.strerror}; choose another port, or 0 for any free one"
        ) from error
    return sock


def places_of(sock: socket.socket, venue: Venue, token: str, market: str) -> Places:
    """Where a venue on this socket is found."""
    address = f"{LOOPBACK}:{sock.getsockname()[1]}"
    return Places(
        pid=os.getpid(),
        url=f"http://{address}",
        ws_url=f"ws://{address}",
        control_url=f"http://{address}/control",
        control_token=token,
        accounts=list(venue.keys.values()),
        symbols=list(venue.hall.catalog.rows),
        market=market,
    )


def write_places(folder: Path, places: Places) -> None:
    """Write them down for their owner alone."""
    path = folder / PLACES_FILE
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(places)) + b"\n")
    new.replace(path)


def new_token() -> str:
    """What the control API will be asked for."""
    return secrets.token_urlsafe(32)


@asynccontextmanager
async def serving(
    venue: Venue, sock: socket.socket, token: str
) -> AsyncIterator[asyncio.Task[None]]:
    """Serve while the context lasts. The task ends when the server does."""
    config = uvicorn.Config(
        application(venue, token),
        http=Protocol,
        ws="websockets-sansio",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        lifespan="off",
        server_header=False,
        date_header=False,
        ws_ping_interval=PING_EVERY_S,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        yield task
    finally:
        venue.hub.end_all()
        server.should_exit = True
        await task


async def run(
    venue: Venue, player: Player, sock: socket.socket, token: str, ready: Callable[[], None]
) -> None:
    """Serve, play the market, and keep the time, until cancelled. A market may end before."""
    async with serving(venue, sock, token) as served, asyncio.TaskGroup() as group:
        group.create_task(player.run())
        group.create_task(venue.keep_time())
        ready()
        await served
