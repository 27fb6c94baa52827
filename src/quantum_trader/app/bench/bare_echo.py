"""The barest server of the same kind as the venue: Starlette and uvicorn, and nothing behind them.

``python -m quantum_trader.app.bench.bare_echo`` prints its port, and serves until it is ended.
"""

import asyncio
import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from quantum_trader.app.venue.server import bound, loop_factory


async def echo(request: Request) -> Response:
    """What was sent, sent back."""
    return Response(await request.body(), media_type="application/json")


async def serve() -> None:
    """On any free port of this machine."""
    sock = bound(0)
    app = Starlette(routes=[Route("/{rest:path}", echo, methods=["POST"])])
    config = uvicorn.Config(
        app, log_config=None, log_level="error", access_log=False, lifespan="off"
    )
    sys.stdout.write(f"{sock.getsockname()[1]}\n")
    sys.stdout.flush()
    await uvicorn.Server(config).serve(sockets=[sock])


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve())
