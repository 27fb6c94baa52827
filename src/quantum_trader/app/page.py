"""The page: what the system is doing now, on this machine's loopback, for looking only.

Served as finished HTML; a small script of our own fetches the board anew every two seconds. There
is nothing to press here. Beside it the same server has the control API (``app/control.py``), for
programs that have a token.
"""

import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from typing import NoReturn

import msgspec
import uvicorn
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quantum_trader.app.callers import FewCallers
from quantum_trader.app.display import FILTERS, Shown, shown
from quantum_trader.app.watch import View
from quantum_trader.core.errors import BrokenInvariant, ConfigError

LOOPBACK = "127.0.0.1"
WAITING_MAX = 16
"""Connections that wait. A process that can open no more files tries them all every second."""
HOSTS = [LOOPBACK, "localhost"]
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'self'; img-src 'self' data:; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

Look = Callable[[], View]
Endpoint = Callable[[Request], Awaitable[Response]]


class _Server(uvicorn.Server):
    """A server that leaves the signals to the supervisor of the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Touch no signal handler."""
        yield


class Page:
    """The web server of one system. ``look`` gives it what there is to see."""

    def __init__(
        self, look: Look, port: int, *, any_port: bool, more: Sequence[Route] = ()
    ) -> None:
        """Take the port; ``more`` is served beside the page.

        Raises ``ConfigError`` when the port is taken and no other one will do.
        """
        self._socket = _bound(port, any_port=any_port)
        app = page_app(look, more)
        config = uvicorn.Config(
            app,
            http=FewCallers,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            backlog=WAITING_MAX,
        )
        self._server = _Server(config)

    @property
    def url(self) -> str:
        """Where a browser finds it."""
        return f"http://{LOOPBACK}:{self._socket.getsockname()[1]}/"

    async def run(self) -> NoReturn:
        """Serve for ever."""
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            # When it is cancelled it leaves its sockets to the loop.
            for server in getattr(self._server, "servers", ()):
                server.close()
        raise BrokenInvariant("the page's server ended")

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()


def page_app(look: Look, more: Sequence[Route] = ()) -> Starlette:
    """The page as an application: the page, its board alone, and the same as JSON."""
    environment = Environment(
        loader=PackageLoader("quantum_trader.app"), autoescape=True, undefined=StrictUndefined
    )
    environment.filters |= FILTERS

    def render(name: str) -> Endpoint:
        template = environment.get_template(f"page/{name}")

        async def endpoint(_request: Request) -> Response:
            view = look()
            text = template.render(view=view, shown=shown(view))
            return Response(text, media_type="text/html", headers=HEADERS)

        return endpoint

    async def state(_request: Request) -> Response:
        view = look()
        body = msgspec.json.encode({"view": view, "ages_ms": ages_of(shown(view))})
        return Response(body, media_type="application/json", headers=HEADERS)

    return Starlette(
        routes=[
            Route("/", render("page.html")),
            Route("/board", render("board.html")),
            Route("/state.json", state),
            Route("/page.css", _asset("page.css", "text/css")),
            Route("/page.js", _asset("page.js", "text/javascript")),
            *more,
        ],
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=HOSTS)],
    )


def ages_of(now: Shown) -> dict[str, int | None]:
    """How old the numbers of a view are; None for what is missing."""
    return {"books": now.books_age_ms, "oldest_mark": now.oldest_mark_ms}


def _asset(name: str, media_type: str) -> Endpoint:
    body = files("quantum_trader.app").joinpath("templates/page", name).read_bytes()

    async def endpoint(_request: Request) -> Response:
        return Response(body, media_type=media_type, headers=HEADERS)

    return endpoint


def _bound(port: int, *, any_port: bool) -> socket.socket:
    # Told to be TCP: only then are answers sent at once, and not 40 ms later with what follows.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        try:
            sock.bind((LOOPBACK, port))
        except OSError:
            if not any_port:
                raise
            sock.bind((LOOPBACK, 0))
        sock.listen()
    except OSError as error:
        sock.close()
        raise ConfigError(
            f"--port {port}: {error.strerror}; choose another port, or 0 for any free one"
        ) from error
    return sock
