"""Telling systemd how a service is (``sd_notify``): one datagram, and silence where nobody asks."""

import os
import socket
from contextlib import suppress

SOCKET = "NOTIFY_SOCKET"


def notify(text: str) -> None:
    """Say ``READY=1``, ``WATCHDOG=1`` or ``STATUS=...`` to whoever started us and wants to know.

    Never fails: a manager that does not listen must not end what it manages.
    """
    address = os.environ.get(SOCKET)
    if not address:
        return
    with (
        suppress(OSError),
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as door,
    ):
        door.setblocking(False)
        # A leading @ stands for a name outside the file system.
        door.sendto(text.encode(), address.replace("@", "\0", 1) if address[0] == "@" else address)
