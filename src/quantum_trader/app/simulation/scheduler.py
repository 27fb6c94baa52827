"""An event loop without a world: virtual time, a seeded order, and processes that die anywhere.

What is ready runs in an order that chance picks; when nothing is, time jumps to the next timer.
Every task belongs to the process whose context it was started in. A process that was killed runs
no further step: no ``except`` and no ``finally`` of it, as after ``kill -9``.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from random import Random
from typing import Any, TypeVarTuple, Unpack, cast

from quantum_trader.core.errors import BrokenInvariant

STEPS_MAX = 1_000_000
"""More steps than this in one world are a loop without an end."""


Args = TypeVarTuple("Args")


class Killed(BaseException):
    """The process of whoever is told this is dead: nothing of it may go on."""


class Process:
    """What dies, freezes and steps together; ``number`` counts the processes of a world.

    ``on_death`` is called when it has to die.
    """

    def __init__(self, number: int, on_death: "Callable[[Process], None] | None" = None) -> None:
        self.number = number
        self.on_death = on_death or Process.kill
        self.dead = False
        self.over = False
        self.frozen = False
        self.steps = 0
        self.dies_at: int | None = None
        self.stopped: list[asyncio.Handle] = []

    def check(self) -> None:
        """Raise ``Killed`` in a process that is dead; every door asks."""
        if self.dead or self.over:
            raise Killed

    def kill(self) -> None:
        """From now on no step of it runs."""
        self.dead = True


OWNER: ContextVar[Process | None] = ContextVar("owner", default=None)
"""Whose step runs; None for the world's own."""


class NumberedTask(asyncio.Task[Any]):
    """A task that hashes by its number: groups of tasks are sets, and go through them by hash.

    By its address, as usual, one world would end its services in another order every time.
    """

    number = 0

    def __hash__(self) -> int:
        return self.number


class Turn(asyncio.Handle):
    """A step to come, made without asking the loop each time whether it is being debugged."""

    __slots__ = ()

    _loop: asyncio.AbstractEventLoop
    _context: Context
    _callback: Callable[..., object]
    _repr: str | None
    _source_traceback: None

    def __init__(
        self,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        loop: asyncio.AbstractEventLoop,
        context: Context | None,
    ) -> None:
        self._context = copy_context() if context is None else context
        self._loop, self._callback, self._args = loop, callback, args
        self._cancelled, self._repr, self._source_traceback = False, None, None

    def cancel(self) -> None:
        """Never run; what it would have run is let go."""
        self._cancelled, self._callback, self._args = True, _nothing, ()


class Timer(Turn, asyncio.TimerHandle):
    """A step that is due at a moment."""

    __slots__ = ()

    _when: float
    _scheduled: bool


