"""What every bus promises of letting go: entries, consumers and backlogs, never too early."""

import pytest

from quantum_trader.core.errors import StoreError
from quantum_trader.core.stream_info import Backlog
from quantum_trader.ports import Bus, Entry
from tests.bus_house import (
    HOUR_MS,
    IN,
    OTHER,
    SERVICE,
    House,
    a_commit,
    fresh,
    lag,
    out,
    said,
    words,
)

BEYOND = "9999999999999-0"


async def left(bus: Bus, stream: str = IN) -> list[str]:
    return words(await bus.span(stream, "-", "+", 1_000))


async def acknowledge(bus: Bus, entries: list[Entry], seq: int = 1) -> None:
    epoch = await bus.take_lease(SERVICE)
    await bus.commit(a_commit(epoch, seq, acks={IN: [one.id for one in entries]}))


async def test_what_lies_before_an_id_is_trimmed_and_the_rest_stays(bus: Bus) -> None:
    await bus.append(OTHER, said(*"abcd"), writer="w")
    ids = [one.id for one in await bus.span(OTHER, "-", "+", 9)]
    assert await bus.trim(OTHER, ids[0]) == 0
    assert await bus.trim(OTHER, ids[2]) == 2
    assert await left(bus, OTHER) == ["c", "d"]
    assert await bus.trim(OTHER, BEYOND) == 2
    assert await left(bus, OTHER) == []
    assert await bus.trim("no such stream", BEYOND) == 0


async def test_an_id_that_is_none_trims_nothing(bus: Bus) -> None:
    await bus.append(IN, said("a"), writer="w")
    for nonsense in ("5", "+", "-", "(5-1", ""):
        with pytest.raises(StoreError, match="no entry id"):
            await bus.trim(IN, nonsense)
    assert await left(bus) == ["a"]


async def test_nothing_is_trimmed_that_a_group_was_not_given(bus: Bus) -> None:
    await bus.append(IN, said(*"abc"), writer="w")
    assert await bus.trim(IN, BEYOND) == 0
    await acknowledge(bus, await fresh(bus, 2))
    assert await bus.trim(IN, BEYOND) == 2
    assert await left(bus) == ["c"]
    assert words(await fresh(bus)) == ["c"]


async def test_nothing_is_trimmed_that_a_group_has_not_finished(bus: Bus) -> None:
    await bus.append(IN, said(*"abcd"), writer="w")
    entries = await fresh(bus)
    await acknowledge(bus, [entries[0], entries[2]])
    assert await bus.trim(IN, BEYOND) == 1
    assert words(await bus.pending(SERVICE, IN, count=9)) == ["b", "d"]


async def test_the_slowest_group_decides_also_one_that_nobody_declared(bus: Bus) -> None:
    await bus.append(IN, said(*"abcd"), writer="w")
    await bus.open_group("stranger", IN, "0")
    await acknowledge(bus, await fresh(bus))
    await bus.read("stranger", [IN], count=1, block_ms=0)
    assert await bus.trim(IN, BEYOND) == 0
    await bus.skip("stranger", IN, BEYOND, await bus.backlog("stranger", IN, BEYOND), out("*", "x"))
    assert await bus.trim(IN, BEYOND) == 4


async def test_lag_stays_true_under_trimming(bus: Bus, house: House) -> None:
    await bus.append(IN, said(*map(str, range(100))), writer="w")
    await acknowledge(bus, await fresh(bus, 40))
    assert await bus.trim(IN, BEYOND) == 40
    assert await lag(bus) == 60
    await house.bus.open_group("late", IN, "0")
    info = await bus.info(IN)
    assert info is not None
    assert (info.length, info.added) == (60, 100)
    assert {group.service: group.lag for group in info.groups} == {SERVICE: 60, "late": 60}
    entries = await fresh(bus)
    await acknowledge(bus, entries, 2)
    info = await bus.info(IN)
    assert info is not None
    assert {group.service: group.lag for group in info.groups} == {SERVICE: 0, "late": 60}


async def test_a_trimmed_stream_still_refuses_ids_it_has_given(bus: Bus) -> None:
    epoch = await bus.take_lease(SERVICE)
    await bus.commit(a_commit(epoch, 1, outputs=(out("1-5", "x", OTHER),)))
    await bus.trim(OTHER, BEYOND)
    info = await bus.info(OTHER)
    assert info is not None
    assert (info.length, info.last_id) == (0, "1-5")
    with pytest.raises(StoreError, match="refuses id 1-5"):
        await bus.commit(a_commit(epoch, 2, outputs=(out("1-5", "x", OTHER),)))


