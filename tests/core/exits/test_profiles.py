"""Static profiles: as they were written down, with trails that live, and how one is chosen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.errors import ConfigError
from quantum_trader.core.exits.plan import TrailSpec
from quantum_trader.core.exits.profiles import (
    PROFILES,
    Profile,
    ProfileMapping,
    Target,
    select,
)

RECORDED_R = {
    "TREND_DEFAULT": (0.5, 1.0, 2.0),
    "RANGE_DEFAULT": (0.2, 0.4, 0.7),
    "VOLATILE_DEFAULT": (0.4, 0.8, 1.5),
    "CHOP_DEFAULT": (0.15, 0.35, 0.6),
    "NORMAL_DEFAULT": (0.5, 1.0, 2.0),
    "CHALLENGE_100": (1.0,),
}
SIZES_AND_RUNNER = {
    "TREND_DEFAULT": ((0.15, 0.20, 0.30), 0.35),
    "RANGE_DEFAULT": ((0.35, 0.35, 0.30), 0.0),
    "VOLATILE_DEFAULT": ((0.25, 0.35, 0.20), 0.20),
    "CHOP_DEFAULT": ((0.40, 0.40, 0.20), 0.0),
    "NORMAL_DEFAULT": ((0.25, 0.25, 0.25), 0.25),
    "CHALLENGE_100": ((0.30,), 0.70),
}
RECORDED_TRAILS = {
    "TREND_DEFAULT": TrailSpec(0.02, 1.5, ((3.0, 0.015), (5.0, 0.01))),
    "RANGE_DEFAULT": None,
    "VOLATILE_DEFAULT": TrailSpec(0.025, 1.0),
    "CHOP_DEFAULT": None,
    "NORMAL_DEFAULT": TrailSpec(0.015, 1.0, ((3.0, 0.01),)),
    "CHALLENGE_100": TrailSpec(0.02, 1.0),
}


@pytest.mark.parametrize("name", RECORDED_R)
def test_every_profile_has_its_recorded_targets_and_trail(name: str) -> None:
    profile = PROFILES[name]
    assert profile.name == name
    assert tuple(each.r for each in profile.targets) == RECORDED_R[name]
    sizes, runner_frac = SIZES_AND_RUNNER[name]
    assert tuple(each.size_frac for each in profile.targets) == sizes
    assert profile.runner_frac == runner_frac
    assert profile.trail == RECORDED_TRAILS[name]


def test_there_are_six_profiles() -> None:
    assert set(PROFILES) == set(RECORDED_R)


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_no_trail_is_dead_and_nothing_is_left_without_a_way_out(profile: Profile) -> None:
    assert (profile.trail is not None) == (profile.runner_frac > 0.0)


@pytest.mark.parametrize("name", ["NORMAL_DEFAULT", "VOLATILE_DEFAULT"])
def test_a_trail_that_used_to_have_nothing_to_follow_with_got_half_of_the_last_target(
    name: str,
) -> None:
    profile = PROFILES[name]
    assert profile.runner_frac == pytest.approx(profile.targets[-1].size_frac)


@pytest.mark.parametrize(
    ("targets", "trail"),
    [
        ((), None),
        ((Target(1.0, 0.5), Target(1.0, 0.5)), None),
        ((Target(2.0, 0.5), Target(1.0, 0.5)), None),
        ((Target(0.0, 0.5),), None),
        ((Target(-1.0, 0.5),), None),
        ((Target(float("inf"), 0.5),), None),
        ((Target(float("nan"), 0.5),), None),
        ((Target(1.0, 0.0),), None),
        ((Target(1.0, -0.1),), None),
        ((Target(1.0, float("nan")),), None),
        ((Target(1.0, 0.6), Target(2.0, 0.41)), None),
        ((Target(1.0, 1.0),), TrailSpec(0.02, 1.0)),
        ((Target(1.0, 0.99),), TrailSpec(0.02, 1.0)),
        ((Target(1.0, 0.5),), TrailSpec(0.21, 1.0)),
    ],
)
def test_a_profile_that_cannot_be_carried_out_is_refused_by_name(
    targets: tuple[Target, ...], trail: TrailSpec | None
) -> None:
    with pytest.raises(ConfigError, match="profile MINE"):
        Profile(name="MINE", targets=targets, trail=trail)


def test_the_widest_callback_is_a_fifth_of_the_price() -> None:
    widest = TrailSpec(0.2, 1.0)
    assert Profile(name="MINE", targets=(Target(1.0, 0.5),), trail=widest).trail == widest


def test_sizes_that_are_one_whole_but_for_rounding_are_one_whole() -> None:
    tenths = tuple(Target(float(r), 0.1) for r in range(1, 11))
    assert Profile(name="MINE", targets=tenths).runner_frac == 0.0


@pytest.mark.parametrize(
    ("callback_frac", "activation_r", "tightening"),
    [
        (0.0, 1.0, ()),
        (-0.01, 1.0, ()),
        (1.0, 1.0, ()),
        (2.0, 1.0, ()),
        (float("nan"), 1.0, ()),
        (0.02, 0.0, ()),
        (0.02, float("nan"), ()),
        (0.02, 1.5, ((1.5, 0.01),)),
        (0.02, 1.0, ((3.0, 0.03),)),
        (0.02, 1.0, ((3.0, 0.0),)),
        (0.02, 1.0, ((3.0, 0.015), (2.0, 0.01))),
    ],
)
def test_a_trail_that_follows_from_nowhere_or_lets_go_is_refused(
    callback_frac: float, activation_r: float, tightening: tuple[tuple[float, float], ...]
) -> None:
    with pytest.raises(ValueError, match=r"trail|tightening"):
        TrailSpec(callback_frac, activation_r, tightening)


@pytest.mark.parametrize(
    ("r", "callback_frac"),
    [
        (-1.0, 0.02),
        (0.0, 0.02),
        (2.99, 0.02),
        (3.0, 0.015),
        (4.99, 0.015),
        (5.0, 0.01),
        (9.0, 0.01),
    ],
)
def test_the_last_step_that_was_reached_is_the_active_callback(
    r: float, callback_frac: float
) -> None:
    trail = PROFILES["TREND_DEFAULT"].trail
    assert trail is not None
    assert trail.callback_at(r) == callback_frac


def test_a_step_may_keep_the_callback_of_the_step_before() -> None:
    assert TrailSpec(0.02, 1.0, ((3.0, 0.02), (5.0, 0.01))).callback_at(4.0) == 0.02


@given(first=st.floats(-5, 50), second=st.floats(-5, 50))
def test_more_r_never_lets_a_trail_go(first: float, second: float) -> None:
    trail = PROFILES["TREND_DEFAULT"].trail
    assert trail is not None
    assert trail.callback_at(max(first, second)) <= trail.callback_at(min(first, second))


@pytest.mark.parametrize(
    ("regime", "name"),
    [
        ("TRENDING", "TREND_DEFAULT"),
        ("RANGE_BOUND", "RANGE_DEFAULT"),
        ("VOLATILE", "VOLATILE_DEFAULT"),
        ("NORMAL", "NORMAL_DEFAULT"),
    ],
)
def test_without_mappings_of_ones_own_the_regime_chooses(regime: str, name: str) -> None:
    assert select("BTCUSDT", "trend", regime).name == name  # type: ignore[arg-type]


def a_profile(name: str) -> Profile:
    return Profile(name=name, targets=(Target(1.0, 1.0),))


ANY = ProfileMapping(profile=a_profile("ANY"))
NORMAL = ProfileMapping(profile=a_profile("NORMAL"), regime="NORMAL")
REGIME = ProfileMapping(profile=a_profile("REGIME"), regime="TRENDING")
STRATEGY = ProfileMapping(profile=a_profile("STRATEGY"), strategy="trend")
SYMBOL = ProfileMapping(profile=a_profile("SYMBOL"), symbol="BTCUSDT")
BOTH = ProfileMapping(profile=a_profile("BOTH"), strategy="trend", regime="TRENDING")
ELSEWHERE = ProfileMapping(profile=a_profile("ELSEWHERE"), symbol="ETHUSDT", strategy="trend")


@pytest.mark.parametrize(
    ("custom", "name"),
    [
        ((REGIME,), "REGIME"),
        ((REGIME, STRATEGY), "STRATEGY"),
        ((STRATEGY, BOTH), "BOTH"),
        ((BOTH, SYMBOL, STRATEGY), "SYMBOL"),
        ((ELSEWHERE, STRATEGY), "STRATEGY"),
        ((ANY,), "TREND_DEFAULT"),
        ((NORMAL,), "TREND_DEFAULT"),
        ((STRATEGY, ProfileMapping(profile=a_profile("LATER"), strategy="trend")), "STRATEGY"),
    ],
)
def test_the_most_specific_mapping_wins_and_of_equals_the_first(
    custom: tuple[ProfileMapping, ...], name: str
) -> None:
    assert select("BTCUSDT", "trend", "TRENDING", custom).name == name


def test_a_mapping_for_a_normal_market_fits_every_market() -> None:
    named = ProfileMapping(profile=a_profile("MINE"), symbol="BTCUSDT", regime="NORMAL")
    assert select("BTCUSDT", "trend", "VOLATILE", (named,)).name == "MINE"
    assert select("BTCUSDT", "trend", "NORMAL", (NORMAL,)).name == "NORMAL"
