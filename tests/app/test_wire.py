"""Reading entries for those who only look: whatever lies in a stream, nobody ends by it."""

import pytest

from quantum_trader.core.events import SecondPassed
from quantum_trader.ports import Entry
from quantum_trader.services.wire import fact_in, write

SECOND = SecondPassed(id="clock:1", at_ms=1_000, trace_id="", account="paper")


def an_entry(fields: dict[bytes, bytes] | None) -> Entry:
    return Entry("quantum:stream:clock", "1-0", fields, 1)


def test_a_fact_is_read_wherever_it_stands() -> None:
    assert fact_in(an_entry(dict(write(SECOND)))) == SECOND


@pytest.mark.parametrize(
    "fields",
    [None, {}, {b"side": b"BUY"}, {b"payload": b"{"}, {b"payload": b'{"type":"second.passed"}'}],
)
def test_what_is_no_fact_is_none(fields: dict[bytes, bytes] | None) -> None:
    assert fact_in(an_entry(fields)) is None


def test_text_that_is_nested_without_end_is_none() -> None:
    nested = b'{"type":"second.passed","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert fact_in(an_entry({b"payload": nested})) is None
