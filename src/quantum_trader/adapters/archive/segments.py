"""Archived streams as Parquet files that say in their names what is in them.

A folder per stream, and in it one file per segment: its number, first and last id, how many
entries, when it was written, and the SHA-256 of its bytes. The bytes are written under another
name, synced and then renamed, and the folder is synced: a segment is there whole or not at all.
Whatever does not match its name was torn or changed.

Columns: ``id``, ``payload`` (the fact as JSON; null where an entry has no such field), and the
other fields as two lists, ``names`` and ``values``.
"""

import asyncio
import hashlib
import io
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from quantum_trader.core.errors import StoreError
from quantum_trader.core.stream_info import Segment
from quantum_trader.ports import Entry

FOLDER = "archive"
PAYLOAD = b"payload"
SUFFIX = ".parquet"
DRAFT = "draft.tmp"
_NAME = re.compile(r"(\d{8})_(\d+-\d+)_(\d+-\d+)_(\d+)_(\d+)_([0-9a-f]{64})\.parquet")


class SegmentArchive:
    """An ``Archive`` in a folder. Files are read and written off the event loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, list[Segment]] = {}

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self._folder

    async def streams(self) -> list[str]:
        """The keys of all streams of which it holds something, in order."""
        if not self._folder.is_dir():
            return []
        return sorted(_key_of(one.name) for one in self._folder.iterdir() if one.is_dir())

    async def segments(self, stream: str) -> list[Segment]:
        """The segments of a stream, oldest first. Raises ``StoreError`` for a gap."""
        known = self._known.get(stream)
        if known is None:
            known = self._known[stream] = await asyncio.to_thread(self._listed, stream)
        return list(known)

    async def store(self, stream: str, entries: Sequence[Entry], at_ms: int) -> Segment:
        """Keep the entries that follow the last segment; on return they are on disk."""
        known = await self.segments(stream)
        number = known[-1].number + 1 if known else 1
        segment = await asyncio.to_thread(self._write, stream, entries, number, at_ms)
        self._known[stream].append(segment)
        return segment

    async def load(self, segment: Segment) -> list[Entry]:
        """The entries of a segment. Raises ``StoreError`` naming one that is torn or changed."""
        return await asyncio.to_thread(self._read, segment)

    async def set_aside(self) -> str:
        """Begin anew, for other streams; where what was kept lies now, untouched."""
        number = 1
        while (target := self._folder.with_name(f"{self._folder.name}.{number}")).exists():
            number += 1
        try:
            self._folder.rename(target)
            _sync_folder(target.parent)
        except OSError as error:
            raise StoreError(f"{self._folder}: cannot be set aside ({error.strerror})") from error
        self._known.clear()
        return str(target)

    def path_of(self, segment: Segment) -> Path:
        """The file of a segment."""
        return self._folder / _name_of(segment.stream) / _file_name(segment)

    def _listed(self, stream: str) -> list[Segment]:
        folder = self._folder / _name_of(stream)
        if not folder.is_dir():
            return []
        found = sorted(_parsed(stream, one) for one in folder.iterdir() if one.name != DRAFT)
        for number, segment in enumerate(found, 1):
            if segment.number != number:
                raise StoreError(
                    f"{folder}: segment {number} is missing, or is there twice; put the archive "
                    "back as it was"
                )
        return found

    def _write(self, stream: str, entries: Sequence[Entry], number: int, at_ms: int) -> Segment:
        data = _as_parquet(entries)
        digest = hashlib.sha256(data).hexdigest()
        ends = (entries[0].id, entries[-1].id)
        segment = Segment(stream, number, *ends, len(entries), at_ms, digest)
        path = self.path_of(segment)
        draft = path.with_name(DRAFT)
        try:
            if not path.parent.is_dir():
                path.parent.mkdir(mode=0o700, parents=True)
                for parent in (path.parent.parent, path.parent.parent.parent):
                    _sync_folder(parent)
            _write_synced(draft, data)
            draft.rename(path)
            _sync_folder(path.parent)
        except OSError as error:
            for scrap in (draft, path):
                with suppress(OSError):
                    scrap.unlink()
            raise StoreError(
                f"{path.parent}: the archive cannot be written ({error.strerror})"
            ) from error
        return segment

    def _read(self, segment: Segment) -> list[Entry]:
        path = self.path_of(segment)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise StoreError(f"{path}: cannot be read ({error.strerror})") from error
        if hashlib.sha256(data).hexdigest() != segment.digest:
            raise StoreError(f"{path}: torn or changed; its bytes are not those of its name")
        entries = _from_parquet(segment.stream, data)
        ends = (entries[0].id, entries[-1].id, len(entries))
        if ends != (segment.first, segment.last, segment.count):
            raise StoreError(f"{path}: its name tells of other entries than it holds")
        return entries


def _as_parquet(entries: Sequence[Entry]) -> bytes:
    # Only whoever archives pays for loading this.
    import polars as pl

    others = [
        [(name, value) for name, value in (one.fields or {}).items() if name != PAYLOAD]
        for one in entries
    ]
    frame = pl.DataFrame(
        {
            "id": [one.id for one in entries],
            "payload": [(one.fields or {}).get(PAYLOAD) for one in entries],
            "names": [[name for name, _ in one] for one in others],
            "values": [[value for _, value in one] for one in others],
        },
        schema={
            "id": pl.String,
            "payload": pl.Binary,
            "names": pl.List(pl.Binary),
            "values": pl.List(pl.Binary),
        },
    )
    file = io.BytesIO()
    frame.write_parquet(file, compression="zstd", statistics=False)
    return file.getvalue()


def _from_parquet(stream: str, data: bytes) -> list[Entry]:
    import polars as pl

    frame = pl.read_parquet(io.BytesIO(data))
    columns = (frame[name].to_list() for name in ("id", "payload", "names", "values"))
    entries = []
    for entry_id, payload, names, values in zip(*columns, strict=True):
        fields = dict(zip(names, values, strict=True))
        if payload is not None:
            fields[PAYLOAD] = payload
        entries.append(Entry(stream, entry_id, fields, 0))
    return entries


def _name_of(stream: str) -> str:
    """A stream as the name of a folder: keys have colons, which some file systems refuse."""
    return stream.replace(":", "+")


def _key_of(name: str) -> str:
    return name.replace("+", ":")


def _file_name(one: Segment) -> str:
    parts = (f"{one.number:08d}", one.first, one.last, one.count, one.written_ms, one.digest)
    return "_".join(map(str, parts)) + SUFFIX


def _parsed(stream: str, path: Path) -> Segment:
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise StoreError(f"{path}: no segment of an archive has such a name; move it away")
    number, first, last, count, written_ms, digest = match.groups()
    return Segment(stream, int(number), first, last, int(count), int(written_ms), digest)


def _write_synced(path: Path, data: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(file, view) :]
        os.fsync(file)
    finally:
        os.close(file)


def _sync_folder(path: Path) -> None:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
