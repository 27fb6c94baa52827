"""What rules say: every decision names its rule, says why, and tells the numbers it looked at."""

from collections.abc import Callable
from typing import Any

import pytest

from quantum_trader.core.exits import guards, stops
from quantum_trader.core.exits.context import ExitContext, ExitMemory
from quantum_trader.core.exits.decision import Decision
from quantum_trader.core.exits.exit_score import score
from quantum_trader.core.exits.harvest import harvest
from quantum_trader.core.exits.settings import GuardSettings, HarvestSettings, StopSettings
from tests.core.exits.contexts import (
    MINUTE_MS,
    NOW_MS,
    a_context,
    a_leg,
    a_plan,
    a_runner_plan,
)

Rule = Callable[[ExitContext, Any], Decision | None]
CASES: list[tuple[Rule, Any, dict[str, Any], str, dict[str, float]]] = [
    (
        guards.emergency,
        GuardSettings(),
        {"risk_mode": "ESS_ACTIVE"},
        "the emergency stop is on: every position is left",
        {},
    ),
    (
        guards.emergency,
        GuardSettings(),
        {"plan": a_plan(strategy="EMERGENCY_EXIT", legs=(a_leg("EMERGENCY", 1.0, None),))},
        "the plan is to leave at once",
        {},
    ),
    (
        guards.near_liquidation,
        GuardSettings(),
        {"mark": 86.0, "stop": 85.0},
        "the mark 86 has gone 87.5 % of the way to liquidation at 84",
        {"way_gone_frac": 0.875, "mark": 86.0, "liquidation_price": 84.0},
    ),
    (
        guards.near_liquidation,
        GuardSettings(),
        {"mark": 88.0, "stop": 85.0},
        "the mark has gone 75.0 % of the way to liquidation",
        {"way_gone_frac": 0.75},
    ),
    (
        guards.near_liquidation,
        GuardSettings(liquidation_cut_frac=0.9),
        {"mark": 88.0, "stop": 85.0, "initial_qty": 0.05, "qty": 0.05},
        "the mark has gone 75.0 % of the way to liquidation, and too little would be left",
        {"way_gone_frac": 0.75},
    ),
    (
        guards.near_liquidation,
        GuardSettings(),
        {"stop": 83.0},
        "liquidation at 84 comes before the stop at 83, which protects nothing",
        {"liquidation_price": 84.0, "stop": 83.0},
    ),
    (
        guards.crossed_stop,
        GuardSettings(),
        {"mark": 98.5, "memory": ExitMemory(crossed_ms=NOW_MS - 600_000)},
        "the mark 98.5 has been beyond the stop at 99 for 600.0 s and the stop was not filled",
        {"mark": 98.5, "stop": 99.0, "waited_ms": 600_000.0},
    ),
    (
        guards.blind,
        GuardSettings(blind_ms=60_000),
        {"mark": None, "mark_age_ms": 500_000},
        "there has been no fresh mark for 500 s",
        {"blind_ms": 500_000.0},
    ),
    (
        guards.loss_guard,
        GuardSettings(),
        {"mark": 98.0},
        "the position has lost 2.00 % of its price, 2.00 R",
        {"lost_frac": 0.02, "mark": 98.0, "lost_r": 2.0},
    ),
    (
        guards.funding_due,
        GuardSettings(),
        {
            "mark": 100.0,
            "targets": (100.25,),
            "funding_rate_frac": 0.01,
            "next_funding_ms": NOW_MS + 1_000,
        },
        "funding of 1.000 % is due and only 0.200 % is left to earn",
        {"funding_frac": 0.01, "edge_frac": 0.002},
    ),
    (
        guards.time_exit,
        GuardSettings(),
        {"opened_ms": NOW_MS - 36_000 * MINUTE_MS},
        "held for 36000 minutes",
        {"held_ms": 36_000.0 * MINUTE_MS},
    ),
    (
        guards.challenge_late,
        GuardSettings(),
        {"opened_ms": NOW_MS - 36_000 * MINUTE_MS, "plan": a_plan(profile="CHALLENGE_100")},
        "no target was reached within 36000 minutes",
        {"held_ms": 36_000.0 * MINUTE_MS},
    ),
    (
        harvest,
        HarvestSettings(),
        {"mark": 102.5, "taker_frac": 0.0},
        "2.50 R net reached step 1 of the ladder at 2.00 R",
        {"r_net": 2.5, "threshold_r": 2.0},
    ),
    (
        harvest,
        HarvestSettings(),
        {"mark": 104.5, "taker_frac": 0.0, "stage": 1, "qty": 1.0},
        "4.50 R net reached step 2 of the ladder at 4.00 R, and too little would be left",
        {"r_net": 4.5, "threshold_r": 4.0, "stage": 2.0},
    ),
    (
        stops.break_even,
        StopSettings(),
        {"stage": 1, "mark": 102.0, "best": 102.0},
        "break-even after stage 1",
        {"costs": (2.0 * 0.0004 + 0.0001) * 100.0},
    ),
    (
        stops.first_target,
        StopSettings(),
        {"stage": 2, "mark": 102.0, "best": 102.0, "targets": (101.0, 101.5)},
        "the first target after stage 2",
        {},
    ),
    (
        stops.profit_lock,
        StopSettings(),
        {"mark": 102.0, "best": 102.0},
        "1.5 R were reached: 0.20 % is locked in",
        {},
    ),
    (
        stops.atr_trail,
        StopSettings(),
        {"mark": 102.0, "best": 102.0},
        "2 average true ranges behind the best price",
        {"best": 102.0, "atr": 0.4},
    ),
    (
        stops.callback_trail,
        StopSettings(),
        {"mark": 102.0, "best": 102.0, "plan": a_runner_plan()},
        "1.50 % behind the best price",
        {"best": 102.0, "best_r": 2.0},
    ),
    (
        stops.giveback,
        StopSettings(),
        {"mark": 101.0, "best": 102.0},
        "50 % of the best profit was given back",
        {"best": 102.0, "given_frac": 0.5},
    ),
]


