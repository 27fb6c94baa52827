"""Counts, clocks and numbers behind the door to Binance: small parts, asked for their edges."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.adapters.exchanges.binance.budget import Budget, Limits, Purpose
from quantum_trader.adapters.exchanges.binance.identity import cause_of
from quantum_trader.adapters.exchanges.binance.report_log import ReportLog, seq_at, time_of
from quantum_trader.adapters.exchanges.binance.reports import Told
from quantum_trader.adapters.exchanges.binance.server_clock import ServerClock
from quantum_trader.core.venue import VenueCancel

LATEST_MS = 2_000_000_000_000


def ended(number: int, at_ms: int) -> Told:
    """The end of an order."""
    update = VenueCancel(
        seq=0, at_ms=at_ms, symbol="BTCUSDT", client_order_id=str(number), reason="canceled"
    )
    return Told(("end", "BTCUSDT", number), update)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, LATEST_MS + 10**9)), max_size=60),
    st.integers(0, 10**15),
)
def test_numbers_only_grow_each_report_is_told_once_and_no_number_is_of_tomorrow(
    happenings: list[tuple[int, int]], cursor: int
) -> None:
    log = ReportLog(lambda: LATEST_MS)
    log.begin_after(cursor)
    for number, at_ms in happenings:
        log.add([ended(number, at_ms)])
    found = log.after(0)
    assert [one.client_order_id for one in found] == [
        str(number) for number in dict.fromkeys(number for number, _ in happenings)
    ]
    numbers = [one.seq for one in found]
    assert numbers == sorted(set(numbers))
    assert all(number > cursor for number in numbers)
    assert all(number <= max(seq_at(LATEST_MS), cursor) + 60 for number in numbers)
    for place, number in enumerate(numbers):
        assert list(log.after(number)) == list(found[place + 1 :])


def test_a_number_holds_its_time() -> None:
    log = ReportLog(lambda: LATEST_MS)
    log.add([ended(1, 5_000), ended(2, 5_000), ended(3, 4_000)])
    assert [time_of(one.seq) for one in log.after(0)] == [5_000, 5_000, 5_000]


@pytest.mark.parametrize(
    ("purpose", "used", "refused"),
    [
        ("entry", 1_679, False),
        ("entry", 1_680, True),
        ("question", 2_159, False),
        ("question", 2_160, True),
        ("guard", 2_399, False),
        ("guard", 2_400, True),
        ("exit", 10_000, False),
    ],
)
def test_each_purpose_has_its_share_of_the_weight(
    purpose: Purpose, used: int, refused: bool
) -> None:
    budget = Budget(Limits())
    budget.note(200, {"x-mbx-used-weight-1m": str(used)}, 60_000)
    assert (budget.refusal(purpose, 1, 0, 60_001) is not None) == refused
    assert budget.refusal(purpose, 1, 0, 120_000) is None, "a new minute is a new count"


def test_what_was_just_sent_counts_before_the_venue_has_counted_it() -> None:
    budget = Budget(Limits(orders_10s=10))
    for _ in range(7):
        assert budget.refusal("entry", 0, 1, 1_000) is None
        budget.spend(0, 1, 1_000)
    assert "7 of 10 orders in 10 s" in str(budget.refusal("entry", 0, 1, 1_000))
    assert budget.used(1_000) == (0, 7, 7)
    budget.note(200, {"x-mbx-order-count-10s": "3"}, 1_000)
    assert budget.used(1_000)[1] == 7, "an answer that was overtaken takes nothing back"
    assert budget.refusal("entry", 0, 1, 10_000) is None


@pytest.mark.parametrize("text", ["", "soon", "-1", "1" * 40])
def test_a_header_that_makes_no_sense_says_nothing(text: str) -> None:
    budget = Budget()
    budget.note(200, {"x-mbx-used-weight-1m": text if len(text) < 9 else ""}, 0)
    budget.note(429, {"retry-after": text}, 0)
    assert budget.refusal("question", 1, 0, 9_999) is not None
    assert budget.refusal("question", 1, 0, 10_001) is None


@given(st.integers(-5_000, 5_000), st.integers(0, 2_000))
def test_the_offset_is_what_lies_between_the_clocks(offset_ms: int, trip_ms: int) -> None:
    clock = ServerClock(lambda: 1_000_000 + trip_ms)
    assert clock.note(1_000_000, 1_000_000 + trip_ms // 2 + offset_ms, 1_000_000 + trip_ms)
    assert clock.offset_ms == offset_ms
    assert (clock.refusal() is not None) == (abs(offset_ms) + (trip_ms + 1) // 2 > 500)
    assert clock.there_ms() == 1_000_000 + trip_ms + offset_ms


def test_a_clock_that_was_not_measured_or_long_ago_or_too_slowly_holds_entries() -> None:
    now = [10]
    clock = ServerClock(lambda: now[0])
    assert "not measured" in str(clock.refusal())
    assert not clock.note(0, 5, 2_001)
    assert not clock.note(10, 5, 0)
    assert clock.note(0, 5, 10)
    assert clock.refusal() is None
    now[0] = 120_011
    assert "measured 120 s ago" in str(clock.refusal())
    now[0] = -1
    assert clock.refusal() is not None, "a clock that was set back"


@given(
    st.integers(-5_000, 5_000),
    st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 1_000)), min_size=1, max_size=30),
)
def test_however_long_the_ways_take_the_truth_lies_within_the_doubt(
    offset_ms: int, ways: list[tuple[int, int]]
) -> None:
    now = [0]
    clock = ServerClock(lambda: now[0])
    for out_ms, back_ms in ways:
        sent_ms = now[0]
        now[0] += out_ms + back_ms
        assert clock.note(sent_ms, sent_ms + out_ms + offset_ms, now[0])
    doubt_ms = (min(out_ms + back_ms for out_ms, back_ms in ways[-16:]) + 1) // 2
    assert abs((clock.offset_ms or 0) - offset_ms) <= doubt_ms
    assert clock.refusal() is not None or abs(offset_ms) <= 500, "never more than it may be"
    assert clock.is_sure == (doubt_ms <= 100)


def test_the_fastest_answer_of_late_is_believed_until_it_is_old() -> None:
    now = [0]
    clock = ServerClock(lambda: now[0])

    def measure(at_ms: int, offset_ms: int, trip_ms: int) -> None:
        now[0] = at_ms
        assert clock.note(at_ms - trip_ms, at_ms - trip_ms // 2 + offset_ms, at_ms)

    measure(1_000, 282, 600)
    assert "282 ms behind the venue's, give or take 300 ms" in str(clock.refusal())
    assert not clock.is_sure
    measure(6_000, 4, 10)
    assert (clock.offset_ms, clock.refusal(), clock.is_sure) == (4, None, True)
    measure(11_000, 282, 600)
    assert (clock.offset_ms, clock.refusal()) == (4, None), "a slow answer makes nothing worse"
    now[0] = 126_001
    assert clock.offset_ms == 282, "the fast one is too old by now"
    assert clock.refusal() is not None


def test_a_measurement_that_contradicts_older_ones_counts_alone() -> None:
    clock = ServerClock(lambda: 10_000)
    assert clock.note(9_990, 9_995, 10_000)
    assert clock.note(9_600, 9_800 + 3_000, 10_000)
    assert clock.offset_ms == 3_000, "somebody set a clock"
    assert "set the clock" in str(clock.refusal())


def test_only_the_venues_own_names_are_the_venues_own() -> None:
    assert cause_of("adl_autoclose") == "adl"
    assert cause_of("autoclose-1") == "liquidation"
    assert cause_of("delivery_autoclose-1") == cause_of("settlement_autoclose-1") == "settlement"
    for name in ("", "q1E", "x-autoclose-1", "AUTOCLOSE-1", "autoclose"):
        assert cause_of(name) == "order"
