"""The guardian that a run starts beside itself: a process that outlives it, and never a second one.

The lock in the folder tells whether one lives, whoever started it. One that watches another venue
than this run trades at is ended first: it would guard nothing here.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import structlog

from quantum_trader.adapters.clock import SteadyClock
from quantum_trader.app.config import Config
from quantum_trader.app.guardian_beat import beat_file
from quantum_trader.app.instance import GUARDIAN_LOCK_FILE, holder_of, pid_in
from quantum_trader.services import progress

LOG_FILE = "guardian.log"
LOOK_S = 1.0
AGAIN_MAX_S = 30.0
"""One that ends at once, such as for a key that is refused, is not started all the time."""
STEADY_S = 10.0
PROGRAM = [
    *(sys.executable, "-c"),
    "from quantum_trader.app.cli import main; raise SystemExit(main())",
]
"""The first words of a command of ours."""
OURS_ALONE = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
"""What the service manager told this process about itself."""

_log = structlog.get_logger()


def guardian_words(config: Config, file: Path | None) -> list[str]:
    """The command that guards what a run with these settings trades. ``file`` holds settings."""
    given = {
        "--mode": config.mode,
        "--data-dir": config.home,
        "--venue": config.venue,
        "--key-file": config.guardian_key_file or config.key_file,
        "--config": file,
    }
    words = [str(word) for pair in given.items() if pair[1] is not None for word in pair]
    return ["guardian", "--leaves", *words]


class GuardianChild:
    """Sees to it that one guardian lives in a folder, and watches the venue at ``where``."""

    def __init__(self, words: Sequence[str], folder: Path, where: str) -> None:
        self._words = [*PROGRAM, *words]
        self._folder = folder
        self._where = where
        self._child: subprocess.Popen[bytes] | None = None
        self._started_s = 0.0
        self._pause_s = 0.0

    @property
    def pid(self) -> int | None:
        """The process that guards, or is about to; None for nobody."""
        holder = holder_of(self._folder, GUARDIAN_LOCK_FILE)
        if holder is not None:
            return pid_in(holder)
        return None if self._child is None else self._child.pid

    async def run(self) -> NoReturn:
        """Look once a second, for ever."""
        clock = SteadyClock()
        while True:
            self.look()
            progress.made()
            await clock.sleep_until(clock.now_ms() + int(LOOK_S * 1_000))

    def look(self) -> None:
        """Start one when none lives; end one that guards something else."""
        if self._child is not None and self._child.poll() is not None:
            self._ended(self._child.returncode)
        holder = holder_of(self._folder, GUARDIAN_LOCK_FILE)
        if holder is not None:
            self._check(holder)
        elif self._child is None and time.monotonic() - self._started_s >= self._pause_s:
            self._start()

    def _ended(self, code: int) -> None:
        self._child = None
        is_brief = time.monotonic() - self._started_s < STEADY_S
        self._pause_s = min(self._pause_s * 2 or LOOK_S, AGAIN_MAX_S) if is_brief else 0.0
        log = self._folder / LOG_FILE
        _log.error("the guardian ended and is started again", exit_code=code, log=str(log))

    def _check(self, holder: str) -> None:
        found = beat_file(self._folder).read()
        pid = pid_in(holder)
        if found is None or found[0].where == self._where or pid is None:
            return
        _log.warning("a guardian of another venue is ended", process=pid, venue=found[0].where)
        beat_file(self._folder).clear()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)

    def _start(self) -> None:
        """In a session of its own: what ends this process, or its terminal, does not end it."""
        self._started_s = time.monotonic()
        environ = {name: value for name, value in os.environ.items() if name not in OURS_ALONE}
        log = self._log_file()
        try:
            self._child = subprocess.Popen(
                self._words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                env=environ,
                start_new_session=True,
            )
        finally:
            if log >= 0:
                os.close(log)

    def _log_file(self) -> int:
        """The log, open at its end; nobody's ear where no file can be had."""
        with suppress(OSError):
            flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
            return os.open(self._folder / LOG_FILE, flags, 0o600)
        return subprocess.DEVNULL
