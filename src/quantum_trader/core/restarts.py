"""How often something that dies is started again, and after which pause."""

import msgspec


class RestartBudget(msgspec.Struct, frozen=True, kw_only=True):
    """At most ``deaths_max`` deaths within ``within_ms``; each pause is twice the one before."""

    deaths_max: int = 5
    within_ms: int = 600_000
    pause_ms: int = 500
    pause_ms_max: int = 60_000


class Restarts:
    """Counts deaths. Times are on a clock that is never set back."""

    def __init__(self, budget: RestartBudget | None = None) -> None:
        self.budget = budget or RestartBudget()
        self._deaths_ms: list[int] = []

    def died(self, now_ms: int) -> int | None:
        """The pause before the next start; None when there shall be none."""
        since_ms = now_ms - self.budget.within_ms
        self._deaths_ms = [one for one in self._deaths_ms if one > since_ms] + [now_ms]
        lately = len(self._deaths_ms)
        if lately >= self.budget.deaths_max:
            return None
        return min(self.budget.pause_ms << (lately - 1), self.budget.pause_ms_max)
