"""What every bus promises of streams: asked of the one in memory and of the one on a server."""

import asyncio

import pytest

from quantum_trader.adapters.bus import keys
from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.core.errors import StoreError
from quantum_trader.ports import Bus
from tests.bus_house import (
    HOUR_MS,
    IN,
    OTHER,
    OUT,
    SERVICE,
    House,
    a_commit,
    fresh,
    lag,
    out,
    said,
    words,
)


async def test_entries_come_in_the_order_in_which_they_were_appended(bus: Bus) -> None:
    await bus.append(IN, said("a", "b"), writer="w")
    await bus.append(IN, said("c"), writer="w")
    entries = await fresh(bus)
    assert words(entries) == ["a", "b", "c"]
    assert [one.deliveries for one in entries] == [1, 1, 1]
    assert {one.stream for one in entries} == {IN}


async def test_streams_are_read_in_the_order_in_which_they_were_named(bus: Bus) -> None:
    await bus.open_group(SERVICE, OTHER, "0")
    await bus.append(IN, said("late"), writer="w")
    await bus.append(OTHER, said("first"), writer="w")
    entries = await bus.read(SERVICE, [OTHER, IN], count=10, block_ms=0)
    assert words(entries) == ["first", "late"]


async def test_a_read_returns_at_most_so_many_of_each_stream(bus: Bus) -> None:
    await bus.append(IN, said("a", "b", "c"), writer="w")
    assert words(await fresh(bus, 2)) == ["a", "b"]
    assert words(await fresh(bus, 2)) == ["c"]


async def test_nothing_to_read_is_an_empty_list(bus: Bus) -> None:
    assert await fresh(bus) == []


async def test_a_waiting_read_returns_as_soon_as_something_comes(bus: Bus, house: House) -> None:
    reading = asyncio.create_task(bus.read(SERVICE, [IN], count=10, block_ms=2_000))
    await asyncio.sleep(0.05)
    await house.twin.append(IN, said("news"), writer="w")
    async with asyncio.timeout(1):
        assert words(await reading) == ["news"]


async def test_a_waiting_read_ends_empty_after_its_time(bus: Bus) -> None:
    began = asyncio.get_running_loop().time()
    assert await bus.read(SERVICE, [IN], count=10, block_ms=60) == []
    assert 0.05 <= asyncio.get_running_loop().time() - began < 1


async def test_a_group_starts_where_it_was_told(house: House) -> None:
    await house.bus.append(IN, said("history"), writer="w")
    await house.bus.open_group("from the start", IN, "0")
    await house.bus.open_group("from now", IN, "$")
    await house.bus.append(IN, said("news"), writer="w")
    all_of_it = await house.bus.read("from the start", [IN], count=10, block_ms=0)
    assert words(all_of_it) == ["history", "news"]
    assert words(await house.bus.read("from now", [IN], count=10, block_ms=0)) == ["news"]


async def test_opening_a_group_again_changes_nothing(bus: Bus) -> None:
    await bus.append(IN, said("a"), writer="w")
    assert words(await fresh(bus)) == ["a"]
    await bus.open_group(SERVICE, IN, "0")
    assert await fresh(bus) == []
    assert await lag(bus) == 1


async def test_a_group_starts_at_one_of_two_places(bus: Bus) -> None:
    with pytest.raises(StoreError, match="everything"):
        await bus.open_group(SERVICE, OTHER, "5-0")


async def test_a_missing_group_is_an_error_that_says_what_to_do(bus: Bus) -> None:
    with pytest.raises(
        StoreError, match=r"no consumer group on quantum:(live:)?stream:other.*reconcile"
    ):
        await bus.read(SERVICE, [IN, OTHER], count=10, block_ms=0)
    with pytest.raises(StoreError, match="no consumer group"):
        await bus.pending(SERVICE, OTHER, count=10)
    with pytest.raises(StoreError, match="no consumer group"):
        await bus.claim(SERVICE, OTHER, idle_ms=0, count=10)


async def test_a_refused_read_delivers_nothing(bus: Bus) -> None:
    await bus.append(IN, said("a"), writer="w")
    with pytest.raises(StoreError):
        await bus.read(SERVICE, [IN, OTHER], count=10, block_ms=0)
    assert words([*await fresh(bus), *await bus.pending(SERVICE, IN, count=9)]) == ["a", "a"]


