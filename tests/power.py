"""A disk whose power fails, for SQLite: it knows what was synced, and what was only written.

A write counts as lost until its file was synced. When the power fails, the disk may have kept
none of what was not synced, all of it, or any part in any order, a torn last sector among it, and
a file that was deleted may be back. A file that was synced is found in its folder.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import apsw

SECTOR_BYTES = 512
BASE = "unix"
NAME = "power"


class Write(NamedTuple):
    """Bytes at a place; None cuts the file off there."""

    offset: int
    data: bytes | None


class Lasting:
    """One file: what is on the disk for sure, and what may be."""

    def __init__(self) -> None:
        self.synced = b""
        self.waiting: list[Write] = []

    def sync(self) -> None:
        self.synced, self.waiting = self.after(self.waiting), []

    def after(self, writes: list[Write]) -> bytes:
        """The file with some of what waits."""
        content = bytearray(self.synced)
        for offset, data in writes:
            content.extend(bytes(max(0, offset - len(content))))
            content[offset : None if data is None else offset + len(data)] = data or b""
        return bytes(content)

    def kept(self, chance: random.Random) -> bytes:
        """The file with what chance has kept: whole writes, or their first sectors."""
        some = [write for write in self.waiting if chance.random() < 0.5]
        return self.after([self._torn(write, chance) for write in some])

    @staticmethod
    def _torn(write: Write, chance: random.Random) -> Write:
        if write.data is None or chance.random() < 0.7:
            return write
        sectors = chance.randrange(-(-len(write.data) // SECTOR_BYTES))
        return Write(write.offset, write.data[: sectors * SECTOR_BYTES])


class Cut(NamedTuple):
    """What a disk holds after its power failed, by the name of the file, and when that was."""

    done: int
    how: str
    files: dict[str, bytes]

    def put_into(self, folder: Path) -> None:
        """Write it all into a folder."""
        folder.mkdir()
        for name, content in self.files.items():
            (folder / name).write_bytes(content)


class Disk:
    """All files of one test; ``done`` calls of it were acknowledged so far."""

    def __init__(self) -> None:
        self.files: dict[str, Lasting] = {}
        self.deleted: dict[str, Lasting] = {}
        self.done = 0
        self.cuts: list[Cut] = []
        self._chance = random.Random(20)

    def acknowledged(self) -> None:
        """One more call has returned: what it was about must be there from now on."""
        self.done += 1
        self.cut()

    def cut(self) -> None:
        """Remember what would be left if the power failed now."""
        here, gone = self.files, self.deleted
        self._keep("nothing more", {name: one.synced for name, one in here.items()})
        self._keep("everything", {name: one.after(one.waiting) for name, one in here.items()})
        for part in range(3):
            back = {name: one for name, one in gone.items() if self._chance.random() < 0.5}
            kept = {name: one.kept(self._chance) for name, one in (back | here).items()}
            self._keep(f"part {part}", kept)

    def _keep(self, how: str, files: dict[str, bytes]) -> None:
        self.cuts.append(Cut(self.done, how, files))


class PowerFile(apsw.VFSFile):
    """A file of the disk; what is read comes from the real one below."""

    def __init__(self, disk: Disk, path: apsw.URIFilename | str | None, flags: list[int]) -> None:
        super().__init__(BASE, path, flags)
        name = path if isinstance(path, str) else path.filename() if path else ""
        self._disk = disk
        self._file = disk.files.setdefault(Path(name).name, Lasting())

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's names
        super().xWrite(data, offset)
        self._file.waiting.append(Write(offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        super().xTruncate(newsize)
        self._file.waiting.append(Write(newsize, None))

    def xSync(self, flags: int) -> None:  # noqa: N802
        self._disk.cut()
        self._file.sync()


class PowerDoor(apsw.VFS):
    """SQLite's way to the disk."""

    def __init__(self, disk: Disk) -> None:
        super().__init__(NAME, BASE, makedefault=True)
        self._disk = disk

    def xOpen(  # noqa: N802
        self, name: apsw.URIFilename | str | None, flags: list[int]
    ) -> PowerFile:
        return PowerFile(self._disk, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        name = Path(filename).name
        if name in self._disk.files:
            self._disk.deleted[name] = self._disk.files.pop(name)
        if syncdir:
            self._disk.deleted.clear()


@contextmanager
def power_may_fail() -> Iterator[Disk]:
    """Every database that is opened inside lies on such a disk."""
    disk = Disk()
    door = PowerDoor(disk)
    try:
        yield disk
    finally:
        apsw.set_default_vfs(BASE)
        door.unregister()
