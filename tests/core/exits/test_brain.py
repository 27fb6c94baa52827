"""The brain: one verdict out of all rules, the same for the same moment, whatever the moment is."""

import math
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.exits.brain import RULES, Rule, Verdict, evaluate, merged
from quantum_trader.core.exits.context import ExitContext, ExitMemory, MarketPicture
from quantum_trader.core.exits.decision import Decision, close, move_stop, reduce
from quantum_trader.core.exits.settings import StopSettings
from quantum_trader.core.rules import ExitRules
from tests.core.exits.contexts import (
    MINUTE_MS,
    NOW_MS,
    a_context,
    a_leg,
    a_plan,
    a_runner_plan,
    changed,
    exit_contexts,
    mirror,
    scaled,
)

BRAIN = ExitRules()
SCORING = ExitRules(stops=StopSettings(by_score=True))
"""Rules by which every rule of the table may speak."""
TARGETS = (101.0, 102.0, 103.0)
GONE = MarketPicture(
    sigma_frac=0.03,
    trend_strength=-0.5,
    p_trend=0.9,
    p_reversion=0.05,
    p_chop=0.05,
    regime="trend",
    atr_frac=None,
    volatility_rank=None,
)
"""A market that turned against a LONG, at many times the volatility of its entry."""
UNKNOWN = {
    "stop": None,
    "liquidation_price": None,
    "mark": None,
    "mark_age_ms": None,
    "market": None,
    "market_at_entry": None,
    "funding_rate_frac": None,
    "next_funding_ms": None,
    "confidence": None,
    "performance": None,
    "divergence": None,
    "heat": None,
}
"""Everything that may be missing."""

RUNNING: dict[str, Any] = {
    "mark": 103.8,
    "best": 104.0,
    "stage": 2,
    "targets": (101.0,),
    "plan": a_runner_plan(),
}
ACTING: dict[str, dict[str, Any]] = {
    "emergency": {"risk_mode": "ESS_ACTIVE"},
    "crossed_stop": {"mark": 98.75, "memory": ExitMemory(crossed_ms=NOW_MS - 3_000)},
    "near_liquidation": {"mark": 86.0},
    "loss_guard": {"mark": 98.0},
    "blind": {"mark": None, "mark_age_ms": None},
    "funding_due": {
        "mark": 102.9375,
        "best": 103.0,
        "targets": TARGETS,
        "resting": (1, 2, 3),
        "funding_rate_frac": 0.01,
        "next_funding_ms": NOW_MS + MINUTE_MS,
    },
    "time_exit": {"opened_ms": NOW_MS - 300 * MINUTE_MS},
    "challenge_late": {
        "opened_ms": NOW_MS - 130 * MINUTE_MS,
        "plan": a_plan(profile="CHALLENGE_100"),
    },
    "kill_score": {"market": GONE, "memory": ExitMemory(kill_streak=1)},
    "exit_score": {"mark": 102.0, "best": 102.0},
    "harvest": {"mark": 102.5, "best": 102.5},
    "break_even": {"mark": 101.0, "best": 101.0, "stage": 1, "targets": TARGETS},
    "first_target": {"mark": 103.0, "best": 103.0, "stage": 2, "targets": TARGETS},
    "profit_lock": {"mark": 101.5, "best": 101.5, "targets": TARGETS},
    "atr_trail": RUNNING,
    "callback_trail": RUNNING,
    "giveback": {"mark": 100.5, "best": 101.0, "targets": TARGETS},
}
"""For each rule, a moment in which it has something to say."""


def ask(rule: Rule, context: ExitContext) -> Decision | None:
    return rule.ask(context, getattr(SCORING, rule.section))


def asked_by(context: ExitContext) -> list[str]:
    return [decision.rule for decision in evaluate(context, BRAIN).asked]


def decided(context: ExitContext) -> list[tuple[str, str]]:
    return [(decision.kind, decision.rule) for decision in evaluate(context, BRAIN).decisions]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_acts_on_what_it_needs_and_on_nothing_else(rule: Rule) -> None:
    moment = a_context(**ACTING[rule.name])
    assert ask(rule, moment) is not None
    spared = {name: None for name in UNKNOWN if name not in (*rule.needs, "mark")}
    assert ask(rule, changed(moment, **spared)) is not None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_silent_without_what_it_needs(rule: Rule) -> None:
    for name in rule.needs:
        assert ask(rule, a_context(**{**ACTING[rule.name], name: None})) is None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_is_silent_about_a_quiet_position(rule: Rule) -> None:
    assert ask(rule, a_context(targets=TARGETS, resting=(1, 2, 3))) is None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_decision_carries_the_name_of_its_rule(rule: Rule) -> None:
    decision = ask(rule, a_context(**ACTING[rule.name]))
    assert decision is not None
    assert decision.rule == rule.name
    assert decision.reason


def test_every_rule_is_in_the_table_once() -> None:
    assert sorted(ACTING) == sorted(rule.name for rule in RULES)


