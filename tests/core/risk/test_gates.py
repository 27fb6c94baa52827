"""Every gate can pass, can block, blocks alone where it alone is asked, and says why."""

import re
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_trader.core.events import Blocked
from quantum_trader.core.risk.case import EntryCase
from quantum_trader.core.risk.gates import GATES, Gate
from quantum_trader.core.risk.limits import RiskLimits
from tests.core.risk.cases import (
    NOW_MS,
    a_case,
    a_draft,
    a_market_state,
    an_instrument,
    an_intent,
)

LIMITS = RiskLimits(state_required=True, symbols_allowed=("ETHUSDT",))
BY_NAME: dict[str, Gate] = {gate.__name__: gate for gate in GATES}

above = st.integers(1, 10**12)
from_mark_up = st.decimals(2_000, 10**9, places=2)
usd_above = st.decimals("0.01", "1e9", places=2)


def _short(**changes: Any) -> EntryCase:
    return a_case(intent=an_intent(side="SHORT", **changes))


# What each gate refuses: strategies of cases, one per way to be refused.
BLOCKED: dict[str, list[st.SearchStrategy[EntryCase]]] = {
    "kill_level_run": [st.sampled_from(["HALT", "FLATTEN"]).map(lambda k: a_case(kill_level=k))],
    "safe_drain_off": [st.just(a_case(safe_drain=True))],
    "streams_flow": [
        st.integers(1, 9).map(
            lambda n: a_case(blocked=(Blocked("market.tick", "the group paper", 11, 10),) * n)
        )
    ],
    "side_is_directional": [
        st.sampled_from(["HOLD", "FLAT"]).map(lambda s: a_case(intent=an_intent(side=s)))
    ],
    "not_duplicate": [st.just(a_case(duplicate=True))],
    "fresh": [
        above.map(lambda n: a_case(intent=an_intent(at_ms=NOW_MS - 300_000 - n))),
        above.map(lambda n: a_case(intent=an_intent(at_ms=NOW_MS + 5_000 + n))),
    ],
    "symbol_allowed": [st.just(a_case(intent=an_intent(symbol="XRPUSDT")))],
    "symbol_known": [st.just(a_case(instrument=None))],
    "symbol_tradable": [
        st.just(a_case(instrument=None)),
        st.sampled_from(["SETTLING", "BREAK", ""]).map(
            lambda s: a_case(instrument=an_instrument(status=s))
        ),
    ],
    "one_plan_per_symbol": [st.text(min_size=1).map(lambda p: a_case(open_plan=p))],
    "venue_as_agreed": [st.text(min_size=1).map(lambda why: a_case(alert=why))],
    "not_quarantined": [st.text(min_size=1).map(lambda why: a_case(quarantine=why))],
    "positions_below_max": [st.integers(10, 10**6).map(lambda n: a_case(open_positions=n))],
    "cooldown_after_close": [
        st.integers(0, 899_999).map(lambda n: a_case(last_close_ms=NOW_MS - n))
    ],
    "cooldown_after_open": [st.integers(0, 59_999).map(lambda n: a_case(last_open_ms=NOW_MS - n))],
    "mark_fresh": [
        st.just(a_case(mark=None)),
        st.just(a_case(mark=Decimal(0))),
        st.just(a_case(mark_age_ms=None)),
        above.map(lambda n: a_case(mark_age_ms=10_000 + n)),
    ],
    "state_known": [
        st.just(a_case(state=None)),
        above.map(lambda n: a_case(state=a_market_state(at_ms=NOW_MS - 900_000 - n))),
    ],
    "kill_score_low": [st.floats(0.6, 1.0).map(lambda k: a_case(kill_score=k))],
    "price_sane": [
        st.just(a_case(intent=an_intent(entry_price=Decimal(2_000)), mark=None)),
        st.just(a_case(intent=an_intent(entry_price=Decimal(2_000)), mark=Decimal(0))),
        usd_above.map(lambda x: a_case(intent=an_intent(entry_price=2_040 + x))),
        st.decimals("0.01", "1959.99", places=2).map(
            lambda x: a_case(intent=an_intent(entry_price=x))
        ),
    ],
    "prices_ordered": [
        st.just(a_case(intent=an_intent(stop_loss=Decimal(1_900)), mark=None)),
        from_mark_up.map(lambda x: a_case(intent=an_intent(stop_loss=x))),
        st.decimals("0.01", 2_000, places=2).map(lambda x: a_case(intent=an_intent(take_profit=x))),
        st.decimals("0.01", 2_000, places=2).map(lambda x: _short(stop_loss=x)),
        from_mark_up.map(lambda x: _short(take_profit=x)),
    ],
    "draft_exists": [
        st.sampled_from([None, "", "no stop fits before liquidation"]).map(
            lambda p: a_case(draft=None, draft_problem=p)
        )
    ],
    "stop_protects": [
        st.just(a_case(draft=None)),
        from_mark_up.map(lambda x: a_case(draft=a_draft(stop_price=x))),
        st.decimals(1, 1_820, places=2).map(lambda x: a_case(draft=a_draft(stop_price=x))),
        st.just(a_case(draft=a_draft(stop_price=Decimal(0), liquidation_price=None))),
        st.decimals(1, 2_000, places=2).map(
            lambda x: a_case(draft=a_draft(side="SHORT", stop_price=x, liquidation_price=None))
        ),
        st.just(
            a_case(
                draft=a_draft(
                    side="SHORT", stop_price=Decimal(2_200), liquidation_price=Decimal(2_180)
                )
            )
        ),
    ],
    "leverage_within": [
        st.just(a_case(draft=None)),
        st.just(a_case(instrument=None)),
        st.integers(21, 50).map(lambda n: a_case(draft=a_draft(leverage=n))),
        st.integers(11, 20).map(
            lambda n: a_case(draft=a_draft(leverage=n, notional_usd=Decimal(60_000)))
        ),
        st.just(a_case(draft=a_draft(leverage=1, notional_usd=Decimal(600_000)))),
    ],
    "notional_within": [
        st.just(a_case(draft=None)),
        usd_above.map(lambda x: a_case(draft=a_draft(notional_usd=3_000 + x))),
    ],
    "gross_notional_within": [
        st.just(a_case(draft=None)),
        usd_above.map(lambda x: a_case(gross_notional_usd=19_800 + x)),
    ],
    "above_min_notional": [
        st.just(a_case(draft=None)),
        st.just(a_case(instrument=None)),
        st.decimals("0.01", "19.99", places=2).map(lambda x: a_case(draft=a_draft(notional_usd=x))),
        st.just(a_case(draft=a_draft(qty=Decimal("0.0009")))),
    ],
    "margin_available": [
        st.just(a_case(draft=None)),
        st.decimals(-1_000, "20.07", places=2).map(lambda x: a_case(available_usd=x)),
    ],
    "risk_within": [
        st.just(a_case(draft=None)),
        usd_above.map(lambda x: a_case(draft=a_draft(risk_usd=20 + x))),
        st.decimals(-1_000, 0, places=2).map(lambda x: a_case(equity_usd=x)),
    ],
}

