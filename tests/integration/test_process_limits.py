"""A running system that is given no more memory, and no more files."""

import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis

from quantum_trader.app.page import WAITING_MAX
from quantum_trader.core.events import KillLevelSet
from quantum_trader.streams import OPERATOR_STREAM, TRADE_INTENT, TRADE_INTENT_DLQ
from tests.running import WITHIN_S, Running, facts_on, holds_protected

if not hasattr(resource, "prlimit"):
    pytest.skip("optional: limits of another process are set on Linux", allow_module_level=True)

MORE_BYTES = 8 << 20
MESSAGE_BYTES = 24 << 20
"""More than the limit leaves, and than a process of this kind has at hand."""


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end_s = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < end_s, "it never held"
        time.sleep(0.2)


@pytest.mark.slow
def test_a_run_whose_memory_ends_ends_with_70_and_the_next_one_goes_on(tmp_path: Path) -> None:
    running = Running(tmp_path)
    running.until(holds_protected)
    pid = running.process.pid
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MORE_BYTES
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))
    with Redis.from_url(running.url()) as stranger:
        stranger.xadd(TRADE_INTENT, {"payload": b"x" * MESSAGE_BYTES})
    _, log = running.process.communicate(timeout=WITHIN_S)
    assert running.process.returncode == 70, log[-2_000:]
    assert "MemoryError" in log or "Out of memory" in log

    running = Running(tmp_path)
    try:
        running.until(holds_protected)
        with Redis.from_url(running.url()) as stranger:
            eventually(lambda: stranger.xlen(TRADE_INTENT_DLQ) == 1)
    finally:
        assert running.end()[0] == 0


@contextmanager
def no_more_files(pid: int) -> Iterator[None]:
    """Let a process open nothing that it has not open."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_NOFILE, before)


@pytest.mark.slow
def test_a_run_that_can_open_no_file_any_more_takes_no_entry_and_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as told:
        running = Running(tmp_path / "data", log=told)
    try:
        running.until(holds_protected)
        page = urlsplit(running.ready["page_url"])
        began_s = time.monotonic()
        with no_more_files(running.process.pid):
            asked = socket.create_connection((page.hostname, page.port), timeout=WITHIN_S)
            asked.sendall(f"GET / HTTP/1.0\r\nHost: {page.hostname}\r\n\r\n".encode())
            eventually(lambda: "HALT" in levels(running))
            eventually(lambda: "Too many open files" in log.read_text())
        lasted_s = time.monotonic() - began_s
        with asked:
            assert asked.recv(12) == b"HTTP/1.1 200", "whoever waited is answered now"
        state = running.until(lambda state: state["head"]["kill_level"] == "HALT")
        assert holds_protected(state)
    finally:
        code, *_ = running.end()
    assert code == 0, log.read_text()[-2_000:]
    # It tries again once a second, everybody who waits: that must leave the loop time for money.
    assert log.read_text().count("out of system resource") <= WAITING_MAX * (lasted_s + 2)


def levels(running: Running) -> list[str]:
    """The kill levels that were ordered."""
    orders = facts_on(running.ready, OPERATOR_STREAM)
    return [one.level for one in orders if isinstance(one, KillLevelSet)]
