"""How far a replay is: bars a second and the time left, on standard error."""

import sys
import time
from types import TracebackType
from typing import Literal

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from quantum_trader.app.cli.frame import PROGRESS_AFTER_S


class BarsProgress:
    """``shown`` None means: on a terminal, once it has taken two seconds."""

    def __init__(self, total_bars: int, shown: bool | None) -> None:
        self._shown = shown
        self._done_bars = 0
        self._began_s = time.monotonic()
        self._progress = Progress(
            TextColumn("replaying"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[speed_text]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=not shown,
        )
        self._task = self._progress.add_task("", total=total_bars, speed_text="")

    def __enter__(self) -> "BarsProgress":
        if self._shown:
            self._progress.start()
        return self

    def advance(self, bars: int) -> None:
        """So many more bars are done."""
        self._done_bars += bars
        took_s = time.monotonic() - self._began_s
        if self._is_wanted(took_s) and not self._progress.live.is_started:
            self._progress.start()
        text = f"{self._done_bars / max(took_s, 1e-9):,.0f} bars/s"
        self._progress.update(self._task, completed=self._done_bars, speed_text=text)

    def _is_wanted(self, took_s: float) -> bool:
        return self._shown is None and took_s > PROGRESS_AFTER_S and sys.stderr.isatty()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Literal[False]:
        if self._progress.live.is_started:
            self._progress.stop()
        return False
