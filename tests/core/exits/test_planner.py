"""Exit plans: the three strategies, legs and runners, and the defects that plans once had."""

import math
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.exits.distances import callback_scale, distances
from quantum_trader.core.exits.plan import ExitPlan
from quantum_trader.core.exits.plan_inputs import Hints, PlanInputs
from quantum_trader.core.exits.planner import VALID_MS
from quantum_trader.core.exits.policy import POLICIES, levels_of, policy_of
from quantum_trader.core.exits.profiles import PROFILES
from tests.core.exits.plan_asks import INPUTS, NOW_MS, inputs

EVERY_POLICY = (*POLICIES, *(f"profile:{name}" for name in PROFILES), "static_3_4")

ANY_POLICY = st.sampled_from(EVERY_POLICY)


def planned(policy: str, **changes: Any) -> ExitPlan:
    return policy_of(policy)(inputs(**changes))


def triggers(plan: ExitPlan) -> list[float | None]:
    return [leg.trigger_frac for leg in plan.legs_of("TP")]


def sizes(plan: ExitPlan) -> list[float]:
    return [leg.size_frac for leg in plan.legs_of("TP")]


def test_a_regime_that_was_told_is_not_classified_again() -> None:
    assert planned("dynamic", regime="RANGE_BOUND", volatility_frac=0.1).regime == "RANGE_BOUND"


def test_a_regime_that_nobody_knows_is_said_to_be_assumed() -> None:
    unknown = planned("dynamic", regime=None, volatility_frac=None, trend=None, assumed=("x",))
    assert unknown.assumed == ("x", "regime")
    assert planned("dynamic", regime=None, assumed=("x",)).assumed == ("x",)


def test_hints_are_really_read_so_a_stop_hinted_at_two_percent_stands_at_two() -> None:
    way = distances(inputs(hints=Hints(tp_frac=0.03, sl_frac=0.02, confidence=0.6)))
    assert (way.tp_frac, way.sl_frac) == pytest.approx((0.03, 0.02))
    made = planned("hints", hints=Hints(tp_frac=0.04, sl_frac=0.02))
    stop = made.primary("SL")
    assert stop is not None
    assert stop.trigger_frac == pytest.approx(-0.02)
    assert triggers(made) == pytest.approx([0.02, 0.04])


@pytest.mark.parametrize("name", ["NORMAL_DEFAULT", "CHOP_DEFAULT"])
def test_targets_in_r_are_computed_by_the_stop_that_the_bounds_leave_standing(name: str) -> None:
    made = planned(f"profile:{name}", stop_max_frac=0.01)
    stop = made.primary("SL")
    assert stop is not None
    assert (stop.trigger_frac, made.sl_frac) == (-0.01, 0.01)
    assert triggers(made) == pytest.approx([each.r * 0.01 for each in PROFILES[name].targets])
    assert "as the bounds allow" in made.reason
    assert "as the bounds allow" not in planned(f"profile:{name}", stop_max_frac=0.03).reason


def test_the_plan_that_was_once_verified_comes_out_but_for_a_runner_taken_from_every_target() -> (
    None
):
    made = planned("dynamic")
    stop = made.primary("SL")
    assert stop is not None
    assert stop.trigger_frac == -0.025
    assert triggers(made) == pytest.approx([0.015, 0.025, 0.04])
    assert sizes(made) == pytest.approx([0.3 * 0.75, 0.3 * 0.75, 0.4 * 0.75])
    assert made.runner_frac == 0.25


@pytest.mark.parametrize("regime", ["NORMAL", "VOLATILE", "TRENDING", "RANGE_BOUND"])
@pytest.mark.parametrize("hint", [0.012, 0.025, 0.05])
def test_the_stop_does_not_scale_dynamic_targets(regime: str, hint: float) -> None:
    wide = planned("dynamic", regime=regime, hints=Hints(sl_frac=hint))
    usual = planned("dynamic", regime=regime)
    assert triggers(wide) == triggers(usual)
    assert [leg.r_multiple for leg in wide.legs_of("TP")] == pytest.approx(
        [(leg.trigger_frac or math.nan) / wide.sl_frac for leg in usual.legs_of("TP")]
    )


