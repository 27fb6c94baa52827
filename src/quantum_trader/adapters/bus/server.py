"""A stream server that this process starts, and that ends with it.

Everything lies in one data directory: the append-only files, ``redis.log``, ``redis.lock`` and,
readable by its owner only, ``redis.url``: address and password for whoever may connect. The server
inherits the lock, so a directory has one server as long as any process of it lives.
"""

import asyncio
import ctypes
import fcntl
import os
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from quantum_trader.adapters.bus.connection import answers, connect
from quantum_trader.adapters.bus.locate import Outside, locate
from quantum_trader.adapters.bus.server_state import state_of
from quantum_trader.core.errors import BusUnreachable, ServerMissing

Fsync = Literal["everysec", "always"]

LOOPBACK = "127.0.0.1"
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
POLL_S = 0.02
SOCKET_PATH_MAX = 100
"""Bytes; systems allow 103 to 107 for the path of a socket."""
LOG_LINES_SHOWN = 5
PORT_ATTEMPTS = 3

_PR_SET_PDEATHSIG = 1


class _Address(msgspec.Struct, frozen=True):
    """Where the server listens, and the word that opens it."""

    port: int
    password: str

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"


URL_FILE = "redis.url"
"""Where the address with its password is written, in the data folder, for its owner alone."""


class EmbeddedServer:
    """A Redis-compatible server of our own for one data directory.

    ``fsync`` is what an acknowledgement means. ``always`` survives the death of any process and a
    power cut. ``everysec`` survives the death of ours; of the server's own death and of a power cut
    it may lose the last two seconds, and never an entry before a later one. Start it from the main
    thread: on Linux the server gets its SIGTERM when the thread that started it ends. Elsewhere a
    process that is killed leaves its server behind, and the next start on the directory joins it.
    """

    def __init__(
        self, data_dir: Path, *, fsync: Fsync = "everysec", binary: Path | None = None
    ) -> None:
        self._dir = data_dir
        self._fsync = fsync
        self._binary = binary
        self._process: asyncio.subprocess.Process | None = None
        self._socket_dir: Path | None = None
        self._url = ""

    @property
    def url(self) -> str:
        """Address and password; empty before the start."""
        return self._url

    @property
    def pid(self) -> int | None:
        """The server's process; None while it is not ours."""
        return None if self._process is None else self._process.pid

    async def start(self) -> str:
        """Start the server of the directory, or join the one that runs; its URL.

        Raises ``ServerMissing`` when no server can be found or started.
        """
        self._dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(self._dir / "redis.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                while not self._url:
                    self._url = await self._launched_or_joined(lock)
        except TimeoutError as error:
            raise ServerMissing(
                f"the stream server for {self._dir} did not answer within {START_TIMEOUT_S:.0f} s;"
                f" {self._dir / 'redis.log'} may say why"
            ) from error
        finally:
            os.close(lock)
            if not self._url:
                await self.stop()
        return self._url

    async def stop(self) -> None:
        """End our server after it has saved; one that we only joined goes on."""
        process, self._process, self._url = self._process, None, ""
        if process is None:
            return
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.terminate()
        try:
            async with asyncio.timeout(STOP_TIMEOUT_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        (self._dir / URL_FILE).unlink(missing_ok=True)
        if self._socket_dir is not None:
            shutil.rmtree(self._socket_dir, ignore_errors=True)

    async def _launched_or_joined(self, lock: int) -> str:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            known = self._known_address()
            if known is not None and await _answers_ping(known.url):
                return known.url
            await asyncio.sleep(POLL_S)
            return ""
        return await self._launch(lock)

    async def _launch(self, lock: int) -> str:
        address = self._known_address() or _Address(_free_port(), secrets.token_urlsafe(24))
        for _ in range(PORT_ATTEMPTS):
            if _is_free(address.port):
                break
            address = _Address(_free_port(), address.password)
        self._process = await self._spawn(address, lock)
        while not await _answers_ping(address.url):
            if self._process.returncode is not None:
                raise ServerMissing(f"the stream server did not start: {self._log_tail()}")
            await asyncio.sleep(POLL_S)
        await examine(address.url)
        self._publish(address)
        return address.url

    async def _spawn(self, address: _Address, lock: int) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            str(self._binary or _binary()),
            "-",
            *self._flags(address.port),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
            pass_fds=(lock,),
            preexec_fn=_end_with_parent(),
        )
        # The list of processes shows command lines to everybody; standard input it does not show.
        assert process.stdin is not None
        process.stdin.write(f"requirepass {address.password}\n".encode())
        process.stdin.write_eof()
        return process

    def _flags(self, port: int) -> list[str]:
        options = {
            "port": str(port),
            "bind": LOOPBACK,
            "protected-mode": "yes",
            "unixsocket": str(self._socket_path()),
            "unixsocketperm": "700",
            "dir": str(self._dir),
            "logfile": str(self._dir / "redis.log"),
            "appendonly": "yes",
            "appendfsync": self._fsync,
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        return [part for name, value in options.items() for part in (f"--{name}", value)]

    def _socket_path(self) -> Path:
        path = self._dir.absolute() / "redis.sock"
        if len(os.fsencode(path)) <= SOCKET_PATH_MAX:
            return path
        self._socket_dir = self._socket_dir or Path(tempfile.mkdtemp(prefix="quantum-"))
        return self._socket_dir / "redis.sock"

    def _known_address(self) -> _Address | None:
        """What the last server of this directory used, so that its clients find it again."""
        try:
            known = urlsplit((self._dir / URL_FILE).read_text(encoding="ascii").strip())
            port, password = known.port, known.password
        except (OSError, ValueError):
            return None
        return _Address(port, password) if port and password else None

    def _publish(self, address: _Address) -> None:
        """Write the URL so that nobody else can read it and nobody sees half of it."""
        draft = self._dir / "redis.url.new"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(address.url + "\n")
        draft.replace(self._dir / URL_FILE)

    def _log_tail(self) -> str:
        try:
            lines = (self._dir / "redis.log").read_text(errors="replace").splitlines()
        except OSError:
            return "it wrote no log"
        return " | ".join(lines[-LOG_LINES_SHOWN:])


async def examine(url: str) -> list[str]:
    """What to warn of on a running server; empty when it is fit for orders.

    Raises ``ServerMissing`` for a server older than 7.0 and ``BusUnreachable`` for none.
    """
    state = await state_of(url)
    too_old = state.too_old()
    if too_old is not None:
        raise ServerMissing(too_old)
    return state.warnings()


def _binary() -> Path:
    found = locate(os.environ)
    if isinstance(found, Outside):
        raise ServerMissing("QT_REDIS_URL names a running server; unset it to start one here")
    return found.path


async def _answers_ping(url: str) -> bool:
    client = connect(url, answer_timeout_s=1.0)
    try:
        with answers(url):
            await client.ping()
    except BusUnreachable:
        return False
    finally:
        await client.aclose()
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def _end_with_parent() -> Callable[[], None] | None:
    """What the child does before it becomes the server: ask Linux for SIGTERM at our death."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def ask() -> None:
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGTERM)

    return ask