async def test_what_was_delivered_is_pending_and_is_not_new_again(bus: Bus) -> None:
    await bus.append(IN, said("a", "b", "c"), writer="w")
    await fresh(bus, 2)
    waiting = await bus.pending(SERVICE, IN, count=10)
    assert words(waiting) == ["a", "b"]
    assert words(await fresh(bus)) == ["c"]
    assert await fresh(bus) == []


async def test_deliveries_count_every_look_at_the_pending_list(bus: Bus) -> None:
    await bus.append(IN, said("poison"), writer="w")
    await fresh(bus)
    counts = [(await bus.pending(SERVICE, IN, count=1))[0].deliveries for _ in range(4)]
    assert counts == [2, 3, 4, 5]


async def test_the_pending_list_is_given_as_far_as_asked_however_long_it_is(bus: Bus) -> None:
    await bus.append(IN, said(*map(str, range(200))), writer="w")
    while await fresh(bus):
        pass
    assert words(await bus.pending(SERVICE, IN, count=150)) == [str(n) for n in range(150)]
    assert len(await bus.pending(SERVICE, IN, count=1_000)) == 200


async def test_what_one_instance_was_given_is_not_given_to_its_twin(bus: Bus, house: House) -> None:
    await bus.append(IN, said("a"), writer="w")
    await fresh(bus)
    assert await fresh(house.twin) == []
    assert await house.twin.pending(SERVICE, IN, count=10) == []


async def test_a_twin_takes_over_what_was_left_idle(bus: Bus, house: House) -> None:
    await bus.append(IN, said(*map(str, range(100))), writer="w")
    while await fresh(bus):
        pass
    assert await house.twin.claim(SERVICE, IN, idle_ms=HOUR_MS, count=10) == 0
    assert await house.twin.claim(SERVICE, IN, idle_ms=0, count=80) == 80
    assert await house.twin.claim(SERVICE, IN, idle_ms=0, count=80) == 20
    assert await house.twin.claim(SERVICE, IN, idle_ms=0, count=80) == 0
    taken = await house.twin.pending(SERVICE, IN, count=100)
    assert words(taken) == [str(n) for n in range(100)]
    assert {one.deliveries for one in taken} == {2}
    assert await bus.pending(SERVICE, IN, count=10) == []


async def test_our_own_entries_are_not_claimed(bus: Bus) -> None:
    await bus.append(IN, said("a"), writer="w")
    await fresh(bus)
    assert await bus.claim(SERVICE, IN, idle_ms=0, count=10) == 0


async def test_two_services_read_one_stream_without_knowing_each_other(bus: Bus) -> None:
    await bus.open_group("signals", IN, "0")
    await bus.append(IN, said("a"), writer="w")
    epoch = await bus.take_lease(SERVICE)
    entry = (await fresh(bus))[0]
    await bus.commit(a_commit(epoch, 1, acks={IN: [entry.id]}))
    assert words(await bus.read("signals", [IN], count=10, block_ms=0)) == ["a"]
    assert len(await bus.pending("signals", IN, count=10)) == 1
    info = await bus.info(IN)
    assert info is not None
    assert [(g.service, g.pending, g.lag) for g in info.groups] == [
        ("signals", 1, 1),
        (SERVICE, 0, 0),
    ]


async def test_lost_data_is_delivered_as_a_tombstone(bus: Bus, house: House) -> None:
    await bus.append(IN, said("a", "b", "c"), writer="w")
    entries = await fresh(bus, 2)
    await house.lose(IN, entries[0].id)
    waiting = await bus.pending(SERVICE, IN, count=10)
    assert [(one.id, one.fields) for one in waiting] == [
        (entries[0].id, None),
        (entries[1].id, {b"word": b"b"}),
    ]
    assert words(await bus.span(IN, "-", "+", 10)) == ["b", "c"]
    epoch = await bus.take_lease(SERVICE)
    await bus.commit(a_commit(epoch, 1, acks={IN: [one.id for one in waiting]}))
    assert await lag(bus) == 1


async def test_what_is_lost_before_its_delivery_stays_in_the_lag(bus: Bus, house: House) -> None:
    await bus.append(IN, said("a", "b"), writer="w")
    lost = (await bus.span(IN, "-", "+", 1))[0]
    await house.lose(IN, lost.id)
    entries = await fresh(bus)
    assert words(entries) == ["b"]
    epoch = await bus.take_lease(SERVICE)
    await bus.commit(a_commit(epoch, 1, acks={IN: [entries[0].id]}))
    assert await lag(bus) == 1


