"""Tasks that work beside a measurement: noticing that one failed, and ending them for certain."""

import asyncio
from collections.abc import Sequence
from typing import Any

ASK_AGAIN_S = 0.2
ANSWER_WITHIN_S = 60.0
"""A measurement that waits longer for an answer has failed."""


def raise_failure(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Raise what ended one of the tasks, if one has ended."""
    for task in tasks:
        if task.done():
            task.result()


async def end(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Cancel tasks until they are done; what they raise is nobody's concern any more.

    Once is not always enough: on Python 3.11 ``asyncio.wait_for`` loses a cancellation that comes
    in the moment in which what it waits for is done, and the Redis library sends through it.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=ASK_AGAIN_S)
