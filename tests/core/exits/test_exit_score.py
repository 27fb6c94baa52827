"""The exit score: recorded vectors, what it asks for, and that it never asks twice."""

import math
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.exits.context import ExitContext, ExitMemory
from quantum_trader.core.exits.exit_score import (
    ScoreInputs,
    asked,
    exit_score,
    inputs_of,
    score,
    thresholds_r,
)
from quantum_trader.core.exits.settings import StopSettings
from tests.core.exits.contexts import (
    MINUTE_MS,
    NOW_MS,
    a_context,
    changed,
    exit_contexts,
    mirror,
    scaled,
)

STOPS = StopSettings(by_score=True)
TICK = 1 / 64
T1, LOCK = thresholds_r(10)


def some_inputs(**changes: Any) -> ScoreInputs:
    values: dict[str, Any] = {
        "r": 0.0,
        "target_r": T1,
        "lock_r": LOCK,
        "giveback": 0.0,
        "age_frac": 0.25,
        "stop_way_frac": 0.05,
        **changes,
    }
    return ScoreInputs(**values)


LOSING = some_inputs(r=-0.9, stop_way_frac=0.01)
WINNING = some_inputs(r=0.65, giveback=0.1, stop_way_frac=0.03)


def verbs(inputs: ScoreInputs) -> list[str]:
    return [wish.verb for wish in asked(inputs, exit_score(inputs))]


def test_the_thresholds_shrink_with_the_root_of_the_leverage() -> None:
    assert pytest.approx((0.632, 0.474), abs=5e-4) == (T1, LOCK)
    assert thresholds_r(1) == thresholds_r(0) == (2.0, 1.5)


def test_the_recorded_loser_is_closed() -> None:
    found = exit_score(LOSING)
    parts = (found.loss, found.profit, found.giveback, found.age, found.stop)
    assert parts == pytest.approx((0.6, 0.0, 0.0, 0.125, 0.8))
    assert found.score == pytest.approx(0.279, abs=5e-4)
    assert verbs(LOSING) == ["FULL_CLOSE"]


def test_the_recorded_winner_takes_a_part() -> None:
    found = exit_score(WINNING)
    parts = (found.loss, found.profit, found.giveback, found.age, found.stop)
    assert parts == pytest.approx((0.0, 1.0, 0.1, 0.125, 0.4))
    assert found.score == pytest.approx(0.329, abs=5e-4)
    assert verbs(WINNING)[0] == "PARTIAL_CLOSE_25"


@pytest.mark.parametrize(
    ("inputs", "first"),
    [
        (some_inputs(r=-1.5), "FULL_CLOSE"),
        (some_inputs(r=3.0, stop_way_frac=0.0), "FULL_CLOSE"),
        (some_inputs(r=3.0, stop_way_frac=-0.01), "FULL_CLOSE"),
        (some_inputs(r=3.0, age_frac=1.0), "TIME_STOP_EXIT"),
        (some_inputs(r=2 * T1, stop_way_frac=0.0499), "FULL_CLOSE"),
        (some_inputs(r=0.1, age_frac=0.95), "TIME_STOP_EXIT"),
        (some_inputs(r=LOCK, giveback=0.7), "TIGHTEN_TRAIL"),
        (some_inputs(r=LOCK + 0.06 * (T1 - LOCK)), "MOVE_TO_BREAKEVEN"),
        (some_inputs(r=LOCK), None),
        (some_inputs(r=-0.5), None),
        (some_inputs(r=0.0, stop_way_frac=None), None),
    ],
)
def test_the_map_from_score_to_action(inputs: ScoreInputs, first: str | None) -> None:
    assert next(iter(verbs(inputs)), None) == first


