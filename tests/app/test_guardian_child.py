"""The guardian that a run starts: one, in a session of its own, and started again if it ends."""

import asyncio
import fcntl
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quantum_trader.app import guardian as guardian_module
from quantum_trader.app import guardian_child
from quantum_trader.app.config import load
from quantum_trader.app.guardian_beat import beat_file, living_guardian
from quantum_trader.app.guardian_child import GuardianChild, guardian_words
from quantum_trader.app.instance import (
    LOCK_FILE,
    InstanceLock,
    holder_of,
    pid_in,
)
from quantum_trader.services.guardian import GuardBeat
from quantum_trader.services.log import Forgiving
from tests.running import end_guardian, guardian_pid

WITHIN_S = 30.0
SLEEPER = """
import sys, time
from pathlib import Path
from quantum_trader.app.guardian_beat import beat_file
from quantum_trader.app.instance import GUARDIAN_LOCK_FILE, InstanceLock
from quantum_trader.services.guardian import GuardBeat
folder = Path(sys.argv[2])
lock = InstanceLock(folder, GUARDIAN_LOCK_FILE)
lock.take()
beat_file(folder).write(
    GuardBeat(where=sys.argv[1], seen=True, trouble=None, level="RUN", held=(), bare=(), acts=0)
)
time.sleep(60)
"""


def until(holds: Callable[[], object]) -> None:
    """Wait for something to become true."""
    end_s = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < end_s, "it did not come true"
        time.sleep(0.02)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder whose guardian is a process that holds the lock and sleeps."""
    monkeypatch.setattr(guardian_child, "PROGRAM", [sys.executable, "-c", SLEEPER])
    yield tmp_path
    end_guardian(tmp_path)
    while CHILDREN:
        one = CHILDREN.pop()._child
        if one is not None:
            one.kill()
            one.wait()


CHILDREN: list[GuardianChild] = []


def child_of(folder: Path, where: str = "here") -> GuardianChild:
    CHILDREN.append(GuardianChild([where, str(folder)], folder, where))
    return CHILDREN[-1]


def test_it_lives_in_a_session_of_its_own_and_whoever_comes_later_finds_it(folder: Path) -> None:
    first, later = child_of(folder), child_of(folder)
    first.look()
    assert first.pid is not None
    until(lambda: living_guardian(folder, time.time_ns() // 1_000_000))
    pid = guardian_pid(folder)
    assert first.pid == later.pid == pid is not None
    assert os.getsid(pid) == pid != os.getsid(0)
    for one in (first, later, first):
        one.look()
    assert guardian_pid(folder) == pid
    assert later._child is None, "a second one was not even tried"
    assert (folder / guardian_child.LOG_FILE).stat().st_mode & 0o777 == 0o600


def test_one_that_was_killed_is_started_again(folder: Path) -> None:
    child = child_of(folder)
    child.look()
    until(lambda: guardian_pid(folder))
    before = guardian_pid(folder)
    end_guardian(folder)
    until(lambda: child._child is not None and child._child.poll() is not None)
    child._started_s = -1_000.0  # It had lived for long.
    child.look()
    until(lambda: guardian_pid(folder))
    assert guardian_pid(folder) != before


def test_one_that_ends_at_once_is_not_started_all_the_time(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guardian_child, "PROGRAM", [sys.executable, "-c", "raise SystemExit(2)"])
    child = child_of(folder)
    pauses = []
    for _ in range(7):
        child._started_s -= child._pause_s  # The pause is over.
        child.look()
        one = child._child
        assert one is not None
        one.wait()
        child.look()
        assert child._child is None
        pauses.append(child._pause_s)
    assert pauses == [1, 2, 4, 8, 16, 30, 30]


def test_one_that_watches_another_venue_is_ended_and_another_one_begins(folder: Path) -> None:
    old = child_of(folder, "there")
    old.look()
    until(lambda: living_guardian(folder, time.time_ns() // 1_000_000))
    before = guardian_pid(folder)
    new = child_of(folder, "here")
    new.look()
    until(lambda: old._child is not None and old._child.poll() is not None)
    new.look()
    until(lambda: guardian_pid(folder) not in (None, before))


def test_without_room_for_a_log_it_is_started_all_the_same(folder: Path) -> None:
    (folder / guardian_child.LOG_FILE).mkdir()
    child = child_of(folder)
    child.look()
    until(lambda: guardian_pid(folder))


def test_its_command_says_mode_folder_venue_and_the_key_of_its_own(tmp_path: Path) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(f'key_file = "{tmp_path}/k"\nguardian_key_file = "{tmp_path}/g"\n')
    config = load(settings, {"venue": "http://127.0.0.1:9", "data_dir": tmp_path})
    words = guardian_words(config, settings)
    assert words[:2] == ["guardian", "--leaves"]
    pairs = dict(zip(words[2::2], words[3::2], strict=True))
    assert pairs == {
        "--mode": "paper",
        "--data-dir": str(tmp_path),
        "--venue": "http://127.0.0.1:9",
        "--key-file": f"{tmp_path}/g",
        "--config": str(settings),
    }


def test_the_kernel_tells_who_holds_a_lock_and_asking_keeps_nobody_out(tmp_path: Path) -> None:
    assert holder_of(tmp_path, LOCK_FILE) is None
    lock = InstanceLock(tmp_path)
    lock.take()
    assert pid_in(str(holder_of(tmp_path, LOCK_FILE))) == os.getpid()
    lock.release()
    assert (tmp_path / LOCK_FILE).read_text(), "the note is still there, and nobody is"
    assert holder_of(tmp_path, LOCK_FILE) is None
    assert pid_in("unknown") is None
    with (tmp_path / LOCK_FILE).open() as asking:
        fcntl.flock(asking, fcntl.LOCK_SH)
        letting_go = threading.Timer(0.02, fcntl.flock, (asking, fcntl.LOCK_UN))
        letting_go.start()
        lock.take()
        letting_go.join()
    lock.release()


def test_a_log_on_a_full_disk_ends_nobody() -> None:
    with Path("/dev/full").open("w", encoding="utf-8", buffering=1) as full:
        log = Forgiving(full)
        for _ in range(3):
            log.write("a line\n")
            log.flush()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, full.fileno())  # What is left in the file is let out when it is closed.
        os.close(nowhere)


class Needed:
    """As much of a guardian as is asked whether it is needless."""

    def __init__(self) -> None:
        self.needless = False
        self.holds = True
        self.asked = asyncio.Event()

    async def is_needless(self) -> bool:
        self.asked.set()
        return self.needless


async def test_it_leaves_once_no_run_lives_and_nothing_is_left_to_guard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guardian_module, "ALONE_LOOK_S", 0.005)
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    guardian, beats, lock = Needed(), beat_file(tmp_path), InstanceLock(tmp_path)
    lock.take()
    beats.write(GuardBeat(where="", seen=True, trouble=None, level="RUN", held=(), bare=(), acts=0))
    leaving = asyncio.create_task(guardian_module._leave(guardian, tmp_path, beats))  # type: ignore[arg-type]
    await asyncio.sleep(0.2)
    assert not guardian.asked.is_set(), "a run lives"
    lock.release()
    await asyncio.sleep(0.3)
    assert not guardian.asked.is_set(), "something is held"
    guardian.holds = False
    await asyncio.wait_for(guardian.asked.wait(), WITHIN_S)
    assert not told.is_set(), "the venue does not say so"
    guardian.needless = True
    await asyncio.wait_for(told.wait(), WITHIN_S)
    assert beats.read() is None, "it has not fallen silent, it has left"
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
