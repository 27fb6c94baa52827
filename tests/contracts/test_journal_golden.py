"""A journal that an earlier version wrote: it must open, and mean the same, for ever."""

import shutil
from decimal import Decimal
from pathlib import Path

from quantum_trader.adapters.journal.reading import reading
from quantum_trader.adapters.journal.sqlite import SqliteJournal, audit
from quantum_trader.core.events import AccountSeen, Fact
from tests.commands import ACCOUNT, order_command

GOLDEN = Path(__file__).parents[1] / "golden" / "journal_v1.db"
RECORDS = 22


def copied(tmp_path: Path) -> Path:
    path = tmp_path / "journal.sqlite"
    shutil.copy(GOLDEN, path)
    return path


def test_it_is_whole_and_all_of_it_can_be_read(tmp_path: Path) -> None:
    path = copied(tmp_path)
    assert audit(path) == RECORDS
    with reading(path) as journal:
        assert journal.check().unread == 0
        assert journal.account() == ACCOUNT


def test_it_opens_to_be_written_and_knows_what_it_knew(tmp_path: Path) -> None:
    journal = SqliteJournal(copied(tmp_path), ACCOUNT)
    assert journal.unresolved() == [order_command("exit")]
    assert journal.venue_seq() == 5
    dead = order_command("entry", "plan-2").order.client_order_id
    assert dict(journal.buried(0)) == {dead: 3_000}
    assert journal.books()["BTCUSDT"].qty == Decimal(1)
    known = journal.known(order_command("entry").order.client_order_id)
    assert known is not None
    assert known.outcome is not None
    assert known.command == order_command("entry")
    facts: list[Fact] = [fact for _, fact in journal.outbox(0, 100)]
    assert len(facts) == 11
    assert any(isinstance(fact, AccountSeen) for fact in facts)
    journal.close()


def test_it_goes_on_under_a_new_epoch_without_a_break_in_its_chain(tmp_path: Path) -> None:
    path = copied(tmp_path)
    journal = SqliteJournal(path, ACCOUNT)
    journal.intend([order_command("stop", "plan-3")])
    assert journal.verify() == RECORDS + 2
    journal.close()