# The nearest world that each gate still lets pass.
EDGES: dict[str, list[EntryCase]] = {
    "fresh": [
        a_case(intent=an_intent(at_ms=NOW_MS - 300_000)),
        a_case(intent=an_intent(at_ms=NOW_MS + 5_000)),
    ],
    "positions_below_max": [a_case(open_positions=9)],
    "cooldown_after_close": [a_case(last_close_ms=NOW_MS - 900_000)],
    "cooldown_after_open": [a_case(last_open_ms=NOW_MS - 60_000)],
    "mark_fresh": [a_case(mark_age_ms=10_000)],
    "state_known": [a_case(state=a_market_state(at_ms=NOW_MS - 900_000))],
    "price_sane": [
        a_case(intent=an_intent(entry_price=Decimal(2_040))),
        a_case(intent=an_intent(entry_price=Decimal(1_960))),
    ],
    "prices_ordered": [
        a_case(intent=an_intent(stop_loss=Decimal("1999.99"), take_profit=Decimal("2000.01"))),
        _short(stop_loss=Decimal("2000.01"), take_profit=Decimal("1999.99")),
    ],
    "stop_protects": [
        a_case(draft=a_draft(stop_price=Decimal("1820.01"))),
        a_case(draft=a_draft(side="SHORT", stop_price=Decimal(2_020), liquidation_price=None)),
    ],
    "leverage_within": [
        a_case(draft=a_draft(leverage=20, notional_usd=Decimal(50_000))),
        a_case(draft=a_draft(leverage=10, notional_usd=Decimal(500_000))),
    ],
    "notional_within": [a_case(draft=a_draft(notional_usd=Decimal(3_000)))],
    "gross_notional_within": [a_case(gross_notional_usd=Decimal(19_800))],
    "above_min_notional": [a_case(draft=a_draft(notional_usd=Decimal(20), qty=Decimal("0.001")))],
    "margin_available": [a_case(available_usd=Decimal("20.08"))],
    "risk_within": [a_case(draft=a_draft(risk_usd=Decimal(20)))],
}


