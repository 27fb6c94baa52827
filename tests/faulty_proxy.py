"""A TCP proxy that does to a conversation what networks do: lose answers, cut, hesitate."""

import asyncio
import time
from contextlib import suppress
from typing import Literal, Self

import msgspec

CHUNK = 1 << 16

Fault = Literal["lose the answer", "swallow the answer", "cut before sending"]


class Plan(msgspec.Struct):
    """A fault that awaits the next requests that contain ``word``."""

    fault: Fault
    word: bytes
    left: int


class FaultyProxy:
    """Stands between a client and a server on loopback.

    ``lose the answer``: the server does it, then the connection breaks. ``swallow the answer``:
    the server does it, then silence. ``cut before sending``: the server never hears of it.

    ``mute`` are the spans (epoch milliseconds) of such silences, until the client gave up.
    """

    def __init__(self, port: int) -> None:
        self.delay_s = 0.0
        self.struck = 0
        self.mute: list[tuple[int, int]] = []
        self.port = 0
        self._target = port
        self._plans: list[Plan] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def strike(self, fault: Fault, word: bytes, times: int = 1) -> None:
        """Meet the next requests that contain a word with a fault."""
        self._plans.append(Plan(fault, word, times))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(asyncio.CancelledError, OSError):
            await self._relay(reader, writer)
        writer.transport.abort()
        self._tasks.discard(task)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._target)
        faults: list[Fault] = []
        struck_ms: list[int] = []
        pumps = {
            asyncio.create_task(self._requests(reader, up_writer, (faults, struck_ms))),
            asyncio.create_task(self._answers(up_reader, writer, faults)),
        }
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            up_writer.transport.abort()
            if "swallow the answer" in faults:
                self.mute.append((struck_ms[0], _now_ms()))

    async def _requests(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        struck: tuple[list[Fault], list[int]],
    ) -> None:
        while chunk := await reader.read(CHUNK):
            fault = self._due(chunk)
            if fault == "cut before sending":
                return
            if fault:
                struck[0].append(fault)
                struck[1].append(_now_ms())
            writer.write(chunk)
            await writer.drain()

    async def _answers(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, faults: list[Fault]
    ) -> None:
        while chunk := await reader.read(CHUNK):
            if "lose the answer" in faults:
                return
            if faults:
                continue
            await asyncio.sleep(self.delay_s)
            writer.write(chunk)
            await writer.drain()

    def _due(self, chunk: bytes) -> Fault | None:
        for plan in self._plans:
            if plan.left and plan.word in chunk:
                plan.left -= 1
                self.struck += 1
                return plan.fault
        return None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
