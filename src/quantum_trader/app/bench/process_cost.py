"""What a process of ours costs: the time to say something, and the memory of a system at rest."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from quantum_trader.app.bench.measure import Aim, Effort, Row, row
from quantum_trader.core.errors import BrokenInvariant

HELP_S = 0.5
IDLE_MB = 150.0
READY_WITHIN_S = 60.0
QUANTUM = (
    sys.executable,
    "-c",
    "import sys; from quantum_trader.app.cli import main; sys.exit(main())",
)


async def help_time(effort: Effort) -> Sequence[Row]:
    """Seconds until ``quantum --help`` has ended, beside a Python that does nothing."""
    ours, bare = [], []
    for _ in effort.rounds():
        ours.append(await _seconds(*QUANTUM, "--help"))
        bare.append(await _seconds(sys.executable, "-c", "pass"))
    aim = Aim(
        name="quantum --help",
        unit="s",
        note="a whole process; beside it a Python that does nothing",
        target=HELP_S,
        better="below",
    )
    return [row(aim, ours, bare)]


async def idle_memory(effort: Effort) -> Sequence[Row]:
    """Megabytes of ``quantum run`` after its first seconds on a simulated market."""
    ours = [await _memory_mb(effort.of(10, 1)) for _ in effort.rounds()]
    aim = Aim(
        name="quantum run, memory",
        unit="MB",
        note="resident memory of the Python process a few seconds after it is ready; the stream "
        "server beside it is not counted",
        target=IDLE_MB,
        better="below",
    )
    return [row(aim, ours)]


async def _seconds(*command: str) -> float:
    began_s = time.perf_counter()
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    if await process.wait():
        raise BrokenInvariant(f"{' '.join(command)} ended with {process.returncode}")
    return time.perf_counter() - began_s


async def _memory_mb(rest_s: float) -> float:
    with tempfile.TemporaryDirectory(prefix="quantum-bench-") as folder:
        process = await asyncio.create_subprocess_exec(
            *(*QUANTUM, "run", "--json", "--market", "synthetic", "--port", "0"),
            *("--data-dir", folder),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=own_environment(),
        )
        try:
            async with asyncio.timeout(READY_WITHIN_S):
                await _ready(process)
            await asyncio.sleep(rest_s)
            return _resident_mb(process.pid)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.communicate()


async def _ready(process: asyncio.subprocess.Process) -> None:
    if process.stdout is None:
        raise BrokenInvariant("a pipe was asked for")
    said = b""
    async for line in process.stdout:
        said += line
        if _says_ready(said) or _says_ready(line):
            return
    raise BrokenInvariant(f"quantum run ended before it was ready: {said.decode(errors='replace')}")


def _says_ready(text: bytes) -> bool:
    try:
        answer = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return False
    return isinstance(answer, dict) and answer.get("ready") is True


def own_environment() -> Mapping[str, str]:
    """Without settings of the caller: not on its server, and not in its folder."""
    return {name: value for name, value in os.environ.items() if not name.startswith("QT_")}


def _resident_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
