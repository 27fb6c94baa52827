"""Rules that sleep: nothing they would have said is missed, and nothing worth remembering."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.exits import brain
from quantum_trader.core.exits.brain import GROUPS, RULES, Group, Rule, evaluate, grouped, is_quiet
from quantum_trader.core.exits.context import ExitContext, ExitMemory
from quantum_trader.core.exits.decision import Decision, close
from quantum_trader.core.exits.plan import TrailSpec
from quantum_trader.core.exits.settings import (
    GuardSettings,
    HarvestSettings,
    KillSettings,
    StopSettings,
)
from quantum_trader.core.rules import ExitRules
from tests.core.exits.contexts import (
    MINUTE_MS,
    NOW_MS,
    a_context,
    a_plan,
    a_runner_plan,
    changed,
    exit_contexts,
    mirror,
)

BRAIN = ExitRules()
TARGETS = (101.0, 102.0, 103.0)
QUIET: dict[str, Any] = {
    "mark": 100.5,
    "best": 100.75,
    "targets": TARGETS,
    "resting": (1, 2, 3),
    "memory": ExitMemory(kill_at_ms=NOW_MS - MINUTE_MS),
}
"""A position in a small profit, all of whose targets rest, in a market that was counted."""
WAKING: tuple[dict[str, Any], ...] = (
    {"risk_mode": "ESS_ACTIVE"},
    {"plan": a_plan(profile="CHALLENGE_100"), "opened_ms": NOW_MS - 130 * MINUTE_MS},
    {"mark": None},
    {"mark": 99.0},
    {"mark": 99.0, "stop": None, "liquidation_price": 98.75},
    {"mark": 98.5, "stop": None, "initial_stop": 99.0},
    {"mark": 87.5, "stop": None, "initial_stop": 70.0, "liquidation_price": None},
    {"liquidation_price": 99.5},
    {"liquidation_price": 101.0, "mark": 100.75, "stop": None},
    {"liquidation_price": 90.0, "mark": 93.5, "stop": None, "initial_stop": 90.0},
    {"next_funding_ms": NOW_MS},
    {"next_funding_ms": NOW_MS + 5 * MINUTE_MS},
    {"opened_ms": NOW_MS - 240 * MINUTE_MS},
    {"memory": ExitMemory(kill_at_ms=NOW_MS - MINUTE_MS, crossed_ms=NOW_MS)},
    {"memory": ExitMemory(kill_at_ms=NOW_MS - MINUTE_MS, kill_streak=2)},
    {"market_ms": NOW_MS},
    {"resting": (2, 3)},
    {"stage": 1},
    {"best": 101.0},
    {"best": 100.75, "plan": a_runner_plan(TrailSpec(callback_frac=0.01, activation_r=0.75))},
)
"""What each by itself is enough to have the position looked at."""

r_multiples = st.floats(0.05, 4.0)
stops = st.builds(
    StopSettings,
    lock_r=r_multiples,
    trail_from_r=r_multiples,
    giveback_from_r=r_multiples,
    move_every_ms=st.sampled_from((1, 5_000)),
    by_score=st.booleans(),
)
guards = st.builds(
    GuardSettings,
    liquidation_reduce_frac=st.floats(0.01, 0.8),
    loss_r=st.floats(0.05, 4.0),
    loss_frac=st.floats(0.001, 0.2),
)
settings = st.builds(
    ExitRules,
    stops=stops,
    guards=guards,
    kill=st.builds(KillSettings, enabled=st.booleans(), streak=st.integers(1, 3)),
    harvest=st.builds(HarvestSettings, enabled=st.booleans()),
)


def words(group: Group, context: ExitContext, rules: ExitRules) -> list[Decision]:
    """What the rules of a group say, awake or not."""
    asked = [rule.ask(context, getattr(rules, group.section)) for rule in group.rules]
    return [decision for decision in asked if decision is not None]


def sleeping(group: Group, context: ExitContext, rules: ExitRules) -> bool:
    return not group.wakes(context, getattr(rules, group.section))


@given(exit_contexts(), settings)
def test_whoever_sleeps_has_nothing_to_say(context: ExitContext, rules: ExitRules) -> None:
    for group in GROUPS:
        if sleeping(group, context, rules):
            assert words(group, context, rules) == []


@given(exit_contexts(), settings, st.data())
def test_on_the_edge_of_waking_nobody_who_sleeps_has_anything_to_say(
    context: ExitContext, rules: ExitRules, data: st.DataObject
) -> None:
    """The same where price and best price are exactly at what the rules look for, or beside it."""
    entry, sign, risk = context.entry_price, context.sign, context.risk_price
    level = context.liquidation_price
    way = 0.0 if level is None else sign * (entry - level)
    losses = (
        rules.guards.loss_r * risk,
        rules.guards.loss_frac * entry,
        rules.guards.liquidation_reduce_frac * way,
    )
    gains = (rules.stops.lock_r, rules.stops.trail_from_r, rules.stops.giveback_from_r, 1.0)
    nearly = data.draw(st.sampled_from((1.0 - 1e-15, 1.0, 1.0 + 1e-15)))
    best = entry + sign * data.draw(st.sampled_from(gains)) * risk * nearly
    mark = entry - sign * data.draw(st.sampled_from(losses)) * nearly
    for moment in (changed(context, best=best), changed(context, mark=mark)):
        for group in GROUPS:
            if sleeping(group, moment, rules):
                assert words(group, moment, rules) == []


@given(exit_contexts(), settings)
def test_a_quiet_moment_leaves_nothing_to_do_and_nothing_to_remember(
    context: ExitContext, rules: ExitRules
) -> None:
    calm = changed(
        context,
        risk_mode="NORMAL",
        stage=0,
        resting=(1, 2, 3),
        opened_ms=NOW_MS - MINUTE_MS,
        memory=ExitMemory(kill_at_ms=context.market_ms),
    )
    for moment in (context, calm):
        if is_quiet(moment, rules):
            assert [words(group, moment, rules) for group in GROUPS] == [[]] * len(GROUPS)
            assert evaluate(moment, rules).memory is moment.memory


def test_a_position_in_the_middle_of_nowhere_is_quiet() -> None:
    for moment in (a_context(**QUIET), mirror(a_context(**QUIET))):
        assert is_quiet(moment, BRAIN)


@pytest.mark.parametrize("change", WAKING, ids=str)
def test_a_single_reason_is_enough_to_wake(change: dict[str, Any]) -> None:
    moment = a_context(**{**QUIET, **change})
    assert not is_quiet(moment, BRAIN)
    assert not is_quiet(mirror(moment), BRAIN)


def test_stops_that_follow_sleep_on_while_they_may_not_move_again() -> None:
    moved = ExitMemory(kill_at_ms=NOW_MS - MINUTE_MS, stop_moved_ms=NOW_MS - 4_999)
    assert is_quiet(a_context(**{**QUIET, "best": 104.0, "memory": moved}), BRAIN)


def test_a_rule_about_which_nothing_is_known_is_asked_every_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new = Rule("new", lambda _, __: close("new", "for a test"), "guards")
    groups = grouped((*RULES, new))
    quiet = a_context(**QUIET)
    assert is_quiet(quiet, BRAIN)
    monkeypatch.setattr(brain, "GROUPS", groups)
    assert not is_quiet(quiet, BRAIN)
    assert [one.rule for one in evaluate(quiet, BRAIN).decisions] == ["new"]


def test_groups_hold_every_rule_in_policy_order() -> None:
    assert [rule for group in GROUPS for rule in group.rules] == list(RULES)
    assert len(GROUPS) < len(RULES)
