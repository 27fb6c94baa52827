"""A pure step as a handler: its outputs go where the table of streams says."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec

from quantum_trader.core.events import Fact
from quantum_trader.core.state import state_hash
from quantum_trader.ports import Bus, Entry
from quantum_trader.services.batch import NOTHING, Handled, Projections, Received, Standing
from quantum_trader.services.recovery import Log, restore
from quantum_trader.services.snapshots import Snapshots
from quantum_trader.streams import ROUTES

S = TypeVar("S", bound=msgspec.Struct)

Step = Callable[[S, Fact], Sequence[Fact]]
"""Changes the state in place and returns what follows; the same every time it is asked."""

Reading = Callable[[Entry], Fact]

Show = Callable[[Fact, Sequence[Fact]], None]
"""Is shown every fact that something followed from, and what did."""


def _as_it_is(bus: Bus) -> Log:
    return bus


class Fold(Generic[S]):
    """Folds facts into a state.

    ``project`` may name what readers without a group shall see of the state after a batch.
    ``show`` is called while facts are folded, before what follows is committed.
    ``history`` may be set to what finds what the streams no longer hold.
    """

    def __init__(
        self,
        step: Step[S],
        begin: Callable[[], S],
        snapshots: Snapshots[S],
        read: Reading,
        project: Callable[[S, Sequence[Fact]], Projections] | None = None,
        *,
        show: Show | None = None,
    ) -> None:
        self.step = step
        self.begin = begin
        self.read = read
        self.load = snapshots.load
        self.state = begin()
        self._snapshots = snapshots
        self._project = project
        self._show = show
        self.history: Callable[[Bus], Log] = _as_it_is
        self._since_snapshot = 0

    def hash(self) -> str:
        """A hash of the state, the same in any process."""
        return state_hash(self.state)

    async def restore(self, bus: Bus, service: str) -> Standing:
        """Become what the last commit left behind."""
        restored = await restore(self.history(bus), service, self)
        self.state = restored.state
        self._since_snapshot = restored.replayed
        return restored.standing

    async def handle(self, batch: Sequence[Received]) -> Handled:
        """Fold a batch, fact by fact."""
        step, state = self.step, self.state
        said: list[Fact] = []
        for received in batch:
            follows = step(state, received.fact)
            if follows:
                said += follows
                if self._show is not None:
                    self._show(received.fact, follows)
        self._since_snapshot += len(batch)
        snapshot = None
        if self._since_snapshot >= self._snapshots.every:
            snapshot = self._snapshots.save(state)
            self._since_snapshot = 0
        if not said and snapshot is None and self._project is None:
            return NOTHING
        return Handled(
            [(ROUTES[type(fact)], fact) for fact in said],
            self._project(state, said) if self._project is not None else {},
            snapshot,
        )
