"""How a loop says that it came round, to whoever supervises it.

Whoever starts a loop decides who hears of it, with ``heard_by``; a loop that nobody supervises
tells nobody. Tasks that the loop starts tell the same listener.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str | None], None]
"""Is told the part of a service that came round (empty for its only one), or None for all parts."""

_listener: ContextVar[Listener | None] = ContextVar("progress", default=None)


@contextmanager
def heard_by(listener: Listener) -> Iterator[None]:
    """Inside, and in tasks started inside, progress is told to this listener."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def made(part: str | None = "") -> None:
    """The loop, or this part of it, came round.

    None is for work that all parts of a service wait for, and that goes on.
    """
    listener = _listener.get()
    if listener is not None:
        listener(part)
