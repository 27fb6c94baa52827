"""The house under the storm: a stream server, a proxy before it, and the system behind both."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from redis.asyncio import Redis

from quantum_trader.adapters.bus.keys import epoch
from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.adapters.bus.server import EmbeddedServer, Fsync
from quantum_trader.streams import TRADER
from tests.faulty_proxy import FaultyProxy
from tests.storms.judge import Times
from tests.storms.proposer import SYMBOLS

NO_REST = {"QT_LIMITS__COOLDOWN_CLOSE_MS": "0", "QT_LIMITS__COOLDOWN_OPEN_MS": "0"}
"""Without cooldowns symbols are entered and left as fast as they are asked for."""
READY_WITHIN_S = 90.0
END_WITHIN_S = 60.0
POLL_S = 0.05
READY = b'{"ready":true'
FSYNC: Fsync = "always"
"""Power cuts and deaths of the server itself are survived whole by no other setting."""


class House:
    """One data folder and its processes. ``downs`` are the spans in which no system could act.

    ``born`` is when the life of each epoch of the trader was ready, and ``why`` is what the last
    start that failed had to say.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.server = EmbeddedServer(folder / "server", fsync=FSYNC)
        self.proxy: FaultyProxy | None = None
        self.downs: list[tuple[int, int]] = []
        self.born: dict[int, int] = {}
        self.starts = 0
        self.why = b""
        self._process: subprocess.Popen[bytes] | None = None
        self._down_ms = _now_ms()

    async def open(self) -> None:
        """Start the server and the proxy; the system is started by ``start``."""
        self.data.mkdir(parents=True, exist_ok=True)
        url = await self.server.start()
        self.proxy = FaultyProxy(urlsplit(url).port or 0)
        await self.proxy.__aenter__()

    async def close(self) -> None:
        """End everything, gently."""
        self.end(signal.SIGTERM)
        if self.proxy is not None:
            await self.proxy.__aexit__()
        await self.server.stop()

    @property
    def pid(self) -> int:
        """The system's process."""
        assert self._process is not None
        return self._process.pid

    @property
    def is_up(self) -> bool:
        """Whether the system's process lives."""
        return self._process is not None and self._process.poll() is None

    async def start(self, *before: str) -> bool:
        """Start the system, under another command if one is given; whether it came to be ready.

        A start that comes to nothing is a part of the time in which nobody could act.
        """
        since_ms = self._down_ms
        self._process = self._launch(before)
        stdout = self._process.stdout
        assert stdout is not None
        line = await asyncio.wait_for(asyncio.to_thread(stdout.readline), READY_WITHIN_S)
        if not line.startswith(READY):
            self.why = line + (stdout.read() if line else b"")
            self.end(signal.SIGKILL)
            self._down_ms = since_ms
            return False
        ready_ms = _now_ms()
        self.downs.append((since_ms, ready_ms))
        self.born[await self._epoch()] = ready_ms
        self.starts += 1
        return True

    def end(self, how: signal.Signals) -> int | None:
        """Send the system a signal and wait for its end; its exit code."""
        process, self._process = self._process, None
        if process is None:
            return None
        self._down_ms = _now_ms()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, how)  # Whoever traces it goes with it.
        try:
            code = process.wait(timeout=END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        if process.stdout is not None:
            process.stdout.close()
        return code

    async def ended_by_itself(self, within_s: float) -> int | None:
        """Wait for the system to end by itself; its exit code, None when it went on."""
        deadline = time.monotonic() + within_s
        for _ in range(int(within_s / POLL_S)):
            if not self.is_up or time.monotonic() > deadline:
                break
            await asyncio.sleep(POLL_S)
        return None if self.is_up else self.end(signal.SIGKILL)

    async def kill_server(self) -> None:
        """Kill the stream server and start it again, on the address its clients know."""
        pid = self.server.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        for _ in range(int(END_WITHIN_S / POLL_S)):
            if not psutil.pid_exists(pid):
                break
            await asyncio.sleep(POLL_S)
        # Another one, because stopping this one would take its address away.
        self.server = EmbeddedServer(self.folder / "server", fsync=FSYNC)
        await self.server.start()

    @property
    def times(self) -> Times:
        """Every span in which nobody could act (down, or unanswered), and when each life began."""
        assert self.proxy is not None
        return Times(sorted([*self.downs, *self.proxy.mute]), self.born)

    @contextmanager
    def down(self) -> Iterator[None]:
        """A span in which the system cannot act, although its process is there."""
        since_ms = _now_ms()
        yield
        self.downs.append((since_ms, _now_ms()))

    def bus(self) -> RedisBus:
        """A way to the streams that does not go through the proxy."""
        return RedisBus(self.server.url, consumer="storm")

    def second(self) -> subprocess.CompletedProcess[bytes]:
        """Try to start another system on the same folder."""
        return subprocess.run(
            self._command(),
            env=self._environ(),
            capture_output=True,
            timeout=READY_WITHIN_S,
            check=False,
        )

    async def _epoch(self) -> int:
        """The epoch of the trader that runs."""
        async with Redis.from_url(self.server.url) as client:
            return int(await client.get(epoch(TRADER)) or 0)

    def _launch(self, before: tuple[str, ...]) -> subprocess.Popen[bytes]:
        with (self.folder / "storm.log").open("ab") as log:
            return subprocess.Popen(
                [*before, *self._command()],
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environ(),
                start_new_session=True,
            )

    def _command(self) -> list[str]:
        options = {
            "--market": "synthetic",
            "--symbols": ",".join(SYMBOLS),
            "--data-dir": str(self.data),
            "--port": "0",
        }
        quantum = str(Path(sys.executable).with_name("quantum"))
        return [quantum, "run", "--json", *(word for pair in options.items() for word in pair)]

    def _environ(self) -> dict[str, str]:
        assert self.proxy is not None
        parts = urlsplit(self.server.url)
        through = parts._replace(netloc=f":{parts.password}@127.0.0.1:{self.proxy.port}").geturl()
        return {**os.environ, **NO_REST, "QT_REDIS_URL": through}


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
