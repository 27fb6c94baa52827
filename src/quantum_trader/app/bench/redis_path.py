"""Intents through the whole live path, beside a bare pipeline of two hops on the same server."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from quantum_trader.adapters.bus.server import EmbeddedServer
from quantum_trader.app.bench.bare_hops import BareHops
from quantum_trader.app.bench.crowd import intent, roomy_rules, symbols
from quantum_trader.app.bench.live_path import BATCH, LivePath
from quantum_trader.app.bench.measure import Aim, Effort, Row, row
from quantum_trader.core.events import IntentProposed
from quantum_trader.core.intent_edge import write_intent

THROUGHPUT_RATIO = 0.25
P99_RATIO = 10.0
PER_SECOND = 200
WARM_UP = 64
"""Intents that go first, unmeasured: connections are opened and scripts loaded by them."""
P50, P99 = 0.50, 0.99

Send = Callable[[Sequence[IntentProposed]], Awaitable[None]]
Receive = Callable[[], Awaitable[list[str]]]


async def throughput(effort: Effort) -> Sequence[Row]:
    """Intents a second, in batches: from the first one written to the last result read."""
    count = effort.of(2_000, 128)
    ours, bare = [], []
    for _ in effort.rounds():
        async with _ours(count) as (send, receive, intents):
            ours.append(count / await flood(send, receive, intents))
        async with _bare(count) as (send, receive, intents):
            bare.append(count / await flood(send, receive, intents))
    aim = Aim(
        name="intents to protected positions",
        unit="per second",
        note=f"{count} intents in batches of {BATCH}: plan, order, fill, stop, targets, result; "
        "AOF everysec, journal synced. Beside it: redis-py alone, two hops",
        target=THROUGHPUT_RATIO,
        of_ratio=True,
    )
    return [row(aim, ours, bare)]


async def latency(effort: Effort) -> Sequence[Row]:
    """Milliseconds from an intent to its result, one by one at an even pace."""
    count = effort.of(600, 60)
    ours, bare = [], []
    for _ in effort.rounds():
        async with _ours(count) as (send, receive, intents):
            ours.append(await paced(send, receive, intents))
        async with _bare(count) as (send, receive, intents):
            bare.append(await paced(send, receive, intents))
    note = f"{count} intents, {PER_SECOND} a second, until the position is protected"
    aims = (
        (P50, Aim(name="intent to result, p50", unit="ms", note=note, better="below")),
        (
            P99,
            Aim(
                name="intent to result, p99",
                unit="ms",
                note=note,
                target=P99_RATIO,
                better="below",
                of_ratio=True,
            ),
        ),
    )
    return [
        row(aim, [quantile(run, share) for run in ours], [quantile(run, share) for run in bare])
        for share, aim in aims
    ]


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that is not below so large a share of them."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[str, Path]]:
    with tempfile.TemporaryDirectory(prefix="quantum-bench-") as folder:
        server = EmbeddedServer(Path(folder) / "server")
        url = await server.start()
        try:
            yield url, Path(folder)
        finally:
            await server.stop()


@asynccontextmanager
async def _ours(count: int) -> AsyncIterator[tuple[Send, Receive, list[IntentProposed]]]:
    intents = [intent(symbol) for symbol in symbols(count + WARM_UP)]
    rules = roomy_rules(count + WARM_UP)
    async with serving() as (url, folder), LivePath(url, folder, rules) as path:
        await flood(path.propose, path.results, intents[:WARM_UP])
        yield path.propose, path.results, intents[WARM_UP:]


@asynccontextmanager
async def _bare(count: int) -> AsyncIterator[tuple[Send, Receive, list[IntentProposed]]]:
    """The same messages through two hops; ``seq`` names them as the symbol names an intent."""
    intents = [intent(symbol) for symbol in symbols(count + WARM_UP)]
    async with serving() as (url, _), BareHops(url) as hops:

        async def send(some: Sequence[IntentProposed]) -> None:
            await hops.send([{**write_intent(each), b"seq": each.symbol.encode()} for each in some])

        async def receive() -> list[str]:
            return [fields[b"seq"].decode() for fields in await hops.arrived()]

        await flood(send, receive, intents[:WARM_UP])
        yield send, receive, intents[WARM_UP:]


async def flood(send: Send, receive: Receive, intents: Sequence[IntentProposed]) -> float:
    """Everything at once, in batches; seconds until the last result."""
    began_s = time.perf_counter()

    async def write() -> None:
        for start in range(0, len(intents), BATCH):
            await send(intents[start : start + BATCH])

    writing = asyncio.create_task(write())
    left = len(intents)
    while left > 0:
        left -= len(await receive())
    took_s = time.perf_counter() - began_s
    await writing
    return took_s


async def paced(send: Send, receive: Receive, intents: Sequence[IntentProposed]) -> list[float]:
    """One by one; milliseconds until each result."""
    sent_s: dict[str, float] = {}
    took_ms: list[float] = []

    async def write() -> None:
        began_s = time.perf_counter()
        for number, each in enumerate(intents):
            await asyncio.sleep(max(0.0, began_s + number / PER_SECOND - time.perf_counter()))
            sent_s[each.symbol] = time.perf_counter()
            await send([each])

    writing = asyncio.create_task(write())
    while len(took_ms) < len(intents):
        arrived = await receive()
        now_s = time.perf_counter()
        took_ms += [1000 * (now_s - sent_s[symbol]) for symbol in arrived]
    await writing
    return took_ms
