"""Leases in a real stream server: one holder, by the server's clock, whatever is repeated."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import redis

from quantum_trader.adapters.bus.leases import RedisLeases, names_at
from quantum_trader.adapters.bus.namespace import names_of
from quantum_trader.core.errors import BusUnreachable, StoreError
from quantum_trader.core.lease import Holder

ANN = Holder(host="here", pid=1, since="today")
BOB = Holder(host="there", pid=2, since="later")
LONG_MS = 60_000


@pytest.fixture
async def leases(bus_url: str) -> AsyncIterator[RedisLeases]:
    """Return the leases of a server that holds nothing."""
    with redis.Redis.from_url(bus_url) as client:
        client.flushall()
    one = RedisLeases(bus_url)
    yield one
    await one.close()


async def test_the_first_has_it_and_the_second_is_told_who(leases: RedisLeases) -> None:
    assert await leases.look("paper") is None
    held = await leases.hold("paper", "ann", ANN, LONG_MS)
    assert (held.who, held.holder, held.before) == ("ann", ANN, None)
    for _ in range(2):
        other = await leases.hold("paper", "bob", BOB, LONG_MS)
        assert (other.who, other.holder) == ("ann", ANN)
        assert 0 < other.left_ms <= LONG_MS
    seen = await leases.look("paper")
    assert seen is not None
    assert (seen.who, seen.holder) == ("ann", ANN)
    assert (await leases.hold("other", "bob", BOB, LONG_MS)).who == "bob"


async def test_a_server_belongs_to_the_account_that_came_first(leases: RedisLeases) -> None:
    assert await leases.owner("paper") == "paper"
    assert await leases.owner("live") == "paper"
    assert await leases.owner("paper") == "paper"


async def test_the_names_on_a_server_are_those_of_whose_it_is(
    leases: RedisLeases, bus_url: str
) -> None:
    assert (await names_at(bus_url, names_of("live"))).mode == "live", "nobody's: as one is set"
    await leases.owner("testnet-2")
    assert (await names_at(bus_url, names_of("live"))).mode == "testnet"


async def test_a_lease_of_real_money_is_spelled_so(leases: RedisLeases, bus_url: str) -> None:
    real = RedisLeases(bus_url, names_of("live"))
    await real.owner("live")
    assert (await real.hold("live", "ann", ANN, LONG_MS)).who == "ann"
    assert await real.look("live") is not None
    assert await leases.look("live") is None
    await real.close()
    with redis.Redis.from_url(bus_url) as client:
        assert set(client.scan_iter()) == {
            b"quantum:owner",
            b"quantum:live:lease:live",
            b"quantum:live:last_holder:live",
        }


async def test_asking_for_it_does_not_lengthen_the_lease_of_somebody_else(
    leases: RedisLeases,
) -> None:
    await leases.hold("paper", "ann", ANN, 500)
    left = [(await leases.hold("paper", "bob", BOB, LONG_MS)).left_ms for _ in range(3)]
    assert sorted(left, reverse=True) == left
    assert left[0] <= 500


async def test_when_its_time_is_over_another_has_it_and_knows_who_had_it_before(
    leases: RedisLeases,
) -> None:
    await leases.hold("paper", "ann", ANN, 50)
    await asyncio.sleep(0.1)
    for _ in range(2):  # A repeat after a lost answer is told the same.
        held = await leases.hold("paper", "bob", BOB, LONG_MS)
        assert (held.who, held.before) == ("bob", "ann")
    assert (await leases.hold("paper", "ann", ANN, LONG_MS)).who == "bob"


async def test_a_holder_that_comes_back_to_its_own_lease_has_had_it_before(
    leases: RedisLeases,
) -> None:
    await leases.hold("paper", "ann", ANN, 50)
    await asyncio.sleep(0.1)
    assert (await leases.hold("paper", "ann", ANN, 60_000)).before == "ann"


async def test_a_renewal_lengthens_it(leases: RedisLeases) -> None:
    await leases.hold("paper", "ann", ANN, 1_000)
    assert (await leases.hold("paper", "ann", ANN, LONG_MS)).left_ms > 1_000


async def test_a_strange_key_is_refused_and_no_server_is_no_answer(
    leases: RedisLeases, bus_url: str
) -> None:
    with redis.Redis.from_url(bus_url) as client:
        client.set("quantum:lease:paper", "x")
    with pytest.raises(StoreError, match="holds a string"):
        await leases.hold("paper", "ann", ANN, LONG_MS)
    nowhere = RedisLeases("redis://127.0.0.1:1/0")
    with pytest.raises(BusUnreachable):
        await nowhere.hold("paper", "ann", ANN, LONG_MS)
    await nowhere.close()
