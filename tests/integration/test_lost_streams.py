"""The real stream server is wiped, and then set back, under a real run that holds positions."""

import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from quantum_trader.adapters.journal.reading import reading
from quantum_trader.app.parts import JOURNAL_FILE
from quantum_trader.core.events import KillLevelSet, LifeTaken, OrderCommanded
from quantum_trader.streams import OPERATOR_STREAM, ORDER_COMMAND
from tests.running import QUANTUM, Running, facts_on, holds_protected

STREAMS = "appendonlydir"
ALL = 100_000


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Running]]:
    """Start the system on one folder; whatever still runs at the end is killed."""
    all_of_them: list[Running] = []

    def one() -> Running:
        all_of_them.append(Running(tmp_path / "data"))
        return all_of_them[-1]

    yield one
    for running in all_of_them:
        running.process.kill()
        running.process.communicate()


def goes_on(system: Running, folder: Path, life: int) -> None:
    """It stands at HALT in a new life, with every position protected; told to, it trades on."""

    def taken_over(state: dict[str, Any]) -> bool:
        lives = [
            one.life for one in facts_on(system.ready, ORDER_COMMAND) if type(one) is LifeTaken
        ]
        held = [one for one in state["held"] if one["qty"] != "0"]
        halted = state["head"]["kill_level"] == "HALT"
        return halted and life in lives and all(one["stop_price"] for one in held)

    before = system.until(taken_over)
    levels = [one for one in facts_on(system.ready, OPERATOR_STREAM) if type(one) is KillLevelSet]
    assert "came back empty, or as of an older state" in levels[-1].why
    doctor = [*QUANTUM, "doctor", "--json", "--data-dir", str(folder)]
    told = subprocess.run(doctor, check=False, capture_output=True, text=True, timeout=60)
    assert "came back empty, or as of an older state" in told.stdout
    resume = [*QUANTUM, "resume", "--yes", "--data-dir", str(folder)]
    subprocess.run(resume, check=True, capture_output=True, timeout=60)
    # Its own model has to find something to enter, in a symbol that is free.
    system.until(
        lambda now: now["opened"] > before["opened"] and holds_protected(now), within_s=180
    )


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_on_streams_that_were_wiped_and_then_set_back_it_halts_and_trades_on_when_told(
    start: Callable[[], Running], tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    first = start()
    first.until(holds_protected)
    first.end(signal.SIGKILL)
    shutil.copytree(folder / STREAMS, tmp_path / "older")
    shutil.rmtree(folder / STREAMS)

    second = start()
    goes_on(second, folder, 2)
    second.end(signal.SIGKILL)
    shutil.rmtree(folder / STREAMS)
    shutil.copytree(tmp_path / "older", folder / STREAMS)

    third = start()
    goes_on(third, folder, 3)
    code, _, log = third.end(signal.SIGTERM)
    assert code == 0, log
    with reading(folder / JOURNAL_FILE) as journal:
        records = journal.of_orders(journal.last_orders(ALL))
        assert journal.check().unread == 0
    orders = [one.fact for one in records if isinstance(one.fact, OrderCommanded)]
    sent = Counter(order.plan_id for order in orders if order.role == "entry")
    assert set(sent.values()) == {1}, "no signal was traded twice"
