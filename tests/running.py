"""``quantum run`` as a process, for tests that start it, look at it, and kill it."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import httpx2
import pytest

from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.app.guardian_beat import beat_file
from quantum_trader.app.instance import GUARDIAN_LOCK_FILE, holder_of, pid_in
from quantum_trader.core.events import CanarySung
from quantum_trader.services import wire
from quantum_trader.services.guardian import GuardBeat

WITHIN_S = 60.0

# The first words of a shell command; the console script is the same function.
QUANTUM = [
    sys.executable,
    "-c",
    "import sys; from quantum_trader.app.cli import main; sys.exit(main())",
]


class Running:
    """One ``quantum run`` on a simulated market; its log is kept for its end, or in a file."""

    def __init__(
        self,
        folder: Path,
        *more: str,
        start_new_session: bool = False,
        log: int | IO[str] = subprocess.PIPE,
    ) -> None:
        options = ["--market", "synthetic", "--port", "0", "--data-dir", str(folder), *more]
        environ = {name: value for name, value in os.environ.items() if not name.startswith("QT_")}
        self.process = subprocess.Popen(
            [*QUANTUM, "run", "--json", *options],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environ,
            start_new_session=start_new_session,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            pytest.fail(self.end()[2])
        self.ready: dict[str, Any] = json.loads(line)

    def url(self) -> str:
        """Where its stream server is, with the password."""
        return Path(self.ready["redis_url_file"]).read_text().strip()

    def state(self) -> dict[str, Any]:
        """What the page shows, as data."""
        answer = httpx2.get(f"{self.ready['page_url']}state.json", timeout=5)
        view: dict[str, Any] = answer.json()["view"]
        return view

    def until(
        self, holds: Callable[[dict[str, Any]], bool], within_s: float = WITHIN_S
    ) -> dict[str, Any]:
        """Wait for the page to show something."""
        end_s = time.monotonic() + within_s
        while time.monotonic() < end_s:
            state = self.state()
            if holds(state):
                return state
            time.sleep(0.2)
        pytest.fail(f"not within {within_s:g} s: {self.state()}")

    def end(self, number: int = signal.SIGTERM) -> tuple[int, str, str]:
        """Send a signal and wait: exit code, what it said, and its log."""
        self.process.send_signal(number)
        out, log = self.process.communicate(timeout=20)
        return self.process.returncode, out, log


def holds_protected(state: dict[str, Any]) -> bool:
    """Whether a position with a confirmed stop is shown."""
    return any(held["qty"] != "0" and held["stop_price"] for held in state["held"])


def facts_on(ready: dict[str, Any], stream: str) -> list[Any]:
    """Everything on a stream of a running system, canaries aside."""
    url = Path(ready["redis_url_file"]).read_text().strip()

    async def read() -> list[Any]:
        bus = RedisBus(url, consumer="test")
        reader = wire.Reader(ready["account"])
        try:
            facts = [reader(entry) for entry in await bus.span(stream, "-", "+", 100_000)]
            return [fact for fact in facts if not isinstance(fact, CanarySung)]
        finally:
            await bus.close()

    return asyncio.run(read())


def guardian_pid(folder: Path) -> int | None:
    """The process that guards a folder; None for nobody."""
    holder = holder_of(folder, GUARDIAN_LOCK_FILE)
    return None if holder is None else pid_in(holder)


def wait_for_guardian(folder: Path, level: str | None = None) -> GuardBeat:
    """Wait until the guardian of a folder has seen its account, and this level; how it is."""
    end_s = time.monotonic() + WITHIN_S
    while time.monotonic() < end_s:
        found = beat_file(folder).read()
        is_well = guardian_pid(folder) is not None and found is not None and found[0].seen
        if is_well and found is not None and level in (None, found[0].level):
            return found[0]
        time.sleep(0.1)
    pytest.fail(f"no guardian within {WITHIN_S:g} s in {folder}")


def end_guardian(folder: Path) -> None:
    """End the guardian that a run of a test has left, if it has."""
    end_s = time.monotonic() + WITHIN_S
    while (pid := guardian_pid(folder)) is not None:
        assert time.monotonic() < end_s, f"process {pid} does not end"
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def run_once(*options: str) -> subprocess.CompletedProcess[str]:
    """A run that is expected to end by itself."""
    return subprocess.run(
        [*QUANTUM, "run", "--json", "--port", "0", *options],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
