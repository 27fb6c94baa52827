"""The journal knows how far the streams were taken, and in which of their lives."""

from pathlib import Path

from quantum_trader.adapters.journal.sqlite import SqliteJournal, audit
from quantum_trader.core.events import LifeBegan
from quantum_trader.core.stream_info import Life
from quantum_trader.ports import Journal
from tests.commands import ACCOUNT, accepted, order_command

ENTRY = order_command("entry")
STOP = order_command("stop")
LIFE = LifeBegan(
    id="paper:life:2", at_ms=1, trace_id="", account=ACCOUNT, life=2, orders=(), why="lost"
)


def test_how_far_commands_were_taken_is_recorded_with_them(journal: Journal) -> None:
    assert journal.life() == Life()
    journal.intend([ENTRY], "3-9")
    assert journal.life() == Life(1, "3-9")
    journal.intend([ENTRY], "4-1")
    assert journal.life() == Life(1, "3-9"), "nothing new was recorded"
    journal.intend([STOP], "3-10")
    journal.conclude([accepted(STOP)], venue_seq=7)
    assert (journal.life(), journal.venue_seq()) == (Life(1, "3-10"), 7)
    assert journal.standing() == [STOP]
    journal.conclude([LIFE], venue_seq=None)
    assert (journal.life(), journal.venue_seq()) == (Life(2), 7)
    journal.conclude([LIFE], venue_seq=None)
    assert journal.life() == Life(2)
    assert journal.verify()


def test_a_life_is_found_again_in_the_file(path: Path) -> None:
    journal = SqliteJournal(path, ACCOUNT)
    journal.intend([ENTRY], "3-9")
    journal.conclude([LIFE], venue_seq=None)
    journal.intend([STOP], "1-2")
    journal.close()
    again = SqliteJournal(path, ACCOUNT)
    assert again.life() == Life(2, "1-2")
    assert again.verify() == audit(path)
    again.close()
