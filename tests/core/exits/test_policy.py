"""Policies of exits: names become plans, plans become levels, and unknown names are refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.errors import ConfigError
from quantum_trader.core.exits.levels import (
    SL_MIN_FRAC,
    TP_MIN_FRAC,
    LevelBases,
    LevelInputs,
    adaptive,
)
from quantum_trader.core.exits.plan import TrailSpec
from quantum_trader.core.exits.policy import POLICIES, levels_of, policy_of
from quantum_trader.core.exits.profiles import PROFILES, Profile, ProfileMapping, Target
from tests.core.exits.contexts import a_leg, a_plan
from tests.core.exits.plan_asks import LEVELS, inputs

MINE = Profile(name="MINE", targets=(Target(3.0, 0.6),), trail=TrailSpec(0.03, 2.0))
CUSTOM = (ProfileMapping(profile=MINE, symbol="BTCUSDT"),)

ANY_LEVELS = st.builds(
    adaptive,
    st.builds(
        LevelInputs,
        side=st.sampled_from(["LONG", "SHORT"]),
        leverage=st.floats(1, 150),
        volatility_factor=st.none() | st.floats(0, 3),
        funding_rate_frac=st.none() | st.floats(-1, 1),
        divergence=st.none() | st.floats(0, 3),
    ),
    st.builds(LevelBases, tp_frac=st.floats(1e-5, 0.1), sl_frac=st.floats(1e-5, 0.1)),
)


@given(levels=ANY_LEVELS)
def test_the_adaptive_policy_is_the_formula_itself_there_and_back(levels: Any) -> None:
    made = policy_of("adaptive")(inputs(adaptive=levels))
    assert levels_of(made, levels.lsf) == levels
    assert (made.tp_frac, made.sl_frac) == (levels.tp_frac[0], levels.sl_frac)
    assert made.trail is None
    assert made.runner_frac == 0.0


@pytest.mark.parametrize(("mode", "scale"), [("CONSERVATIVE", 0.7), ("CRITICAL", 0.5)])
def test_a_careful_risk_mode_brings_adaptive_levels_nearer(mode: str, scale: float) -> None:
    found = levels_of(policy_of("adaptive")(inputs(risk_mode=mode)), 0.3)
    assert found is not None
    assert found.tp_frac == pytest.approx([each * scale for each in LEVELS.tp_frac])
    assert found.sl_frac == pytest.approx(LEVELS.sl_frac * scale)
    assert found.harvest == LEVELS.harvest


@given(levels=ANY_LEVELS)
def test_no_risk_mode_takes_adaptive_levels_below_their_floors(levels: Any) -> None:
    made = policy_of("adaptive")(inputs(adaptive=levels, risk_mode="CRITICAL"))
    found = levels_of(made, levels.lsf)
    assert found is not None
    assert found.tp_frac[0] >= TP_MIN_FRAC
    assert found.sl_frac >= SL_MIN_FRAC


@pytest.mark.parametrize(
    ("name", "sl_frac", "tp_frac"),
    [("static_3_4", 0.03, 0.04), ("static_0.5_1.25", 0.005, 0.0125), ("static_2_49", 0.02, 0.49)],
)
def test_a_static_policy_is_one_stop_and_one_target_in_percent(
    name: str, sl_frac: float, tp_frac: float
) -> None:
    made = policy_of(name)(inputs(risk_mode="CRITICAL", regime="VOLATILE"))
    found = levels_of(made, 0.3)
    assert found is not None
    assert found.sl_frac == pytest.approx(sl_frac)
    assert found.tp_frac == pytest.approx((tp_frac,))
    assert found.harvest == (1.0,)
    assert (made.source, made.profile) == (name, name.upper())


@pytest.mark.parametrize("name", PROFILES)
def test_a_named_profile_is_used_whatever_the_market_is_like(name: str) -> None:
    policy = policy_of(f"profile:{name}")
    for regime in ("NORMAL", "VOLATILE", "TRENDING", "RANGE_BOUND"):
        made = policy(inputs(regime=regime))
        assert (made.profile, made.source) == (name, f"profile:{name}")
        ladder_r = [leg.r_multiple for leg in made.legs_of("TP")]
        assert ladder_r == pytest.approx([each.r for each in PROFILES[name].targets])


def test_a_profile_of_ones_own_is_chosen_and_can_be_named() -> None:
    assert policy_of("profile")(inputs(profiles=CUSTOM)).profile == "MINE"
    assert policy_of("profile")(inputs(profiles=CUSTOM, symbol="ETHUSDT")).profile == (
        "NORMAL_DEFAULT"
    )
    assert policy_of("profile:MINE", CUSTOM)(inputs()).profile == "MINE"


def test_a_profile_of_ones_own_lends_its_runner_to_dynamic_targets() -> None:
    made = policy_of("dynamic")(inputs(profiles=CUSTOM))
    assert made.trail == MINE.trail
    assert made.runner_frac == 0.4
    assert [leg.size_frac for leg in made.legs_of("TP")] == [0.18, 0.18, 0.24]


def test_of_profiles_of_one_name_ones_own_comes_before_ours() -> None:
    own = Profile(name="NORMAL_DEFAULT", targets=(Target(7.0, 1.0),))
    custom = (
        ProfileMapping(profile=own),
        ProfileMapping(profile=Profile(name="NORMAL_DEFAULT", targets=(Target(9.0, 1.0),))),
    )
    made = policy_of("profile:NORMAL_DEFAULT", custom)(inputs())
    assert [leg.r_multiple for leg in made.legs_of("TP")] == pytest.approx([7.0])


def test_shares_of_a_plan_with_a_runner_leave_the_runner_out() -> None:
    found = levels_of(policy_of("profile:TREND_DEFAULT")(inputs()), 0.294)
    assert found is not None
    assert found.harvest == (0.15, 0.20, 0.30)
    assert found.tp_frac == pytest.approx((0.0125, 0.025, 0.05))
    assert (found.sl_frac, found.lsf) == (0.025, 0.294)


@pytest.mark.parametrize(
    "name",
    ["", "Adaptive", "adaptiv", "static", "static_3", "static_3_4_5", "static_-3_4", "static_3_4 "],
)
def test_an_unknown_policy_is_refused_with_the_names_of_all_that_are_known(name: str) -> None:
    with pytest.raises(ConfigError) as error:
        policy_of(name)
    for known in (*POLICIES, "profile:NAME", "static_SL_TP"):
        assert known in str(error.value)


@pytest.mark.parametrize("name", ["profile:", "profile:NOPE", "profile:trend_default"])
def test_an_unknown_profile_is_refused_with_the_names_of_all_that_are_known(name: str) -> None:
    with pytest.raises(ConfigError) as error:
        policy_of(name, CUSTOM)
    for known in (*PROFILES, "MINE"):
        assert known in str(error.value)


@pytest.mark.parametrize("name", ["static_0_4", "static_3_0", "static_50_60", "static_3_50"])
def test_a_static_policy_without_a_possible_stop_and_target_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="above 0 and below 50 percent"):
        policy_of(name)


@pytest.mark.parametrize("name", [*POLICIES, "profile:CHALLENGE_100", "static_3_4"])
def test_a_plan_tells_in_a_sentence_where_it_comes_from(name: str) -> None:
    made = policy_of(name)(inputs(risk_mode="CONSERVATIVE"))
    assert made.source == name
    assert made.reason
    assert ("CONSERVATIVE" in made.reason) == (name != "static_3_4")


def test_a_static_stop_and_target_may_lie_equally_far() -> None:
    made = policy_of("static_3_3")(inputs())
    assert (made.sl_frac, made.tp_frac) == (0.03, 0.03)


def test_a_refused_policy_is_told_the_known_ones_as_a_list() -> None:
    with pytest.raises(ConfigError) as error:
        policy_of("nope")
    assert str(error.value) == (
        "exits.policy: there is no 'nope'; known are adaptive, dynamic, profile, hints, "
        "profile:NAME, static_SL_TP (percent, as in static_3_4)"
    )
    with pytest.raises(ConfigError) as error:
        policy_of("profile:NOPE", CUSTOM)
    assert str(error.value) == (
        f"exits.policy: there is no profile 'NOPE'; known are {', '.join(PROFILES)}, MINE"
    )


def test_a_stop_at_the_entry_price_is_no_way_to_enter() -> None:
    assert levels_of(a_plan(legs=(a_leg("TP", 1.0, 0.01), a_leg("SL", 1.0, 0.0))), 0.3) is None
