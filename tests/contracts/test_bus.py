"""What every bus promises, asked of the one in memory and of the one over a real server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from redis.asyncio import Redis

from quantum_trader.adapters.bus import keys
from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.adapters.bus.server import EmbeddedServer
from quantum_trader.core.errors import BrokenInvariant, Fenced, StoreError
from quantum_trader.ports import Bus, Commit, Entry, Fields, Output, Saved

IN, OTHER, OUT = "quantum:stream:in", "quantum:stream:other", "quantum:stream:out"
SERVICE = "trader"
HOUR_MS = 3_600_000


class House(msgspec.Struct):
    """One store with two instances of a service on it, and a hand that loses entries."""

    bus: Bus
    twin: Bus
    lose: Callable[[str, str], Awaitable[Any]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Return the address of a server that lives as long as this module's tests."""
    folder: Path = tmp_path_factory.mktemp("bus")
    server = EmbeddedServer(folder)
    yield await server.start()
    await server.stop()


async def memory_house() -> AsyncIterator[House]:
    bus = MemoryBus(consumer="one")

    async def lose(stream: str, entry_id: str) -> None:
        bus.lose(stream, entry_id)

    yield House(bus, bus.beside("two"), lose)


async def redis_house(url: str) -> AsyncIterator[House]:
    client = Redis.from_url(url)
    await client.flushall()
    one, two = RedisBus(url, consumer="one"), RedisBus(url, consumer="two")
    yield House(one, two, client.xdel)
    await one.close()
    await two.close()
    await client.aclose()


@pytest.fixture(params=["memory", "redis"])
async def house(request: pytest.FixtureRequest, url: str) -> AsyncIterator[House]:
    """Return an empty store of either kind."""
    async for one in memory_house() if request.param == "memory" else redis_house(url):
        yield one


@pytest.fixture
async def bus(house: House) -> Bus:
    """Return the first instance, with its group open from the beginning of ``IN``."""
    await house.bus.open_group(SERVICE, IN, "0")
    return house.bus


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
    with pytest.raises(StoreError, match=f"no consumer group on {OTHER}.*reconcile"):
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


async def test_a_commit_becomes_visible_as_a_whole(bus: Bus) -> None:
    await bus.append(IN, said("a", "b"), writer="w")
    ids = [one.id for one in await fresh(bus)]
    epoch = await bus.take_lease(SERVICE)
    done = await bus.commit(
        a_commit(
            epoch,
            1,
            outputs=(out(f"{epoch}-1", "x"), out(f"{epoch}-2", "y"), out("*", "z", OTHER)),
            acks={IN: ids},
            projections={"position": {"qty": b"1", "side": b"LONG"}},
            snapshot=b"the state",
        )
    )
    assert done == "committed"
    outputs = await bus.span(OUT, "-", "+", 10)
    assert [(one.id, one.deliveries) for one in outputs] == [(f"{epoch}-1", 0), (f"{epoch}-2", 0)]
    assert words(outputs) == ["x", "y"]
    assert words(await bus.span(OTHER, "-", "+", 10)) == ["z"]
    assert await bus.pending(SERVICE, IN, count=10) == []
    assert await bus.projection("position") == {"qty": b"1", "side": b"LONG"}
    assert await bus.inbox(SERVICE, "0-0", 10) == [(f"{epoch}-1", b"record 1")]
    saved = await bus.saved(SERVICE)
    assert (saved.snapshot, saved.snapshot_at, saved.last) == (
        b"the state",
        f"{epoch}-1",
        f"{epoch}-1",
    )


async def test_a_repeated_commit_is_recognised_and_adds_nothing(bus: Bus) -> None:
    await bus.append(IN, said("a", "b"), writer="w")
    entry, _ = await fresh(bus)
    epoch = await bus.take_lease(SERVICE)
    commit = a_commit(epoch, 1, outputs=(out("*", "x"),), acks={IN: [entry.id]})
    assert await bus.commit(commit) == "committed"
    before = await everything(bus)
    assert await bus.commit(commit) == "already"
    assert await everything(bus) == before


