"""Watches how positions are harvested: every stage once, one part at a time, in rising order."""

from collections import Counter
from collections.abc import Sequence

from quantum_trader.core.events import (
    ExitDecided,
    Fact,
    OrderCanceled,
    OrderCommanded,
    OrderFilled,
    OrderRejected,
)


class HarvestWatch:
    """Is shown every fact the trader takes and what it said.

    An order that the venue denied, and that came all the same, cannot be foreseen: what it
    harvests is counted as ``late`` and not held against anybody.
    """

    def __init__(self) -> None:
        self.late = 0
        self.harvested: Counter[tuple[str, int]] = Counter()
        self.by_r: Counter[int] = Counter()
        self._commands: dict[str, OrderCommanded] = {}
        self._ended: set[str] = set()
        self._parts: dict[str, str] = {}

    def __call__(self, cause: Fact, said: Sequence[Fact]) -> None:
        if isinstance(cause, OrderFilled):
            self._on_filled(cause)
        if isinstance(cause, OrderRejected | OrderCanceled):
            self._end(cause.client_order_id)
        decided: ExitDecided | None = None
        for fact in said:
            if isinstance(fact, ExitDecided):
                decided = fact
            elif isinstance(fact, OrderCommanded):
                self._commands[fact.order.client_order_id] = fact
                if decided is not None and decided.kind == "REDUCE" and fact.role == "exit":
                    self._on_part(fact, decided)

    def _on_filled(self, fact: OrderFilled) -> None:
        command = self._commands.get(fact.client_order_id)
        if command is None or not fact.done:
            return
        if command.role in ("target", "exit") and command.leg:
            if fact.client_order_id in self._ended:
                self.late += 1
            else:
                stage = (command.plan_id, command.leg)
                self.harvested[stage] += 1
                assert self.harvested[stage] == 1, f"stage {stage} was harvested twice"
        self._end(fact.client_order_id)

    def _on_part(self, command: OrderCommanded, decided: ExitDecided) -> None:
        if decided.note:
            return  # All that is left is an exit, not a part.
        plan_id = command.plan_id
        assert plan_id not in self._parts, "a part was sold while another one was under way"
        self._parts[plan_id] = command.order.client_order_id
        if command.leg:
            self.by_r[command.leg] += 1
            done = [stage for plan, stage in self.harvested if plan == plan_id]
            assert command.leg > max(done, default=0), "a stage that was passed is sold"

    def _end(self, name: str) -> None:
        self._ended.add(name)
        command = self._commands.get(name)
        if command is not None and self._parts.get(command.plan_id) == name:
            del self._parts[command.plan_id]
