"""A stream server on a disk that fills: run inside a mount namespace of its own.

``unshare -Urm python -m tests.full_disk FOLDER`` mounts a small disk there, appends until the
server refuses or dies, makes room, starts it again, and tells what was acknowledged and is left.
"""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

from quantum_trader.adapters.bus.redis import RedisBus
from quantum_trader.adapters.bus.server import EmbeddedServer
from quantum_trader.core.errors import StoreError

STREAM = "quantum:stream:in"
SMALL, LARGE = "6m", "64m"
ENTRY = b"x" * 50_000
ENTRIES_MAX = 1_000


def mount(folder: Path, options: str) -> None:
    """Mount a disk in memory, or change the size of one."""
    subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], check=True, timeout=10
    )


async def fill(folder: Path) -> tuple[int, str]:
    """Append until it is refused: how many were acknowledged, and the last words."""
    server = EmbeddedServer(folder, fsync="always")
    bus = RedisBus(await server.start(), consumer="one", answer_timeout_s=1.0)
    try:
        for number in range(ENTRIES_MAX):
            entry = {b"n": str(number).encode(), b"filling": ENTRY}
            try:
                await bus.append(STREAM, [entry], writer="w")
            except StoreError as error:
                return number, str(error)
        return ENTRIES_MAX, "nothing was refused"
    finally:
        await bus.close()
        await server.stop()


async def what_is_left(folder: Path) -> list[int]:
    """The numbers of the entries that a new server has, and one more append."""
    server = EmbeddedServer(folder, fsync="always")
    bus = RedisBus(await server.start(), consumer="one")
    try:
        await bus.append(STREAM, [{b"n": b"-1"}], writer="after")
        entries = await bus.span(STREAM, "-", "+", ENTRIES_MAX)
        return [int((entry.fields or {})[b"n"]) for entry in entries]
    finally:
        await bus.close()
        await server.stop()


async def main(folder: Path) -> None:
    """Fill, make room, and look."""
    mount(folder, f"size={SMALL}")
    acknowledged, words = await fill(folder)
    mount(folder, f"remount,size={LARGE}")
    left = await what_is_left(folder)
    told = {"acknowledged": acknowledged, "words": words, "left": left}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
