"""What the last trades earned: a window of their net R, for each symbol and for all of them."""

import math

import msgspec

WINDOW_TRADES = 20


class PerformanceStats(msgspec.Struct, frozen=True):
    """A window in numbers. ``win_frac`` is the part of the trades that earned anything, net."""

    trades: int
    mean_r: float
    win_frac: float
    best_r: float
    worst_r: float


class Performance(msgspec.Struct):
    """The net R of the last trades, newest last; at most 20."""

    results_r: list[float] = []

    def add(self, r_net: float) -> None:
        """Take a finished trade in; the oldest leaves. Raises ``ValueError`` for no number."""
        if not math.isfinite(r_net):
            raise ValueError(f"r_net is {r_net}: a finished trade has a finite result")
        self.results_r.append(r_net)
        if len(self.results_r) > WINDOW_TRADES:
            del self.results_r[0]

    def stats(self) -> PerformanceStats | None:
        """The window in numbers; None without any trade."""
        results_r = self.results_r
        trades = len(results_r)
        if not trades:
            return None
        return PerformanceStats(
            trades=trades,
            mean_r=math.fsum(results_r) / trades,  # A plain sum depends on the Python release.
            win_frac=sum(each > 0.0 for each in results_r) / trades,
            best_r=max(results_r),
            worst_r=min(results_r),
        )


class PerformanceBook(msgspec.Struct):
    """The windows of one account: one of all trades, and one of each symbol that had any."""

    overall: Performance = msgspec.field(default_factory=Performance)
    symbols: dict[str, Performance] = {}

    def note(self, symbol: str, r_net: float) -> None:
        """Take a finished trade in. Raises ``ValueError`` for a result that is no number."""
        self.overall.add(r_net)
        self.symbols.setdefault(symbol, Performance()).add(r_net)

    def of(self, symbol: str) -> Performance:
        """The window of one symbol; an empty one, which the book does not keep, before any."""
        known = self.symbols.get(symbol)
        return Performance() if known is None else known
