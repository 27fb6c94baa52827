"""The guardian's time in earnest: real processes at a real venue, and everybody else killed."""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import msgspec

from quantum_trader.app.bench.process_cost import QUANTUM, own_environment
from quantum_trader.app.guardian_beat import living_guardian
from quantum_trader.app.instance import GUARDIAN_LOCK_FILE, holder_of, pid_in
from quantum_trader.core.errors import BrokenInvariant

SYMBOL = "BTCUSDT"
ALGO = "/fapi/v1/algoOrder"
WITHIN_S = 60.0
LOOK_S = 0.02


async def guardian_s() -> float:
    """Seconds from a fill until a stop rests, where the run was killed between the two."""
    with tempfile.TemporaryDirectory(prefix="quantum-bench-") as folder:
        home = Path(folder)
        venue = ("venue", "--port", "0", "--memory", "--symbols", SYMBOL)
        async with _process(*venue, folder=home / "venue"):
            places = msgspec.json.decode((home / "venue" / "places.json").read_bytes())
            control = _Control(places["control_url"], places["control_token"])
            try:
                return await _struck(home, places, control)
            finally:
                await _end_guardian(home / "run")


async def _struck(home: Path, places: dict[str, Any], control: "_Control") -> float:
    keys = home / "keys"
    keys.touch(0o600)
    keys.write_text(f"{places['accounts'][0]['key']}\n{places['accounts'][0]['secret']}\n")
    where = ("--venue", places["url"], "--key-file", str(keys), "--symbols", SYMBOL)
    async with _process("run", "--port", "0", *where, folder=home / "run") as run:
        await _until(lambda: _guarded(home / "run"))
        await control.ask("faults", {"kind": "unavailable", "method": "POST", "path": ALGO})
        proposing = asyncio.create_task(_propose(home / "run", control))
        await _until(lambda: control.account("positions"))
        filled_s = time.perf_counter()
        run.kill()
        await control.ask("faults/clear", {})
        await _until(lambda: control.account("open_algos"))
        took_s = time.perf_counter() - filled_s
        await proposing
        return took_s


async def _propose(folder: Path, control: "_Control") -> None:
    """Propose an entry until it is there: the first prices may not have come yet."""
    words = ("intent", SYMBOL, "LONG", "--notional", "500", "--data-dir", str(folder))
    while not await control.account("positions"):
        quiet = asyncio.subprocess.DEVNULL
        one = await asyncio.create_subprocess_exec(
            *QUANTUM, *words, stdout=quiet, stderr=quiet, env=own_environment()
        )
        await one.wait()
        await asyncio.sleep(1)


class _Control:
    """The control API of the venue."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._headers = {"authorization": f"Bearer {token}"}

    async def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Look at something, or do it."""
        return await asyncio.to_thread(self._ask, path, body)

    def _ask(self, path: str, body: dict[str, Any] | None) -> Any:
        data = None if body is None else msgspec.json.encode(body)
        request = Request(f"{self._url}/{path}", data, self._headers)  # noqa: S310 - on loopback
        with urlopen(request, timeout=WITHIN_S) as answer:  # noqa: S310
            return msgspec.json.decode(answer.read())

    async def account(self, what: str) -> bool:
        """Whether the account has any of something."""
        return bool((await self.ask("state"))["accounts"]["main"][what])


async def _guarded(folder: Path) -> bool:
    beat = living_guardian(folder, time.time_ns() // 1_000_000)
    return beat is not None and beat.seen


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something. Raises ``BrokenInvariant`` when it does not come true."""
    end_s = time.perf_counter() + WITHIN_S
    while not await holds():
        if time.perf_counter() > end_s:
            raise BrokenInvariant(f"a benchmark waited {WITHIN_S:g} s in vain")
        await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def _process(*words: str, folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command of ours that runs until it is told to stop; it is ready."""
    process = await asyncio.create_subprocess_exec(
        *(*QUANTUM, *words, "--json", "--data-dir", str(folder)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=own_environment(),
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(WITHIN_S):
            if not await process.stdout.readline():
                raise BrokenInvariant(f"{words[0]} ended before it was ready")
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def _end_guardian(folder: Path) -> None:
    """End the guardian, which would watch on for a venue that is gone."""
    while (holder := holder_of(folder, GUARDIAN_LOCK_FILE)) is not None:
        pid = pid_in(holder)
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(LOOK_S)