async def test_one_commit_id_cannot_stand_for_two_contents(bus: Bus) -> None:
    epoch = await bus.take_lease(SERVICE)
    await bus.commit(a_commit(epoch, 1))
    with pytest.raises(BrokenInvariant, match="another content"):
        await bus.commit(a_commit(epoch, 1, inbox=b"something else"))


async def test_the_numbers_of_commits_only_grow(bus: Bus) -> None:
    epoch = await bus.take_lease(SERVICE)
    await bus.commit(a_commit(epoch, 5))
    with pytest.raises(StoreError, match=f"{epoch}-4"):
        await bus.commit(a_commit(epoch, 4))


async def test_who_lost_the_lease_changes_nothing_any_more(bus: Bus, house: House) -> None:
    await bus.append(IN, said("a"), writer="w")
    entry = (await fresh(bus))[0]
    old = await bus.take_lease(SERVICE)
    await bus.commit(a_commit(old, 1, projections={"position": {"qty": b"1"}}))
    new = await house.twin.take_lease(SERVICE)
    assert new > old
    before = await everything(bus)
    late = a_commit(
        old,
        2,
        outputs=(out("*", "x"),),
        acks={IN: [entry.id]},
        projections={"position": {"qty": b"2"}},
        snapshot=b"stale",
    )
    with pytest.raises(Fenced, match=f"epoch {old}; epoch {new} holds it"):
        await bus.commit(late)
    assert await everything(bus) == before


async def test_a_commit_without_a_lease_is_fenced(bus: Bus) -> None:
    with pytest.raises(Fenced, match="nobody holds it"):
        await bus.commit(a_commit(1, 1))


async def test_leases_of_two_services_are_two_leases(bus: Bus) -> None:
    ours = await bus.take_lease(SERVICE)
    await bus.take_lease("signals")
    await bus.take_lease("signals")
    assert await bus.commit(a_commit(ours, 1)) == "committed"


@pytest.mark.parametrize(
    "ids", [("{e}-3",), ("{e}-9", "{e}-9"), ("{e}-9", "{e}-8"), ("*", "{e}-9"), ("0-0",), ("x",)]
)
async def test_an_id_that_a_stream_would_refuse_refuses_everything(
    bus: Bus, ids: tuple[str, ...]
) -> None:
    await bus.append(IN, said("a"), writer="w")
    entry = (await fresh(bus))[0]
    epoch = await bus.take_lease(SERVICE)
    await bus.commit(a_commit(epoch, 1, outputs=(out(f"{epoch}-3", "x"),)))
    before = await everything(bus)
    bad = a_commit(
        epoch,
        2,
        outputs=(out("*", "fine", OTHER), *(out(one.format(e=epoch), "y") for one in ids)),
        acks={IN: [entry.id]},
        projections={"position": {"qty": b"2"}},
        snapshot=b"never",
    )
    with pytest.raises(StoreError):
        await bus.commit(bad)
    assert await everything(bus) == before
    assert await bus.commit(msgspec.structs.replace(bad, outputs=())) == "committed"


async def test_an_output_without_fields_refuses_everything(bus: Bus) -> None:
    epoch = await bus.take_lease(SERVICE)
    before = await everything(bus)
    with pytest.raises(StoreError, match="0 fields"):
        await bus.commit(a_commit(epoch, 1, outputs=(out("*", "x"), Output(OUT, "*", {}))))
    with pytest.raises(StoreError, match="0 fields"):
        await bus.append(IN, [{b"a": b"1"}, {}], writer="w")
    assert await everything(bus) == before


async def test_ids_larger_than_a_float_can_tell_apart_keep_their_order(bus: Bus) -> None:
    epoch = await bus.take_lease(SERVICE)
    large = 9_007_199_254_740_993
    await bus.commit(a_commit(epoch, 1, outputs=(out(f"{large}-1", "x"),)))
    with pytest.raises(StoreError):
        await bus.commit(a_commit(epoch, 2, outputs=(out(f"{large - 1}-2", "y"),)))
    done = await bus.commit(a_commit(epoch, 2, outputs=(out(f"{large + 1}-0", "y"),)))
    assert done == "committed"


