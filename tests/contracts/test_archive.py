"""What every archive promises; and of the one on disk, that nothing torn is taken for whole."""

import errno
import os
from pathlib import Path

import pytest

from quantum_trader.adapters.archive.memory import MemoryArchive
from quantum_trader.adapters.archive.segments import DRAFT, SegmentArchive
from quantum_trader.core.errors import StoreError
from quantum_trader.ports import Archive, Entry, Fields
from tests.bus_house import IN, OUT

ODD: Fields = {b"": b"\x00\xff", b"type": b"\x80", b"payload": b"", b"\xff": b"x" * 10_000}


@pytest.fixture(params=["memory", "disk"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Archive:
    """Return an empty archive of either kind."""
    return MemoryArchive() if request.param == "memory" else SegmentArchive(tmp_path / "archive")


def entries(first: int, count: int, fields: Fields | None = None) -> list[Entry]:
    """Entries as a bus would give them."""
    return [
        Entry(IN, f"7-{n}", fields or {b"payload": str(n).encode(), b"type": b"t"}, 3)
        for n in range(first, first + count)
    ]


def told(found: list[Entry]) -> list[tuple[str, str, Fields | None]]:
    return [(one.stream, one.id, one.fields) for one in found]


async def test_an_empty_archive_holds_nothing(archive: Archive) -> None:
    assert await archive.streams() == []
    assert await archive.segments(IN) == []


async def test_what_was_stored_comes_back_to_the_byte(archive: Archive) -> None:
    kept = [*entries(1, 3), *entries(4, 1, ODD), *entries(5, 1, {b"record": b"{}"})]
    segment = await archive.store(IN, kept, 1_000)
    assert (segment.number, segment.first, segment.last) == (1, "7-1", "7-5")
    assert (segment.count, segment.written_ms) == (5, 1_000)
    assert told(await archive.load(segment)) == told(kept)


async def test_segments_are_numbered_and_come_in_order(archive: Archive) -> None:
    made = [await archive.store(IN, entries(1 + 2 * n, 2), n) for n in range(12)]
    await archive.store(OUT, entries(1, 1), 5)
    assert await archive.segments(IN) == made
    assert [one.number for one in made] == list(range(1, 13))
    assert await archive.streams() == [IN, OUT]


async def test_a_segment_of_another_archive_is_not_found(archive: Archive) -> None:
    foreign = await MemoryArchive().store(IN, entries(1, 1), 9)
    with pytest.raises(StoreError):
        await archive.load(foreign)


async def test_an_archive_that_is_set_aside_is_empty_and_begins_anew(archive: Archive) -> None:
    await archive.store(IN, entries(1, 3), 7)
    await archive.set_aside()
    assert await archive.streams() == []
    assert await archive.segments(IN) == []
    again = await archive.store(IN, entries(1, 2), 8)
    assert again.number == 1
    assert told(await archive.load(again)) == told(entries(1, 2))


async def test_what_was_set_aside_lies_beside_it_untouched(tmp_path: Path) -> None:
    archive = SegmentArchive(tmp_path / "archive")
    where = []
    for _ in range(2):
        await archive.store(IN, entries(1, 3), 7)
        where.append(Path(await archive.set_aside()))
    assert [one.name for one in where] == ["archive.1", "archive.2"]
    for one in where:
        kept = SegmentArchive(one)
        (segment,) = await kept.segments(IN)
        assert told(await kept.load(segment)) == told(entries(1, 3))


async def test_a_folder_that_is_gone_cannot_be_set_aside(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="archive: cannot be set aside"):
        await SegmentArchive(tmp_path / "archive").set_aside()


async def test_another_process_finds_what_was_stored(tmp_path: Path) -> None:
    first = SegmentArchive(tmp_path / "archive")
    segment = await first.store(IN, entries(1, 3), 1)
    again = SegmentArchive(tmp_path / "archive")
    assert await again.segments(IN) == [segment]
    assert (await again.store(IN, entries(4, 1), 2)).number == 2


async def test_what_a_dead_process_left_half_written_is_no_segment(tmp_path: Path) -> None:
    archive = SegmentArchive(tmp_path)
    segment = await archive.store(IN, entries(1, 3), 1)
    (archive.path_of(segment).parent / DRAFT).write_bytes(b"half of a")
    again = SegmentArchive(tmp_path)
    assert await again.segments(IN) == [segment]
    await again.store(IN, entries(4, 1), 2)
    assert [one.number for one in await SegmentArchive(tmp_path).segments(IN)] == [1, 2]


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
async def test_a_torn_segment_is_found_and_named(tmp_path: Path, cut: int) -> None:
    archive = SegmentArchive(tmp_path)
    segment = await archive.store(IN, entries(1, 3), 1)
    path = archive.path_of(segment)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(StoreError, match=f"{path.name}: torn or changed"):
        await archive.load(segment)


async def test_one_changed_bit_is_found(tmp_path: Path) -> None:
    archive = SegmentArchive(tmp_path)
    segment = await archive.store(IN, entries(1, 3), 1)
    path = archive.path_of(segment)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreError, match="torn or changed"):
        await archive.load(segment)


async def test_a_missing_segment_is_missed(tmp_path: Path) -> None:
    archive = SegmentArchive(tmp_path)
    made = [await archive.store(IN, entries(1 + n, 1), n) for n in range(3)]
    archive.path_of(made[1]).unlink()
    with pytest.raises(StoreError, match="segment 2 is missing"):
        await SegmentArchive(tmp_path).segments(IN)


async def test_a_name_that_tells_of_other_entries_is_found(tmp_path: Path) -> None:
    archive = SegmentArchive(tmp_path)
    path = archive.path_of(await archive.store(IN, entries(1, 3), 1))
    path.rename(path.with_name(path.name.replace("_7-3_", "_7-9_")))
    again = SegmentArchive(tmp_path)
    with pytest.raises(StoreError, match="other entries"):
        await again.load((await again.segments(IN))[0])


async def test_a_stranger_in_the_folder_is_named(tmp_path: Path) -> None:
    archive = SegmentArchive(tmp_path)
    path = archive.path_of(await archive.store(IN, entries(1, 3), 1))
    (path.parent / "notes.txt").touch()
    with pytest.raises(StoreError, match=r"notes\.txt"):
        await SegmentArchive(tmp_path).segments(IN)


@pytest.mark.parametrize("failing", ["write", "fsync", "rename"])
async def test_a_disk_that_refuses_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    archive = SegmentArchive(tmp_path)
    await archive.store(IN, entries(1, 1), 1)

    def refuse(*_given: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    where = Path if failing == "rename" else os
    monkeypatch.setattr(where, failing, refuse)
    with pytest.raises(StoreError, match="No space left"):
        await archive.store(IN, entries(2, 1), 2)
    monkeypatch.undo()
    assert [one.number for one in await SegmentArchive(tmp_path).segments(IN)] == [1]
    assert (await archive.store(IN, entries(2, 1), 3)).number == 2