class Scheduler(asyncio.BaseEventLoop):
    """The loop. ``now_s`` is its time, ``now_ms`` the same in whole milliseconds.

    ``on_step`` is called after every step.
    """

    _ready: "deque[asyncio.Handle]"
    _stopping: bool
    _closed: bool

    def __init__(self, random: Random) -> None:
        super().__init__()
        self._random = random
        self.now_s = 0.0
        self.now_ms = 0
        self.steps = 0
        self.steps_max = STEPS_MAX
        self.processes: list[Process] = []
        self.on_step: Callable[[], None] = _nothing
        self._failed: object = None
        self.set_exception_handler(_keep_failure)
        self._born = self._set = 0
        self._timers: list[tuple[float, int, Timer]] = []
        self.set_task_factory(cast(Any, self._numbered))

    get_debug = staticmethod(bool)  # Asked by every future; no answer is faster than a builtin's.

    def _numbered(
        self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **more: Any
    ) -> asyncio.Task[Any]:
        task = NumberedTask(work, loop=loop, **more)
        self._born += 1
        task.number = self._born
        return task

    def time(self) -> float:
        """Virtual seconds since the world began."""
        return self.now_s

    def call_soon(
        self,
        callback: Callable[[Unpack[Args]], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """As every loop has it, in a third of the time."""
        if self._closed:
            raise RuntimeError("the world is over")
        turn = Turn(callback, args, self, context)
        self._ready.append(turn)
        return turn

    def call_later(
        self,
        delay: float,
        callback: Callable[[Unpack[Args]], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As every loop has it."""
        return self.call_at(self.now_s + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Args]], object],
        *args: *Args,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As every loop has it."""
        if self._closed:
            raise RuntimeError("the world is over")
        timer = Timer(callback, args, self, context)
        timer._when, timer._scheduled = when, True
        self._set += 1
        heapq.heappush(self._timers, (when, self._set, timer))
        return timer

    def start(self, process: Process | None, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run a coroutine as a part of a process, or of the world."""
        context = copy_context()
        context.run(OWNER.set, process)
        return self.create_task(work, context=context)

    def thaw(self, process: Process) -> None:
        """Let a frozen process go on where it stopped."""
        process.frozen = False
        self._ready.extend(process.stopped)
        process.stopped.clear()

    def bury(self) -> None:
        """The world is over: everybody who still waits is told so, dead or alive.

        Without this the language would end their coroutines at some moment of its own.
        """
        self.on_step = _nothing
        self.set_exception_handler(lambda *_: None)
        self.steps_max += STEPS_MAX
        for process in self.processes:
            process.dead = process.frozen = False
            process.over = True
            self._ready.extend(process.stopped)
            process.stopped.clear()
        left = asyncio.all_tasks(self)
        for task in left:
            task.cancel()
        if left:
            self.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self.run_until_complete(self.shutdown_asyncgens())

    def _run_once(self) -> None:
        """Step after step, until somebody stops the loop."""
        ready, chance = self._ready, self._random.random
        while True:
            if not ready:
                self._jump()
            count = len(ready)
            if not count:
                return
            if count > 1:
                at = int(chance() * count)
                handle = ready[at]
                del ready[at]
            else:
                handle = ready.popleft()
            if not handle._cancelled:
                self._step(handle)
            if self._stopping:
                return

    def _step(self, handle: asyncio.Handle) -> None:
        context: Context = handle._context  # type: ignore[attr-defined]
        process = context.get(OWNER)
        if process is not None:
            if process.dead or process.frozen:
                process.stopped.append(handle)
                return
            process.steps += 1
            dies_at = process.dies_at
            if dies_at is not None and process.steps >= dies_at and not process.over:
                process.stopped.append(handle)
                process.on_death(process)
                return
        self.steps += 1
        if self.steps > self.steps_max:
            raise BrokenInvariant(f"no end after {self.steps_max} steps")
        handle._run()
        if self._failed is not None:
            failed, self._failed = self._failed, None
            raise BrokenInvariant(f"a callback failed: {failed!r}")
        self.on_step()

    def _jump(self) -> None:
        """Let it be the time of the next timer; what was cancelled does not count."""
        timers, pop = self._timers, heapq.heappop
        while timers and timers[0][2]._cancelled:
            pop(timers)
        if not timers:
            if not self._stopping:
                raise BrokenInvariant("everybody waits and nothing will ever happen")
            return
        self.now_s = now_s = max(self.now_s, timers[0][0])
        self.now_ms = round(now_s * 1000)
        while timers and timers[0][0] <= now_s:
            timer = pop(timers)[2]
            if not timer._cancelled:
                self._ready.append(timer)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Nothing is counted: what was cancelled is dropped when its time comes."""

    def _process_events(self, event_list: list[Any]) -> None:
        """There are no files to watch."""

    def _write_to_self(self) -> None:
        """There is no other thread to wake us."""


def _nothing() -> None:
    """Nobody watches."""


def _keep_failure(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What a callback raised ends the world; what a killed task was told is of no interest."""
    if "handle" in context:
        cast(Scheduler, loop)._failed = context["exception"]
