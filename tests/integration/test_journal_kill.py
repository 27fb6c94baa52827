"""A process that is killed while it writes the journal loses nothing it was told is written."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from quantum_trader.adapters.journal.sqlite import SqliteJournal, audit
from tests.commands import ACCOUNT, accepted, order_command

ROOT = Path(__file__).parents[2]
PER_CALL = 3

WRITER = f"""
import sys
from pathlib import Path
from quantum_trader.adapters.journal.sqlite import SqliteJournal
from tests.commands import accepted, order_command

journal = SqliteJournal(Path(sys.argv[1]), "{ACCOUNT}")
first = int(sys.argv[2])
for call in range(first, first + 1_000_000):
    orders = [order_command("stop", f"{{call}}-{{one}}") for one in range({PER_CALL})]
    journal.intend(orders)
    journal.conclude([accepted(order) for order in orders], venue_seq=call + 1)
    print(call, flush=True)
"""


def killed_writer(path: Path, first: int, after_s: float) -> int:
    """Start a writer, kill it, and return the last call it was told had been written."""
    command = [sys.executable, "-c", WRITER, str(path), str(first)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = [int(writer.stdout.readline())]
        time.sleep(after_s)
        writer.kill()
        acknowledged += [int(line) for line in writer.stdout.read().split()]
    assert writer.returncode == -signal.SIGKILL
    assert acknowledged == list(range(first, first + len(acknowledged)))
    return acknowledged[-1]


@pytest.mark.slow
def test_killed_again_and_again_the_journal_holds_every_acknowledged_record(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    first = 0
    for after_s in (0.03, 0.11, 0.002, 0.07, 0.19):
        last = killed_writer(path, first, after_s)
        assert audit(path) > (last + 1) * (2 * PER_CALL + 1)
        journal = SqliteJournal(path, ACCOUNT)
        assert journal.venue_seq() in (last + 1, last + 2)
        facts = [fact.id for _, fact in journal.outbox(0, 1_000_000)]
        assert facts[: len(expected(last))] == expected(last)
        # What was written and not acknowledged is whole or absent, never a part of a call.
        assert len(facts) % PER_CALL == 0
        assert len(journal.unresolved()) in (0, PER_CALL)
        journal.close()
        first = last + 1


def expected(last: int) -> list[str]:
    """The facts of all calls up to the last one, in order."""
    orders = [
        order_command("stop", f"{call}-{one}")
        for call in range(last + 1)
        for one in range(PER_CALL)
    ]
    return [accepted(order).id for order in orders]
