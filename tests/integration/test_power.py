"""The power fails in and after every call of the journal: all that was acknowledged is there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from quantum_trader.adapters.journal.sqlite import SqliteJournal
from quantum_trader.core.events import OrderCommanded
from tests.commands import ACCOUNT, accepted, order_command
from tests.power import Cut, Disk, power_may_fail

ROUNDS = 8
PER_CALL = 2
PAGES_MAX = 3
"""So many pages in the write-ahead log, and they are moved into the file: a few times in a life."""


def orders(number: int) -> list[OrderCommanded]:
    """What one call records."""
    return [order_command("stop", f"{number}-{one}") for one in range(PER_CALL)]


def live(path: Path, disk: Disk, change: Callable[[SqliteJournal], object]) -> None:
    """Two lives of a journal; the disk hears of every call that returned."""
    for first in (0, ROUNDS):
        journal = SqliteJournal(path, ACCOUNT)
        change(journal)
        for number in range(first, first + ROUNDS):
            journal.intend(orders(number))
            disk.acknowledged()
            facts = [accepted(order) for order in orders(number)]
            journal.conclude(facts, venue_seq=number + 1)
            disk.acknowledged()
        journal.close()


def lost(cut: Cut, folder: Path) -> str | None:
    """What a journal that starts after a cut has lost of what was acknowledged; None for nothing.

    What was on its way is there as a whole or not at all.
    """
    cut.put_into(folder)
    journal = SqliteJournal(folder / "journal.sqlite", ACCOUNT)
    try:
        journal.verify()
        intended, concluded = (cut.done + 1) // 2, cut.done // 2
        facts = [fact.id for _, fact in journal.outbox(0, 1_000)]
        expected = [accepted(order).id for number in range(2 * ROUNDS) for order in orders(number)]
        assert facts == expected[: len(facts)]
        assert len(facts) % PER_CALL == 0
        assert journal.venue_seq() == len(facts) // PER_CALL
        if len(facts) < concluded * PER_CALL:
            return f"{len(facts)} facts of {concluded * PER_CALL}"
        known = [order for number in range(intended) for order in orders(number)]
        if any(journal.intend(known)):
            return "an order that was recorded would leave a second time"
        assert len(set(journal.intend(orders(intended)))) == 1, "a call is whole or absent"
        return None
    finally:
        journal.close()


def losses(tmp_path: Path, change: Callable[[SqliteJournal], object]) -> list[str]:
    """Live, fail at every sync, start again; everything that was lost."""
    with power_may_fail() as disk:
        live(tmp_path / "journal.sqlite", disk, change)
    assert len({cut.done for cut in disk.cuts}) == 4 * ROUNDS + 1, "in and after every call"
    found = []
    for number, cut in enumerate(disk.cuts):
        what = lost(cut, tmp_path / str(number))
        found += [] if what is None else [f"after {cut.done} calls, kept {cut.how}: {what}"]
    return found


def often_moved(journal: SqliteJournal) -> None:
    journal._db.pragma("wal_autocheckpoint", PAGES_MAX)


@pytest.mark.slow
def test_whenever_the_power_fails_the_journal_holds_all_that_was_acknowledged(
    tmp_path: Path,
) -> None:
    assert losses(tmp_path, often_moved) == []


@pytest.mark.slow
def test_a_journal_that_does_not_wait_for_the_disk_would_be_found_out(tmp_path: Path) -> None:
    def hasty(journal: SqliteJournal) -> None:
        often_moved(journal)
        journal._db.pragma("synchronous", "NORMAL")

    assert any("second time" in loss or "facts of" in loss for loss in losses(tmp_path, hasty))
