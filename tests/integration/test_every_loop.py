"""Every loop of a whole system: none can end alone, each comes round, and systemd hears of it."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import SystemClock
from quantum_trader.app.wiring import System
from quantum_trader.services.supervisor import run_services
from quantum_trader.services.watchdog import Watchdog
from quantum_trader.streams import PREFIX
from tests.app.test_wiring import parts_on
from tests.running import Running, facts_on, holds_protected
from tests.support import some_rules

LOOPS = (
    *("paper", "signals", "gateway", "trader", "clock", "feed", "latch", "exchange"),
    *("archiver", "janitor", "canary"),
)


async def a_system() -> System:
    """A whole system on memory, in real time."""
    parts = replace(parts_on(MemoryBus(), some_rules()), wall=SystemClock(), time=SystemClock())
    system = System(parts)
    await system.start(drain=False)
    return system


async def test_the_list_of_loops_is_complete() -> None:
    assert set((await a_system()).services()) == set(LOOPS)


@pytest.mark.parametrize("victim", LOOPS)
@pytest.mark.parametrize("how", ["canceled", "raises", "returns"])
async def test_when_any_loop_dies_the_process_ends_with_70_within_two_seconds(
    victim: str, how: str
) -> None:
    services = (await a_system()).services()
    if how != "canceled":
        services[victim] = lambda: _dies(how)
    killer = asyncio.create_task(_cancel(victim)) if how == "canceled" else None
    began_s = time.monotonic()
    assert await run_services(services) == 70
    assert time.monotonic() - began_s < 2
    if killer is not None:
        await killer


async def _cancel(name: str) -> None:
    await asyncio.sleep(0.05)
    (task,) = [one for one in asyncio.all_tasks() if one.get_name() == name]
    task.cancel()


def _dies(how: str) -> Coroutine[Any, Any, None]:
    async def die() -> None:
        await asyncio.sleep(0)
        if how == "raises":
            raise ZeroDivisionError("planted")

    return die()


async def test_the_loops_that_hold_money_say_that_they_came_round() -> None:
    services = (await a_system()).services()
    dog = Watchdog()
    asyncio.get_running_loop().call_later(2.5, os.kill, os.getpid(), signal.SIGTERM)
    heard: set[str] = set()
    listener = dog.listener

    def hearing(service: str) -> Any:
        inner = listener(service)

        def hear(part: str | None) -> None:
            heard.add(f"{service} {part}".strip())
            inner(part)

        return hear

    dog.listener = hearing  # type: ignore[method-assign]
    assert await run_services(services, dog) == 0
    assert {"paper", "signals", "gateway", "gateway reports", "trader"} <= heard


@pytest.mark.slow
def test_a_running_system_tells_systemd_that_it_is_ready_and_goes_on_telling(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        door.bind(str(tmp_path / "notify"))
        door.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        running = Running(tmp_path / "data", "--symbols", "BTCUSDT")
        try:
            words = [door.recv(1_000).decode().split("\n")[0] for _ in range(4)]
        finally:
            code, _, log = running.end()
        assert code == 0, log
    assert words.count("READY=1") == 1
    assert words.count("WATCHDOG=1") == 3


@pytest.mark.slow
def test_told_to_stop_and_killed_are_the_same_to_the_next_start(tmp_path: Path) -> None:
    """Crash-only: there is one way to begin, whatever ended the one before."""
    folder = tmp_path / "data"
    opened: list[set[str]] = []
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM):
        running = Running(folder, "--symbols", "BTCUSDT")
        running.until(holds_protected)
        before = {fact.id for fact in facts_on(running.ready, f"{PREFIX}position.changed")}
        code, _, log = running.end(number)
        assert code in (0, -signal.SIGKILL), log
        opened.append(before)
    assert opened[0] <= opened[1] <= opened[2], "nothing that was booked is ever gone"
    assert all(opened)
