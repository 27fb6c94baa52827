"""Servers of ours answer at once: their connections are made without Nagle's waiting."""

import asyncio
import socket
from collections.abc import Callable

import pytest

from quantum_trader.app import page
from quantum_trader.app.venue import server


@pytest.mark.parametrize(
    "bound", [server.bound, lambda port: page._bound(port, any_port=True)], ids=["venue", "page"]
)
async def test_what_is_accepted_there_sends_without_delay(
    bound: Callable[[int], socket.socket],
) -> None:
    without_delay: list[int] = []

    def accepted(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sock = writer.get_extra_info("socket")
        without_delay.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        writer.close()

    sock = bound(0)
    async with await asyncio.start_server(accepted, sock=sock):
        reader, writer = await asyncio.open_connection(*sock.getsockname())
        await reader.read()
        writer.close()
        await writer.wait_closed()
    assert without_delay == [1]
