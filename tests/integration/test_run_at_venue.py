"""``quantum run`` trades at a venue of its own process, through HTTP and WebSocket alone."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.running import QUANTUM, Running, end_guardian, holds_protected, run_once
from tests.venues import RunningVenue, running_venue

SYMBOL = "BTCUSDT"


def key_file(folder: Path, venue: RunningVenue) -> Path:
    """Key and secret of the venue's first account, as a person would keep them."""
    file = folder / "venue.key"
    file.write_text(f"{venue.key}\n{venue.secret}\n")
    file.chmod(0o600)
    return file


def intend(folder: Path, side: str) -> dict[str, Any]:
    """Propose something from the shell and wait for the answer."""
    words = ["intent", SYMBOL, side, "--json", "--wait", "30", "--data-dir", str(folder)]
    done = subprocess.run([*QUANTUM, *words], capture_output=True, text=True, check=False)
    assert done.stdout, done.stdout
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def doctor(folder: Path) -> dict[str, Any]:
    """What the doctor measured of server and venue."""
    words = ["doctor", "--json", "--data-dir", str(folder)]
    done = subprocess.run([*QUANTUM, *words], capture_output=True, text=True, check=False)
    found: dict[str, Any] = json.loads(done.stdout)["server"]
    return found


@pytest.mark.slow
async def test_it_opens_protects_dies_comes_back_and_closes_at_a_venue(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    async with running_venue("--symbols", SYMBOL) as venue:
        file = key_file(tmp_path, venue)
        where = ("--venue", venue.url, "--key-file", str(file))
        options = ("--market", "auto", "--symbols", SYMBOL, *where)

        async def account() -> dict[str, Any]:
            accounts: dict[str, Any] = (await venue.control.state())["accounts"]
            found: dict[str, Any] = accounts["main"]
            return found

        async def is_protected() -> bool:
            state = await account()
            return bool(state["positions"]) and state["open_algos"] == 1

        async def is_flat() -> bool:
            state = await account()
            return not state["positions"] and not state["open_algos"] + state["open_orders"]

        system = await asyncio.to_thread(Running, folder, *options)
        try:
            assert system.ready["account"] == "paper-venue"
            await asyncio.to_thread(intend, folder, "LONG")
            await venue.until(is_protected)
            shown = await asyncio.to_thread(system.until, holds_protected)
            assert shown["head"]["deposit_usd"].startswith("100000.")
            about = await asyncio.to_thread(doctor, folder)
            assert about["venue_clock_ms"] is not None, "how far the clocks are apart is told"
            await venue.control.fault("drop", method="POST", path="/fapi/v1/order", times=1)
            await asyncio.to_thread(system.end, signal.SIGKILL)
            system = await asyncio.to_thread(Running, folder, *options)
            shown = await asyncio.to_thread(system.until, holds_protected)
            assert shown["head"]["deposit_usd"].startswith("100000.")
            await asyncio.to_thread(intend, folder, "FLAT")
            await venue.until(is_flat)
        finally:
            _, _, log = await asyncio.to_thread(system.end)
            end_guardian(folder)
        assert venue.secret not in log
        trades = await venue.done("GET", "/fapi/v1/userTrades", symbol=SYMBOL)
        entries = {trade["orderId"] for trade in trades if trade["side"] == "BUY"}
        assert len(entries) == 1, "it is entered once, whatever leaves it"


async def test_a_venue_that_is_not_there_or_not_ours_is_said_so(tmp_path: Path) -> None:
    for url, words in (
        ("https://fapi.binance.com", "a paper venue is on this machine"),
        ("http://127.0.0.1:9", "needs a key"),
    ):
        done = await asyncio.to_thread(run_once, "--venue", url, "--data-dir", str(tmp_path))
        assert done.returncode == 2
        assert words in done.stdout


def test_a_market_cannot_be_chosen_beside_a_venue(tmp_path: Path) -> None:
    done = run_once(
        *("--venue", "http://127.0.0.1:9", "--market", "synthetic", "--data-dir", str(tmp_path))
    )
    assert done.returncode == 2
    assert "has its own market" in done.stdout


def test_who_does_not_trade_does_not_load_the_large_library() -> None:
    code = (
        "import sys, quantum_trader.app.cli, quantum_trader.app.cli.run, quantum_trader.app.run;"
        "sys.exit('ccxt' in sys.modules or 'aiohttp' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
