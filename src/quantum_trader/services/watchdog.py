"""Ends a process whose loops stand still, and tells whoever keeps it that they do not.

A loop is watched from its first sign of progress on, and has to give the next one in time, with
work or without. The watching is done by a thread, because what stands still may be the loop of all
loops.
"""

import faulthandler
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

from quantum_trader.services.progress import Listener

LIMIT_S = 15.0
LOOK_EVERY_S = 1.0
FROZEN_S = 5.0
"""A look that comes this much late tells that all of the process stood still: nobody is blamed."""
STALLED = 70
TELL_WITHIN_S = 1.0
WELL = "WATCHDOG=1"

_log = structlog.get_logger()


class Watchdog:
    """Keeps the times of the last progress, of one process.

    ``notify`` is told ``WATCHDOG=1`` whenever every loop has come round since the last time it was
    told. ``bite`` ends the process.
    """

    def __init__(
        self,
        notify: Callable[[str], None] = lambda _text: None,
        bite: Callable[[int], object] = os._exit,
        limit_s: float = LIMIT_S,
    ) -> None:
        self._notify = notify
        self._bite = bite
        self._limit_s = limit_s
        self._at_s: dict[str, float] = {}
        self._told_s = 0.0
        self._looked_s = time.monotonic()
        self._over = threading.Event()

    def listener(self, service: str) -> Listener:
        """Who hears of the progress of a service."""

        def hear(part: str | None) -> None:
            now_s = time.monotonic()
            if part is None:
                self._at_s.update(dict.fromkeys(self._names_of(service), now_s))
            else:
                self._at_s[f"{service} {part}".strip()] = now_s

        return hear

    def forget(self, service: str) -> None:
        """A service has ended, and that is somebody else's business."""
        for name in self._names_of(service):
            del self._at_s[name]

    def _names_of(self, service: str) -> list[str]:
        return [name for name in self._at_s if name.split(" ")[0] == service]

    def look(self, now_s: float) -> str | None:
        """Look once at a time of the monotonic clock: who stands still, None for nobody."""
        late_s = now_s - self._looked_s - LOOK_EVERY_S
        self._looked_s = now_s
        times = dict(self._at_s)
        if late_s > FROZEN_S:
            self._at_s.update(dict.fromkeys(times, now_s))
            return None
        oldest = min(times, key=lambda name: times[name], default=None)
        if oldest is None:
            return None
        if now_s - times[oldest] > self._limit_s:
            return oldest
        if times[oldest] > self._told_s:
            self._told_s = now_s
            self._notify(WELL)
        return None

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while inside."""
        self._over.clear()
        self._looked_s = time.monotonic()
        thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            name = self.look(time.monotonic())
            if name is not None:
                # Whatever holds the loop up may be what holds the log up.
                last_words = threading.Thread(target=self._tell, args=(name,), daemon=True)
                last_words.start()
                last_words.join(TELL_WITHIN_S)
                self._bite(STALLED)
                return

    def _tell(self, name: str) -> None:
        _log.critical(
            "a loop stands still; the process ends and may be started again",
            loop=name,
            limit_s=self._limit_s,
            exit_code=STALLED,
        )
        faulthandler.dump_traceback()