def test_the_regime_multiplies_a_dynamic_target_once() -> None:
    made = planned("dynamic", leverage=3.0, regime="TRENDING", signal_confidence=0.9)
    assert triggers(made) == pytest.approx([0.038025, 0.063375, 0.1])
    assert sizes(made) == pytest.approx([0.2 * 0.65, 0.3 * 0.65, 0.5 * 0.65])


def test_a_target_hint_and_the_risk_mode_reach_the_dynamic_targets() -> None:
    hinted = planned("dynamic", hints=Hints(tp_frac=0.045))
    assert triggers(hinted) == pytest.approx([0.0225, 0.0375, 0.06])
    careful = planned("dynamic", risk_mode="CRITICAL")
    assert triggers(careful) == pytest.approx([0.0075, 0.0125, 0.02])


@pytest.mark.parametrize("regime", ["NORMAL", "VOLATILE", "TRENDING"])
@pytest.mark.parametrize("policy", ["dynamic", "profile"])
def test_the_usual_plans_have_a_runner_that_is_trailed(policy: str, regime: str) -> None:
    made = planned(policy, regime=regime)
    trail = made.primary("TRAIL")
    assert trail is not None
    assert trail.size_frac == made.runner_frac > 0.01
    assert trail.r_multiple == trail.trail.activation_r  # type: ignore[union-attr]


@pytest.mark.parametrize("policy", ["dynamic", "profile"])
def test_in_a_range_there_is_nothing_to_run_for_and_targets_take_everything(policy: str) -> None:
    made = planned(policy, regime="RANGE_BOUND")
    assert made.trail is None
    assert made.runner_frac == 0.0


def test_a_dynamic_plan_without_a_runner_keeps_the_recorded_sizes() -> None:
    made = planned("dynamic", notional_usd=5_000.0, regime="RANGE_BOUND")
    assert sizes(made) == [0.40, 0.35, 0.25]


@pytest.mark.parametrize("policy", ["dynamic", "profile", "hints"])
def test_in_the_liveliest_market_nothing_is_trailed_and_the_last_target_takes_the_rest(
    policy: str,
) -> None:
    made = planned(policy, volatility_factor=3.0)
    assert made.trail is None
    assert sum(sizes(made)) == pytest.approx(1.0)
    assert planned(policy, volatility_factor=2.99).trail is not None


def test_a_lively_market_widens_a_callback_and_all_of_its_steps() -> None:
    assert callback_scale(2.0) == pytest.approx(1.6)
    assert callback_scale(1.0) == callback_scale(0.2) == 1.0
    usual, wide = planned("profile").trail, planned("profile", volatility_factor=2.0).trail
    assert usual is not None
    assert wide is not None
    assert usual == PROFILES["NORMAL_DEFAULT"].trail
    assert wide.callback_frac == pytest.approx(0.024)
    assert wide.tightening[0] == pytest.approx((3.0, 0.016))
    assert wide.activation_r == usual.activation_r


def test_hints_make_two_quarters_and_a_trailed_half() -> None:
    made = planned("hints")
    assert triggers(made) == pytest.approx([0.015, 0.03])
    assert sizes(made) == [0.25, 0.25]
    trail = made.trail
    assert trail is not None
    assert (made.runner_frac, trail.callback_frac) == (0.5, 0.015)
    assert trail.activation_r == pytest.approx(0.03 / 0.025)
    hinted = planned("hints", hints=Hints(trail_callback_frac=0.03)).trail
    assert hinted is not None
    assert hinted.callback_frac == 0.03


