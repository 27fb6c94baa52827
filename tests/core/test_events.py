"""Facts on the wire: closed, strict on what is required, lenient on what is new, for ever."""

from pathlib import Path

import msgspec
import pytest

from quantum_trader.core import events
from quantum_trader.core.events import FACTS, TAGS, CandleClosed, OrderCommanded, decode, encode
from tests.support import a_candle

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("facts_v*.jsonl"))
LINES = [line for file in GOLDEN for line in file.read_bytes().splitlines()]


def assert_kept(old: object, new: object) -> None:
    """Whatever the old form said, the new form says too; it may say more."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name, value in old.items():
            assert_kept(value, new[name])
    else:
        assert old == new


@pytest.mark.parametrize("line", LINES, ids=lambda line: msgspec.json.decode(line)["type"])
def test_every_old_fact_still_reads_and_nothing_it_said_is_lost(line: bytes) -> None:
    fact = decode(line)
    assert decode(encode(fact)) == fact
    assert_kept(msgspec.json.decode(line), msgspec.json.decode(encode(fact)))


def test_every_kind_of_fact_is_kept_as_it_once_was_written() -> None:
    kept = {msgspec.json.decode(line)["type"] for line in LINES}
    assert kept == set(TAGS.values())


def test_no_two_facts_share_a_name() -> None:
    assert len(set(TAGS.values())) == len(FACTS)


def test_a_newer_producer_does_not_break_an_older_consumer() -> None:
    raw = msgspec.json.decode(encode(a_candle(1.0)))
    assert decode(msgspec.json.encode(raw | {"new_field": 1})) == a_candle(1.0)


def test_a_missing_required_field_is_named() -> None:
    raw = msgspec.json.decode(encode(a_candle(1.0)))
    del raw["close"]
    with pytest.raises(msgspec.ValidationError, match="close"):
        decode(msgspec.json.encode(raw))


def test_a_name_nobody_knows_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match=r"order\.exploded"):
        decode(b'{"type":"order.exploded","id":"1","at_ms":1,"trace_id":"","account":""}')


def test_whether_an_order_may_only_reduce_has_no_default() -> None:
    (line,) = [line for line in LINES if b'"type":"order.commanded"' in line]
    raw = msgspec.json.decode(line)
    del raw["order"]["reduce_only"]
    with pytest.raises(msgspec.ValidationError, match="reduce_only"):
        msgspec.json.decode(msgspec.json.encode(raw), type=OrderCommanded)


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__name__)
def test_facts_are_frozen_and_carry_a_version(kind: type[events.Fact]) -> None:
    assert kind.__struct_config__.frozen
    assert "v" in kind.__struct_fields__
    assert {"id", "at_ms", "trace_id", "account"} <= set(kind.__struct_fields__)


@pytest.mark.parametrize("kind", FACTS, ids=lambda kind: kind.__name__)
def test_the_collector_need_not_look_at_facts(kind: type[events.Fact]) -> None:
    assert not kind.__struct_config__.gc


def test_a_market_number_that_is_no_number_cannot_be_written_as_one() -> None:
    assert b"null" in encode(a_candle(float("nan")))
    with pytest.raises(msgspec.ValidationError):
        decode(encode(a_candle(float("nan"))))
    assert isinstance(decode(encode(a_candle(1.5))), CandleClosed)
