"""Loops of one service side by side, of which none ends alone."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import NoReturn

from quantum_trader.core.errors import BrokenInvariant

Loop = Callable[[], Coroutine[object, object, object]]


async def run_together(loops: Mapping[str, Loop]) -> NoReturn:
    """Run loops for ever. The first failure of any ends all and is raised.

    One that returns, or that somebody canceled, has failed as well: ``BrokenInvariant``. A group of
    tasks would go on without it, and nobody would know.
    """
    tasks = [asyncio.create_task(loop(), name=name) for name, loop in loops.items()]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        failures = [_failure(task) for task in ended]
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    raise failures[0]


def _failure(task: asyncio.Task[object]) -> BaseException:
    name = task.get_name()
    if task.cancelled():
        return BrokenInvariant(f"somebody canceled {name}")
    return task.exception() or BrokenInvariant(f"{name} returned; a loop runs until it is stopped")