@pytest.mark.parametrize("regime", ["VOLATILE", "RANGE_BOUND"])
def test_where_a_regime_does_not_trail_the_hinted_half_leaves_at_twice_the_target(
    regime: str,
) -> None:
    made = planned("hints", regime=regime)
    tp_frac = distances(inputs(regime=regime)).tp_frac
    assert triggers(made) == pytest.approx([0.5 * tp_frac, tp_frac, 2.0 * tp_frac])
    assert sizes(made) == [0.25, 0.25, 0.5]
    assert made.trail is None


@given(policy=ANY_POLICY, asked=INPUTS)
def test_with_the_emergency_stop_on_every_policy_leaves_at_once_and_enters_nothing(
    policy: str, asked: PlanInputs
) -> None:
    made = policy_of(policy)(msgspec.structs.replace(asked, risk_mode="ESS_ACTIVE"))
    assert made.strategy == "EMERGENCY_EXIT"
    assert [(leg.kind, leg.size_frac, leg.priority, leg.condition) for leg in made.legs] == [
        ("EMERGENCY", 1.0, 0, "IMMEDIATE")
    ]
    assert made.leaves_at_once
    assert levels_of(made, 0.3) is None
    assert "ESS_ACTIVE" in made.reason


def test_only_an_emergency_leaves_at_once() -> None:
    assert not planned("dynamic").leaves_at_once


def test_a_locked_profit_has_its_target_where_the_price_can_come_and_not_at_1500_percent() -> None:
    made = planned("profile", margin_profit_frac=0.15)
    stop, target = made.primary("SL"), made.primary("TP")
    assert stop is not None
    assert target is not None
    assert made.strategy == "PROFIT_LOCK"
    assert (stop.trigger_frac, stop.size_frac) == (0.002, 1.0)
    assert target.trigger_frac == pytest.approx(0.0225)
    assert target.size_frac == 1.0
    assert made.sl_frac == -0.002
    assert made.tp_frac == target.trigger_frac
    assert made.price_at(0.002) == pytest.approx(100.2)
    assert levels_of(made, 0.3) is None


def test_a_profit_is_locked_in_above_a_tenth_of_the_margin_and_not_at_it() -> None:
    assert planned("profile", margin_profit_frac=0.1).strategy == "STANDARD_LADDER"
    assert planned("profile", margin_profit_frac=0.1001).strategy == "PROFIT_LOCK"
    assert planned("profile", margin_profit_frac=-5.0).strategy == "STANDARD_LADDER"


def test_the_emergency_stop_ranks_above_a_profit() -> None:
    made = planned("profile", margin_profit_frac=0.15, risk_mode="ESS_ACTIVE")
    assert made.strategy == "EMERGENCY_EXIT"


@given(profit_frac=st.floats(0.1001, 5), leverage=st.floats(1, 125), policy=ANY_POLICY)
def test_a_locked_profit_lies_between_entry_and_the_market(
    profit_frac: float, leverage: float, policy: str
) -> None:
    made = planned(policy, margin_profit_frac=profit_frac, leverage=leverage)
    stop, target = made.primary("SL"), made.primary("TP")
    market_frac = profit_frac / leverage
    assert stop is not None
    assert target is not None
    assert 0.0 < (stop.trigger_frac or 0.0) < market_frac < (target.trigger_frac or 0.0)


def test_a_short_mirrors_a_long_in_its_prices() -> None:
    long, short = planned("profile", side="LONG"), planned("profile", side="SHORT")
    assert long.legs == short.legs
    assert [long.price_at(each or 0.0) for each in triggers(long)] == pytest.approx(
        [101.25, 102.5, 105.0]
    )
    assert [short.price_at(each or 0.0) for each in triggers(short)] == pytest.approx(
        [98.75, 97.5, 95.0]
    )


