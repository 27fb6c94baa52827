"""Signed orders that the paper venue accepts in a second, beside a server that only echoes."""

import asyncio
import hmac
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path

import msgspec

from quantum_trader.app.bench.measure import Aim, Effort, Row, row
from quantum_trader.app.bench.process_cost import QUANTUM
from quantum_trader.app.venue.security import Credentials
from quantum_trader.app.venue.server import LOOPBACK, PLACES_FILE, Places
from quantum_trader.core.errors import BrokenInvariant

ORDERS = 6_000
ORDERS_QUICK = 200
ORDERS_A_SECOND = 2_000.0
LINES = 8
"""So many connections, each with one order under way."""
SYMBOL = "BTCUSDT"
WINDOW_MS = 60_000
WITHIN_S = 60.0
END = b"\r\n\r\n"
LENGTH = b"content-length: "


async def venue_orders(effort: Effort) -> Sequence[Row]:
    """Orders a second: key, time and signature checked, matched, booked, told to its account."""
    many = effort.of(ORDERS, ORDERS_QUICK)
    ours, bare = [], []
    async with _venue() as (port, keys), _echo() as echo_port:
        for _ in effort.rounds():
            requests = list(_signed(keys, many))
            bare.append(await _rate(echo_port, requests))
            ours.append(await _rate(port, requests))
    aim = Aim(
        name="signed orders at the paper venue",
        unit="orders/s",
        note=f"{many:,} market orders over {LINES} connections, each signed, matched and booked; "
        "beside it Starlette and uvicorn send the same bytes back",
        target=ORDERS_A_SECOND,
    )
    return [row(aim, ours, bare)]


def _signed(keys: Credentials, many: int) -> Iterator[bytes]:
    """Orders that buy and sell by turns, signed before anybody looks at a clock."""
    at_ms = time.time_ns() // 1_000_000
    for number in range(many):
        side = "SELL" if number % 2 else "BUY"
        text = (
            f"symbol={SYMBOL}&side={side}&type=MARKET&quantity=0.002&newClientOrderId=b{number}"
            f"&newOrderRespType=RESULT&recvWindow={WINDOW_MS}&timestamp={at_ms}"
        )
        signature = hmac.new(keys.secret.encode(), text.encode(), sha256).hexdigest()
        body = f"{text}&signature={signature}".encode()
        head = (
            f"POST /fapi/v1/order HTTP/1.1\r\nhost: {LOOPBACK}\r\nx-mbx-apikey: {keys.key}\r\n"
            f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(body)}"
        )
        yield head.encode() + END + body


async def _rate(port: int, requests: Sequence[bytes]) -> float:
    """Requests a second that are answered with 200. Raises ``BrokenInvariant`` for any other."""
    waiting = iter(requests)
    began_s = time.perf_counter()
    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(*(_line(port, waiting) for _ in range(LINES)))
    return len(requests) / (time.perf_counter() - began_s)


async def _line(port: int, waiting: Iterator[bytes]) -> None:
    """One connection: the next request when the one before was answered."""
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        for request in waiting:
            writer.write(request)
            head = await reader.readuntil(END)
            at = head.lower().index(LENGTH) + len(LENGTH)
            body = await reader.readexactly(int(head[at : head.index(b"\r", at)]))
            if b" 200 " not in head[:20]:
                raise BrokenInvariant(f"an order was answered with {head[:20]!r}: {body[:200]!r}")
    finally:
        writer.close()
        await writer.wait_closed()


@asynccontextmanager
async def _venue() -> AsyncIterator[tuple[int, Credentials]]:
    """A paper venue in memory that refuses nobody for asking too much."""
    with tempfile.TemporaryDirectory() as folder:
        words = ("venue", "--json", "--port", "0", "--memory", "--unlimited", "--symbols", SYMBOL)
        async with _process(*QUANTUM, *words, "--data-dir", folder):
            places = msgspec.json.decode((Path(folder) / PLACES_FILE).read_bytes(), type=Places)
            yield int(places.url.rpartition(":")[2]), places.accounts[0]


@asynccontextmanager
async def _echo() -> AsyncIterator[int]:
    async with _process(sys.executable, "-m", "quantum_trader.app.bench.bare_echo") as said:
        yield int(said)


@asynccontextmanager
async def _process(*command: str) -> AsyncIterator[bytes]:
    """A server, and the line it says when it is ready; ended at the end."""
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        async with asyncio.timeout(WITHIN_S):
            said = await process.stdout.readline()
        if not said:
            raise BrokenInvariant(f"{' '.join(command)} did not start")
        yield said
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
