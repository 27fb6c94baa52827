"""What a venue confirmed is there after kill -9, and a session can be done again."""

import asyncio
import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.running import QUANTUM
from tests.venues import RunningVenue, running_venue

pytestmark = pytest.mark.slow

ORDER = "/fapi/v1/order"
SYMBOL = "BTCUSDT"


async def trade(venue: RunningVenue) -> dict[str, Any]:
    """A position, a resting order, a stop; all that is told of it."""
    low = round(await venue.price(SYMBOL) * 0.97, 1)
    await venue.done("POST", "/fapi/v1/leverage", symbol=SYMBOL, leverage=7)
    await venue.done("POST", ORDER, symbol=SYMBOL, side="BUY", type="MARKET", quantity="0.02")
    await venue.done(
        "POST",
        ORDER,
        symbol=SYMBOL,
        side="BUY",
        type="LIMIT",
        timeInForce="GTC",
        quantity="0.01",
        price=low,
    )
    stop = {"algoType": "CONDITIONAL", "side": "SELL", "type": "STOP_MARKET"}
    await venue.done(
        "POST", "/fapi/v1/algoOrder", symbol=SYMBOL, **stop, closePosition="true", triggerPrice=low
    )
    await venue.done("POST", "/fapi/v1/listenKey")
    return await told(venue)


async def told(venue: RunningVenue) -> dict[str, Any]:
    """What must not be lost."""
    position = await venue.done("GET", "/fapi/v3/positionRisk")
    return {
        "orders": await venue.done("GET", "/fapi/v1/openOrders"),
        "algos": await venue.done("GET", "/fapi/v1/openAlgoOrders"),
        "trades": await venue.done("GET", "/fapi/v1/userTrades", symbol=SYMBOL),
        "income": await venue.done("GET", "/fapi/v1/income"),
        "wallet": (await venue.done("GET", "/fapi/v3/balance"))[0]["balance"],
        "held": (position[0]["positionAmt"], position[0]["entryPrice"]),
        "key": await venue.done("POST", "/fapi/v1/listenKey"),
        "config": await venue.done("GET", "/fapi/v1/symbolConfig"),
    }


async def killed(folder: Path) -> None:
    async with running_venue("--symbols", SYMBOL, folder=folder) as venue:
        before = await trade(venue)
        await venue.end(signal.SIGKILL)
    async with running_venue("--symbols", SYMBOL, folder=folder) as venue:
        after = await told(venue)
        assert after == before
        name = {"symbol": SYMBOL, "orderId": before["orders"][0]["orderId"]}
        await venue.done("DELETE", ORDER, **name)
        assert await venue.end() == 0
    async with running_venue("--symbols", SYMBOL, folder=folder) as venue:
        assert (await told(venue))["orders"] == []


def test_nothing_that_was_confirmed_is_lost_when_the_venue_is_killed(tmp_path: Path) -> None:
    asyncio.run(killed(tmp_path))


async def recorded(file: Path) -> None:
    async with running_venue("--symbols", SYMBOL, "--record", str(file)) as venue:
        await trade(venue)
        await venue.control.jump(SYMBOL, fraction="-0.05")
        assert await venue.refused("DELETE", ORDER, symbol=SYMBOL, orderId=1) == -2011
        assert await venue.end() == 0


def replay(file: Path) -> tuple[int, dict[str, Any]]:
    command = [*QUANTUM, "venue", "--json", "--replay", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, json.loads(done.stdout)


def test_a_recorded_session_comes_out_the_same_and_a_forged_one_does_not(tmp_path: Path) -> None:
    file = tmp_path / "session.jsonl"
    asyncio.run(recorded(file))
    code, done = replay(file)
    assert (code, done["differences"]) == (0, [])
    assert done["inputs"] > 6
    forged = file.read_text().replace('"quantity":"0.02"', '"quantity":"0.03"', 1)
    file.write_text(forged)
    code, done = replay(file)
    assert code == 1
    assert done["differences"]
