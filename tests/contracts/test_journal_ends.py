"""When a journal takes an order, or the cancel of one, for ended."""

import pytest

from quantum_trader.core.events import Fact
from quantum_trader.core.orders.ids import name_of
from quantum_trader.ports import Journal, Journalled
from tests.commands import (
    accepted,
    cancel_command,
    canceled,
    filled,
    order_command,
    rejected,
    withheld,
)

ENTRY = order_command("entry")
STOP = order_command("stop")


@pytest.mark.parametrize("end", [canceled(STOP), filled(STOP), rejected(STOP)])
def test_a_cancel_is_resolved_when_its_order_has_ended(journal: Journal, end: Fact) -> None:
    cancel = cancel_command(STOP)
    journal.intend([STOP, ENTRY, cancel])
    journal.conclude([accepted(STOP), filled(STOP, 8, done=False)], venue_seq=None)
    assert journal.unresolved() == [ENTRY, cancel]
    journal.conclude([end], venue_seq=None)
    assert journal.unresolved() == [ENTRY]
    assert journal.intend([cancel, cancel_command(STOP, 2)]) == [False, True]
    assert journal.unresolved() == [ENTRY]


def test_a_cancel_that_was_withheld_is_resolved_and_its_order_as_it_was(
    journal: Journal,
) -> None:
    first, second = cancel_command(STOP), cancel_command(STOP, 2)
    journal.intend([STOP, first, second])
    journal.conclude([withheld(first)], venue_seq=None)
    assert journal.unresolved() == [STOP, second]
    journal.conclude([accepted(STOP), withheld(second)], venue_seq=None)
    assert journal.unresolved() == []
    assert journal.known(name_of(STOP)) == Journalled(STOP, accepted(STOP))
    assert journal.intend([first]) == [False]


@pytest.mark.parametrize("end", [canceled(STOP), filled(STOP), rejected(STOP)])
def test_an_order_has_ended_when_nothing_of_it_remains(journal: Journal, end: Fact) -> None:
    journal.intend([STOP])
    journal.conclude([accepted(STOP), filled(STOP, 8, done=False)], venue_seq=None)
    assert not journal.has_ended(name_of(STOP))
    journal.conclude([end], venue_seq=None)
    assert journal.has_ended(name_of(STOP))
    assert not journal.has_ended(name_of(ENTRY))
