"""``quantum guardian`` at a venue over HTTP: it protects and closes, with nobody else there."""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from quantum_trader.adapters.latch import FILE
from quantum_trader.app.guardian_beat import beat_file, guardian_findings
from quantum_trader.core.orders.guardian_ids import is_guardians
from quantum_trader.services.guardian import GuardBeat
from tests.running import QUANTUM
from tests.venues import RunningVenue, running_venue

BOUND_S = 10.0


@contextmanager
def guarding(folder: Path, venue: RunningVenue) -> Iterator[subprocess.Popen[str]]:
    """A guardian process; its first line was read."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("QT_")}
    environ |= {"QT_PAPER_API_KEY": venue.key, "QT_PAPER_API_SECRET": venue.secret}
    with subprocess.Popen(
        [*QUANTUM, "guardian", "--json", "--venue", venue.url, "--data-dir", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    ) as process:
        assert process.stdout is not None
        try:
            line = process.stdout.readline()
            assert "ready" in line, line + process.stdout.read()
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


@pytest.fixture
async def venue() -> AsyncIterator[RunningVenue]:
    """Return a paper venue in a process of its own."""
    async with running_venue() as one:
        yield one


async def buy(venue: RunningVenue) -> None:
    """A position that nobody protects."""
    await venue.done(
        *("POST", "/fapi/v1/order"), symbol="BTCUSDT", side="BUY", type="MARKET", quantity="0.02"
    )


async def held(venue: RunningVenue) -> float:
    """How much of BTCUSDT is held."""
    rows = await venue.done("GET", "/fapi/v3/positionRisk", symbol="BTCUSDT")
    return sum(float(row["positionAmt"]) for row in rows)


async def stops(venue: RunningVenue) -> list[dict[str, Any]]:
    """Conditional orders at rest."""
    found: list[dict[str, Any]] = await venue.done(
        "GET", "/fapi/v1/openAlgoOrders", symbol="BTCUSDT"
    )
    return found


@pytest.mark.slow
async def test_with_everybody_else_dead_a_position_is_protected_and_then_flattened(
    venue: RunningVenue, tmp_path: Path
) -> None:
    with guarding(tmp_path, venue):
        await buy(venue)
        bought_s = time.monotonic()

        async def protected() -> bool:
            await asyncio.sleep(0.2)
            return bool(await stops(venue))

        await venue.until(protected)
        took_s = time.monotonic() - bought_s
        assert took_s < BOUND_S
        (stop,) = await stops(venue)
        assert is_guardians(stop["clientAlgoId"])
        assert stop["side"] == "SELL"
        (tmp_path / FILE).write_text("FLATTEN")

        async def flat() -> bool:
            await asyncio.sleep(0.5)
            return not await held(venue) and not await stops(venue)

        await venue.until(flat)
    assert list(guardian_findings(tmp_path, time.time_ns() // 1_000_000)) == []


@pytest.mark.slow
async def test_a_guardian_that_was_killed_goes_on_and_a_second_one_is_refused(
    venue: RunningVenue, tmp_path: Path
) -> None:
    with guarding(tmp_path, venue) as first:
        already = f"guarded already, by process {first.pid} on"
        with pytest.raises(AssertionError, match=already), guarding(tmp_path, venue):
            raise NotImplementedError
        first.kill()
        first.wait()
    (tmp_path / FILE).write_text("FLATTEN")
    await buy(venue)
    with guarding(tmp_path, venue):

        async def flat() -> bool:
            await asyncio.sleep(0.5)
            return not await held(venue)

        await venue.until(flat)


def test_the_doctor_tells_a_silent_blind_or_alarmed_guardian_from_one_that_is_well(
    tmp_path: Path,
) -> None:
    now_ms = time.time_ns() // 1_000_000
    assert list(guardian_findings(tmp_path, now_ms)) == []
    beats = beat_file(tmp_path)

    def told(**changes: Any) -> list[str]:
        usual: dict[str, Any] = {
            "where": "here",
            "seen": True,
            "trouble": None,
            "level": "RUN",
            "held": (),
            "bare": (),
            "acts": 0,
        }
        beats.write(GuardBeat(**{**usual, **changes}))
        return [one.what for one in guardian_findings(tmp_path, time.time_ns() // 1_000_000)]

    assert told() == []
    assert "no route" in told(seen=False, trouble="no route")[0]
    assert "BTCUSDT" in told(bare=("BTCUSDT",))[0]
    assert told() == [], "a shorter beat leaves nothing of a longer one"
    (silent,) = guardian_findings(tmp_path, time.time_ns() // 1_000_000 + 60_000)
    assert (silent.level, "silent" in silent.what) == ("red", True)
    beats.path.write_text("{")
    assert list(guardian_findings(tmp_path, now_ms)) == []


def test_a_beat_that_cannot_be_written_harms_nobody(tmp_path: Path) -> None:
    beats = beat_file(tmp_path / "missing")
    beats.write(GuardBeat(where="", seen=True, trouble=None, level="RUN", held=(), bare=(), acts=0))
    assert beats.read() is None


def test_on_paper_inside_run_there_is_nothing_to_guard(tmp_path: Path) -> None:
    done = subprocess.run(
        [*QUANTUM, "guardian", "--json", "--data-dir", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert "--venue" in json.loads(done.stdout)["error"]["what"]
