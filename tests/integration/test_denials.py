"""A stream server whose user may not do all that is needed."""

import asyncio
import os
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from quantum_trader.adapters.bus.connection import connect
from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.adapters.bus.server import EmbeddedServer
from quantum_trader.core.errors import StoreError
from tests.commits import IN, OUT, SERVICE, begun, commit
from tests.running import QUANTUM

MAY = "ACL SETUSER name ~* &* +@all"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    server = EmbeddedServer(tmp_path / "server")
    await server.start()
    yield server
    await server.stop()


async def guest(server: EmbeddedServer, *rules: str) -> str:
    """The address of a user who may do everything as far as these rules say."""
    owner: Any = connect(server.url, answer_timeout_s=10.0)
    await owner.execute_command("ACL", "SETUSER", "guest", "reset", "on", ">word", "+@all", *rules)
    await owner.aclose()
    return f"redis://guest:word@127.0.0.1:{urlsplit(server.url).port}/0"


async def test_an_append_that_cannot_be_remembered_appends_nothing(
    server: EmbeddedServer,
) -> None:
    denied = RedisBus(await guest(server, "~*", "-hset"), consumer="one")
    try:
        with pytest.raises(StoreError, match="may not run HSET"):
            await denied.append(IN, [{b"n": b"1"}], writer="w")
        with pytest.raises(StoreError, match="may not run HSET"):
            await denied.open_group(SERVICE, IN, "0")
        assert await denied.span(IN, "-", "+", 9) == []
    finally:
        await denied.close()


@pytest.mark.parametrize(
    "rules",
    [
        ("%R~*",),
        ("%R~*", f"%W~{IN}", "%W~quantum:[!s]*"),
        ("~*", "-xadd"),
        ("~*", "-xack"),
        ("~*", "-hincrby"),
        ("~*", "-hset"),
        ("~*", "-hdel"),
        ("~*", "-evalsha", "-eval"),
    ],
    ids=" ".join,
)
async def test_a_commit_of_which_one_write_is_denied_writes_nothing(
    server: EmbeddedServer, rules: tuple[str, ...]
) -> None:
    bus = RedisBus(server.url, consumer="one")
    ids, epoch = await begun(bus)
    denied = RedisBus(await guest(server, *rules), consumer="one")
    try:
        with pytest.raises(StoreError, match=re.escape(MAY)):
            await commit(denied, ids[:1], epoch)
        assert await bus.span(OUT, "-", "+", 9) == []
        assert await bus.inbox(SERVICE, "0-0", 9) == []
        assert [one.id for one in await bus.pending(SERVICE, IN, count=99)] == ids
        await commit(bus, ids[:1], epoch)
    finally:
        await denied.close()
        await bus.close()


def quantum(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    """A command on the server of somebody."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("QT_")}
    return subprocess.run(
        [*QUANTUM, *words],
        env=environ | {"QT_REDIS_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.slow
async def test_a_user_who_may_not_write_starts_nothing_and_is_told_what_is_missing(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    url = await guest(server, "%R~*")
    folder = ("--data-dir", str(tmp_path / "data"))
    options = ("--market", "synthetic", "--port", "0", "--duration", "1", *folder)
    done = await asyncio.to_thread(quantum, url, "run", *options)
    assert done.returncode == 1, done.stderr
    assert MAY in done.stderr
    assert "nothing is lost" in done.stderr
    looked = await asyncio.to_thread(quantum, url, "doctor", *folder)
    assert looked.returncode == 1
    assert "red: something needs you" in looked.stdout
    assert "word" not in done.stderr + looked.stdout
