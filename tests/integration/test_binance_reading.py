"""Frames into facts: what is told, what is only kept, and that nothing vanishes without a count."""

import json
from collections import Counter
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.adapters.market.binance_messages import (
    AHEAD_MS_MAX,
    BAR_MS,
    UNREADABLE,
    read_message,
)
from quantum_trader.adapters.market.binance_reading import (
    BOOK_DISAGREES,
    BROKEN_BOOK,
    STRANGER,
    UNREADABLE_FRAME,
    BinanceReader,
)
from quantum_trader.adapters.market.faults import Faults
from quantum_trader.core.events import CandleClosed, MarketFact, MarkPriced, QuoteChanged, Tick
from tests.fake_market import book_body, depth, kline, mark, quote, trade

NOW_MS = 29_000_000 * BAR_MS


class Reading:
    """A reader and its faults."""

    def __init__(self, symbol: str = "BTCUSDT") -> None:
        self.symbol = symbol
        self.faults = Faults("binance")
        self.reader = BinanceReader([symbol], self.faults)

    def take(self, *frames: str | bytes, received_ms: int = NOW_MS) -> list[MarketFact]:
        """All facts in these frames."""
        return [fact for frame in frames for fact in self.reader.take(frame, received_ms).facts]


def checked(facts: list[MarketFact]) -> list[bool | None]:
    """What the quotes among these facts say of the book."""
    return [fact.checked for fact in facts if isinstance(fact, QuoteChanged)]


def test_every_fact_has_the_time_of_the_venue_and_the_time_of_receipt() -> None:
    facts = Reading().take(
        kline(NOW_MS - BAR_MS),
        mark(NOW_MS - 1, 0),
        trade(NOW_MS - 2),
        quote(NOW_MS - 3, 1),
        received_ms=NOW_MS + 40,
    )
    kinds = [CandleClosed, MarkPriced, Tick, QuoteChanged]
    assert [type(fact) for fact in facts] == kinds
    assert [NOW_MS - fact.at_ms for fact in facts] == [0, 1, 2, 3]
    assert {fact.received_ms for fact in facts} == {NOW_MS + 40}


def test_of_the_quotes_one_a_second_is_told_and_none_that_was_overtaken() -> None:
    times = [0, 400, 999, 1_000, 1_500, 2_100]
    facts = Reading().take(*(quote(NOW_MS + ms, number) for number, ms in enumerate(times)))
    assert [fact.at_ms - NOW_MS for fact in facts] == [0, 1_000, 2_100]
    late = Reading()
    assert len(late.take(quote(NOW_MS, 7), quote(NOW_MS + 5_000, 6), quote(NOW_MS + 6_000, 7))) == 1


def test_a_quote_is_checked_once_a_book_agreed_and_a_later_quote_was_heard() -> None:
    reading = Reading()
    reading.take(depth(9, 10))
    assert reading.reader.wanting == {"BTCUSDT"}
    assert reading.reader.restore("BTCUSDT", book_body(10))
    assert reading.reader.wanting == set()
    facts = reading.take(
        quote(NOW_MS, 11),
        depth(10, 12, [("99", "1")]),
        quote(NOW_MS + 1_000, 13),
        quote(NOW_MS + 2_000, 14),
    )
    assert checked(facts) == [None, True, True]
    assert reading.faults.counts == {}


def test_a_break_is_counted_and_unchecks_until_a_snapshot_made_the_book_whole() -> None:
    reading = Reading()
    reading.take(depth(9, 10))
    reading.reader.restore("BTCUSDT", book_body(10))
    reading.take(quote(NOW_MS, 11), depth(10, 12), quote(NOW_MS + 100, 13))
    facts = reading.take(depth(15, 16), quote(NOW_MS + 1_100, 17))
    assert checked(facts) == [None]
    assert reading.faults.counts == {BROKEN_BOOK: 1}
    assert reading.reader.wanting == {"BTCUSDT"}
    reading.reader.restore("BTCUSDT", book_body(16))
    facts = reading.take(depth(16, 18), quote(NOW_MS + 2_200, 19))
    assert checked(facts) == [True]


