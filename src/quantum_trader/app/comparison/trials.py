"""Many trials at once, in processes of their own; the result does not depend on how many."""

from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from multiprocessing.sharedctypes import Synchronized

from quantum_trader.app.comparison.trial import OnProgress, Trial, try_policy
from quantum_trader.research.policy_row import Run

LOOK_EVERY_S = 0.2

_bars_done: list["Synchronized[int]"] = []
"""In a process of the pool: the one counter that all of them share."""


def try_all(trials: Sequence[Trial], jobs: int, on_progress: OnProgress) -> list[Run]:
    """Every trial's run, in the order of the trials."""
    if jobs == 1 or len(trials) == 1:
        return [try_policy(trial, on_progress) for trial in trials]
    # A fresh interpreter: the library that reads recordings has threads, and they do not fork.
    context = get_context("spawn")
    bars = context.Value("q", 0)
    with ProcessPoolExecutor(min(jobs, len(trials)), context, _adopt, (bars,)) as pool:
        running = [pool.submit(_try_counted, trial) for trial in trials]
        _watch(running, bars, on_progress)
        return [each.result() for each in running]


def _adopt(bars: "Synchronized[int]") -> None:
    _bars_done[:] = [bars]


def _try_counted(trial: Trial) -> Run:
    (bars,) = _bars_done

    def on_progress(more: int) -> None:
        with bars.get_lock():
            bars.value += more

    return try_policy(trial, on_progress)


def _watch(
    running: Sequence["Future[Run]"], bars: "Synchronized[int]", on_progress: OnProgress
) -> None:
    """Tell of progress until all are done, or one has failed."""
    told, left = 0, set(running)
    while left:
        done, left = wait(left, LOOK_EVERY_S)
        on_progress(bars.value - told)
        told = bars.value
        if any(each.exception() for each in done):
            for each in left:
                each.cancel()
            return
