"""One connection to streams on one route, made again whenever it is lost, silent or half deaf.

The venue does not refuse a stream that was asked for on the wrong route: it says nothing on it, for
ever. So every stream has to say its first word in time, and is named when it does not.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Sequence

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from quantum_trader.adapters.market.backoff import Backoff
from quantum_trader.adapters.market.faults import Faults

CONNECT_S = 10.0
MESSAGE_BYTES_MAX = 1 << 20

LOST = "connection lost"
SILENT = "stream without a word"

_LOST = (OSError, WebSocketException)


class Patience(msgspec.Struct, frozen=True, kw_only=True):
    """How long a whole connection, and how long a single stream at first, may be silent."""

    first_word_s: float = 20.0
    silence_s: float = 10.0


class Line:
    """The streams ``names`` at ``base`` on ``route``.

    ``certain`` are those among them that speak whatever the market does: while one of them is
    silent the connection is made again. The others may be quiet for want of trades: after a second
    connection on which the same ones were silent, they are named and the rest is listened to.
    """

    def __init__(
        self,
        base: str,
        route: str,
        names: Sequence[str],
        certain: Collection[str],
        tools: tuple[Patience, Backoff, Faults],
    ) -> None:
        self._url = f"{base}/{route}/stream?streams={'/'.join(sorted(names))}"
        self._route = route
        self._names = frozenset(names)
        self._certain = frozenset(certain)
        self._patience, self._backoff, self._faults = tools
        self._silent: set[str] = set()
        self._silent_before: frozenset[str] = frozenset()

    async def frames(self) -> AsyncGenerator[str | bytes | None, None]:
        """Frames for ever; None says that a connection was made, and what was before is past."""
        while True:
            try:
                async with connect(
                    self._url, open_timeout=CONNECT_S, max_size=MESSAGE_BYTES_MAX
                ) as socket:
                    self._silent = set(self._names)
                    yield None
                    async for frame in self._listen(socket):
                        yield frame
            except _LOST as error:
                self._faults.note(LOST, f"/{self._route}: {error}")
            await self._backoff.pause()

    def heard(self, name: str) -> None:
        """A frame of this stream was read."""
        if self._silent:
            self._silent.discard(name)
            if not self._silent:
                self._backoff.reset()

    async def _listen(self, socket: ClientConnection) -> AsyncIterator[str | bytes]:
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + self._patience.first_word_s
        while True:
            yield await self._next(socket)
            if self._silent and loop.time() > deadline_s:
                self._judge()

    async def _next(self, socket: ClientConnection) -> str | bytes:
        try:
            async with asyncio.timeout(self._patience.silence_s):
                return await socket.recv()
        except TimeoutError as error:
            silent = f"; not a word of {self._named()}" if self._silent else ""
            raise TimeoutError(f"silent for {self._patience.silence_s:g} s{silent}") from error

    def _judge(self) -> None:
        """Raises ``TimeoutError`` while asking once more may help."""
        silent, named = frozenset(self._silent), self._named()
        self._faults.note(SILENT, f"/{self._route}: {named}")
        if silent & self._certain or silent != self._silent_before:
            self._silent_before = silent
            raise TimeoutError(f"not a word of {named}")
        self._silent.clear()
        self._backoff.reset()

    def _named(self) -> str:
        return ", ".join(sorted(self._silent))
