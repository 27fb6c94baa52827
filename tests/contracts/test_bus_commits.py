"""What every bus promises of a commit: all of it or nothing, once, and by one writer only."""

import msgspec
import pytest

from quantum_trader.core.errors import BrokenInvariant, Fenced, StoreError
from quantum_trader.ports import Bus, Output, Saved
from tests.bus_house import (
    IN,
    OTHER,
    OUT,
    SERVICE,
    House,
    a_commit,
    everything,
    fresh,
    lag,
    out,
    said,
    words,
)


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
    await bus.commit(a_commit(epoch, 1))
    await bus.commit(a_commit(epoch, 2))
    with pytest.raises(StoreError, match=f"{epoch}-1"):
        await bus.commit(a_commit(epoch, 1))


async def test_a_commit_follows_the_one_before_it_or_the_store_is_another(bus: Bus) -> None:
    epoch = await bus.take_lease(SERVICE)
    with pytest.raises(StoreError, match="made 1 commits and the stream server ends at 0-0"):
        await bus.commit(a_commit(epoch, 2))
    await bus.commit(a_commit(epoch, 1))
    epoch = await bus.take_lease(SERVICE)
    before = await everything(bus)
    with pytest.raises(StoreError, match=f"made 2 commits .* ends at {epoch - 1}-1"):
        await bus.commit(a_commit(epoch, 3))
    assert await everything(bus) == before
    assert await bus.commit(a_commit(epoch, 2)) == "committed"


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
    even = 9_007_199_254_740_992  # as a float the same as its successor
    await bus.commit(a_commit(epoch, 1, outputs=(out(f"{even}-{even}", "x"),)))
    for seq, entry_id in enumerate((f"{even}-{even + 1}", f"{even + 1}-0"), 2):
        done = await bus.commit(a_commit(epoch, seq, outputs=(out(entry_id, "y"),)))
        assert done == "committed"
    with pytest.raises(StoreError):
        await bus.commit(a_commit(epoch, 4, outputs=(out(f"{even}-{even + 2}", "z"),)))


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
    values: dict[str, bytes | None] = {str(n): b"1" for n in range(5_000)}
    outputs = tuple(out(f"{epoch}-{n}", str(n)) for n in range(3_000))
    changes = {"position": values}
    await bus.commit(a_commit(epoch, 1, outputs=outputs, acks={IN: ids}, projections=changes))
    assert len(ids) == 3_000
    assert await lag(bus) == 0
    assert len(await bus.projection("position")) == 5_000
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
    await bus.commit(a_commit(first, 1))
    second = await house.twin.take_lease(SERVICE)
    assert second > first
    assert await house.twin.commit(a_commit(second, 2)) == "committed"
