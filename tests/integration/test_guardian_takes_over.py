"""``quantum run`` keeps a guardian beside it, which goes on when everything else was killed."""

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import accumulate
from pathlib import Path
from typing import Any

import psutil
import pytest

from quantum_trader.core.orders.guardian_ids import is_guardians
from tests.integration.test_run_at_venue import key_file
from tests.running import QUANTUM, Running, end_guardian, guardian_pid, wait_for_guardian
from tests.venues import RunningVenue, running_venue

SYMBOL = "BTCUSDT"
ALGO = "/fapi/v1/algoOrder"
BOUND_S = 10.0
SETTINGS = "[limits]\ncooldown_open_ms = 0\ncooldown_close_ms = 0\n"


class Desk:
    """A folder, the runs on it one after the other, and the venue they trade at."""

    def __init__(self, folder: Path, venue: RunningVenue) -> None:
        self.venue = venue
        self.folder = folder / "run"
        self.settings = folder / "settings.toml"
        self.settings.write_text(SETTINGS)
        where = ("--venue", venue.url, "--key-file", str(key_file(folder, venue)))
        self.options = ("--market", "auto", "--symbols", SYMBOL, *where)
        self.system: Running | None = None

    async def start(self) -> Running:
        """Start a run; it is ready."""
        words = (*self.options, "--config", str(self.settings))
        self.system = await asyncio.to_thread(Running, self.folder, *words)
        return self.system

    async def kill(self, *, server: bool) -> None:
        """Kill the run at once, and its stream server with it."""
        assert self.system is not None
        process = psutil.Process(self.system.process.pid)
        servers = [one for one in process.children() if "server" in one.name()]
        assert servers
        os.kill(process.pid, signal.SIGKILL)
        for one in servers if server else ():
            one.kill()
        await asyncio.to_thread(self.system.end, signal.SIGKILL)
        self.system = None

    async def type(self, *words: str) -> tuple[int, dict[str, Any]]:
        """A command to its end: exit code and JSON."""
        environ = {name: value for name, value in os.environ.items() if not name.startswith("QT_")}
        done = await asyncio.to_thread(
            subprocess.run,
            [*QUANTUM, *words, "--json", "--data-dir", str(self.folder)],
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
            env=environ,
        )
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    async def held(self) -> bool:
        """Whether anything is held at the venue."""
        return bool((await self.account())["positions"])

    async def account(self) -> dict[str, Any]:
        """The account as the venue's control shows it."""
        found: dict[str, Any] = (await self.venue.control.state())["accounts"]["main"]
        return found

    async def stops(self) -> list[str]:
        """Names of conditional orders at rest."""
        rows = await self.venue.done("GET", "/fapi/v1/openAlgoOrders", symbol=SYMBOL)
        return [row["clientAlgoId"] for row in rows]

    async def signed_trades(self) -> list[Decimal]:
        """Every trade, bought or sold, oldest first."""
        rows = await self.venue.done("GET", "/fapi/v1/userTrades", symbol=SYMBOL)
        return [Decimal(one["qty"]) * (1 if one["side"] == "BUY" else -1) for one in rows]

    async def killed_between_fill_and_stop(self, *, server: bool) -> float:
        """Kill the run in that moment; seconds until a stop of somebody else's rests."""
        await self.venue.control.fault("unavailable", method="POST", path=ALGO)
        asking = asyncio.create_task(self.ask_until_held())
        await self.venue.until(self.held)
        filled_s = time.monotonic()
        await self.kill(server=server)
        await asking
        assert await self.stops() == []
        await self.venue.control.clear()
        await self.venue.until(self.has_stop)
        took_s = time.monotonic() - filled_s
        (stop,) = await self.stops()
        assert is_guardians(stop)
        return took_s

    async def ask_until_held(self) -> None:
        """Propose an entry until no gate is in the way any more."""
        while not await self.held():
            await self.type("intent", SYMBOL, "LONG", "--notional", "500")
            await asyncio.sleep(1)

    async def has_stop(self) -> bool:
        """Whether a conditional order rests. Asked of the control, which costs no weight."""
        return bool((await self.account())["open_algos"])

    async def flat(self) -> bool:
        """Whether nothing is held and nothing rests."""
        account = await self.account()
        return not account["positions"] and not account["open_algos"] + account["open_orders"]


@asynccontextmanager
async def desk_at_venue(folder: Path) -> AsyncIterator[Desk]:
    """A desk, its venue, a first run, and no process left at the end."""
    async with running_venue("--symbols", SYMBOL) as venue:
        desk = Desk(folder, venue)
        try:
            system = await desk.start()
            await asyncio.to_thread(wait_for_guardian, desk.folder)
            assert system.ready["guardian_pid"] == guardian_pid(desk.folder)
            yield desk
        finally:
            if desk.system is not None:
                await asyncio.to_thread(desk.system.end)
            end_guardian(desk.folder)


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_with_run_and_server_killed_the_guardian_protects_and_flattens(
    tmp_path: Path,
) -> None:
    async with desk_at_venue(tmp_path) as desk:
        first = guardian_pid(desk.folder)
        assert await desk.killed_between_fill_and_stop(server=True) < BOUND_S
        assert (await desk.type("disarm"))[0] == 0
        (name,) = await desk.stops()
        await desk.venue.done("DELETE", ALGO, symbol=SYMBOL, clientAlgoId=name)
        await desk.venue.until(desk.has_stop)
        (again,) = await desk.stops()
        assert is_guardians(again), "disarmed, it has all it needs to protect"
        assert again != name
        code, told = await desk.type("flatten", "--why", "everybody is dead")
        assert (code, told["problem"], told["guarded"]) == (0, None, []), told
        assert "the guardian closes" in told["note"]
        assert await desk.flat()
        system = await desk.start()
        assert system.ready["guardian_pid"] == first, "the one that lived is found"
        assert await desk.flat()
        trades = await desk.signed_trades()
        assert [number > 0 for number in trades] == [True, False]
        assert sum(trades) == 0


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_guardian_and_a_run_that_comes_back_do_not_both_close(tmp_path: Path) -> None:
    async with desk_at_venue(tmp_path) as desk:
        assert await desk.killed_between_fill_and_stop(server=False) < BOUND_S
        code, told = await desk.type("flatten", "--no-wait")
        assert (code, told["guarded"]) == (0, [SYMBOL])
        system = await desk.start()
        await desk.venue.until(desk.flat)
        # As long as it takes the slower of the two to come round once more.
        await asyncio.to_thread(system.until, lambda now: held_nothing(now["held"]))
        await desk.venue.until(guardian_has_seen(desk.folder))
        trades = await desk.signed_trades()
        assert sum(trades) == 0
        assert min(turned_by(trades)) >= 0
        orders = await desk.venue.done("GET", "/fapi/v1/allOrders", symbol=SYMBOL)
        closing = [one for one in orders if one["side"] == "SELL" and float(one["executedQty"])]
        assert len(closing) == 1, closing


def held_nothing(rows: list[dict[str, Any]]) -> bool:
    """Whether the run knows that nothing is held; a stop in doubt may keep a row for a minute."""
    return all(row["qty"] == "0" for row in rows)


def guardian_has_seen(folder: Path) -> Any:
    """A condition: the guardian has looked since now, and sees nothing held."""
    since_s = time.time()

    async def seen() -> bool:
        beat = await asyncio.to_thread(wait_for_guardian, folder)
        file = folder / "guardian.beat"
        return not beat.held and file.stat().st_mtime > since_s

    return seen


def turned_by(trades: list[Decimal]) -> list[Decimal]:
    """The position after every trade."""
    return [*accumulate(trades)]
