"""``quantum archive``: what was taken from the streams; list it, verify it, export it."""

from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from quantum_trader.adapters.archive.segments import FOLDER, SegmentArchive
from quantum_trader.app.cli.frame import (
    DONE,
    FOUND,
    Common,
    DataDir,
    ForceProgress,
    Progress,
    command,
    new_app,
    remark,
    say,
    show_json,
    show_table,
    wait,
)
from quantum_trader.app.config import load
from quantum_trader.app.story import time_text
from quantum_trader.core.errors import ConfigError, StoreError, UsageError
from quantum_trader.core.stream_info import Segment
from quantum_trader.ports import Entry
from quantum_trader.streams import KEPT, PREFIX
from quantum_trader.streams.ids import parse

app = new_app()


@dataclass(frozen=True, kw_only=True)
class Options(Common):
    """What all of them take."""

    archive: Annotated[
        Path | None, typer.Option(help="The folder; else `archive` in the data folder.")
    ] = None
    data_dir: DataDir = None
    progress: ForceProgress = False


@dataclass(frozen=True, kw_only=True)
class ExportOptions(Options):
    """What ``archive export`` takes."""

    stream: Annotated[str, typer.Argument(help="Such as market.tick, as `archive list` names it.")]
    file: Annotated[Path, typer.Argument(help="Where to write, one JSON object a line.")]


class Verified(msgspec.Struct, frozen=True, kw_only=True):
    """What a look at every byte came to."""

    folder: str
    intact: bool
    segments: int
    entries: int
    problems: list[str]


@command(app, Options, "list")
def show_list(options: Options) -> int:
    """Every segment of every stream, oldest first."""
    archive = _archive(options)
    found = wait(_segments(archive))
    if options.as_json:
        rows = [
            msgspec.structs.asdict(one) | {"stream": short(one.stream), "file": _file(archive, one)}
            for one in found
        ]
        show_json({"folder": str(archive.folder), "segments": rows})
    elif not found:
        say("nothing is archived yet")
    else:
        show_table(
            ("stream", "segment", "entries", "from", "to", "written"),
            [
                (short(one.stream), str(one.number), f"{one.count:,}", one.first, one.last, at)
                for one in found
                for at in [time_text(one.written_ms)]
            ],
        )
    return DONE


@command(app, Options)
def verify(options: Options) -> int:
    """Read every byte: exit code 1 where a segment is torn, changed or missing."""
    archive = _archive(options)
    found = wait(_verified(archive, forced=options.progress))
    if options.as_json:
        show_json(found)
    else:
        for problem in found.problems:
            remark(f"problem: {problem}")
        word = "intact" if found.intact else "not intact"
        say(f"{word}: {found.entries:,} entries in {found.segments:,} segments")
    return DONE if found.intact else FOUND


@command(app, ExportOptions)
def export(options: ExportOptions) -> int:
    """Write everything archived of a stream as JSON, one entry a line."""
    archive = _archive(options)
    count = wait(_exported(archive, options))
    if options.as_json:
        show_json({"stream": options.stream, "entries": count, "file": str(options.file)})
    else:
        say(f"{count:,} entries of {options.stream} are in {options.file}")
    return DONE


def short(key: str) -> str:
    """A stream as people name it."""
    return key.removeprefix(PREFIX)


def _archive(options: Options) -> SegmentArchive:
    if options.archive is not None and not options.archive.is_dir():
        raise ConfigError(f"{options.archive}: there is no such folder")
    home = load(typed={"data_dir": options.data_dir}).home
    return SegmentArchive(options.archive or home / FOLDER)


def _file(archive: SegmentArchive, segment: Segment) -> str:
    return str(archive.path_of(segment).relative_to(archive.folder))


async def _segments(archive: SegmentArchive) -> list[Segment]:
    return [one for key in await archive.streams() for one in await archive.segments(key)]


async def _verified(archive: SegmentArchive, *, forced: bool) -> Verified:
    segments = entries = 0
    problems: list[str] = []
    with Progress("verifying the archive", forced=forced) as progress:
        for key in await archive.streams():
            try:
                found = await archive.segments(key)
            except StoreError as error:
                problems.append(str(error))
                continue
            problems += _overlaps(found)
            for segment in found:
                try:
                    entries += len(await archive.load(segment))
                except StoreError as error:
                    problems.append(str(error))
                segments += 1
                progress.advance()
    return Verified(
        folder=str(archive.folder),
        intact=not problems,
        segments=segments,
        entries=entries,
        problems=problems,
    )


def _overlaps(found: list[Segment]) -> list[str]:
    return [
        f"segment {later.number} of {short(later.stream)} begins before segment "
        f"{earlier.number} ends"
        for earlier, later in pairwise(found)
        if parse(later.first) <= parse(earlier.last)
    ]


async def _exported(archive: SegmentArchive, options: ExportOptions) -> int:
    known = {*(row.key for row in KEPT), *await archive.streams()}
    keys = [key for key in known if options.stream in (key, short(key))]
    if not keys:
        raise UsageError(f"{options.stream}: no such stream; `quantum archive list` names them")
    try:
        with (
            options.file.open("wb") as file,
            Progress("exporting", forced=options.progress) as progress,
        ):
            count = 0
            async for entry in _entries(archive, keys[0]):
                file.write(msgspec.json.encode(_plain(entry)) + b"\n")
                count += 1
                progress.advance()
    except OSError as error:
        raise UsageError(f"{options.file}: cannot be written ({error.strerror})") from error
    return count


async def _entries(archive: SegmentArchive, key: str) -> AsyncIterator[Entry]:
    for segment in await archive.segments(key):
        for entry in await archive.load(segment):
            yield entry


def _plain(entry: Entry) -> dict[str, Any]:
    fields = {name.decode("latin-1"): _text(value) for name, value in (entry.fields or {}).items()}
    return {"id": entry.id, "fields": fields}


def _text(value: bytes) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(value).decode()}
