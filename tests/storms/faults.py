"""What a storm does to the processes: each fault by its name, with how the system comes back."""

import asyncio
import os
import shutil
import signal
from collections.abc import Awaitable, Callable, Mapping
from random import Random

from tests.faulty_proxy import Fault as Cut
from tests.storms.house import House

POINTS_MAX = 400
"""A system that starts and trades sends so often in its first seconds."""
SYNCS_MAX = 60
STRUCK_WITHIN_S = 12.0
FREEZE_MAX_S = 4.0
REFUSED = 2
WORDS: tuple[bytes, ...] = (b"EVALSHA", b"XREADGROUP", b"XADD", b"XPENDING")
CUTS: tuple[Cut, ...] = ("lose the answer", "swallow the answer", "cut before sending")

Fault = Callable[[House, Random], Awaitable[None]]


async def kill(house: House, random: Random) -> None:
    """kill -9 at a random moment."""
    await asyncio.sleep(random.uniform(0.0, 0.3))
    house.end(signal.SIGKILL)
    await again(house)


async def stop(house: House, random: Random) -> None:
    """The gentle end, which must be no other one than the hard end."""
    await asyncio.sleep(random.uniform(0.0, 0.3))
    code = house.end(signal.SIGTERM)
    assert code == 0, f"told to stop, it ended with {code}"
    await again(house)


async def kill_at_a_send(house: House, random: Random) -> None:
    """kill -9 in the moment of the k-th send of a system that has just started."""
    await _kill_at(house, "sendto", random.randint(1, POINTS_MAX))


async def kill_at_a_sync(house: House, random: Random) -> None:
    """kill -9 in the moment of the k-th sync of the journal or the paper exchange."""
    await _kill_at(house, "fdatasync", random.randint(1, SYNCS_MAX))


async def kill_server(house: House, random: Random) -> None:
    """kill -9 of the stream server; the system waits for it, or ends and is started again."""
    await asyncio.sleep(random.uniform(0.0, 0.3))
    with house.down():
        await house.kill_server()
    await survive(house)


async def kill_both(house: House, random: Random) -> None:
    """Everything dies at one moment, as in a power cut that the disk outlived."""
    house.end(signal.SIGKILL)
    await house.kill_server()
    await again(house)


async def freeze(house: House, random: Random) -> None:
    """The process stands still for a while and goes on as if nothing had been."""
    signal_to = house.pid
    with house.down():
        _send(signal_to, signal.SIGSTOP)
        await asyncio.sleep(random.uniform(0.1, FREEZE_MAX_S))
        _send(signal_to, signal.SIGCONT)
    await survive(house)


async def cut(house: House, random: Random) -> None:
    """Answers of the stream server are lost, swallowed, or the request never arrives."""
    assert house.proxy is not None
    house.proxy.strike(random.choice(CUTS), random.choice(WORDS), random.randint(1, 3))
    await survive(house)


async def slow(house: House, random: Random) -> None:
    """Every answer of the stream server takes its time for a while."""
    assert house.proxy is not None
    house.proxy.delay_s = random.uniform(0.01, 0.2)
    await asyncio.sleep(1.0)
    house.proxy.delay_s = 0.0
    await survive(house)


async def second(house: House, random: Random) -> None:
    """Somebody starts another system on the same folder: it refuses, and says whose it is."""
    done = await asyncio.to_thread(house.second)
    assert done.returncode == REFUSED, done
    assert str(house.pid).encode() in done.stderr + done.stdout, done


async def again(house: House) -> None:
    """Start the system again, as whoever keeps processes would."""
    for _ in range(3):
        if await house.start():
            return
    raise AssertionError(f"the system does not start any more: {house.why.decode()}")


async def survive(house: House) -> None:
    """The system goes on, or has ended for a reason and is started again."""
    if await house.ended_by_itself(0.5) is not None:
        await again(house)


async def _kill_at(house: House, call: str, number: int) -> None:
    """Start the system anew so that it dies at one call to the kernel; start it again then."""
    house.end(signal.SIGKILL)
    inject = ("-e", f"inject={call}:signal=KILL:when={number}")
    strace = ("strace", "-qq", "-o", "/dev/null", "-e", f"trace={call}", *inject)
    started = await house.start(*strace)
    if started and await house.ended_by_itself(STRUCK_WITHIN_S) is None:
        house.end(signal.SIGKILL)
    await again(house)


def _send(pid: int, number: signal.Signals) -> None:
    os.kill(pid, number)


FAULTS: Mapping[str, Fault] = {
    "kill": kill,
    "stop": stop,
    "kill at a send": kill_at_a_send,
    "kill at a sync": kill_at_a_sync,
    "kill server": kill_server,
    "kill both": kill_both,
    "freeze": freeze,
    "cut": cut,
    "slow": slow,
    "second": second,
}


def available() -> dict[str, Fault]:
    """The faults that this machine can make; without strace there are none at a chosen call."""
    traced = {"kill at a send", "kill at a sync"}
    has_strace = shutil.which("strace") is not None
    return {name: fault for name, fault in FAULTS.items() if has_strace or name not in traced}
