"""Shapes of ladders: each says by what it was made, and by everything it may look at."""

from typing import Any

import pytest

from quantum_trader.core.exits.distances import callback_scale, distances
from quantum_trader.core.exits.plan import ExitPlan, TrailSpec
from quantum_trader.core.exits.plan_inputs import Hints
from quantum_trader.core.exits.policy import policy_of
from quantum_trader.core.exits.profiles import Profile, ProfileMapping, Target
from tests.core.exits.plan_asks import inputs


def planned(policy: str, **changes: Any) -> ExitPlan:
    return policy_of(policy)(inputs(**changes))


@pytest.mark.parametrize(
    ("policy", "changes", "profile", "reason"),
    [
        ("adaptive", {}, "ADAPTIVE", "adaptive levels at 10x"),
        (
            "adaptive",
            {"risk_mode": "CRITICAL"},
            "ADAPTIVE",
            "adaptive levels at 10x, risk mode CRITICAL",
        ),
        ("dynamic", {}, "DYNAMIC", "targets by the base table; stop at 2.50 %"),
        (
            "dynamic",
            {"leverage": 20.0, "notional_usd": 5_000.0, "stop_max_frac": 0.01},
            "DYNAMIC",
            "targets by high leverage, large position; stop at 1.00 % as the bounds allow",
        ),
        ("hints", {}, "HINTS", "nothing is hinted: base distances; stop at 2.50 %"),
        (
            "hints",
            {"hints": Hints(tp_frac=0.04)},
            "HINTS",
            "as the proposer hints; stop at 2.50 %",
        ),
        (
            "hints",
            {"hints": Hints(sl_frac=0.02)},
            "HINTS",
            "as the proposer hints; stop at 2.00 %",
        ),
        (
            "profile",
            {"stop_max_frac": 0.01, "risk_mode": "CONSERVATIVE"},
            "NORMAL_DEFAULT",
            "NORMAL_DEFAULT in a NORMAL market; stop at 1.00 % as the bounds allow, "
            "risk mode CONSERVATIVE",
        ),
    ],
)
def test_a_plan_says_by_what_it_was_shaped(
    policy: str, changes: dict[str, Any], profile: str, reason: str
) -> None:
    made = planned(policy, **changes)
    assert (made.profile, made.reason) == (profile, reason)


@pytest.mark.parametrize(
    ("changes", "factor"),
    [
        ({"volatility_frac": 0.05, "regime": "NORMAL"}, "high volatility"),
        ({"liquidity_usd": 50_000.0}, "thin market"),
        ({"margin_profit_frac": 0.06}, "already in profit"),
    ],
)
def test_dynamic_targets_know_the_market_and_the_profit(
    changes: dict[str, Any], factor: str
) -> None:
    assert planned("dynamic", **changes).reason.startswith(f"targets by {factor};")


@pytest.mark.parametrize("policy", ["dynamic", "profile"])
def test_a_profile_meant_for_a_strategy_is_taken_for_that_strategy(policy: str) -> None:
    mine = Profile(name="MINE", targets=(Target(3.0, 0.6),), trail=TrailSpec(0.031, 2.0))
    meant = (ProfileMapping(profile=mine, strategy="trend"),)
    assert planned(policy, profiles=meant).trail == mine.trail
    assert planned(policy, profiles=meant, strategy="other").trail != mine.trail


def test_where_nothing_is_trailed_the_runner_stays_with_the_targets_it_came_from() -> None:
    made = planned("dynamic", regime="NORMAL", volatility_factor=3.0)
    assert made.trail is None
    assert [leg.size_frac for leg in made.legs_of("TP")] == [0.3, 0.3, 0.4]


def test_a_hinted_callback_is_widened_like_any_other() -> None:
    made = planned("hints", hints=Hints(trail_callback_frac=0.02), volatility_factor=2.0)
    assert made.trail is not None
    assert made.trail.callback_frac == pytest.approx(0.02 * callback_scale(2.0))


def test_a_bound_that_allows_no_stop_leaves_the_refusal_to_the_bounds() -> None:
    assert distances(inputs(stop_max_frac=0.0)).sl_frac == distances(inputs()).sl_frac