@pytest.mark.parametrize("wrong", [{"bid": "99.9"}, {"ask": "100.2"}, {"qty": "3"}])
def test_a_book_that_disagrees_with_a_quote_is_counted_and_made_anew(wrong: dict[str, str]) -> None:
    reading = Reading()
    reading.take(depth(9, 10))
    reading.reader.restore("BTCUSDT", book_body(10))
    facts = reading.take(
        quote(NOW_MS, 11, **wrong), depth(10, 12), quote(NOW_MS + 1_000, 13), depth(12, 14)
    )
    assert checked(facts) == [None, False]
    assert reading.faults.counts == {BOOK_DISAGREES: 1}
    assert not reading.reader.is_whole("BTCUSDT")
    assert reading.reader.wanting == {"BTCUSDT"}


def test_a_quote_alone_tells_nothing_of_the_book() -> None:
    reading = Reading()
    reading.take(depth(9, 10))
    reading.reader.restore("BTCUSDT", book_body(10))
    # The last quote before the change is not known as long as no later one was heard.
    assert checked(reading.take(depth(10, 12), quote(NOW_MS, 11, bid="98"))) == [None]
    assert reading.faults.counts == {}


def test_a_lost_connection_forgets_books_and_quotes() -> None:
    reading = Reading()
    reading.take(depth(9, 10))
    reading.reader.restore("BTCUSDT", book_body(10))
    reading.take(quote(NOW_MS, 11), depth(10, 12), quote(NOW_MS + 1_000, 13))
    reading.reader.lose_books(["BTCUSDT"])
    assert checked(reading.take(quote(NOW_MS + 2_000, 20))) == [None]
    assert not reading.reader.is_whole("BTCUSDT")


def test_a_snapshot_that_cannot_be_read_is_counted_and_another_one_wanted() -> None:
    reading = Reading()
    reading.take(depth(9, 10))
    for body in (b"", b"{}", book_body(10, [("-1", "1")]), book_body(10, [("NaN", "1")])):
        assert not reading.reader.restore("BTCUSDT", body)
    assert not reading.reader.restore("BTCUSDT", book_body(5))
    assert reading.reader.wanting == {"BTCUSDT"}
    assert sum(reading.faults.counts.values()) == 5


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "null",
        "not json",
        b"\xff\xfe",
        '{"stream":"x"}',
        '{"stream":"x","data":{"e":"somethingNew"}}',
        '{"result":null,"id":1}',
        "[" * 100_000,
        kline(NOW_MS, close="NaN"),
        kline(NOW_MS, close="-1"),
        kline(NOW_MS + AHEAD_MS_MAX + BAR_MS),
        mark(NOW_MS, 0, rate="much"),
        mark(NOW_MS + AHEAD_MS_MAX + 1, 0),
        mark(0, 0),
        trade(NOW_MS, price="0"),
        trade(NOW_MS, price="Infinity"),
        trade(NOW_MS + AHEAD_MS_MAX + 1),
        trade(10**30),
        quote(NOW_MS, 1, bid="101", ask="100"),
        quote(NOW_MS, 1, bid="NaN"),
        quote(NOW_MS, 1, qty="-1"),
        quote(NOW_MS + AHEAD_MS_MAX + 1, 1),
        depth(1, 2, [("0", "1")]),
        depth(1, 2, [], [("1", "-1")]),
    ],
    ids=str,
)
def test_a_frame_that_makes_no_sense_is_counted_and_changes_nothing(nonsense: str | bytes) -> None:
    reading = Reading()
    assert reading.take(nonsense) == []
    assert reading.faults.counts == {UNREADABLE_FRAME: 1}
    assert len(reading.take(trade(NOW_MS), quote(NOW_MS, 1), mark(NOW_MS, 0))) == 3


def test_a_symbol_nobody_asked_for_is_counted() -> None:
    reading = Reading()
    assert reading.take(trade(NOW_MS, symbol="ETHUSDT")) == []
    assert reading.faults.counts == {STRANGER: 1}