def test_the_exit_score_is_asked_where_the_settings_say_so() -> None:
    moment = a_context(**ACTING["exit_score"], resting=(2, 3))
    assert "exit_score" not in [one.rule for one in evaluate(moment, BRAIN).asked]
    assert "exit_score" in [one.rule for one in evaluate(moment, SCORING).asked]


def test_nothing_is_decided_about_a_quiet_position() -> None:
    quiet = a_context(mark=100.5, best=100.75, targets=TARGETS, resting=(1, 2, 3))
    memory = ExitMemory(kill_at_ms=quiet.market_ms)
    assert evaluate(changed(quiet, memory=memory), BRAIN) == Verdict((), (), memory)


def test_a_position_that_is_flat_is_asked_nothing() -> None:
    flat = a_context(qty=0.0, risk_mode="ESS_ACTIVE")
    assert evaluate(flat, BRAIN) == Verdict((), (), flat.memory)


def test_a_close_wins_and_what_else_was_asked_is_kept() -> None:
    leaving = a_context(**{**RUNNING, "opened_ms": NOW_MS - 300 * MINUTE_MS, "resting": ()})
    assert decided(leaving) == [("CLOSE", "time_exit")]
    assert {"time_exit", "first_target", "callback_trail"} <= set(asked_by(leaving))


def test_the_first_close_in_policy_order_is_the_one_that_is_told() -> None:
    both = a_context(mark=86.0, risk_mode="ESS_ACTIVE")
    assert asked_by(both)[:3] == ["emergency", "near_liquidation", "loss_guard"]
    assert decided(both) == [("CLOSE", "emergency")]


def test_the_tighter_stop_wins_for_both_sides() -> None:
    moment = a_context(**RUNNING)
    for context in (moment, mirror(moment)):
        asked = evaluate(context, BRAIN).asked
        gains = [context.sign * (one.price or 0.0) for one in asked if one.kind == "MOVE_STOP"]
        (won,) = evaluate(context, BRAIN).decisions
        assert len(gains) > 1
        assert context.sign * (won.price or 0.0) == max(gains)


def test_of_equal_stops_the_first_rule_has_it() -> None:
    one, other = move_stop("a", "", 101.0), move_stop("b", "", 101.0)
    assert merged([one, other], 1) == (one,)
    tighter = move_stop("c", "", 101.125)
    assert merged([one, tighter], 1) == (tighter,)
    assert merged([one, tighter], -1) == (one,)


def test_one_reduction_and_one_stop_go_together() -> None:
    cut, part, stop = reduce("a", "", 0.5), reduce("b", "", 0.25), move_stop("c", "", 101.0)
    assert merged([cut, stop, part], 1) == (cut, stop)
    assert merged([cut, stop, part, close("d", "")], 1) == (close("d", ""),)


def test_a_harvest_and_a_stop_are_decided_in_one_moment() -> None:
    moment = a_context(mark=104.5, best=104.5, stage=1, targets=TARGETS)
    assert [kind for kind, _ in decided(moment)] == ["REDUCE", "MOVE_STOP"]


def test_the_stop_is_not_moved_again_before_its_time() -> None:
    moment = a_context(mark=101.5, best=101.5, targets=TARGETS)
    moved = evaluate(moment, BRAIN)
    assert [one.kind for one in moved.decisions] == ["MOVE_STOP"]
    assert moved.memory.stop_moved_ms == NOW_MS
    again = changed(moment, now_ms=NOW_MS + 1_000, memory=moved.memory)
    assert evaluate(again, BRAIN).decisions == ()


def test_a_stop_that_lost_to_a_close_was_not_moved() -> None:
    leaving = a_context(**{**RUNNING, "risk_mode": "ESS_ACTIVE"})
    assert evaluate(leaving, BRAIN).memory.stop_moved_ms == 0


def test_a_crossed_stop_is_remembered_until_the_mark_comes_back() -> None:
    crossed = a_context(mark=98.875)
    memory = evaluate(crossed, BRAIN).memory
    assert memory.crossed_ms == NOW_MS
    later = changed(crossed, now_ms=NOW_MS + 3_000, memory=memory)
    assert decided(later) == [("CLOSE", "crossed_stop")]
    assert evaluate(later, BRAIN).memory.crossed_ms == NOW_MS
    assert evaluate(changed(later, mark=99.5), BRAIN).memory.crossed_ms is None


def test_a_mark_that_is_missing_for_a_moment_does_not_forgive_a_crossed_stop() -> None:
    memory = ExitMemory(crossed_ms=NOW_MS - 2_000)
    unseen = a_context(mark=None, memory=memory)
    assert evaluate(unseen, BRAIN).memory.crossed_ms == NOW_MS - 2_000


