"""A log that nobody reads, or that cannot be written, holds nobody up and ends nobody."""

import fcntl
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TextIO

import pytest

from quantum_trader.services.log import Forgiving
from tests.running import QUANTUM

LONG = "x" * 20_000 + "\n"


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    """Return both ends of a pipe."""
    there, here = os.pipe()
    with os.fdopen(here, "w") as file:
        yield there, file
    os.close(there)


def fill(there: int, file: TextIO) -> None:
    """Leave no room in a pipe, as an hour of a log does that nobody reads."""
    os.set_blocking(file.fileno(), False)
    with suppress(BlockingIOError):
        while os.write(file.fileno(), b"x" * 4_096):
            pass
    os.set_blocking(file.fileno(), True)
    os.set_blocking(there, False)


def drained(there: int) -> str:
    """Everything that lies in a pipe."""
    found = b""
    while True:
        try:
            found += os.read(there, 1 << 20)
        except BlockingIOError:
            return found.decode()


def test_who_reads_gets_every_line_however_long(pipe: tuple[int, TextIO]) -> None:
    there, file = pipe
    os.set_blocking(there, False)
    log = Forgiving(file)
    file.write("said before, and not let out yet\n")
    for line in ("one\n", LONG, "zw\u00f6lf\n"):
        log.write(line)
        log.flush()
    assert drained(there) == f"said before, and not let out yet\none\n{LONG}zw\u00f6lf\n"


def test_what_nobody_reads_is_counted_and_told_once_somebody_reads(
    pipe: tuple[int, TextIO],
) -> None:
    there, file = pipe
    fill(there, file)
    log = Forgiving(file)
    for _ in range(3):
        log.write("lost\n")
    assert "lost" not in drained(there)
    log.write("heard\n")
    gap, heard = drained(there).split("\n")[1:3]
    assert json.loads(gap)["event"].startswith("3 lines of the log are missing")
    assert heard == "heard"
    log.write("heard again\n")
    assert drained(there) == "heard again\n"


def test_a_reader_that_is_gone_ends_nobody(pipe: tuple[int, TextIO]) -> None:
    there, file = pipe
    log = Forgiving(file)
    nobody, end = os.pipe()
    os.dup2(nobody, there)  # The reading end of the pipe is closed by that.
    for _ in range(3):
        log.write("to nobody\n")
    os.close(nobody)
    os.close(end)


@pytest.mark.slow
def test_a_run_whose_log_nobody_reads_trades_on_and_ends_when_it_is_told_to(
    tmp_path: Path, pipe: tuple[int, TextIO]
) -> None:
    there, file = pipe
    fcntl.fcntl(there, fcntl.F_SETPIPE_SZ, 4_096)
    words = ("--market", "synthetic", "--port", "0", "--data-dir", str(tmp_path), "--json")
    with subprocess.Popen(
        [*QUANTUM, "run", *words], stdout=subprocess.PIPE, stderr=file, text=True
    ) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["ready"]
        fill(there, file)
        process.send_signal(signal.SIGTERM)  # What it says to that finds no room.
        process.communicate(timeout=30)
    assert process.returncode == 0
