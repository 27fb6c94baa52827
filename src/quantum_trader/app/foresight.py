"""A step that is asked as something happens, and whose service hears the answer when it reads.

A replay folds every bar at its time, so nothing is ever decided late. What the loop does with a bar
that nothing followed from (read it, note it, acknowledge it) can wait until several have gathered.
"""

from collections import deque
from collections.abc import Sequence
from typing import Generic, TypeVar

import msgspec

from quantum_trader.core.errors import BrokenInvariant
from quantum_trader.core.events import Fact
from quantum_trader.services.fold import Fold, Step

S = TypeVar("S", bound=msgspec.Struct)


class Foresight(Generic[S]):
    """A fold's step, asked once for every fact: now, or by the loop.

    The loop must read what was asked, all of it and in that order, before anything else.
    """

    def __init__(self, fold: Fold[S]) -> None:
        self._fold = fold
        self._step: Step[S] = fold.step
        self._asked: deque[tuple[Fact, Sequence[Fact]]] = deque()
        fold.step = self._answer

    def ask(self, fact: Fact) -> Sequence[Fact]:
        """Fold a fact that the loop will read, and return what follows from it."""
        follows = self._step(self._fold.state, fact)
        self._asked.append((fact, follows))
        return follows

    def _answer(self, state: S, fact: Fact) -> Sequence[Fact]:
        """What follows from a fact that the loop has read."""
        if not self._asked:
            return self._step(state, fact)
        asked, follows = self._asked.popleft()
        if asked != fact:
            raise BrokenInvariant(f"{fact.id} was read where {asked.id} had been folded")
        return follows