def test_the_kill_score_wants_out_twice_before_it_leaves() -> None:
    gone = a_context(market=GONE, targets=TARGETS)
    first = evaluate(gone, BRAIN)
    assert (first.decisions, first.memory.kill_streak) == ((), 1)
    assert evaluate(changed(gone, memory=first.memory), BRAIN).memory == first.memory
    newer = changed(gone, memory=first.memory, market_ms=NOW_MS)
    assert decided(newer) == [("CLOSE", "kill_score")]


def test_the_memory_of_one_part_outlives_the_news_of_another() -> None:
    gone = a_context(market=GONE, mark=98.875, memory=ExitMemory(stop_moved_ms=7))
    memory = evaluate(gone, BRAIN).memory
    assert memory == ExitMemory(1, gone.market_ms, 7, NOW_MS)


def test_protection_needs_nothing_but_mark_and_position() -> None:
    blank = {**UNKNOWN, "liquidation_price": 84.0}
    for mark, rule in ((98.0, "loss_guard"), (86.0, "near_liquidation")):
        lost = a_context(**{**blank, "mark": mark})
        assert rule in asked_by(lost)
        assert evaluate(lost, BRAIN).decisions[0].kind == "CLOSE"


def told(verdict: Verdict) -> list[tuple[object, ...]]:
    """A verdict without its words and prices."""
    every = (*verdict.decisions, *verdict.asked)
    return [(one.kind, one.rule, one.frac, one.stage) for one in every]


def prices(verdict: Verdict) -> list[float]:
    every = (*verdict.decisions, *verdict.asked)
    return [one.price for one in every if one.price is not None]


@given(exit_contexts())
def test_the_same_moment_has_the_same_verdict(context: ExitContext) -> None:
    verdict = evaluate(context, SCORING)
    assert evaluate(context, SCORING) == verdict
    kept = evaluate(changed(context, memory=verdict.memory), SCORING)
    assert kept.memory.kill_streak == verdict.memory.kill_streak
    assert kept.memory.crossed_ms == verdict.memory.crossed_ms
    if not any(one.kind == "MOVE_STOP" for one in verdict.decisions):
        assert kept.asked == verdict.asked


@given(exit_contexts())
def test_long_and_short_are_one_rule(context: ExitContext) -> None:
    verdict, mirrored = evaluate(context, SCORING), evaluate(mirror(context), SCORING)
    assert told(mirrored) == told(verdict)
    reflected = [2.0 * context.entry_price - price for price in prices(mirrored)]
    assert reflected == pytest.approx(prices(verdict), rel=1e-9)
    assert mirrored.memory == verdict.memory


@given(exit_contexts(), st.sampled_from((0.25, 64.0)))
def test_a_verdict_does_not_depend_on_the_unit_of_size(context: ExitContext, factor: float) -> None:
    verdict = evaluate(context, SCORING)
    other = evaluate(scaled(context, factor), SCORING)
    assert (told(other), prices(other)) == (told(verdict), prices(verdict))


@given(exit_contexts())
def test_no_verdict_flips_enlarges_or_is_no_number(context: ExitContext) -> None:
    verdict = evaluate(context, SCORING)
    kinds = tuple(one.kind for one in verdict.decisions)
    assert kinds in ((), ("CLOSE",), ("REDUCE",), ("MOVE_STOP",), ("REDUCE", "MOVE_STOP"))
    for one in verdict.asked:
        assert all(math.isfinite(value) for _, value in one.values)
        assert one.kind == "REDUCE" or one.frac is None
        assert one.kind == "MOVE_STOP" or one.price is None
        if one.frac is not None:
            assert 0.0 < one.frac * context.initial_qty <= abs(context.qty)
        if one.price is not None:
            assert math.isfinite(one.price)
            assert one.price > 0.0


EXTREMES: tuple[dict[str, Any], ...] = (
    {"initial_stop": 100.0, "stop": 100.0},
    {"initial_qty": 0.0},
    {"qty": 1e-300, "initial_qty": 1e-300},
    {"qty": 64.0},
    {"liquidation_price": 100.0},
    {"liquidation_price": -1e6},
    {"leverage": 0},
    {"funding_usd": -1e12},
    {"mark": 1e-12, "worst": 1e-12},
    {"mark": 1e12, "best": 1e12},
    {"opened_ms": NOW_MS + MINUTE_MS},
    {"hold_max_ms": 0},
    {"stage": 9},
    {"plan": a_plan(legs=(a_leg("SL", 1.0, 0.0),))},
)


@pytest.mark.parametrize("extreme", EXTREMES)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_no_moment_is_too_odd_for_a_rule(rule: Rule, extreme: dict[str, Any]) -> None:
    moment = a_context(**{**ACTING[rule.name], **extreme})
    for context in (moment, changed(moment, instrument=coarse(moment))):
        for one in evaluate(context, BRAIN).asked:
            assert all(math.isfinite(value) for _, value in one.values)
            assert one.price is None or one.price > 0.0


def coarse(context: ExitContext) -> Any:
    return msgspec.structs.replace(context.instrument, tick=Decimal(64))
