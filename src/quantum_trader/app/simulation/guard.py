"""What nobody may touch while a world runs: clocks, sockets, threads and unseeded chance.

A world that looks outside is not repeatable, so whoever tries is stopped with an error.
"""

import os
import random
import secrets
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import structlog

from quantum_trader.core.errors import BrokenInvariant

FORBIDDEN: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (time, ("time", "time_ns", "sleep", "localtime", "gmtime")),
    (
        random,
        ("random", "randint", "randrange", "choice", "choices", "shuffle", "sample", "uniform"),
    ),
    (uuid, ("uuid1", "uuid4")),
    (os, ("urandom", "getrandom", "fork")),
    (secrets, ("token_bytes", "token_hex", "token_urlsafe", "randbelow")),
    (socket, ("socket", "create_connection", "socketpair")),
    (threading.Thread, ("start",)),
)
"""``datetime.now`` reads ``time.time`` in C and cannot be replaced; ``tests/app/simulation`` looks
for it in the sources of everything that a world runs instead."""


def _stopped(name: str) -> Callable[..., NoReturn]:
    def forbidden(*_given: object, **_named: object) -> NoReturn:
        raise BrokenInvariant(f"{name} was used inside a simulated world; it must be an argument")

    return forbidden


@contextmanager
def sealed() -> Iterator[None]:
    """While inside, the world outside cannot be reached, and nothing is logged."""
    logging = structlog.get_config()
    structlog.configure(
        processors=[_drop],
        logger_factory=structlog.ReturnLoggerFactory(),
        cache_logger_on_first_use=False,
    )
    kept = [(owner, name, getattr(owner, name)) for owner, names in FORBIDDEN for name in names]
    for owner, name, _ in kept:
        setattr(owner, name, _stopped(f"{owner.__name__}.{name}"))
    try:
        yield
    finally:
        for owner, name, was in kept:
            setattr(owner, name, was)
        structlog.configure(**logging)


def _drop(_logger: object, _name: str, _event: object) -> NoReturn:
    raise structlog.DropEvent
