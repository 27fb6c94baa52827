"""Callers of the page who want nothing, or for ever: they hold up nobody, least of all money."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import httpx2
import pytest

from quantum_trader.adapters.latch import FileLatch
from quantum_trader.app import callers, control
from quantum_trader.app.control import PATH, Control
from quantum_trader.app.kill import Desk
from quantum_trader.app.page import Page
from quantum_trader.app.watch import View
from quantum_trader.core.errors import BusUnreachable

TOKEN = "t" * 43
MORE_THAN_MAX = callers.CALLERS_MAX + 20


def unseen() -> View:
    """Nobody looks at the page here."""
    raise NotImplementedError


@pytest.fixture
async def page(tmp_path: Path) -> AsyncIterator[Page]:
    """Serve a page with the control API, on a free port."""

    def nobody() -> NoReturn:
        raise BusUnreachable("no answer")

    desk = Desk(FileLatch(tmp_path), nobody)
    page = Page(unseen, 0, any_port=False, more=Control(desk, TOKEN).routes())
    serving = asyncio.create_task(page.run())
    await until_served(page)
    yield page
    serving.cancel()
    with suppress(asyncio.CancelledError):
        await serving
    page.close()


async def until_served(page: Page) -> None:
    for _ in range(500):
        if await asked(page) == 200:
            return
        await asyncio.sleep(0.02)
    raise AssertionError("the page is not served")


async def asked(page: Page) -> int | None:
    """What a decent caller is answered; None for nothing."""
    async with httpx2.AsyncClient(timeout=5) as client:
        with suppress(httpx2.TransportError):
            return (await client.get(f"{page.url}page.css")).status_code
    return None


async def call(page: Page, said: bytes = b"") -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A caller who says this much, and no more."""
    port = int(page.url.rstrip("/").rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    return reader, writer


async def is_hung_up_on(reader: asyncio.StreamReader, within_s: float) -> bool:
    """Whether the server closes a connection of its own."""
    try:
        return await asyncio.wait_for(reader.read(1), within_s) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


async def test_there_are_never_more_callers_than_files_can_be_spared_for(page: Page) -> None:
    """A thousand idle connections took every file of the process, and it halted itself."""
    lines = [await call(page, b"GET / HTTP/1.1\r\nHost:") for _ in range(MORE_THAN_MAX)]
    await asyncio.sleep(0.2)
    ended = [await is_hung_up_on(reader, 0.01) for reader, _ in lines]
    assert ended.count(True) == MORE_THAN_MAX - callers.CALLERS_MAX
    for _, writer in lines:
        writer.close()
    await until_served(page)


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: a\r\n"])
async def test_who_asks_for_nothing_is_sent_away(
    said: bytes, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers, "ASK_WITHIN_S", 0.3)
    reader, writer = await call(page, said)
    assert await is_hung_up_on(reader, 5)
    writer.close()
    assert await asked(page) == 200


async def test_who_has_asked_is_not_sent_away(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callers, "ASK_WITHIN_S", 0.2)
    reader, writer = await call(page, b"GET /page.css HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"200" in await reader.readline()
    await asyncio.sleep(0.4)
    writer.write(b"GET /page.css HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).count(b"HTTP/1.1 200") == 1
    writer.close()


def half_an_order(length: int) -> bytes:
    head = f"POST {PATH}/halt HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n"
    return (head + f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{{").encode()


async def test_a_body_that_does_not_come_is_not_waited_for(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(control, "BODY_WITHIN_S", 0.2)
    reader, writer = await call(page, half_an_order(100))
    assert b"408" in await reader.readline()
    writer.close()


async def test_who_leaves_in_the_middle_of_a_word_is_no_error_of_ours(
    page: Page, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        _, writer = await call(page, half_an_order(100))
        await asyncio.sleep(0.1)
        sock: socket.socket = writer.get_extra_info("socket")
        assert sock is not None
        writer.transport.abort()
        await asyncio.sleep(0.2)
        assert await asked(page) == 200
    assert not caplog.records
