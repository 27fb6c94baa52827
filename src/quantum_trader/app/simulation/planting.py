"""How a defect is put in place: a name of a module or a class means something else for a while."""

from contextlib import ExitStack
from typing import Any


def swap(stack: ExitStack, owner: Any, name: str, new: Any) -> None:
    """Let ``owner.name`` be ``new`` until the stack is closed."""
    stack.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, new)
