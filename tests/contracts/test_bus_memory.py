"""What only the bus in memory can do: forget what was passed, tell the time it is told."""

import msgspec
import pytest

from quantum_trader.adapters.bus import keys
from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.core.errors import StoreError
from tests.bus_house import HOUR_MS, IN, OUT, SERVICE, a_commit, fresh, lag, out, said, words


async def length(bus: MemoryBus, stream: str) -> int:
    info = await bus.info(stream)
    assert info is not None
    return info.length


@pytest.fixture
async def memory() -> MemoryBus:
    """Return a bus in memory with one group on ``IN``."""
    bus = MemoryBus()
    await bus.open_group(SERVICE, IN, "0")
    return bus


async def test_ready_says_whether_a_read_would_return_something(memory: MemoryBus) -> None:
    assert not memory.ready(SERVICE, [IN, OUT])
    await memory.append(IN, said("a"), writer="w")
    assert memory.ready(SERVICE, [OUT, IN])
    assert not memory.ready("signals", [IN])
    await fresh(memory)
    assert not memory.ready(SERVICE, [IN])


async def test_trimming_keeps_what_any_group_still_needs(memory: MemoryBus) -> None:
    await memory.open_group("signals", IN, "0")
    await memory.append(IN, said(*"abcdef"), writer="w")
    epoch = await memory.take_lease(SERVICE)
    ours = await fresh(memory)
    theirs = await memory.read("signals", [IN], count=4, block_ms=0)
    await memory.commit(a_commit(epoch, 1, acks={IN: [one.id for one in ours]}))
    memory.forget()
    assert await length(memory, IN) == 6
    other = a_commit(await memory.take_lease("signals"), 1, acks={IN: [theirs[0].id]})
    await memory.commit(msgspec.structs.replace(other, service="signals"))
    memory.forget()
    assert words(await memory.span(IN, "-", "+", 9)) == list("bcdef")
    assert words(await memory.pending("signals", IN, count=9)) == list("bcd")
    assert words(await memory.read("signals", [IN], count=9, block_ms=0)) == list("ef")
    assert await lag(memory) == 5
    await memory.append(IN, said("g"), writer="w")
    assert words(await fresh(memory)) == ["g"]


async def test_trimming_forgets_inbox_records_before_the_one_of_the_snapshot(
    memory: MemoryBus,
) -> None:
    epoch = await memory.take_lease(SERVICE)
    for seq in range(1, 6):
        await memory.commit(a_commit(epoch, seq, snapshot=b"state" if seq == 3 else None))
    memory.forget()
    memory.forget()
    left = [seq for seq, _ in await memory.inbox(SERVICE, "0-0", 9)]
    assert left == [f"{epoch}-3", f"{epoch}-4", f"{epoch}-5"]
    assert (await memory.saved(SERVICE)).last == f"{epoch}-5"


async def test_a_stream_without_groups_is_not_trimmed(memory: MemoryBus) -> None:
    epoch = await memory.take_lease(SERVICE)
    await memory.commit(a_commit(epoch, 1, outputs=(out("*", "x"),)))
    memory.forget()
    assert await length(memory, OUT) == 1
    assert await length(memory, keys.inbox(SERVICE)) == 1


async def test_two_memories_give_the_same_ids_to_the_same_facts() -> None:
    seen = []
    for _ in range(2):
        bus = MemoryBus()
        await bus.append(IN, said("a", "b"), writer="w")
        seen.append([one.id for one in await bus.span(IN, "-", "+", 9)])
    assert seen == [["0-1", "0-2"]] * 2


async def test_ids_and_idle_times_follow_the_clock_that_was_given() -> None:
    now = [1_000]
    one = MemoryBus(consumer="one", now_ms=lambda: now[0])
    two = one.beside("two")
    await one.open_group(SERVICE, IN, "0")
    await one.append(IN, said("a", "b"), writer="w")
    now[0] = 900
    await one.append(IN, said("c"), writer="w")
    assert [entry.id for entry in await fresh(one)] == ["1000-0", "1000-1", "1000-2"]
    now[0] += HOUR_MS - 1
    assert await two.claim(SERVICE, IN, idle_ms=HOUR_MS, count=9) == 0
    now[0] += 1
    info = await one.info(IN)
    assert info is not None
    assert info.groups[0].oldest_pending_ms == HOUR_MS
    assert await two.claim(SERVICE, IN, idle_ms=HOUR_MS, count=9) == 3


async def test_whoever_reads_was_seen_at_that_time_by_every_group_it_asked() -> None:
    now = [1_000]
    bus = MemoryBus(consumer="one", now_ms=lambda: now[0])
    for stream in (IN, OUT):
        await bus.open_group(SERVICE, stream, "0")
    for now[0] in (1_000, 2_000):
        await bus.read(SERVICE, (IN, OUT), count=9, block_ms=0)
    now[0] = 2_500
    for stream in (IN, OUT):
        info = await bus.info(stream)
        assert info is not None
        assert info.groups[0].consumers == (("one", 0, 500),)


async def test_only_what_exists_can_be_lost(memory: MemoryBus) -> None:
    for stream in (IN, OUT):
        with pytest.raises(StoreError, match="no"):
            memory.lose(stream, "5-5")