async def test_an_idle_consumer_with_nothing_to_do_is_forgotten(bus: Bus, house: House) -> None:
    await fresh(bus)
    await fresh(house.twin)
    assert not await bus.drop_consumer(SERVICE, IN, "two", idle_ms=HOUR_MS)
    assert await bus.drop_consumer(SERVICE, IN, "two", idle_ms=0)
    assert not await bus.drop_consumer(SERVICE, IN, "two", idle_ms=0)
    assert not await bus.drop_consumer("nobody", IN, "two", idle_ms=0)
    assert not await bus.drop_consumer(SERVICE, "no such stream", "two", idle_ms=0)
    info = await bus.info(IN)
    assert info is not None
    assert [one[0] for one in info.groups[0].consumers] == ["one"]


async def test_a_consumer_that_holds_something_is_never_forgotten(bus: Bus, house: House) -> None:
    await bus.append(IN, said("a"), writer="w")
    await fresh(house.twin)
    assert not await bus.drop_consumer(SERVICE, IN, "two", idle_ms=0)
    assert await bus.claim(SERVICE, IN, idle_ms=0, count=9) == 1
    assert await bus.drop_consumer(SERVICE, IN, "two", idle_ms=0)
    assert words(await bus.pending(SERVICE, IN, count=9)) == ["a"]


async def test_the_oldest_entry_that_is_not_finished_is_named(bus: Bus) -> None:
    await bus.append(IN, said("a", "b"), writer="w")
    entries = await fresh(bus)
    await acknowledge(bus, entries[:1])
    info = await bus.info(IN)
    assert info is not None
    assert info.groups[0].oldest_pending == entries[1].id
    await acknowledge(bus, entries[1:], 2)
    info = await bus.info(IN)
    assert info is not None
    assert info.groups[0].oldest_pending is None


async def test_a_backlog_is_counted_and_skipped_with_its_audit(bus: Bus) -> None:
    await bus.append(IN, said(*"abcdef"), writer="w")
    given = await fresh(bus, 2)
    ids = [one.id for one in await bus.span(IN, "-", "+", 9)]
    seen = await bus.backlog(SERVICE, IN, ids[3])
    assert seen == Backlog(4, ids[0], ids[3])
    assert await bus.skip(SERVICE, IN, ids[3], seen, out("*", "skipped by me", OTHER))
    assert await left(bus, OTHER) == ["skipped by me"]
    assert await bus.pending(SERVICE, IN, count=9) == []
    assert await lag(bus) == 2
    assert words(await fresh(bus)) == ["e", "f"]
    await acknowledge(bus, given)
    assert await lag(bus) == 2, "what was skipped is not counted twice"


async def test_a_backlog_that_changed_since_it_was_seen_is_not_skipped(bus: Bus) -> None:
    await bus.append(IN, said(*"abc"), writer="w")
    seen = await bus.backlog(SERVICE, IN, BEYOND)
    await bus.append(IN, said("d"), writer="w")
    assert not await bus.skip(SERVICE, IN, BEYOND, seen, out("*", "x", OTHER))
    assert await left(bus, OTHER) == []
    assert words(await fresh(bus)) == list("abcd")


async def test_an_empty_backlog_is_no_backlog(bus: Bus) -> None:
    empty = await bus.backlog(SERVICE, IN, BEYOND)
    assert empty == Backlog(0, "", "")
    assert not await bus.skip(SERVICE, IN, BEYOND, empty, out("*", "x", OTHER))
    for service, stream in (("nobody", IN), (SERVICE, "no such stream")):
        with pytest.raises(StoreError, match="no consumer group"):
            await bus.backlog(service, stream, BEYOND)
        with pytest.raises(StoreError, match="no consumer group"):
            await bus.skip(service, stream, BEYOND, empty, out("*", "x", OTHER))


async def test_a_span_may_begin_behind_an_id(bus: Bus) -> None:
    await bus.append(IN, said(*"abc"), writer="w")
    first = (await bus.span(IN, "-", "+", 1))[0].id
    assert words(await bus.span(IN, f"({first}", "+", 9)) == ["b", "c"]
    assert words(await bus.span(IN, "(0-0", "+", 9)) == ["a", "b", "c"]
