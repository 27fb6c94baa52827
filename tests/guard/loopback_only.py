"""Nobody in this suite talks to another machine: an audit hook refuses it and writes it down.

CPython announces every name that is looked up and every address that is connected or sent to
through its own sockets, before it does it. That covers asyncio, aiohttp, urllib, websockets and
redis alike, in this process and, through ``sitecustomize`` beside this file, in every Python that a
test starts with the environment it was given (not with ``-I``, ``-E`` or ``-S``). It does not cover
programs that are no Python (the stream server connects to nobody; the browser of the browser tests
is told to resolve no names), and event loops that bring sockets of their own (uvloop).

What is refused looks like a machine without a network, so that a program goes on as it would there.
"""

import os
import socket
import sys
from ipaddress import ip_address
from typing import Any

LOG = "LOOPBACK_ONLY_LOG"
"""The environment's name for the file in which refusals are written down."""

EXPECTED = ("fapi.binance.com",)
"""``quantum run`` tries the real market by itself. It is refused like all others, and no fault."""
NOWHERE = (".invalid", ".test")
"""Names that exist nowhere, by agreement."""


def install() -> None:
    """Refuse from now on; it cannot be taken back in this process."""
    sys.addaudithook(_watch)


def is_outside(host: object) -> bool:
    """Whether a host is another machine, or a name that only another machine could resolve."""
    if isinstance(host, bytes | bytearray):
        host = host.decode("ascii", "replace")
    if not isinstance(host, str) or host in ("", "localhost"):
        return False
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return True
    mapped = getattr(address, "ipv4_mapped", None)
    return not (mapped or address).is_loopback


def _watch(event: str, args: tuple[Any, ...]) -> None:
    if not event.startswith("socket."):
        return
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = args[1]
        if isinstance(address, tuple) and is_outside(address[0]):
            _write_down(event, address[0])
            raise ConnectionRefusedError(f"the tests talk to no other machine: {address[0]}")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname") and is_outside(args[0]):
        _write_down(event, args[0])
        raise socket.gaierror(socket.EAI_NONAME, f"the tests look no names up: {args[0]}")


def _write_down(event: str, host: object) -> None:
    name = str(host)
    if name in EXPECTED or name.endswith(NOWHERE) or LOG not in os.environ:
        return
    with open(os.environ[LOG], "a", encoding="utf-8") as log:
        log.write(f"process {os.getpid()}: {event} {name}\n")
