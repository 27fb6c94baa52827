"""Whatever stands in ``trade.intent`` is read as it was meant, or refused; nothing else happens."""

import json
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.errors import Malformed
from quantum_trader.core.events import IntentProposed
from quantum_trader.core.intent_edge import read_intent, write_intent
from tests.core.intents import AT_MS, ENVELOPE_BODY, LEAST, MOMENTS, made_up, scratched


def read(fields: dict[bytes, bytes]) -> IntentProposed:
    return read_intent(fields, account="main")


def outcome(fields: dict[bytes, bytes]) -> IntentProposed | Malformed:
    """Return what became of a message; any other exception is a failure of the test."""
    try:
        return read(fields)
    except Malformed as error:
        return error


def check_whole_or_refused(fields: dict[bytes, bytes]) -> IntentProposed | None:
    """Check that a message is a whole intent, or a refusal that names what is wrong."""
    found = outcome(fields)
    if isinstance(found, Malformed):
        assert found.field
        assert found.expected
        return None
    assert read(write_intent(found)) == found
    return found


def check_nothing_made_up(fields: dict[bytes, bytes], intent: IntentProposed) -> None:
    """Check that symbol and time are what the message says."""
    texts = [raw.decode() for raw in fields.values()]
    if b"payload" in fields:
        texts = [str(raw) for raw in json.loads(fields[b"payload"]).values()]
    said = {text.strip() for text in texts}
    assert intent.symbol in {text.upper() for text in said}
    assert intent.at_ms in {MOMENTS[text] for text in said & MOMENTS.keys()}


@pytest.mark.parametrize("count", [2_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_whatever_comes_is_an_intent_or_a_clear_refusal(count: int) -> None:
    dice, whole = random.Random(count), 0
    for number in range(count):
        fields = made_up(dice)
        if number % 5 == 0:
            check_whole_or_refused(scratched(fields, dice))
        elif intent := check_whole_or_refused(fields):
            check_nothing_made_up(fields, intent)
            whole += 1
    assert count * 0.1 < whole < count * 0.7


bytes_or_words = st.one_of(
    st.binary(max_size=40),
    st.text(max_size=20).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from([b"BUY", b"BTCUSDT", str(AT_MS).encode(), b"0.5", b"null"]),
)
names = st.sampled_from([name.encode() for name in (*ENVELOPE_BODY, "payload", "ts", "qty")])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.dictionaries(names | st.binary(max_size=8), bytes_or_words, max_size=12))
def test_arbitrary_fields_never_raise_anything_else(fields: dict[bytes, bytes]) -> None:
    check_whole_or_refused(fields)


@given(st.dictionaries(st.sampled_from([*ENVELOPE_BODY]), json_values, max_size=3))
def test_arbitrary_values_never_raise_anything_else(changes: dict[str, Any]) -> None:
    check_whole_or_refused({b"payload": json.dumps({**LEAST, **changes}).encode()})
