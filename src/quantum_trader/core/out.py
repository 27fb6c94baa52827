"""What a step says: facts whose ids derive from the fact that caused them."""

from typing import TypedDict

from quantum_trader.core.events import Fact


class Stamp(TypedDict):
    """The part every fact shares."""

    id: str
    at_ms: int
    trace_id: str
    account: str


class Out:
    """Collects the facts of one step; the n-th one is named ``<cause>/<n>``."""

    __slots__ = ("_at_ms", "_cause", "account", "facts")

    def __init__(
        self, cause: Fact, account: str, at_ms: int, times: int | None = None, life: int = 1
    ) -> None:
        """``times`` tells apart what followed from facts that may come again under one id.

        So does ``life``, of those that come again because the streams lost them.
        """
        self._cause = cause.id if times is None else f"{cause.id}#{times}"
        if life > 1:
            self._cause += f"@{life}"
        self.account = account
        self._at_ms = at_ms
        self.facts: list[Fact] = []

    def stamp(self, trace_id: str) -> Stamp:
        """Id, time, trace and account for the next fact; use it for exactly one."""
        return {
            "id": f"{self._cause}/{len(self.facts)}",
            "at_ms": self._at_ms,
            "trace_id": trace_id,
            "account": self.account,
        }

    def say(self, fact: Fact) -> None:
        """Add a fact stamped by ``stamp``."""
        self.facts.append(fact)
