"""Plain connections to a Redis-compatible server, for what is asked thousands of times a second.

The library's client spends several times longer on a call than the server does (pool, timers,
retries, metrics). Here a call is one write and one answer; nothing is ever sent a second time. Its
errors are the library's own.
"""

import asyncio
from contextlib import ExitStack
from typing import Any

from hiredis import Reader, pack_command
from redis.asyncio.connection import SSLConnection, parse_url
from redis.exceptions import AuthenticationError, NoScriptError, RedisError, ResponseError
from redis.exceptions import ConnectionError as NoConnection
from redis.exceptions import TimeoutError as NoAnswer

CONNECT_TIMEOUT_S = 2.0
LINES_MAX = 32
"""Calls at one time; more wait for their turn."""

Argument = bytes | str | int


class Line(asyncio.Protocol):
    """One connection. One call at a time; a call without its answer ends the connection."""

    def __init__(self) -> None:
        self.is_open = True
        self._answers = Reader(replyError=ResponseError)
        self._transport: asyncio.WriteTransport | None = None
        self._waiting: asyncio.Future[Any] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The line is there."""
        if isinstance(transport, asyncio.WriteTransport):
            self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """The line is gone, and with it what was asked for."""
        self._end(NoConnection(str(exc) if exc else "the connection was closed"))

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        self._answers.feed(data)
        answer = self._answers.gets()
        waiting = self._waiting
        if answer is False:
            return
        if waiting is None or waiting.done():
            self._end(NoConnection("an answer that nobody asked for"))
        elif isinstance(answer, RedisError):
            waiting.set_exception(_named(answer))
        else:
            waiting.set_result(answer)

    async def call(self, arguments: tuple[Argument, ...], limit_s: float) -> Any:
        """The answer to a command. Raises ``RedisError``."""
        if self._transport is None or not self.is_open:
            raise NoConnection("the connection was closed")
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        timer = loop.call_later(limit_s, self._end, NoAnswer("it took too long"))
        self._transport.write(pack_command(arguments))  # type: ignore[arg-type]  # Any number of them.
        try:
            return await self._waiting
        except asyncio.CancelledError:
            # The answer may still come, and would be taken for the next one.
            self.close()
            raise
        finally:
            timer.cancel()
            self._waiting = None

    def close(self) -> None:
        """End the connection."""
        self._end(NoConnection("the connection was closed"))

    def _end(self, why: RedisError) -> None:
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(why)


class Lines:
    """As many connections as there are calls at one time; opened when needed, and kept."""

    def __init__(self, url: str, *, answer_timeout_s: float) -> None:
        self._url = url
        self._answer_timeout_s = answer_timeout_s
        self._free: list[Line] = []
        self._all: set[Line] = set()
        self._places = asyncio.Semaphore(LINES_MAX)

    async def call(self, *arguments: Argument, limit_s: float | None = None) -> Any:
        """The answer to a command, within ``limit_s`` where that is not the usual time.

        Raises ``RedisError`` or ``OSError``; then the command was carried out once or not at all.
        """
        async with self._places:
            line = await self._line()
            try:
                return await line.call(arguments, limit_s or self._answer_timeout_s)
            finally:
                (self._free.append if line.is_open else self._all.discard)(line)

    async def evalsha(self, digest: str, numkeys: int, *rest: Argument) -> Any:
        """Run a script that the server knows. Raises ``NoScriptError`` when it does not."""
        return await self.call("EVALSHA", digest, numkeys, *rest)

    async def eval(self, script: str, numkeys: int, *rest: Argument) -> Any:
        """Run a script."""
        return await self.call("EVAL", script, numkeys, *rest)

    def close(self) -> None:
        """End all connections."""
        for line in self._all:
            line.close()
        self._all.clear()
        self._free.clear()

    async def _line(self) -> Line:
        while self._free:
            line = self._free.pop()
            if line.is_open:
                return line
            self._all.discard(line)
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            line = await _connected(self._url)
        self._all.add(line)
        return line


async def _connected(url: str) -> Line:
    """A line that is logged in and looks at the right database."""
    options: dict[str, Any] = dict(parse_url(url))
    loop = asyncio.get_running_loop()
    if "path" in options:
        _, line = await loop.create_unix_connection(Line, options["path"])
    else:
        host, port = options.get("host", "localhost"), options.get("port", 6379)
        secure = options.pop("connection_class", None) is SSLConnection
        context = SSLConnection(**options).ssl_context.get() if secure else None
        _, line = await loop.create_connection(Line, host, port, ssl=context)
    with ExitStack() as undo:
        undo.callback(line.close)
        await _log_in(line, options)
        undo.pop_all()
    return line


async def _log_in(line: Line, options: dict[str, Any]) -> None:
    names = [options[name] for name in ("username", "password") if options.get(name)]
    if names:
        try:
            await line.call(("AUTH", *names), CONNECT_TIMEOUT_S)
        except ResponseError as error:
            raise AuthenticationError(str(error)) from error
    if options.get("db"):
        await line.call(("SELECT", options["db"]), CONNECT_TIMEOUT_S)


def _named(error: RedisError) -> RedisError:
    return NoScriptError(str(error)) if str(error).startswith("NOSCRIPT") else error