@pytest.mark.parametrize(("rule", "settings", "changes", "reason", "values"), CASES)
def test_a_decision_names_its_rule_says_why_and_tells_its_numbers(
    rule: Rule, settings: Any, changes: dict[str, Any], reason: str, values: dict[str, float]
) -> None:
    decision = rule(a_context(**changes), settings)
    assert decision is not None
    assert (decision.rule, decision.reason) == (rule.__name__, reason)
    assert dict(decision.values) == pytest.approx(values)


TAKES = {"mark": 101.5, "best": 101.5, "leverage": 5}


@pytest.mark.parametrize(
    ("changes", "kind", "reason"),
    [
        (TAKES, "REDUCE", "the first target is near or reached"),
        (
            {**TAKES, "qty": 2.0},
            "CLOSE",
            "the first target is near or reached, and too little would be left",
        ),
        ({**TAKES, "stage": 1}, "MOVE_STOP", "it is in profit"),
        (
            {"opened_ms": NOW_MS - 10 * MINUTE_MS, "hold_max_ms": 10 * MINUTE_MS},
            "CLOSE",
            "the longest holding time is over",
        ),
        (
            {"mark": 100.3125, "best": 100.78125, "stage": 1, "leverage": 125},
            "MOVE_STOP",
            "it gives its profit back",
        ),
    ],
)
def test_the_exit_score_tells_itself_its_parts_and_the_wish_it_fulfils(
    changes: dict[str, Any], kind: str, reason: str
) -> None:
    context = a_context(**changes)
    decision = score(context, StopSettings(by_score=True))
    assert decision is not None
    told = dict(decision.values)
    assert (decision.kind, decision.rule) == (kind, "exit_score")
    assert decision.reason == f"exit score {told['score']:.3f}: {reason}"
    assert set(told) == {"loss", "profit", "giveback", "age", "stop", "score", "r"}
    assert told["r"] == context.r_net_at(context.mark or 0.0)
