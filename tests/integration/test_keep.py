"""Whoever keeps the process: starts it again, gives up loudly, and stops when it is told to."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from quantum_trader.adapters.latch import FileLatch
from quantum_trader.app.keep import KEEPER, Keeper
from quantum_trader.core.restarts import RestartBudget
from tests.running import QUANTUM

FAST = RestartBudget(deaths_max=3, within_ms=60_000, pause_ms=1, pause_ms_max=2)


def kept(folder: Path, code: str) -> tuple[int, list[str]]:
    """Keep a process that runs this; how it ended and what was said."""
    said: list[str] = []
    exit_code = Keeper([sys.executable, "-c", code], folder, said.append, FAST).run()
    return exit_code, said


@pytest.mark.parametrize("code", [0, 2, 75])
def test_what_another_start_does_not_mend_is_not_started_again(tmp_path: Path, code: int) -> None:
    assert kept(tmp_path, f"raise SystemExit({code})") == (code, [])
    assert FileLatch(tmp_path).read() is None


@pytest.mark.parametrize(
    ("code", "words"),
    [("raise SystemExit(70)", "code 70"), ("import os; os.kill(os.getpid(), 9)", "SIGKILL")],
)
def test_what_dies_too_often_stays_down_and_is_halted(
    tmp_path: Path, code: str, words: str
) -> None:
    exit_code, said = kept(tmp_path, code)
    assert exit_code == 70
    assert len(said) == FAST.deaths_max
    assert "stays down" in said[-1]
    assert all(words in one for one in said)
    held = FileLatch(tmp_path).read()
    assert held is not None
    assert (held.level, held.who) == ("HALT", KEEPER)
    assert "3 times within 1 min" in held.why


def test_a_death_among_good_lives_is_followed_by_another_life(tmp_path: Path) -> None:
    file = tmp_path / "lives"
    code = f"f=open({str(file)!r},'a'); f.write('x'); f.flush(); n=f.tell(); f.close()"
    assert kept(tmp_path, f"{code}; raise SystemExit(70 if n < 3 else 0)")[0] == 0
    assert file.read_text() == "xxx"


def test_a_folder_that_cannot_be_latched_stays_down_all_the_same(tmp_path: Path) -> None:
    exit_code, said = kept(tmp_path / "missing", "raise SystemExit(1)")
    assert exit_code == 70
    assert "stays down" in said[-1]


def test_told_to_stop_it_ends_the_child_and_itself(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    code = f"import time; open({str(ready)!r}, 'w').close(); time.sleep(3600)"

    def tell() -> None:
        while not ready.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    teller = threading.Thread(target=tell)
    teller.start()
    assert kept(tmp_path, code) == (-signal.SIGTERM, [])
    teller.join()
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def _ready(keeper: subprocess.Popen[str]) -> bool:
    assert keeper.stdout is not None
    line = keeper.stdout.readline()
    assert line, keeper.communicate(timeout=20)[1]
    return bool(json.loads(line)["ready"])


@pytest.mark.slow
def test_a_run_that_is_killed_is_there_again_with_its_books(tmp_path: Path) -> None:
    words = ["run", "--keep", "--json", "--market", "synthetic", "--symbols", "BTCUSDT"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("QT_")}
    with subprocess.Popen(
        [*QUANTUM, *words, "--port", "0", "--data-dir", str(tmp_path / "data")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    ) as keeper:
        for _ in range(2):
            assert _ready(keeper)
            (child,) = [
                one for one in psutil.Process(keeper.pid).children() if "run" in one.cmdline()
            ]
            child.kill()
        assert _ready(keeper)
        keeper.terminate()
        _, log = keeper.communicate(timeout=30)
    assert keeper.returncode == 0, log
    assert log.count("started again in") == 2
