"""Outside clients as processes, each in an environment of its own, against a venue here."""

import asyncio
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from tests.guard import loopback_only
from tests.venues import running_venue

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent
CLIENTS = {
    "ccxt": "ccxt, ccxt.pro",
    "usdm_sdk": "official USD-M SDK",
    "python_binance": "python-binance",
}
STANDING_STILL = ("--symbols", "BTCUSDT", "--speed", "0.02")
WITHIN_S = 100.0


def python_of(client: str) -> Path:
    """The interpreter of a client's environment, there or not."""
    return ROOT / ".clients" / client / "bin" / "python"


def has_environment(client: str) -> bool:
    """Whether ``make clients`` was here."""
    return python_of(client).is_file()


async def on_a_venue(client: str) -> dict[str, Any]:
    """Let a client trade its round; its version, its steps, and what came of which endpoint.

    Raises RuntimeError when it did not come to an end, or tried to reach another machine.
    """
    async with running_venue(*STANDING_STILL) as venue:
        with tempfile.NamedTemporaryFile("r", suffix=".log") as reached:
            found = await _trip(client, venue.folder / "places.json", reached.name)
            doors = (await venue.control.get("traffic"))["doors"]
            found["doors"] = {door: sorted(outcomes) for door, outcomes in doors.items()}
            outside = reached.read()
    if outside:
        raise RuntimeError(f"{client} tried to reach another machine:\n{outside}")
    return found


async def _trip(client: str, places: Path, reached: str) -> dict[str, Any]:
    path = os.pathsep.join([str(ROOT / "tests" / "guard"), str(ROOT)])
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        python_of(client),
        FOLDER / f"{client}_trip.py",
        places,
        env={**kept, "PYTHONPATH": path, loopback_only.LOG: reached},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        said, complained = await asyncio.wait_for(process.communicate(), WITHIN_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise RuntimeError(f"{client} did not end within {WITHIN_S:.0f} s") from None
    if process.returncode:
        raise RuntimeError(f"{client} broke off:\n{complained.decode()[-2000:]}")
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


def store(client: str, results: dict[str, Any]) -> None:
    """Keep the results of a run, for the page."""
    text = json.dumps(results, indent=1) + "\n"
    (FOLDER / "results" / f"{client}.json").write_text(text, encoding="utf-8")


def stored(client: str) -> dict[str, Any]:
    """The results that the page shows."""
    text = (FOLDER / "results" / f"{client}.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found
