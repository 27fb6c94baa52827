"""Defects that are planted on purpose, to prove that the worlds find them.

Each replaces a real function, or bends a stream of facts, while it is planted. The system itself
has no switch for any of them.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import NamedTuple


class Plant(NamedTuple):
    """A defect: what it is, and how it is put in place until the stack is closed."""

    what: str
    apply: Callable[[ExitStack], None]
    within: int


PLANTS: Mapping[str, Plant] = {}


@contextmanager
def planted(name: str | None) -> Iterator[None]:
    """While inside, the system has this defect."""
    with ExitStack() as stack:
        if name is not None:
            PLANTS[name].apply(stack)
        yield
