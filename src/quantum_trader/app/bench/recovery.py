"""From nothing to ready on a long log: the stream server loads it, the services fold its end."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from quantum_trader.adapters.bus.server import EmbeddedServer
from quantum_trader.app.bench.crowd import NOW_MS, PRICE, intent, roomy_rules, symbols
from quantum_trader.app.bench.live_path import LivePath
from quantum_trader.app.bench.measure import Aim, Effort, Row, row
from quantum_trader.app.bench.redis_path import flood
from quantum_trader.core.events import Tick
from quantum_trader.core.rules import Rules
from quantum_trader.services import wire
from quantum_trader.streams import FEED, MARKET_TICK, TRADER

READY_S = 10.0
POSITIONS = 20
BATCH = 1_000
AHEAD = 5_000
"""So many ticks may wait for the trader: it is its log that has to be long."""
LOOK_S = 0.05


async def recovery_time(effort: Effort) -> Sequence[Row]:
    """Seconds until server, trader and gateway have become what they were."""
    count = effort.of(effort.events, 5_000)
    rules = roomy_rules(POSITIONS)
    whole: list[float] = []
    folded: list[float] = []
    with tempfile.TemporaryDirectory(prefix="quantum-bench-") as name:
        folder = Path(name)
        await _fill(folder, rules, count)
        for _ in effort.rounds():
            server_s, services_s = await _started(folder, rules)
            whole.append(server_s + services_s)
            folded.append(services_s)
    note = f"{count:,} ticks, {POSITIONS} open positions, a snapshot every 10,000 facts"
    aims = (
        Aim(name="start to ready", unit="s", note=note, target=READY_S, better="below"),
        Aim(name="of which trader and gateway", unit="s", note=note, better="below"),
    )
    return [row(aims[0], whole), row(aims[1], folded)]


async def _started(folder: Path, rules: Rules) -> tuple[float, float]:
    """Seconds until the server answers from its files, and until the services are ready."""
    began_s = time.perf_counter()
    server = EmbeddedServer(folder / "server")
    url = await server.start()
    try:
        loaded_s = time.perf_counter()
        path = LivePath(url, folder, rules)
        try:
            await path.start()
            return loaded_s - began_s, time.perf_counter() - loaded_s
        finally:
            await path.close()
    finally:
        await server.stop()


async def _fill(folder: Path, rules: Rules, count: int) -> None:
    """Some positions, and so many ticks that the trader has taken."""
    server = EmbeddedServer(folder / "server")
    url = await server.start()
    try:
        async with LivePath(url, folder, rules) as path:
            names = symbols(POSITIONS)
            await flood(path.propose, path.results, [intent(each) for each in names])
            for start in range(0, count, BATCH):
                numbers = range(start, min(start + BATCH, count))
                ticks = [wire.write(_tick(names, number)) for number in numbers]
                await path.desk.append(MARKET_TICK, ticks, writer=FEED)
                await _waited(path, AHEAD)
            await _waited(path, 0)
    finally:
        await server.stop()


async def _waited(path: LivePath, ahead: int) -> None:
    """Wait until at most so many ticks wait for the trader."""
    while True:
        info = await path.desk.info(MARKET_TICK)
        groups = [] if info is None else info.groups
        left = [one.lag + one.pending for one in groups if one.service == TRADER]
        path.check()
        if left and left[0] <= ahead:
            return
        await asyncio.sleep(LOOK_S)


def _tick(names: Sequence[str], number: int) -> Tick:
    """A trade of others, so near the entry that nobody has to act."""
    symbol = names[number % len(names)]
    return Tick(
        id=f"{symbol}:{number}",
        at_ms=NOW_MS + number // 100,
        symbol=symbol,
        source="SIMULATED",
        price=PRICE * (1 + (number % 7 - 3) * 1e-5),
        qty=0.01,
    )
