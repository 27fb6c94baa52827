"""Loops that stand still end their process, loops that are well never do, and systemd hears it."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from quantum_trader.adapters.systemd import notify
from quantum_trader.services import progress
from quantum_trader.services.supervisor import run_services
from quantum_trader.services.watchdog import FROZEN_S, LIMIT_S, Watchdog

STANDS_STILL = """
import asyncio, sys, time
from quantum_trader.services import progress
from quantum_trader.services.supervisor import run_services
from quantum_trader.services.watchdog import Watchdog

async def well():
    while True:
        progress.made()
        await asyncio.sleep(0.05)

async def waits_for_ever():
    progress.made()
    await asyncio.Event().wait()

async def blocks_everybody():
    progress.made()
    await asyncio.sleep(0.05)
    time.sleep(3600)

services = {"well": well, "ill": globals()[sys.argv[1]]}
raise SystemExit(asyncio.run(run_services(services, Watchdog(limit_s=float(sys.argv[2])))))
"""


def a_process(which: str, limit_s: float) -> subprocess.Popen[str]:
    """A process with a loop of this kind."""
    return subprocess.Popen(
        [sys.executable, "-c", STANDS_STILL, which, str(limit_s)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("which", ["waits_for_ever", "blocks_everybody"])
def test_a_loop_that_stands_still_ends_the_process_with_70_and_its_name(which: str) -> None:
    with a_process(which, 2) as process:
        out, trace = process.communicate(timeout=60)
        assert process.returncode == 70, (out, trace)
    assert "loop=ill" in out.replace("'", "").replace('"', "")
    assert "Thread" in trace, "where it stands is told"


def test_a_log_that_takes_nothing_saves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    bitten, read = threading.Event(), threading.Event()
    monkeypatch.setattr("quantum_trader.services.watchdog.LOOK_EVERY_S", 0.02)
    monkeypatch.setattr("quantum_trader.services.watchdog.TELL_WITHIN_S", 0.02)
    dog = Watchdog(bite=lambda _code: bitten.set(), limit_s=0.05)
    monkeypatch.setattr(dog, "_tell", lambda _name: read.wait(60))
    with dog.watching():
        dog.listener("ill")("")
        assert bitten.wait(30)
    read.set()


@pytest.mark.slow
def test_a_process_that_was_frozen_and_thawed_is_not_blamed_for_it() -> None:
    with a_process("well", 6) as process:
        time.sleep(2)
        process.send_signal(signal.SIGSTOP)
        time.sleep(FROZEN_S + 4)
        process.send_signal(signal.SIGCONT)
        time.sleep(3)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
        assert process.returncode == 0


class Told:
    """A watchdog whose words and bites are kept."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.dog = Watchdog(self.words.append)
        self.dog.look(time.monotonic())


def test_systemd_is_told_only_when_every_loop_has_come_round_since() -> None:
    told = Told()
    now_s = time.monotonic()
    hear, other = told.dog.listener("trader"), told.dog.listener("gateway")
    assert told.dog.look(now_s) is None
    assert told.words == [], "no loop, no word"
    hear("")
    other("")
    told.dog.look(now_s + 1)
    assert told.words == ["WATCHDOG=1"]
    hear("")
    told.dog.look(now_s + 2)
    assert told.words == ["WATCHDOG=1"], "the gateway has not come round"


def test_each_part_of_a_service_has_to_come_round_unless_all_wait_for_work_that_goes_on() -> None:
    told = Told()
    now_s = time.monotonic()
    hear = told.dog.listener("gateway")
    hear("")
    hear("reports")
    told.dog._at_s["gateway reports"] -= LIMIT_S + 10
    assert told.dog.look(now_s + 1) == "gateway reports"
    hear(None)
    assert told.dog.look(now_s + 2) is None
    told.dog.forget("gateway")
    assert told.dog.look(now_s + 3) is None


def test_a_late_look_blames_nobody_and_the_next_one_counts_from_there() -> None:
    told = Told()
    began_s = time.monotonic()
    told.dog.listener("trader")("")
    thawed_s = began_s + 100
    assert told.dog.look(thawed_s) is None
    steps = range(1, int(LIMIT_S) + 2)
    found = [told.dog.look(thawed_s + step) for step in steps]
    assert found[:-1] == [None] * int(LIMIT_S)
    assert found[-1] == "trader"


async def test_a_service_that_somebody_cancels_ends_the_process() -> None:
    async def cancel_it() -> NoReturn:
        await asyncio.sleep(0.01)
        (task,) = [one for one in asyncio.all_tasks() if one.get_name() == "victim"]
        task.cancel()
        await asyncio.Event().wait()
        raise AssertionError

    async def victim() -> None:
        with contextlib.suppress(ValueError):
            await asyncio.Event().wait()

    began_s = time.monotonic()
    assert await run_services({"victim": victim, "other": cancel_it}) == 70
    assert time.monotonic() - began_s < 2


async def test_whoever_cancels_the_whole_is_not_told_that_a_service_failed() -> None:
    async def for_ever() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(run_services({"one": for_ever}))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_tasks_of_a_service_tell_its_listener_and_nobody_hears_of_others() -> None:
    progress.made()
    heard: list[str | None] = []
    with progress.heard_by(heard.append):
        async with asyncio.TaskGroup() as group:
            group.create_task(_works("reports"))
            progress.made()
    progress.made("nobody")
    assert heard == ["", "reports"]


async def _works(part: str) -> None:
    await asyncio.sleep(0)
    progress.made(part)


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Return the socket of a service manager."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(str(tmp_path / "notify"))
        door.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield door


def test_a_manager_that_wants_to_know_is_told(manager: socket.socket) -> None:
    notify("READY=1")
    assert manager.recv(100) == b"READY=1"


def test_a_manager_outside_the_file_system_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"qt-notify-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(f"\0{name}")
        door.settimeout(5)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify("WATCHDOG=1")
        assert door.recv(100) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", ["", "/nowhere/at/all"])
def test_nobody_who_does_not_listen_does_any_harm(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify("READY=1")
