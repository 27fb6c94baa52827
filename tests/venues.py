"""``quantum venue`` as a process, for tests that trade on it: started, asked, harmed, and ended."""

import asyncio
import hmac
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.running import QUANTUM

WITHIN_S = 60.0


class Control:
    """The control API: ``await venue.control.jump(symbol="BTCUSDT", fraction="-0.1")``."""

    def __init__(self, client: httpx2.AsyncClient, url: str, token: str) -> None:
        self._client = client
        self._url = url
        self._headers = {"authorization": f"Bearer {token}"}

    async def post(self, path: str, /, **body: Any) -> dict[str, Any]:
        """Do something; fails the test when it cannot be done."""
        answer = await self._client.post(f"{self._url}/{path}", json=body, headers=self._headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def get(self, path: str, /, **query: Any) -> dict[str, Any]:
        """Look at something."""
        answer = await self._client.get(f"{self._url}/{path}", params=query, headers=self._headers)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def fault(self, kind: str, /, **more: Any) -> int:
        """Inject a fault (``app/venue/faults.py:Fault``); its number."""
        number: int = (await self.post("faults", kind=kind, **more))["id"]
        return number

    async def clear(self, number: int | None = None) -> None:
        """Take one fault away, or all."""
        await self.post("faults/clear", id=number)

    async def jump(self, symbol: str, **to: Any) -> None:
        """Let the price jump: to ``price``, or by ``fraction``."""
        await self.post("jump", symbol=symbol, **to)

    async def truth(self, after: int = 0) -> list[dict[str, Any]]:
        """Everything that was asked and what came of it."""
        found: list[dict[str, Any]] = (await self.get("truth", after=after, limit=10_000))[
            "entries"
        ]
        return found

    async def state(self) -> dict[str, Any]:
        """Clocks, prices, accounts."""
        return await self.get("state")


class RunningVenue:
    """One process. ``key`` and ``secret`` are of the first account, ``accounts`` has all."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.places: dict[str, Any] = json.loads((folder / "places.json").read_text())
        self.url: str = self.places["url"]
        self.ws_url: str = self.places["ws_url"]
        self.accounts: list[dict[str, str]] = self.places["accounts"]
        self.key: str = self.accounts[0]["key"]
        self.secret: str = self.accounts[0]["secret"]
        self.client = httpx2.AsyncClient(timeout=20)
        self.control = Control(
            self.client, self.places["control_url"], self.places["control_token"]
        )

    async def public(self, path: str, **params: Any) -> httpx2.Response:
        """A request without a key."""
        return await self.client.get(f"{self.url}{path}", params=params)

    async def signed(
        self, method: str, path: str, account: Any = 0, **params: Any
    ) -> httpx2.Response:
        """A signed request; POST and PUT carry their parameters in the body."""
        who = self.accounts[account]
        text = signed_query(who["secret"], params)
        headers = {
            "x-mbx-apikey": who["key"],
            "content-type": "application/x-www-form-urlencoded",
        }
        if method in ("POST", "PUT"):
            return await self.client.request(
                method, f"{self.url}{path}", content=text, headers=headers
            )
        return await self.client.request(method, f"{self.url}{path}?{text}", headers=headers)

    async def done(self, method: str, path: str, account: Any = 0, **params: Any) -> Any:
        """A signed request that has to be answered with 200; its JSON."""
        answer = await self.signed(method, path, account, **params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def refused(self, method: str, path: str, account: Any = 0, **params: Any) -> int:
        """A signed request that has to be refused; the venue's code."""
        answer = await self.signed(method, path, account, **params)
        assert answer.status_code >= 400, answer.text
        code: int = answer.json()["code"]
        return code

    @asynccontextmanager
    async def user_stream(self, account: int = 0) -> AsyncIterator["Stream"]:
        """The events of an account."""
        headers = {"x-mbx-apikey": self.accounts[account]["key"]}
        answer = await self.client.post(f"{self.url}/fapi/v1/listenKey", headers=headers)
        key = answer.json()["listenKey"]
        async with connect(f"{self.ws_url}/private/ws?listenKey={key}") as socket:
            yield Stream(socket)

    @asynccontextmanager
    async def streams(self, path: str) -> AsyncIterator["Stream"]:
        """Any stream path, such as ``/market/ws/btcusdt@aggTrade``."""
        async with connect(f"{self.ws_url}{path}") as socket:
            yield Stream(socket)

    async def price(self, symbol: str) -> float:
        """The last price."""
        answer = await self.public("/fapi/v1/ticker/price", symbol=symbol)
        return float(answer.json()["price"])

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Wait for something to become true."""
        end_s = time.monotonic() + WITHIN_S
        while not await holds():
            assert time.monotonic() < end_s, "it did not come true"
            await asyncio.sleep(0.05)

    async def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal and wait; the exit code."""
        await self.client.aclose()
        self.process.send_signal(number)
        code = await asyncio.to_thread(self.process.wait, 20)
        for pipe in (self.process.stdout, self.process.stderr):
            if pipe is not None:
                pipe.close()
        return code


class Stream:
    """Messages of one connection, with those kept that were passed over."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.seen: list[dict[str, Any]] = []

    async def next(self) -> dict[str, Any]:
        """The next message."""
        try:
            text = await asyncio.wait_for(self.socket.recv(), WITHIN_S)
        except TimeoutError:
            pytest.fail(f"nothing came in {WITHIN_S:.0f} s after {self.seen[-3:]}")
        message: dict[str, Any] = json.loads(text)
        self.seen.append(message)
        return message

    async def until(self, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The next message for which something is true."""
        while True:
            message = await self.next()
            if holds(message):
                return message

    async def event(self, name: str, **fields: Any) -> dict[str, Any]:
        """The next event of a kind whose inner object has these fields."""

        def suits(message: dict[str, Any]) -> bool:
            inner = message.get("o", message)
            return message.get("e") == name and all(inner[key] == fields[key] for key in fields)

        return await self.until(suits)


def signed_query(secret: str, params: dict[str, Any], at_ms: int | None = None) -> str:
    """Parameters with their time and signature, as one query."""
    text = urlencode({**params, "timestamp": at_ms or time.time_ns() // 1_000_000})
    signature = hmac.new(secret.encode(), text.encode(), sha256).hexdigest()
    return f"{text}&signature={signature}"


def start_venue(folder: Path, *options: str) -> RunningVenue:
    """Start a venue on a free port; fails the test when it does not come up."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("QT_")}
    process = subprocess.Popen(
        [*QUANTUM, "venue", "--json", "--port", "0", "--data-dir", str(folder), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    )
    assert process.stdout is not None
    if not process.stdout.readline():
        pytest.fail(process.communicate()[1])
    return RunningVenue(process, folder)


@asynccontextmanager
async def running_venue(*options: str, folder: Path | None = None) -> AsyncIterator[RunningVenue]:
    """A venue on a simulated market (``--seed 1``) in memory unless the options say otherwise.

    With a folder it keeps its orders there, and another one on that folder goes on with them.
    """
    with tempfile.TemporaryDirectory() as own:
        given = options if folder else ("--memory", *options)
        venue = await asyncio.to_thread(start_venue, folder or Path(own), *given)
        try:
            yield venue
        finally:
            if venue.process.poll() is None:
                await venue.end()
