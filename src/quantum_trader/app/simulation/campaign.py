"""Many worlds: over all cores, and added up."""

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from time import perf_counter

import msgspec

from quantum_trader.app.simulation.planted import planted
from quantum_trader.app.simulation.violation import Violation
from quantum_trader.app.simulation.world import Outcome, Scenario, run

CHUNK = 5
"""So many seeds are handed to a core at once."""


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A seed in which an invariant did not hold."""

    seed: int
    violation: Violation


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What many worlds came to.

    ``ratio`` is virtual time over wall time with all cores that were used, ``core_ratio`` over the
    time that one core was busy. ``hash`` is of all logs: the same whenever it is run again.
    """

    first_seed: int
    seeds: int
    steps: int
    violations: int
    failures: tuple[Failure, ...]
    faults: Mapping[str, int]
    simulated_ms: int
    wall_ms: float
    cpu_ms: float
    ratio: float
    core_ratio: float
    hash: str


def outcomes(
    scenarios: Sequence[Scenario], jobs: int, plant: str | None = None
) -> Iterator[Outcome]:
    """The outcome of every scenario as it comes; with one job, in order and in this process."""
    if jobs == 1:
        with planted(plant):
            yield from map(run, scenarios)
        return
    chunks = [scenarios[at : at + CHUNK] for at in range(0, len(scenarios), CHUNK)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        waiting: set[Future[list[Outcome]]] = set()
        for chunk in chunks:
            waiting.add(pool.submit(_run_all, chunk, plant))
            if len(waiting) >= 2 * jobs:
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for one in done:
                    yield from one.result()
        for one in waiting:
            yield from one.result()


def _run_all(scenarios: Sequence[Scenario], plant: str | None) -> list[Outcome]:
    return list(outcomes(scenarios, 1, plant))


class Tally:
    """Adds outcomes up."""

    def __init__(self) -> None:
        self._began_s = perf_counter()
        self._faults: Counter[str] = Counter()
        self._hashes: dict[int, str] = {}
        self._failures: list[Failure] = []
        self._steps = self._simulated_ms = 0
        self._cpu_ms = 0.0

    def add(self, outcome: Outcome) -> None:
        """One more world."""
        seed = outcome.scenario.seed
        self._faults.update(outcome.faults)
        self._hashes[seed] = outcome.log_hash
        self._steps += outcome.steps
        self._simulated_ms += outcome.simulated_ms
        self._cpu_ms += outcome.cpu_ms
        if outcome.violation is not None:
            self._failures.append(Failure(seed=seed, violation=outcome.violation))

    def summary(self) -> Summary:
        """Everything so far."""
        wall_ms = (perf_counter() - self._began_s) * 1000
        text = "".join(log_hash for _, log_hash in sorted(self._hashes.items()))
        return Summary(
            first_seed=min(self._hashes, default=0),
            seeds=len(self._hashes),
            steps=self._steps,
            violations=len(self._failures),
            failures=tuple(sorted(self._failures, key=lambda one: one.seed)),
            faults=dict(sorted(self._faults.items())),
            simulated_ms=self._simulated_ms,
            wall_ms=round(wall_ms, 1),
            cpu_ms=round(self._cpu_ms, 1),
            ratio=round(self._simulated_ms / wall_ms, 1) if wall_ms else 0.0,
            core_ratio=round(self._simulated_ms / self._cpu_ms, 1) if self._cpu_ms else 0.0,
            hash=hashlib.sha256(text.encode()).hexdigest(),
        )
