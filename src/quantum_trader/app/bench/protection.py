"""How long a position stands without a stop: with a trader that lives, and after it was killed."""

import time
from collections.abc import Sequence

from quantum_trader.adapters.exchanges.paper import PaperExchange
from quantum_trader.adapters.exchanges.paper_store import PaperStore
from quantum_trader.app.bench.crowd import intent, roomy_rules, symbols
from quantum_trader.app.bench.guardian_time import guardian_s
from quantum_trader.app.bench.live_path import LivePath
from quantum_trader.app.bench.measure import Aim, Effort, Row, row
from quantum_trader.app.bench.redis_path import P50, P99, WARM_UP, flood, paced, quantile, serving
from quantum_trader.core.cover import opens
from quantum_trader.core.errors import BrokenInvariant
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.matching.rules import MatchingRules
from quantum_trader.core.venue import Accepted, Placement

P99_MS = 250.0
GUARDIAN_S = 10.0


class Stopwatch(PaperExchange):
    """The paper exchange, which notes how long each symbol waits for its first stop.

    It begins with the entry's arrival, before the fill, and ends when the stop was taken.
    """

    def __init__(self, rules: MatchingRules, store: PaperStore | None = None) -> None:
        super().__init__(rules, store)
        self.took_ms: list[float] = []
        self._entered_s: dict[str, float] = {}

    async def place(self, order: OrderRequest) -> Placement:
        """Take an order."""
        if opens(order):
            self._entered_s[order.symbol] = time.perf_counter()
        answer = await super().place(order)
        began_s = self._entered_s.get(order.symbol)
        if order.kind == "STOP_MARKET" and isinstance(answer, Accepted) and began_s is not None:
            self.took_ms.append(1_000 * (time.perf_counter() - began_s))
            del self._entered_s[order.symbol]
        return answer


async def protection(effort: Effort) -> Sequence[Row]:
    """Milliseconds from an entry's arrival to its accepted stop; seconds after a kill."""
    count = effort.of(600, 60)
    runs = [await _unprotected_ms(count) for _ in effort.rounds()]
    killed = Effort(quick=effort.quick, repetitions=effort.of(min(3, effort.repetitions), 1))
    after_kill_s = [await guardian_s() for _ in killed.rounds()]
    note = f"{count} entries, 200 a second, on paper with the embedded server; journal synced"
    shares = (("p50", P50, None), ("p99", P99, P99_MS), ("max", 1.0, None))
    rows = [
        row(
            Aim(
                name=f"first fill to accepted stop, {name}",
                unit="ms",
                note=note,
                target=target,
                better="below",
            ),
            [quantile(run, share) for run in runs],
        )
        for name, share, target in shares
    ]
    aim = Aim(
        name="kill between fill and stop, to the guardian's stop",
        unit="s",
        note="run and stream server killed at a venue in a process of its own; whoever is left is "
        "the guardian, which looks every 2 s and waits 5 s for the trader",
        target=GUARDIAN_S,
        better="below",
    )
    return [*rows, row(aim, after_kill_s)]


async def _unprotected_ms(count: int) -> list[float]:
    """How long each of so many positions stood without a stop."""
    intents = [intent(symbol) for symbol in symbols(count + WARM_UP)]
    rules = roomy_rules(count + WARM_UP)
    async with serving() as (url, folder), LivePath(url, folder, rules, venue=Stopwatch) as path:
        await flood(path.propose, path.results, intents[:WARM_UP])
        watch = path.venue
        assert isinstance(watch, Stopwatch)
        watch.took_ms.clear()
        await paced(path.propose, path.results, intents[WARM_UP:])
        if len(watch.took_ms) < count:
            raise BrokenInvariant(f"{len(watch.took_ms)} of {count} positions had a stop")
        return watch.took_ms