async def test_numbers_in_ids_are_compared_as_numbers(bus: Bus) -> None:
    epoch = await bus.take_lease(SERVICE)
    for seq, entry_id in enumerate(("9-9", "9-10", "10-1"), 1):
        await bus.commit(a_commit(epoch, seq, outputs=(out(entry_id, "x"),)))
    assert [one.id for one in await bus.span(OUT, "-", "+", 10)] == ["9-9", "9-10", "10-1"]


async def test_acknowledging_twice_counts_once(bus: Bus) -> None:
    await bus.append(IN, said("a", "b"), writer="w")
    entry, _ = await fresh(bus)
    epoch = await bus.take_lease(SERVICE)
    await bus.commit(a_commit(epoch, 1, acks={IN: [entry.id, entry.id], OTHER: ["1-1"]}))
    await bus.commit(a_commit(epoch, 2, acks={IN: [entry.id]}))
    assert await lag(bus) == 1


async def test_a_large_batch_is_committed_like_a_small_one(bus: Bus) -> None:
    await bus.append(IN, said(*map(str, range(3_000))), writer="w")
    ids: list[str] = []
    while found := await fresh(bus):
        ids += [one.id for one in found]
    epoch = await bus.take_lease(SERVICE)
    values: dict[str, bytes | None] = {str(n): b"1" for n in range(3_000)}
    outputs = tuple(out(f"{epoch}-{n}", str(n)) for n in range(3_000))
    changes = {"position": values}
    await bus.commit(a_commit(epoch, 1, outputs=outputs, acks={IN: ids}, projections=changes))
    assert len(ids) == 3_000
    assert await lag(bus) == 0
    assert len(await bus.projection("position")) == 3_000
    gone: dict[str, bytes | None] = dict.fromkeys(values)
    await bus.commit(a_commit(epoch, 2, projections={"position": gone}))
    assert await bus.projection("position") == {}
    assert words(await bus.span(OUT, "-", "+", 5_000)) == [str(n) for n in range(3_000)]
    assert words(await bus.last(OUT, 200)) == [str(n) for n in range(2_999, 2_799, -1)]


async def test_projections_set_and_delete_single_fields(bus: Bus) -> None:
    epoch = await bus.take_lease(SERVICE)
    first = {"position": {"qty": b"1", "note": b"x"}, "else": {"a": b"1"}}
    await bus.commit(a_commit(epoch, 1, projections=first))
    second = {"position": {"qty": b"2", "note": None, "never": None}}
    await bus.commit(a_commit(epoch, 2, projections=second))
    assert await bus.projection("position") == {"qty": b"2"}
    assert await bus.projection("else") == {"a": b"1"}
    assert await bus.projection("unknown") == {}


async def test_a_snapshot_stays_until_the_next_and_knows_its_record(bus: Bus) -> None:
    assert await bus.saved(SERVICE) == Saved(None, "0-0", "0-0")
    epoch = await bus.take_lease(SERVICE)
    await bus.commit(a_commit(epoch, 1, snapshot=b"one"))
    await bus.commit(a_commit(epoch, 2))
    saved = await bus.saved(SERVICE)
    assert (saved.snapshot, saved.snapshot_at, saved.last) == (b"one", f"{epoch}-1", f"{epoch}-2")
    assert await bus.inbox(SERVICE, saved.snapshot_at, 10) == [(f"{epoch}-2", b"record 2")]


async def test_the_inbox_is_paged_from_any_record(bus: Bus) -> None:
    epoch = await bus.take_lease(SERVICE)
    for seq in range(1, 101):
        await bus.commit(a_commit(epoch, seq))
    records = await bus.inbox(SERVICE, f"{epoch}-10", 80)
    assert [record for _, record in records] == [f"record {n}".encode() for n in range(11, 91)]
    assert await bus.inbox(SERVICE, f"{epoch}-100", 80) == []
    assert await bus.inbox("nobody", "0-0", 80) == []


async def test_epochs_grow_over_restarts_even_when_the_counter_is_lost(
    bus: Bus, house: House
) -> None:
    first = await bus.take_lease(SERVICE)
    await bus.commit(a_commit(first, 7))
    second = await house.twin.take_lease(SERVICE)
    assert second > first
    assert await house.twin.commit(a_commit(second, 1)) == "committed"


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
