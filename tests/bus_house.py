"""Two instances of a service on one store of either kind, and words to talk about it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
from redis.asyncio import Redis

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.bus.namespace import PAPER, Namespace
from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.core.mode import KEY_PREFIXES
from quantum_trader.ports import Bus, Commit, Entry, Fields, Output

IN, OTHER, OUT = "quantum:stream:in", "quantum:stream:other", "quantum:stream:out"
SERVICE = "trader"
HOUR_MS = 3_600_000


class House(msgspec.Struct):
    """One store with two instances of a service on it, and a hand that loses entries."""

    bus: Bus
    twin: Bus
    lose: Callable[[str, str], Awaitable[Any]]


async def memory_house() -> AsyncIterator[House]:
    bus = MemoryBus(consumer="one")

    async def lose(stream: str, entry_id: str) -> None:
        bus.lose(stream, entry_id)

    yield House(bus, bus.beside("two"), lose)


async def redis_house(url: str, names: Namespace = PAPER) -> AsyncIterator[House]:
    client = Redis.from_url(url)
    await client.flushall()
    one, two = (RedisBus(url, consumer=consumer, names=names) for consumer in ("one", "two"))

    async def lose(stream: str, entry_id: str) -> None:
        await client.xdel(names.outer(stream), entry_id)

    yield House(one, two, lose)
    held = [key.decode() async for key in client.scan_iter()]
    await one.close()
    await two.close()
    await client.aclose()
    assert [key for key in held if not key.startswith(KEY_PREFIXES[names.mode])] == []


def said(*words: str) -> list[Fields]:
    return [{b"word": word.encode()} for word in words]


def words(entries: list[Entry]) -> list[str]:
    return [(one.fields or {b"word": b"?"})[b"word"].decode() for one in entries]


def out(entry_id: str, word: str, stream: str = OUT) -> Output:
    return Output(stream, entry_id, {b"word": word.encode()})


def a_commit(epoch: int, seq: int, **changes: Any) -> Commit:
    empty = Commit(
        service=SERVICE,
        epoch=epoch,
        seq=seq,
        inbox=f"record {seq}".encode(),
        outputs=(),
        acks={},
        projections={},
        snapshot=None,
    )
    return msgspec.structs.replace(empty, **changes)


async def fresh(bus: Bus, count: int = 64) -> list[Entry]:
    return await bus.read(SERVICE, [IN], count=count, block_ms=0)


async def lag(bus: Bus, stream: str = IN) -> int:
    info = await bus.info(stream)
    assert info is not None
    return info.groups[0].lag


async def everything(bus: Bus) -> dict[str, object]:
    """Return all that a reader can see, to compare before and after."""
    seen: dict[str, object] = {}
    for stream in await bus.streams():
        info = await bus.info(stream)
        assert info is not None
        still = [msgspec.structs.replace(g, consumers=(), oldest_pending_ms=0) for g in info.groups]
        seen[stream] = (info.length, info.added, still, await bus.span(stream, "-", "+", 1000))
    seen["saved"] = await bus.saved(SERVICE)
    seen["projection"] = await bus.projection("position")
    return seen
