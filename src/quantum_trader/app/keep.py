"""Keeping a process: it is started again when it dies, and halted when it dies too often."""

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from quantum_trader.adapters.latch import FileLatch
from quantum_trader.core.errors import StoreError
from quantum_trader.core.restarts import RestartBudget, Restarts
from quantum_trader.ports import Latched

KEEPER = "keeper"
NOT_MENDED = frozenset({0, 2, 75})
"""Exit codes that another start does not mend: told to stop, wrong settings, others lead."""
SPENT = 70

Say = Callable[[str], None]


class Keeper:
    """One child at a time. ``run`` returns the exit code of the last one.

    When the budget is spent the child stays down and HALT is latched in the folder, so that
    whoever starts it next decides about new risk. Nothing else is touched: stops stay at the
    exchange, and the guardian is a process of its own.
    """

    def __init__(
        self, command: Sequence[str], folder: Path, say: Say, budget: RestartBudget | None = None
    ) -> None:
        self._command = command
        self._folder = folder
        self._say = say
        self._restarts = Restarts(budget)
        self._stop = threading.Event()
        self._child: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Start the child, again and again."""
        with self._signals():
            while True:
                code = self._live_once()
                if code in NOT_MENDED or self._stop.is_set():
                    return code
                pause_ms = self._restarts.died(time.monotonic_ns() // 1_000_000)
                if pause_ms is None:
                    self._give_up(code)
                    return SPENT
                self._say(f"it ended with {_words(code)}; started again in {pause_ms / 1000:g} s")
                if self._stop.wait(pause_ms / 1_000):
                    return 0

    def _live_once(self) -> int:
        with subprocess.Popen(self._command) as child:
            self._child = child
            if self._stop.is_set():  # Told to stop while it was being started.
                child.terminate()
            code = child.wait()
        self._child = None
        return code

    def _give_up(self, code: int) -> None:
        budget = self._restarts.budget
        why = (
            f"it died {budget.deaths_max} times within {budget.within_ms // 60_000} min, "
            f"last with {_words(code)}"
        )
        with suppress(StoreError):  # A full disk: then nothing runs, and nothing is entered.
            FileLatch(self._folder).hold(Latched(level="HALT", who=KEEPER, why=why, at_ms=0))
        self._say(f"{why}: it stays down, and the next start is halted until `quantum resume`")

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """SIGINT and SIGTERM end the child, and then us."""
        asked = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(one, self._told) for one in asked]
        try:
            yield
        finally:
            for one, handler in zip(asked, before, strict=True):
                signal.signal(one, handler)

    def _told(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()
        if self._child is not None:
            self._child.terminate()


def _words(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"code {code}"