@pytest.mark.parametrize(
    ("inputs", "why"),
    [
        (some_inputs(r=-1.5, stop_way_frac=-1.0), "the loss is at its limit"),
        (some_inputs(stop_way_frac=0.0, age_frac=2.0), "the stop was crossed"),
        (some_inputs(r=-0.9, stop_way_frac=0.01, age_frac=1.0), "the longest holding time is over"),
    ],
)
def test_the_hard_guards_are_asked_before_the_formula(inputs: ScoreInputs, why: str) -> None:
    assert [wish.why for wish in asked(inputs, exit_score(inputs))] == [why]


def test_without_a_stop_its_nearness_counts_for_nothing() -> None:
    assert exit_score(some_inputs(stop_way_frac=None)).stop == 0.0


@given(
    st.floats(-3.0, 5.0), st.floats(0.0, 1.0), st.floats(0.0, 2.0), st.none() | st.floats(-0.1, 0.2)
)
def test_every_part_and_the_score_are_shares(
    r: float, giveback: float, age_frac: float, way_frac: float | None
) -> None:
    found = exit_score(
        some_inputs(r=r, giveback=giveback, age_frac=age_frac, stop_way_frac=way_frac)
    )
    assert all(0.0 <= part <= 1.0 for part in msgspec.structs.astuple(found))


# --- the rule

COSTLESS = {"taker_frac": 0.0, "leverage": 10}


def a_moment(gain: float, **changes: Any) -> ExitContext:
    """A LONG at 100 with its stop at 99, so a gain is also R, without costs."""
    mark = 100.0 + gain
    values = {"mark": mark, "best": max(mark, 100.0), **COSTLESS, **changes}
    return a_context(**values)


def test_a_position_is_measured_from_its_entry_its_best_price_and_its_stop() -> None:
    moment = a_moment(0.6, best=100.8, stop=99.6, opened_ms=NOW_MS - 60 * MINUTE_MS)
    found = inputs_of(moment, 100.6)
    assert found.r == pytest.approx(0.6)
    assert found.giveback == pytest.approx(0.25)
    assert found.age_frac == 0.25
    assert found.stop_way_frac == pytest.approx(0.01)
    assert (found.target_r, found.lock_r) == (T1, LOCK)


@pytest.mark.parametrize(("mark", "given"), [(101.0, 0.0), (100.8, 0.0), (100.4, 0.5), (99.5, 1.0)])
def test_no_more_can_be_given_back_than_was_there(mark: float, given: float) -> None:
    assert inputs_of(a_moment(0.0, best=100.8), mark).giveback == pytest.approx(given)


def test_without_any_profit_so_far_nothing_was_given_back() -> None:
    assert inputs_of(a_moment(-0.5), 99.5).giveback == 0.0


def test_a_part_is_the_first_step_of_the_one_ladder_and_is_taken_once() -> None:
    first = score(a_moment(0.65), STOPS)
    assert first is not None
    assert (first.kind, first.frac, first.stage) == ("REDUCE", 0.25, 1)
    assert dict(first.values)["r"] == pytest.approx(0.65)
    done = score(a_moment(0.65, stage=1), STOPS)
    resting = score(a_moment(0.65, resting=(1, 2)), STOPS)
    for again in (done, resting):
        assert again is not None
        assert again.kind == "MOVE_STOP"


def test_no_part_under_the_smallest_order_leaves_and_none_stays() -> None:
    step = float(a_context().instrument.order_qty_min)
    crumb = score(a_moment(0.65, initial_qty=2 * step, qty=2 * step), STOPS)
    assert crumb is not None
    assert crumb.kind == "MOVE_STOP"
    rest = score(a_moment(0.65, initial_qty=8 * step, qty=2.5 * step), STOPS)
    assert rest is not None
    assert rest.kind == "CLOSE"
    assert "too little would be left" in rest.reason


def test_twice_the_target_leaves_altogether() -> None:
    decision = score(a_moment(1.3, stop=99.0), STOPS)
    assert decision is not None
    assert decision.kind == "CLOSE"


def test_a_loser_near_its_stop_is_left_before_it() -> None:
    decision = score(a_moment(-0.9), STOPS)
    assert decision is not None
    assert decision.kind == "CLOSE"
    assert dict(decision.values)["loss"] == pytest.approx(0.6)


