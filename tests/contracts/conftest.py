"""Buses and journals of either kind; the stream server lives as long as a module's tests."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from quantum_trader.adapters.bus.namespace import Namespace
from quantum_trader.adapters.bus.server import EmbeddedServer
from quantum_trader.adapters.journal.memory import MemoryJournal
from quantum_trader.adapters.journal.sqlite import SqliteJournal
from quantum_trader.ports import Bus, Journal
from tests.bus_house import IN, SERVICE, House, memory_house, redis_house
from tests.commands import ACCOUNT


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def bus_url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Return the address of a server that lives as long as this module's tests."""
    server = EmbeddedServer(tmp_path_factory.mktemp("bus"))
    yield await server.start()
    await server.stop()


@pytest.fixture(params=["memory", "redis", "redis, live"])
async def house(request: pytest.FixtureRequest, bus_url: str) -> AsyncIterator[House]:
    """Return an empty store of either kind, the real one also with the names of mode live."""
    names = Namespace("live" if "live" in request.param else "paper")
    async for one in memory_house() if request.param == "memory" else redis_house(bus_url, names):
        yield one


@pytest.fixture
async def bus(house: House) -> Bus:
    """Return the first instance, with its group open from the beginning of ``IN``."""
    await house.bus.open_group(SERVICE, IN, "0")
    return house.bus


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a journal on disk is."""
    return tmp_path / "journal.db"


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, path: Path) -> Iterator[Journal]:
    """Return an empty journal of either kind."""
    made: Journal = MemoryJournal() if request.param == "memory" else SqliteJournal(path, ACCOUNT)
    yield made
    made.close()
