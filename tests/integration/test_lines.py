"""The plain connections of the bus: where they lead, how they log in, and when they end."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.adapters.bus.server import EmbeddedServer
from quantum_trader.core.errors import BusUnreachable
from tests.bus_house import IN, SERVICE, said, words

NEAR, EMPTY = "quantum:stream:near", "quantum:stream:empty"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedServer]:
    """Return a server that lives as long as this module's tests."""
    one = EmbeddedServer(tmp_path_factory.mktemp("lines"))
    await one.start()
    yield one
    await one.stop()


async def test_a_wrong_password_is_named_and_not_shown(server: EmbeddedServer) -> None:
    where = urlsplit(server.url)
    bus = RedisBus(f"redis://:wrong-one@127.0.0.1:{where.port}/0", consumer="one")
    for call in (bus.take_lease(SERVICE), bus.read(SERVICE, [IN], count=1, block_ms=0)):
        with pytest.raises(BusUnreachable, match="WRONGPASS") as caught:
            await call
        assert "wrong-one" not in str(caught.value)
    await bus.close()


async def test_another_database_is_another_store(server: EmbeddedServer) -> None:
    other = RedisBus(server.url.removesuffix("/0") + "/1", consumer="one")
    await other.append(IN, said("there"), writer="w")
    await other.open_group(SERVICE, IN, "0")
    here = RedisBus(server.url, consumer="one")
    assert await here.span(IN, "-", "+", 9) == []
    await here.close()
    assert words(await other.read(SERVICE, [IN], count=9, block_ms=0)) == ["there"]
    await other.close()


async def test_a_socket_in_the_file_system_leads_to_the_same_store(server: EmbeddedServer) -> None:
    where = urlsplit(server.url)
    straight = RedisBus(server.url, consumer="one")
    near = RedisBus(f"unix://:{where.password}@{server._socket_path()}?db=0", consumer="two")
    await near.append(NEAR, said("a"), writer="w")
    assert words(await straight.span(NEAR, "-", "+", 9)) == ["a"]
    await near.close()
    await straight.close()


async def test_a_connection_whose_call_was_cancelled_is_not_used_again(
    server: EmbeddedServer,
) -> None:
    bus = RedisBus(server.url, consumer="one")
    await bus.open_group(SERVICE, EMPTY, "0")
    for turn in range(5):
        reading = asyncio.create_task(bus.read(SERVICE, [EMPTY], count=1, block_ms=1_000))
        await asyncio.sleep(0.01)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        assert await bus.take_lease(SERVICE) == turn + 1
    await bus.close()
