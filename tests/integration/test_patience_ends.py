"""Servers, archives and ports that are not as they should be: who waits for them, and how long."""

import asyncio
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from redis.exceptions import RedisError

from quantum_trader.adapters.bus import server
from quantum_trader.adapters.bus.connection import answers
from quantum_trader.core.errors import BusUnreachable, ServerMissing, StoreError
from quantum_trader.services import archiver, instruments


def test_an_answer_of_the_stream_server_that_makes_no_sense_is_an_error_of_the_store() -> None:
    with pytest.raises(StoreError, match="makes no sense: odd"), answers("redis://nobody"):
        raise RedisError("odd")


async def test_a_stream_server_that_does_not_come_up_in_time_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def launched(*_: object) -> str:
        await asyncio.sleep(60)
        return "never"

    monkeypatch.setattr(server, "START_TIMEOUT_S", 0.001)
    monkeypatch.setattr(server.EmbeddedServer, "_launched_or_joined", launched)
    with pytest.raises(ServerMissing, match="did not answer within"):
        await server.EmbeddedServer(tmp_path).start()


async def test_a_stream_server_that_does_not_end_in_time_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "STOP_TIMEOUT_S", 0.05)
    stubborn = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import signal, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "print(1, flush=True)\n"
        "time.sleep(60)",
        stdout=asyncio.subprocess.PIPE,
    )
    assert stubborn.stdout is not None
    await stubborn.stdout.readline()
    one = server.EmbeddedServer(tmp_path)
    one._process = stubborn
    await one.stop()
    assert stubborn.returncode == -9


def test_a_port_that_somebody_listens_on_is_not_free() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert not server._is_free(taken.getsockname()[1])


async def test_an_archive_that_cannot_be_read_keeps_its_stream_from_being_trimmed() -> None:
    async def segments(_: str) -> None:
        raise StoreError("the folder is gone")

    told: list[tuple[str, str]] = []
    keeper: Any = SimpleNamespace(_note=lambda *words: told.append(words))
    archive: Any = SimpleNamespace(segments=segments)
    info: Any = SimpleNamespace(stream="s")
    await archiver.Archiver._archive_what_is_due(keeper, archive, info)
    assert told == [("s", "the folder is gone")]


async def test_whoever_asks_for_instruments_bears_a_server_that_is_silent_for_a_while() -> None:
    async def look() -> None:
        raise BusUnreachable("no answer")

    async def sleep_until(at_ms: int) -> None:
        waited.append(at_ms)
        if len(waited) == 3:
            raise asyncio.CancelledError

    waited: list[int] = []
    now_ms = iter(range(0, 10**9, instruments.EVERY_MS))
    clock: Any = SimpleNamespace(now_ms=lambda: next(now_ms), sleep_until=sleep_until)
    one: Any = SimpleNamespace(look=look, _hurries=False)
    with pytest.raises((asyncio.CancelledError, BusUnreachable)):
        await instruments.InstrumentKeeper.run(one, clock)
    assert waited