async def test_what_was_lost_is_dropped_when_it_is_claimed(bus: Bus, house: House) -> None:
    await bus.append(IN, said("a", "b"), writer="w")
    first, _ = await fresh(bus)
    await house.lose(IN, first.id)
    assert await house.twin.claim(SERVICE, IN, idle_ms=0, count=9) == 1
    assert words(await house.twin.pending(SERVICE, IN, count=9)) == ["b"]
    assert await bus.pending(SERVICE, IN, count=9) == []
    assert await lag(bus) == 2


async def test_lag_is_what_was_added_and_not_acknowledged(bus: Bus) -> None:
    await bus.append(IN, said(*map(str, range(10))), writer="w")
    assert await lag(bus) == 10
    entries = await fresh(bus, 6)
    assert await lag(bus) == 10
    epoch = await bus.take_lease(SERVICE)
    await bus.commit(a_commit(epoch, 1, acks={IN: [one.id for one in entries[:4]]}))
    assert await lag(bus) == 6
    await bus.append(IN, said("more"), writer="w")
    assert await lag(bus) == 7


async def test_lag_of_a_late_group_does_not_count_what_it_cannot_see(
    bus: Bus, house: House
) -> None:
    await bus.append(IN, said("a", "b", "c"), writer="w")
    await house.lose(IN, (await bus.span(IN, "-", "+", 1))[0].id)
    await bus.open_group("all", IN, "0")
    await bus.open_group("now", IN, "$")
    await bus.append(IN, said("d"), writer="w")
    info = await bus.info(IN)
    assert info is not None
    assert {group.service: group.lag for group in info.groups} == {SERVICE: 4, "all": 3, "now": 1}


async def test_a_stream_tells_its_numbers(bus: Bus) -> None:
    assert await bus.info(OUT) is None
    await bus.append(IN, said("a", "b"), writer="w")
    entries = await fresh(bus, 1)
    info = await bus.info(IN)
    assert info is not None
    assert (info.stream, info.length, info.added) == (IN, 2, 2)
    assert info.last_id == (await bus.last(IN, 1))[0].id
    group = info.groups[0]
    assert (group.service, group.pending, group.last_delivered) == (SERVICE, 1, entries[0].id)
    assert [one[:2] for one in group.consumers] == [("one", 1)]
    assert group.oldest_pending_ms is not None
    assert 0 <= group.oldest_pending_ms < HOUR_MS


async def test_a_span_includes_both_ends(bus: Bus) -> None:
    await bus.append(IN, said("a", "b", "c", "d"), writer="w")
    ids = [one.id for one in await bus.span(IN, "-", "+", 10)]
    assert words(await bus.span(IN, ids[1], ids[2], 10)) == ["b", "c"]
    assert words(await bus.span(IN, ids[1], "+", 2)) == ["b", "c"]
    assert words(await bus.last(IN, 2)) == ["d", "c"]
    assert await bus.span("no such stream", "-", "+", 10) == []
    assert await bus.last("no such stream", 10) == []


async def test_streams_are_listed_by_name(bus: Bus) -> None:
    epoch = await bus.take_lease(SERVICE)
    await bus.commit(a_commit(epoch, 1, outputs=(out("*", "x"),)))
    assert await bus.streams() == [keys.inbox(SERVICE), IN, OUT]


async def test_a_heartbeat_is_overwritten_field_by_field(house: House) -> None:
    assert isinstance(house.bus, MemoryBus | RedisBus)
    await house.bus.beat(SERVICE, {"seq": b"1", "at": b"5"})
    await house.bus.beat(SERVICE, {"seq": b"2"})
    assert await house.bus.heartbeat(SERVICE) == {"seq": b"2", "at": b"5"}


async def test_five_hundred_appends_at_once_all_arrive_once(bus: Bus, house: House) -> None:
    both = (bus, house.twin)
    await asyncio.gather(
        *(both[n % 2].append(IN, said(str(n)), writer=f"w{n % 2}") for n in range(500))
    )
    found = words(await bus.span(IN, "-", "+", 1_000))
    assert sorted(map(int, found)) == list(range(500))
    assert [int(word) for word in found if int(word) % 2] == list(range(1, 500, 2))


async def test_an_empty_batch_is_no_entry(bus: Bus) -> None:
    await bus.append(OUT, [], writer="w")
    assert await bus.info(OUT) is None