def test_a_plan_says_whose_it_is_and_for_how_long() -> None:
    made = planned("profile", adopted=True, side="SHORT", entry_price=42.0)
    assert (made.symbol, made.position_id, made.side) == ("BTCUSDT", "p1", "SHORT")
    assert (made.entry_price, made.adopted) == (42.0, True)
    assert (made.created_ms, made.expires_ms) == (NOW_MS, NOW_MS + VALID_MS)
    assert VALID_MS == 86_400_000


def test_a_plan_is_as_sure_as_its_exits_else_as_its_entry() -> None:
    assert planned("profile", hints=Hints(confidence=0.6)).confidence == 0.6
    assert planned("profile", signal_confidence=0.75).confidence == 0.75
    assert planned("profile", signal_confidence=None).confidence is None


@given(policy=ANY_POLICY, asked=INPUTS)
def test_every_ladder_covers_the_position_once_and_in_strict_order(
    policy: str, asked: PlanInputs
) -> None:
    made = policy_of(policy)(asked)
    stop = made.primary("SL")
    distances_frac = [each or 0.0 for each in triggers(made)]
    assert made.strategy == "STANDARD_LADDER"
    assert stop is not None
    assert (stop.size_frac, stop.priority, stop.r_multiple) == (1.0, 0, -1.0)
    assert stop.trigger_frac == -made.sl_frac < 0.0
    assert distances_frac[0] > 0.0
    assert all(near < far for near, far in pairwise(distances_frac))
    trail = sum(leg.size_frac for leg in made.legs_of("TRAIL"))
    assert sum(sizes(made)) + trail == pytest.approx(1.0, abs=1e-9)
    assert trail == made.runner_frac
    assert [leg.priority for leg in made.legs_of("TP")] == list(range(len(distances_frac)))


@given(policy=ANY_POLICY, asked=INPUTS)
def test_a_plan_does_not_depend_on_the_size_of_the_price_and_survives_its_journey(
    policy: str, asked: PlanInputs
) -> None:
    made = policy_of(policy)(asked)
    scaled = policy_of(policy)(msgspec.structs.replace(asked, entry_price=asked.entry_price * 1e4))
    assert scaled.legs == made.legs
    assert msgspec.json.decode(msgspec.json.encode(made), type=ExitPlan) == made


@given(asked=INPUTS, ceiling=st.floats(0.001, 0.1))
def test_no_plan_by_distances_has_a_wider_stop_than_the_bounds_allow(
    asked: PlanInputs, ceiling: float
) -> None:
    bounded = msgspec.structs.replace(asked, stop_max_frac=ceiling)
    for policy in ("dynamic", "profile", "hints"):
        assert policy_of(policy)(bounded).sl_frac <= ceiling


def test_a_locked_profit_says_what_was_earned_and_where_its_target_lies() -> None:
    made = planned("profile", margin_profit_frac=0.15)
    stop, target = made.primary("SL"), made.primary("TP")
    assert stop is not None
    assert target is not None
    assert made.reason == stop.reason
    assert made.reason == "15.0 % of the margin earned: 0.20 % of the price is locked in"
    assert (target.priority, target.r_multiple) == (0, None)
    assert target.reason == "half as far again as the price has come"


def test_at_a_high_leverage_half_of_the_way_is_locked_in() -> None:
    made = planned("profile", margin_profit_frac=0.125, leverage=125.0)
    stop = made.primary("SL")
    assert stop is not None
    assert stop.trigger_frac == pytest.approx(0.0005)
    assert made.reason == "12.5 % of the margin earned: 0.05 % of the price is locked in"


def test_every_leg_says_what_it_is_for() -> None:
    assert [leg.reason for leg in planned("profile:NORMAL_DEFAULT").legs] == [
        "the stop",
        "target 1 of 3",
        "target 2 of 3",
        "target 3 of 3",
        "what no target takes runs behind the best price",
    ]
    assert planned("dynamic", risk_mode="ESS_ACTIVE").reason == (
        "the emergency stop is on (ESS_ACTIVE): everything leaves, nothing is entered"
    )
