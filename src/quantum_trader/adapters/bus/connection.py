"""Connections to a Redis-compatible server, and what its errors mean here.

The library's defaults send a command again when its answer is lost, and let a blocking read run
into the time limit of the socket. Neither is allowed here: nothing retries below this adapter, and
a blocking read has its own connections, without a socket limit and under a clock of its own.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as NoAnswer

from quantum_trader.adapters.bus.refusals import no_group
from quantum_trader.core.errors import BusUnreachable, StoreError

CONNECTIONS_MAX = 32
CONNECT_TIMEOUT_S = 2.0
ANSWER_TIMEOUT_S = 2.5
"""Less than a position may stand unprotected, and more than a server puts writing off by itself."""
POOL_TIMEOUT_S = 20.0
HEALTH_CHECK_S = 15.0

_DENIED = re.compile(r"NOPERM|ACL failure|no permissions", re.IGNORECASE)


def connect(url: str, *, answer_timeout_s: float | None) -> Redis:
    """A client that never retries and speaks bytes; None waits for answers without limit."""
    common: dict[str, Any] = {
        "protocol": 2,
        "decode_responses": False,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "health_check_interval": HEALTH_CHECK_S,
        "retry": Retry(NoBackoff(), 0),
    }
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS_MAX,
        timeout=POOL_TIMEOUT_S,
        socket_timeout=answer_timeout_s,
        **common,
    )
    return Redis.from_pool(pool)


def without_password(url: str) -> str:
    """The address as it may be shown."""
    return re.sub(r"(//)[^/@]*@|([?&]password=)[^&]*", r"\1\2", url)


@contextmanager
def answers(url: str, service: str = "", streams: Sequence[str] = ()) -> Iterator[None]:
    """Turn the library's errors into ours; ``service`` and ``streams`` explain a lost group."""
    try:
        yield
    except (NoConnection, NoAnswer, OSError) as error:
        what = str(error) or "it took too long"
        shown = without_password(url)
        raise BusUnreachable(f"no answer from the stream server at {shown}: {what}") from error
    except ResponseError as error:
        if service and re.search(r"\b(NOGROUP|UNBLOCKED)\b", str(error)):
            raise no_group(service, _named(str(error), streams)) from error
        if _DENIED.search(str(error)):
            raise StoreError(
                f"the stream server's user may not do what this needs ({error}): give it every key "
                "and every command, ACL SETUSER name ~* &* +@all"
            ) from error
        raise StoreError(f"the stream server refused: {error}") from error
    except RedisError as error:
        raise StoreError(f"the stream server's answer makes no sense: {error}") from error


def _named(text: str, streams: Sequence[str]) -> str:
    """Which stream an error is about: the one it names, else all that were asked for."""
    for stream in streams:
        if f"'{stream}'" in text:
            return stream
    return " or ".join(streams)