def test_profit_that_is_given_back_tightens_the_stop_behind_the_best_price() -> None:
    moment = a_moment(2.0, leverage=1, best=107.0, stop=96.0, initial_stop=98.85, stage=1)
    decision = score(moment, StopSettings(giveback_trail_frac=0.06, by_score=True))
    assert decision is not None
    assert decision.kind == "MOVE_STOP"
    assert decision.price == pytest.approx(101.0)
    assert "gives its profit back" in decision.reason


def test_a_profit_puts_the_stop_beyond_entry() -> None:
    decision = score(a_moment(0.5, stop=95.0), STOPS)
    assert decision is not None
    assert decision.kind == "MOVE_STOP"
    assert decision.price == pytest.approx(100.2)


@pytest.mark.parametrize(
    "changes",
    [
        {"stop": 100.2},
        {"stop": 100.5 - 0.29},
        {"stop": 100.17},
        {"stop": None},
        {"spread_frac": 0.0029},
        {"memory": ExitMemory(stop_moved_ms=NOW_MS - STOPS.move_every_ms + 1)},
    ],
)
def test_a_stop_is_not_moved_where_that_loosens_triggers_hardly_matters_or_comes_too_soon(
    changes: dict[str, Any],
) -> None:
    assert score(a_moment(0.5, **changes), STOPS) is None


def test_a_crossed_stop_is_left_to_the_venue() -> None:
    assert score(a_moment(-1.0), STOPS) is None
    assert score(a_moment(-2.0), STOPS) is None


def test_without_a_mark_or_a_risk_there_is_no_score() -> None:
    assert score(a_moment(0.65, mark=None), STOPS) is None
    assert score(a_moment(0.65, initial_stop=100.0), STOPS) is None


@given(exit_contexts())
def test_the_rule_never_loosens_never_enlarges_and_says_the_same_again(
    context: ExitContext,
) -> None:
    decision = score(context, STOPS)
    assert score(context, STOPS) == decision
    if decision is None:
        return
    assert all(math.isfinite(value) for _, value in decision.values)
    if decision.kind == "MOVE_STOP":
        assert context.stop is not None
        assert decision.price is not None
        assert context.mark is not None
        assert context.sign * (decision.price - context.stop) > 0.0
        assert context.sign * (context.mark - decision.price) > 0.0


@given(exit_contexts())
def test_long_and_short_large_and_small_are_the_same(context: ExitContext) -> None:
    calm = changed(context, initial_qty=8.0, funding_usd=0.0)
    here, there = score(calm, STOPS), score(mirror(calm), STOPS)
    assert (here is None) == (there is None)
    if here is not None and there is not None:
        assert (here.kind, here.frac, here.stage) == (there.kind, there.frac, there.stage)
    assert score(scaled(calm, 4.0), STOPS) == here


def moving(mark: float, **changes: Any) -> float | None:
    """Where a profit puts the stop, 100/512 beyond entry, with no costs and a tick of 1/64."""
    settings = StopSettings(by_score=True, lock_frac=1 / 512, move_min_frac=1 / 512)
    values: dict[str, Any] = {"stage": 1, "leverage": 125, "taker_frac": 0.0, "spread_frac": 0.0}
    decision = score(a_context(mark=mark, best=mark, **{**values, **changes}), settings)
    return None if decision is None else decision.price


def test_a_stop_by_score_keeps_more_than_a_tick_moves_by_the_least_and_waits_no_longer() -> None:
    locked = 100.0 + 100.0 / 512
    assert moving(locked + TICK) is None
    assert moving(locked + 2 * TICK) == locked
    assert moving(100.25, stop=100.0) == locked
    assert moving(100.25, memory=ExitMemory(stop_moved_ms=NOW_MS - 5_000)) == locked
    assert moving(100.25, memory=ExitMemory(stop_moved_ms=NOW_MS - 4_999)) is None
