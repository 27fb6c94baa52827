"""Several sources as one, each at its own pace, with a bound on what waits."""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import aclosing, suppress
from typing import Any, TypeVar

T = TypeVar("T")

WAITING_MAX = 1_024
"""More than this waits at the sources, which stop reading until somebody listens again."""


async def merged(
    sources: Sequence[AsyncGenerator[T, None]], helpers: Sequence[Coroutine[Any, Any, None]] = ()
) -> AsyncGenerator[T, None]:
    """What the sources say, in the order in which they say it, while ``helpers`` run beside.

    None of them is expected to end: the first that does ends all, with its error if it has one.
    """
    waiting: asyncio.Queue[T] = asyncio.Queue(WAITING_MAX)

    async def pump(source: AsyncGenerator[T, None]) -> None:
        async with aclosing(source):
            async for item in source:
                await waiting.put(item)

    tasks = [asyncio.create_task(pump(source)) for source in sources]
    tasks += [asyncio.create_task(helper) for helper in helpers]
    ended = asyncio.ensure_future(asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED))
    getting: asyncio.Future[T] | None = None
    try:
        while not ended.done():
            if waiting.empty():
                getting = asyncio.ensure_future(waiting.get())
                await asyncio.wait((getting, ended), return_when=asyncio.FIRST_COMPLETED)
                if not getting.done():
                    break
                yield getting.result()
            else:
                yield waiting.get_nowait()
        for _ in range(waiting.qsize()):
            yield waiting.get_nowait()
        for task in tasks:
            if task.done():
                task.result()
    finally:
        # Whoever stops listening does so while the next item is waited for.
        if getting is not None:
            getting.cancel()
        ended.cancel()
        for task in tasks:
            task.cancel()
        for task in tasks:
            with suppress(asyncio.CancelledError):
                await task
