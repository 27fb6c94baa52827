"""Two real systems that would trade one account: refused, frozen, taken over, thawed."""

import json
import shutil
import signal
import sqlite3
import subprocess
import time
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import redis

from quantum_trader.adapters.bus.server import EmbeddedServer
from quantum_trader.core.lease import LeaseRules
from tests.running import Running, holds_protected, run_once

pytestmark = pytest.mark.slow


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[Path]:
    """Return a file of settings that names a stream server for everybody."""
    folder = tmp_path / "shared"
    folder.mkdir()
    server = EmbeddedServer(folder)
    file = folder / "settings.toml"
    file.write_text(f'redis_url = "{await server.start()}"\n')
    yield file
    await server.stop()


def start(folder: Path, settings: Path) -> Running:
    """A system in a folder of its own on the common server."""
    return Running(folder, "--symbols", "BTCUSDT", "--config", str(settings))


def orders_in(folder: Path) -> int:
    """How many orders a journal says were about to be sent."""
    with sqlite3.connect(f"file:{folder / 'journal.sqlite'}?mode=ro", uri=True) as journal:
        found: tuple[int] = journal.execute(
            "SELECT count(*) FROM record WHERE kind IN ('order', 'cancel')"
        ).fetchone()
    journal.close()
    return found[0]


def refused(folder: Path, settings: Path) -> tuple[int, dict[str, str]]:
    """A second system: how it ended and what it said."""
    done: subprocess.CompletedProcess[str] = run_once(
        *("--market", "synthetic", "--symbols", "BTCUSDT", "--config", str(settings)),
        *("--data-dir", str(folder)),
    )
    error: dict[str, str] = json.loads(done.stdout)["error"]
    return done.returncode, error


def test_streams_of_another_account_are_never_written_to(tmp_path: Path, settings: Path) -> None:
    url = tomllib.loads(settings.read_text())["redis_url"]
    with redis.Redis.from_url(url) as client:
        client.set("quantum:owner", "live")
        code, error = refused(tmp_path / "paper", settings)
        assert code == 2
        assert "has the streams of account live, not of paper" in error["what"]
        assert list(client.scan_iter("quantum:stream:*")) == []
        assert not (tmp_path / "paper" / "journal.sqlite").exists()


def test_two_systems_never_trade_one_account_whatever_stands_still(
    tmp_path: Path, settings: Path
) -> None:
    first = start(tmp_path / "first", settings)
    follower: Running | None = None
    try:
        first.until(holds_protected)
        code, error = refused(tmp_path / "second", settings)
        assert code == 75
        assert f"process {first.process.pid} on " in error["what"]
        assert "since 20" in error["what"]
        assert "no order was touched" in error["money"]

        first.process.send_signal(signal.SIGSTOP)
        frozen_s = time.monotonic()
        shutil.copytree(tmp_path / "first", tmp_path / "follower")
        before = orders_in(tmp_path / "first")
        follower = start(tmp_path / "follower", settings)
        rules = LeaseRules()
        assert time.monotonic() - frozen_s >= (rules.ttl_ms - rules.renew_ms) / 1_000
        assert follower.until(holds_protected), "it goes on with the same position and its stop"

        first.process.send_signal(signal.SIGCONT)
        out, log = first.process.communicate(timeout=30)
        assert first.process.returncode == 75, (out, log)
        assert "another instance took over" in log
        assert orders_in(tmp_path / "first") == before, "it sent nothing after it was thawed"
        assert follower.process.poll() is None
    finally:
        for one in (first, follower):
            if one is not None and one.process.poll() is None:
                one.process.send_signal(signal.SIGCONT)
                one.end()


def test_a_system_that_was_frozen_past_its_lease_goes_on_where_nobody_took_over(
    tmp_path: Path, settings: Path
) -> None:
    running = start(tmp_path / "data", settings)
    try:
        running.until(holds_protected)
        running.process.send_signal(signal.SIGSTOP)
        time.sleep(LeaseRules().ttl_ms / 1_000 + 1)
        running.process.send_signal(signal.SIGCONT)
        began_s = psutil.Process(running.process.pid).create_time()
        opened = running.until(holds_protected)["opened"]
        assert running.until(lambda state: state["opened"] >= opened)
        assert psutil.Process(running.process.pid).create_time() == began_s
    finally:
        code, _, log = running.end()
    assert code == 0, log
