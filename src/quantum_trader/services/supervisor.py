"""Runs the services of a process; the one place that catches everything, to end it loudly.

Nothing is restarted in here: whatever keeps the process (systemd, a container, a person) starts
it again, and every service begins from its last commit. For the same reason there is nothing to
save when the process is told to stop.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import structlog

from quantum_trader.core.errors import BrokenInvariant, Fenced, TraderError
from quantum_trader.services.progress import heard_by
from quantum_trader.services.watchdog import Watchdog

STOPPED = 0
FAILED = 70
FENCED = 75
GRACE_S = 1.0
"""How long services may take to let go once the process is ending."""
AGAIN_S = (0.2, 0.4, 0.6)
"""When those that have not let go are told so again."""

WHY = {
    FAILED: "a service failed; the process ends and may be started again",
    FENCED: "another instance took over; this one wrote nothing since and stays down",
}

Start = Callable[[], Coroutine[object, object, object]]

_log = structlog.get_logger()


class Ended(Exception):
    """The process ends, with this exit code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"exit code {code}")
        self.code = code


class _Deadline:
    """Ends the process the hard way when a service does not let go of it."""

    def __init__(self) -> None:
        self._timers: list[asyncio.TimerHandle] = []
        self._tasks: list[asyncio.Task[None]] = []

    def holds_for(self, task: asyncio.Task[None]) -> None:
        """This task has to let go, too."""
        self._tasks.append(task)

    @property
    def is_set(self) -> bool:
        """Whether the process is ending."""
        return bool(self._timers)

    def set(self, code: int) -> None:
        """From now on there is only so much time."""
        loop = asyncio.get_running_loop()
        self._timers.append(loop.call_later(GRACE_S, os._exit, code))
        self._timers += [loop.call_later(after_s, self._cancel_again) for after_s in AGAIN_S]

    def _cancel_again(self) -> None:
        """A cancel can be lost where it meets the end of a time limit; nobody sends another."""
        for task in self._tasks:
            if not task.done():
                task.cancel()

    def lift(self) -> None:
        """Everybody let go."""
        for timer in self._timers:
            timer.cancel()


class _Keeper:
    """Runs services one by one; whatever ends one ends the process."""

    def __init__(self, deadline: _Deadline, watchdog: Watchdog) -> None:
        self._deadline = deadline
        self._watchdog = watchdog
        self._parent = asyncio.current_task()

    async def keep(self, name: str, start: Start) -> None:
        """Run one service. Raises ``Ended``."""
        try:
            with heard_by(self._watchdog.listener(name)):
                await start()
            raise BrokenInvariant(f"{name} returned; a service runs until it is stopped")
        except Exception as failure:
            code = FENCED if _is_fenced(failure) else FAILED
            self._end(name, code, failure)
            raise Ended(code) from failure
        except asyncio.CancelledError as canceled:
            if self._deadline.is_set or self._is_abandoned():
                raise
            # A group goes on without a task that somebody canceled, and nobody would know.
            self._end(name, FAILED, BrokenInvariant(f"somebody canceled {name}"))
            raise Ended(FAILED) from canceled
        finally:
            self._watchdog.forget(name)

    def _end(self, name: str, code: int, failure: Exception) -> None:
        trace = None if _is_foreseen(failure) else failure
        _log.error(WHY[code], service=name, reason=str(failure), exit_code=code, exc_info=trace)
        self._deadline.set(code)

    def _is_abandoned(self) -> bool:
        """Whether whoever runs all services is canceled itself."""
        return self._parent is None or self._parent.cancelling() > 0


async def run_services(services: Mapping[str, Start], watchdog: Watchdog | None = None) -> int:
    """Run all services until one fails or the process is told to stop; the exit code.

    0: told to stop. 70: a service failed or returned; a loop has no business to return.
    75: another instance took over, so this one must not be started again beside it. A watchdog
    ends the process with 70 when a loop stands still.
    """
    stop = asyncio.Event()
    deadline = _Deadline()
    try:
        with ExitStack() as stack:
            stack.enter_context(_signals(stop))
            if watchdog is not None:
                stack.enter_context(watchdog.watching())
            keeper = _Keeper(deadline, watchdog or Watchdog())
            # A Ctrl-C of the moment before cancels us here, while no service has begun.
            await asyncio.sleep(0)
            async with asyncio.TaskGroup() as group:
                group.create_task(_stopped(stop, deadline), name="stop")
                for name, start in services.items():
                    deadline.holds_for(group.create_task(keeper.keep(name, start), name=name))
    except ExceptionGroup as endings:
        return max(ending.code for ending in endings.exceptions if isinstance(ending, Ended))
    finally:
        deadline.lift()
    raise BrokenInvariant("the services ended without a reason")


async def _stopped(stop: asyncio.Event, deadline: _Deadline) -> None:
    await stop.wait()
    _log.info("told to stop; what was acknowledged is committed")
    deadline.set(STOPPED)
    raise Ended(STOPPED)


def _is_foreseen(failure: Exception) -> bool:
    """Whether its words say all: the world failed us, as it may, and where in here says nothing."""
    return isinstance(failure, TraderError) and not isinstance(failure, BrokenInvariant)


def _is_fenced(failure: Exception) -> bool:
    if isinstance(failure, ExceptionGroup):
        return failure.subgroup(Fenced) is not None
    return isinstance(failure, Fenced)


@contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """SIGINT and SIGTERM ask for a stop while inside."""
    loop = asyncio.get_running_loop()
    asked = (signal.SIGINT, signal.SIGTERM)
    for one in asked:
        loop.add_signal_handler(one, stop.set)
    try:
        yield
    finally:
        for one in asked:
            loop.remove_signal_handler(one)