FRAMES = [
    json.loads(frame)
    for frame in (
        kline(NOW_MS - BAR_MS),
        mark(NOW_MS, NOW_MS + 1),
        trade(NOW_MS),
        quote(NOW_MS, 1),
        depth(1, 2, [("100", "1")], [("101", "1")]),
    )
]
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=4),
    st.sampled_from(["NaN", "Infinity", "-1", "0", "1e400", "100", NOW_MS]),
    st.lists(st.text(max_size=2), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place inside a frame."""
    found = [path] if path else []
    if isinstance(value, dict):
        found += [place for key, one in value.items() for place in places(one, (*path, key))]
    if isinstance(value, list):
        found += [place for key, one in enumerate(value) for place in places(one, (*path, key))]
    return found


@st.composite
def scratched(draw: st.DrawFn) -> str:
    """A frame of the venue with one or two things in it that do not belong there."""
    frame = json.loads(json.dumps(draw(st.sampled_from(FRAMES))))
    for _ in range(draw(st.integers(1, 2))):
        *way, last = draw(st.sampled_from(places(frame)))
        inner = frame
        try:
            for step in way:
                inner = inner[step]
            if draw(st.booleans()) and isinstance(inner, dict):
                inner.pop(last, None)
            else:
                inner[last] = draw(ODD)
        except (KeyError, IndexError, TypeError):
            continue
    return json.dumps(frame)


def is_readable(frame: str | bytes) -> bool:
    """Whether a frame has the form of one, whatever its numbers say."""
    try:
        read_message(frame)
    except UNREADABLE:
        return False
    return True


@given(st.lists(st.one_of(scratched(), st.text(max_size=20), st.binary(max_size=20)), max_size=8))
def test_whatever_comes_nothing_breaks_and_nothing_is_skipped_without_a_count(
    frames: list[str | bytes],
) -> None:
    reading = Reading()
    for frame in frames:
        before = sum(reading.faults.counts.values())
        _, facts = reading.reader.take(frame, NOW_MS)
        noted = sum(reading.faults.counts.values()) - before
        assert noted == 1 or (noted == 0 and is_readable(frame))
        assert not (noted and facts)
        for fact in facts:
            assert 0 < fact.at_ms <= NOW_MS + AHEAD_MS_MAX
    # What is whole is still understood.
    assert len(reading.take(kline(NOW_MS - BAR_MS))) == 1


def test_a_bar_in_other_units_of_time_is_not_told() -> None:
    hourly = json.loads(kline(NOW_MS - BAR_MS))
    hourly["data"]["k"]["i"] = "1h"
    assert Reading().take(json.dumps(hourly)) == []


CAPTURES = ("btcusdt_20230404", "btcusdt_20240808", "ethusdt_20240808")


@pytest.mark.slow
@pytest.mark.parametrize("name", CAPTURES)
def test_recorded_streams_are_read_whole_and_the_book_has_the_recorded_best_prices(
    name: str, shared_data: Path
) -> None:
    reading = Reading(name.split("_", maxsplit=1)[0].upper())
    agreed = Counter[bool | None]()
    frames, told = 0, 0
    file = shared_data / "binance_um" / "ws_capture" / f"{name}.jsonl.zst"
    with file.open("rb") as packed:
        for line in TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(packed)):
            stamp, text = line.split(" ", 1)
            received_ms = int(stamp) // (1_000 if len(stamp) == 16 else 1_000_000)
            if "lastUpdateId" in text[:20]:
                assert reading.reader.restore(reading.symbol, text.encode())
                continue
            frames += 1
            facts = reading.take(text, received_ms=received_ms)
            told += len(facts)
            agreed.update(checked(facts))
    assert frames > 10_000
    assert told > 200
    assert reading.faults.counts == {}, "nothing unreadable, no break, no disagreement"
    assert reading.reader.is_whole(reading.symbol)
    assert agreed[True] > 0.9 * agreed.total() > 0
    assert not agreed[False]


@pytest.mark.slow
def test_one_change_left_out_of_a_recording_is_found_out(shared_data: Path) -> None:
    reading = Reading("BTCUSDT")
    file = shared_data / "binance_um" / "ws_capture" / "btcusdt_20240808.jsonl.zst"
    changes = 0
    with file.open("rb") as packed:
        for line in TextIOWrapper(zstandard.ZstdDecompressor().stream_reader(packed)):
            _, text = line.split(" ", 1)
            if "lastUpdateId" in text[:20]:
                reading.reader.restore("BTCUSDT", text.encode())
            elif "depthUpdate" in text:
                changes += 1
                if changes != 500:
                    reading.take(text)
            if changes > 502:
                break
    assert reading.faults.counts == {BROKEN_BOOK: 1}
    assert not reading.reader.is_whole("BTCUSDT")