def test_every_gate_has_its_cases_and_its_own_name() -> None:
    assert len(BY_NAME) == len(GATES)
    assert list(BLOCKED) == list(BY_NAME)
    assert not EDGES.keys() - BY_NAME.keys()


@pytest.mark.parametrize("name", BY_NAME)
def test_a_gate_lets_the_usual_case_and_the_nearest_case_pass(name: str) -> None:
    for case in [a_case(), *EDGES.get(name, [])]:
        assert BY_NAME[name](case, LIMITS) is None


@pytest.mark.parametrize("name", BY_NAME)
def test_a_gate_blocks_in_every_way_it_should_and_says_why(name: str) -> None:
    for way in BLOCKED[name]:

        @settings(max_examples=25)
        @given(case=way)
        def blocks(case: EntryCase) -> None:
            refusal = BY_NAME[name](case, LIMITS)
            assert refusal is not None
            assert refusal.gate == name
            assert len(refusal.reason.split()) >= 3

        blocks()


@pytest.mark.parametrize("name", BY_NAME)
def test_missing_input_is_never_a_reason_to_pass(name: str) -> None:
    bare = a_case(
        intent=an_intent(entry_price=Decimal(2_000), stop_loss=Decimal(1_980)),
        instrument=None,
        mark=None,
        mark_age_ms=None,
        state=None,
        kill_score=None,
        draft=None,
    )
    needs_none_of_it = {
        "kill_level_run",
        "safe_drain_off",
        "streams_flow",
        "side_is_directional",
        "not_duplicate",
        "fresh",
        "symbol_allowed",
        "one_plan_per_symbol",
        "venue_as_agreed",
        "not_quarantined",
        "positions_below_max",
        "cooldown_after_close",
        "cooldown_after_open",
        "kill_score_low",
    }
    assert (BY_NAME[name](bare, LIMITS) is None) == (name in needs_none_of_it)


def test_a_case_without_a_draft_is_refused_with_its_problem() -> None:
    refusal = BY_NAME["draft_exists"](a_case(draft=None, draft_problem="no room"), LIMITS)
    assert refusal is not None
    assert refusal.reason == "no room"


def test_reasons_carry_the_numbers() -> None:
    stale = BY_NAME["fresh"](a_case(intent=an_intent(at_ms=NOW_MS - 300_001)), LIMITS)
    assert stale is not None
    assert re.search(r"300001 ms old.* 300000 ms", stale.reason)
    poor = BY_NAME["margin_available"](a_case(available_usd=Decimal(7)), LIMITS)
    assert poor is not None
    assert "20.08 USDT" in poor.reason
    assert "7.00 USDT" in poor.reason


def test_without_the_need_for_state_or_a_list_of_symbols_those_gates_stand_open() -> None:
    limits = RiskLimits()
    assert BY_NAME["state_known"](a_case(state=None), limits) is None
    other = a_case(intent=an_intent(symbol="XRPUSDT"))
    assert BY_NAME["symbol_allowed"](other, limits) is None


def test_a_cooldown_in_the_future_of_a_late_clock_still_counts() -> None:
    case = a_case(last_close_ms=NOW_MS + 1)
    assert BY_NAME["cooldown_after_close"](case, LIMITS) is not None


def test_every_position_leaves_room_for_its_stop_and_the_next_one() -> None:
    """The venue holds 200 conditional orders; the 101st position could not move its stop."""
    many = msgspec.structs.replace(LIMITS, positions_max=10**9)
    assert BY_NAME["positions_below_max"](a_case(open_positions=99), many) is None
    assert BY_NAME["positions_below_max"](a_case(open_positions=100), many) is not None


def test_limits_decide_and_not_constants() -> None:
    wide = msgspec.structs.replace(
        LIMITS,
        intent_age_ms_max=10**9,
        cooldown_close_ms=0,
        positions_max=10**9,
        stops_max=2 * 10**9,
    )
    old = a_case(
        intent=an_intent(at_ms=NOW_MS - 10**9), last_close_ms=NOW_MS, open_positions=10**9 - 1
    )
    for name in ("fresh", "cooldown_after_close", "positions_below_max"):
        assert BY_NAME[name](old, LIMITS) is not None
        assert BY_NAME[name](old, wide) is None
