"""Who listens to what: streams by name, and a queue for every connection."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

BACKLOG_MAX = 20_000
"""A connection that is so many messages behind is dropped."""

_encode = msgspec.json.Encoder().encode


class Listener:
    """One connection. ``combined`` wraps every message with the name of its stream.

    ``admits`` says which streams this connection may hear; others it subscribes to in silence.
    """

    def __init__(self, *, combined: bool, admits: Callable[[str], bool]) -> None:
        self.combined = combined
        self.admits = admits
        self.names: dict[str, None] = {}
        self.queue: asyncio.Queue[str | None] = asyncio.Queue()

    def tell(self, text: str) -> None:
        """One more message; one too many ends the connection."""
        if self.queue.qsize() >= BACKLOG_MAX:
            self.end()
        else:
            self.queue.put_nowait(text)

    def end(self) -> None:
        """Close the connection, behind what it still has to be told."""
        self.queue.put_nowait(None)


class Hub:
    """All listeners of a venue."""

    def __init__(self) -> None:
        self._by_name: dict[str, dict[Listener, None]] = {}
        self.listeners: dict[Listener, None] = {}

    def join(self, listener: Listener) -> None:
        """A connection was made."""
        self.listeners[listener] = None

    def leave(self, listener: Listener) -> None:
        """A connection is gone."""
        self.unsubscribe(listener, list(listener.names))
        self.listeners.pop(listener, None)

    def subscribe(self, listener: Listener, names: Iterable[str]) -> None:
        """Hear streams from now on; twice is once."""
        for name in names:
            listener.names[name] = None
            if listener.admits(name):
                self._by_name.setdefault(name, {})[listener] = None

    def unsubscribe(self, listener: Listener, names: Iterable[str]) -> None:
        """Hear streams no more."""
        for name in names:
            listener.names.pop(name, None)
            heard = self._by_name.get(name)
            if heard is not None:
                heard.pop(listener, None)
                if not heard:
                    del self._by_name[name]

    def is_heard(self, name: str) -> bool:
        """Whether anybody listens."""
        return name in self._by_name

    def heard(self) -> list[str]:
        """The streams that anybody listens to."""
        return list(self._by_name)

    def publish(self, name: str, event: Any) -> None:
        """Tell everybody who listens."""
        heard = self._by_name.get(name)
        if not heard:
            return
        raw = _encode(event).decode()
        whole = ""
        for listener in list(heard):
            if listener.combined:
                whole = whole or f'{{"stream":{_encode(name).decode()},"data":{raw}}}'
                listener.tell(whole)
            else:
                listener.tell(raw)

    def end_all(self) -> None:
        """Close every connection."""
        for listener in self.listeners:
            listener.end()
