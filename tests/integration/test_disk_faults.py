"""Disks that fill, tear and lie under the stream server, and a process that may open no file."""

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from quantum_trader.adapters.bus.connection import connect
from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.adapters.bus.server import EmbeddedServer
from quantum_trader.core.errors import ServerMissing
from tests.commits import COMMITS, IN, OUT, SERVICE, begun, commit
from tests.pages import ROOT

SYNCED = 15
QUANTUM = str(Path(sys.executable).parent / "quantum")
FILES_MAX = 32
"""Enough for a program to start, and too few for a stream server."""


async def kill(server: EmbeddedServer, bus: RedisBus) -> None:
    """Let nobody save anything."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    await bus.close()
    await server.stop()


def file_of(folder: Path) -> Path:
    """The one that a server writes to."""
    (file,) = (folder / "appendonlydir").glob("*.incr.aof")
    return file


async def killed_after_commits(folder: Path) -> Path:
    """Commit, kill the server, and return the file that it wrote to."""
    server = EmbeddedServer(folder, fsync="always")
    bus = RedisBus(await server.start(), consumer="one")
    await commit(bus, *await begun(bus))
    await kill(server, bus)
    return file_of(folder)


async def test_cut_at_its_last_sync_a_stream_has_all_that_was_synced_and_goes_on(
    tmp_path: Path,
) -> None:
    server = EmbeddedServer(tmp_path, fsync="everysec")
    bus = RedisBus(url := await server.start(), consumer="one")
    ids, epoch = await begun(bus)
    await commit(bus, ids[:SYNCED], epoch)
    asking: Any = connect(url, answer_timeout_s=10.0)
    assert (await asking.execute_command("WAITAOF", 1, 0, 9_000))[0] == 1, "it is on the disk"
    await asking.aclose()
    synced_bytes = file_of(tmp_path).stat().st_size
    await commit(bus, ids[SYNCED:], epoch, SYNCED + 1)
    await kill(server, bus)
    assert file_of(tmp_path).stat().st_size > synced_bytes
    os.truncate(file_of(tmp_path), synced_bytes)

    server = EmbeddedServer(tmp_path)
    bus = RedisBus(await server.start(), consumer="one")
    try:
        outputs = await bus.span(OUT, "-", "+", 1_000)
        assert [one.id for one in outputs] == [f"{epoch}-{seq}" for seq in range(1, SYNCED + 1)]
        left = [one.id for one in await bus.pending(SERVICE, IN, count=1_000)]
        assert left == ids[SYNCED:]
        await commit(bus, left, await bus.take_lease(SERVICE), SYNCED + 1)
        assert [record for record, *_ in await bus.inbox(SERVICE, "0-0", 1_000)][SYNCED:] == [
            f"{epoch + 1}-{seq}" for seq in range(SYNCED + 1, COMMITS + 1)
        ]
    finally:
        await bus.close()
        await server.stop()


@pytest.mark.parametrize("lost_bytes", [1, 300, 5_000])
async def test_of_a_file_with_a_torn_end_whole_commits_are_left_and_none_in_part(
    tmp_path: Path, lost_bytes: int
) -> None:
    file = await killed_after_commits(tmp_path)
    os.truncate(file, file.stat().st_size - lost_bytes)
    server = EmbeddedServer(tmp_path)
    bus = RedisBus(await server.start(), consumer="one")
    try:
        outputs = await bus.span(OUT, "-", "+", 1_000)
        records = await bus.inbox(SERVICE, "0-0", 1_000)
        pending = await bus.pending(SERVICE, IN, count=1_000)
        assert 0 < len(outputs) < COMMITS
        assert [one.id for one in outputs] == [record[0] for record in records], "a prefix of both"
        assert len(pending) == COMMITS - len(outputs), "what is lost is not acknowledged"
        assert (await bus.saved(SERVICE)).last == records[-1][0]
    finally:
        await bus.close()
        await server.stop()


async def test_a_file_that_is_damaged_in_its_middle_is_refused_and_named(tmp_path: Path) -> None:
    file = await killed_after_commits(tmp_path)
    with file.open("r+b") as damaged:
        damaged.seek(file.stat().st_size // 2)
        damaged.write(b"\0" * 40)
    server = EmbeddedServer(tmp_path)
    with pytest.raises(ServerMissing, match="Bad file format"):
        await server.start()
    await server.stop()


@pytest.mark.slow
def test_on_a_disk_that_fills_what_was_acknowledged_is_there_when_there_is_room_again(
    tmp_path: Path,
) -> None:
    mounts = ["unshare", "-Urm"]
    if (
        shutil.which("unshare") is None
        or subprocess.run([*mounts, "true"], check=False, capture_output=True).returncode
    ):
        pytest.skip("optional: a small disk needs a mount namespace of one's own")
    command = [*mounts, sys.executable, "-m", "tests.full_disk", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=90, check=False
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert 10 < told["acknowledged"] < 1_000, told["words"]
    assert "stream server" in told["words"]
    *kept, after = told["left"]
    assert after == -1, "it takes more again"
    assert kept[: told["acknowledged"]] == list(range(told["acknowledged"]))
    assert len(kept) <= told["acknowledged"] + 1, "the refused one may have been written"


@pytest.mark.slow
def test_a_run_that_may_open_too_few_files_refuses_and_leaves_nothing_half_done(
    tmp_path: Path,
) -> None:
    def few_files() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_MAX, FILES_MAX))

    options = ["--market", "synthetic", "--port", "0", "--data-dir", str(tmp_path / "data")]
    done = subprocess.run(
        [QUANTUM, "run", *options, "--duration", "1"],
        preexec_fn=few_files,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "open file limit" in done.stderr
    assert "no order was touched" in done.stderr
    assert not list((tmp_path / "data").glob("*.sqlite*"))
