"""The kill score: recorded vectors, why the recorded one cannot act, how the acting one does."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.exits.context import ExitMemory, MarketPicture
from quantum_trader.core.exits.kill_score import (
    RECORDED,
    KillComponents,
    acting,
    acting_components,
    breakdown,
    entry_components,
    entry_scale,
    kill,
    next_memory,
    recorded,
    recorded_components,
    sigmoid,
)
from quantum_trader.core.exits.settings import KillSettings
from quantum_trader.core.market.state import TREND_T, t_statistic
from tests.core.exits.contexts import (
    MINUTE_MS,
    NOW_MS,
    changed,
    mirror,
    pictures,
)
from tests.core.exits.kill_cases import (
    AGAINST,
    CHOP,
    REVERSION,
    STORM,
    USUAL,
    WITH,
    a_moment,
    a_picture,
    score_of,
)

KERNEL, POLICY = RECORDED["kernel"], RECORDED["policy"]
HOUR_MS = 60 * MINUTE_MS
SYNTHETIC = KillComponents(1.0, 0.0, 0.241594, 3_600 / 86_400)
"""The components of the published proposal; its age is the hour of an invented position."""


weights = st.floats(0.001, 50.0)
any_settings = st.builds(
    KillSettings,
    weight_regime_flip=weights,
    weight_sigma_spike=weights,
    weight_ts_drop=weights,
    weight_age_penalty=weights,
    sigma_spike_cap=st.floats(0.1, 10.0),
    ts_ref=st.floats(0.01, 3.0),
    ts_drop_cap=st.floats(0.01, 5.0),
    neutral=st.floats(0.01, 0.44),
)
any_components = st.builds(
    KillComponents,
    st.floats(0.0, 1.0),
    st.floats(0.0, 10.0),
    st.floats(0.0, 5.0),
    st.floats(0.0, 1.0),
)


# --- the recorded score


def test_the_published_score_was_computed_with_the_weights_of_the_policy() -> None:
    found = recorded(SYNTHETIC, POLICY)
    assert found.z == pytest.approx(0.9049709333333333, abs=1e-12)
    assert found.score == pytest.approx(0.7119699587849092, abs=1e-12)
    assert recorded(SYNTHETIC, KERNEL).score == pytest.approx(0.7564, abs=5e-5)


def test_the_published_score_was_over_the_threshold_of_its_policy() -> None:
    assert (KERNEL.threshold, POLICY.threshold) == (0.6, 0.55)
    assert recorded(SYNTHETIC, POLICY).score >= POLICY.threshold


@pytest.mark.parametrize(
    ("components", "kernel", "policy"),
    [
        (KillComponents(0, 0, 0, 0), 0.5, 0.5),
        (KillComponents(0, 0, 0, 1), 0.574, 0.550),
        (KillComponents(0, 0, 0.3, 1), 0.611, 0.579),
        (KillComponents(1, 0, 0, 0), 0.731, 0.690),
        (KillComponents(1, 2, 0.3, 1), 0.9206, 0.9106),
    ],
)
def test_the_recorded_vectors(components: KillComponents, kernel: float, policy: float) -> None:
    assert recorded(components, KERNEL).score == pytest.approx(kernel, abs=5e-4)
    assert recorded(components, POLICY).score == pytest.approx(policy, abs=5e-4)


@given(any_components, any_settings)
def test_the_recorded_score_never_falls_below_one_half(
    components: KillComponents, settings: KillSettings
) -> None:
    assert recorded(components, settings).score >= 0.5


def test_a_random_walk_made_the_recorded_score_leave_and_the_acting_one_stays() -> None:
    walk = a_picture("chop", 0.06, p_trend=0.268, p_reversion=0.087, p_chop=0.645, sigma_frac=0.01)
    moment = a_moment(walk, walk, opened_ms=NOW_MS)
    was = recorded_components(moment, KERNEL)
    assert was is not None
    assert (was.regime_flip, was.sigma_spike) == (1.0, 0.0)
    assert was.ts_drop == pytest.approx(0.24)
    assert recorded(was, KERNEL).score == pytest.approx(0.753, abs=1e-3)
    assert score_of(moment) < 0.25


def test_the_recorded_trend_does_not_know_which_side_it_favours_and_the_acting_one_does() -> None:
    up = a_moment(WITH, CHOP)
    down = changed(up, market=AGAINST)
    assert recorded_components(up, USUAL) == recorded_components(down, USUAL)
    assert score_of(up) < USUAL.neutral < score_of(down)


# --- the acting score


@given(any_settings)
def test_a_neutral_market_scores_what_the_settings_call_neutral(settings: KillSettings) -> None:
    moment = a_moment(CHOP, CHOP, opened_ms=NOW_MS)
    assert score_of(moment, settings) == pytest.approx(settings.neutral, rel=1e-9)


@given(any_components, any_settings)
def test_a_score_is_a_share_and_its_breakdown_sums_to_z(
    components: KillComponents, settings: KillSettings
) -> None:
    for found in (recorded(components, settings), acting(components, settings)):
        assert 0.0 <= found.score <= 1.0
        assert found.score == sigmoid(found.z - found.z0)
        assert sum(breakdown(components, settings).values()) == pytest.approx(found.z)


@given(any_components, any_settings, st.sampled_from(KillComponents.__struct_fields__), weights)
def test_more_of_any_component_never_scores_less(
    components: KillComponents, settings: KillSettings, name: str, more: float
) -> None:
    worse = msgspec.structs.replace(components, **{name: getattr(components, name) + more})
    assert acting(worse, settings).score >= acting(components, settings).score
    assert recorded(worse, settings).score >= recorded(components, settings).score
    mild = KillComponents(0.1, 0.1, 0.1, 0.1)
    raised = msgspec.structs.replace(mild, **{name: 0.2})
    assert acting(raised, USUAL).score > acting(mild, USUAL).score


def test_a_logistic_of_anything_does_not_overflow() -> None:
    assert sigmoid(-10_000.0) == 0.0
    assert sigmoid(10_000.0) == 1.0


@pytest.mark.parametrize(
    ("entry", "now", "flip"),
    [
        (WITH, WITH, 0.0),
        (WITH, CHOP, 1.0),
        (WITH, REVERSION, 1.0),
        (WITH, AGAINST, 1.0),
        (WITH, a_picture("chop", 0.1, p_trend=0.3), 0.0),
        (WITH, a_picture("chop", 0.1, p_trend=0.29), 1.0),
        (WITH, a_picture("chop", -0.1, p_trend=0.3), 1.0),
        (REVERSION, REVERSION, 0.0),
        (REVERSION, CHOP, 1.0),
        (REVERSION, AGAINST, 1.0),
        (REVERSION, WITH, 0.0),
        (CHOP, CHOP, 0.0),
        (CHOP, REVERSION, 0.0),
        (CHOP, WITH, 0.0),
        (CHOP, AGAINST, 1.0),
        (CHOP, a_picture("trend", 0.0), 0.0),
        (AGAINST, AGAINST, 0.0),
        (AGAINST, CHOP, 0.0),
        (None, CHOP, 0.0),
        (None, REVERSION, 0.0),
        (None, AGAINST, 1.0),
    ],
)
def test_a_flip_is_a_change_for_the_worse_since_entry_and_not_a_level(
    entry: MarketPicture | None, now: MarketPicture, flip: float
) -> None:
    for moment in (a_moment(now, entry), mirror(a_moment(now, entry))):
        components = acting_components(moment, USUAL)
        assert components is not None
        assert components.regime_flip == flip


def test_volatility_is_measured_against_the_entry_and_without_one_against_the_reference() -> None:
    wild = a_picture(sigma_frac=0.0025)
    against_entry = acting_components(a_moment(wild, CHOP), USUAL)
    against_reference = acting_components(a_moment(wild, None), KillSettings(sigma_ref_frac=0.002))
    capped = acting_components(a_moment(a_picture(sigma_frac=0.9), CHOP), USUAL)
    assert against_entry is not None
    assert against_reference is not None
    assert capped is not None
    assert against_entry.sigma_spike == pytest.approx(1.5)
    assert against_reference.sigma_spike == pytest.approx(0.25)
    assert capped.sigma_spike == USUAL.sigma_spike_cap


def test_a_trend_counts_in_units_of_two_standard_errors_from_the_side_of_the_position() -> None:
    slight = a_picture("chop", 0.1 * TREND_T / t_statistic(1.0))
    for moment, drop in ((a_moment(slight), 0.2), (a_moment(slight, side="SHORT"), 0.4)):
        components = acting_components(moment, USUAL)
        assert components is not None
        assert components.ts_drop == pytest.approx(drop)


@pytest.mark.parametrize(
    ("age_ms", "penalty"), [(-5, 0.0), (0, 0.0), (12, 0.5), (24, 1.0), (99, 1)]
)
def test_age_counts_up_to_the_longest_age(age_ms: int, penalty: float) -> None:
    moment = a_moment(CHOP, CHOP, opened_ms=NOW_MS - age_ms * HOUR_MS)
    components = acting_components(moment, USUAL)
    assert components is not None
    assert components.age_penalty == penalty


@given(pictures, st.integers(0, 48))
def test_no_position_is_killed_while_the_trend_it_was_entered_with_runs_on(
    now: MarketPicture, hours: int
) -> None:
    running = msgspec.structs.replace(now, regime="trend", trend_strength=abs(now.trend_strength))
    moment = a_moment(running, WITH, opened_ms=NOW_MS - hours * HOUR_MS)
    assert score_of(moment) < USUAL.threshold or running.trend_strength == 0.0


def test_without_a_picture_of_the_market_there_is_no_score_and_no_decision() -> None:
    blind = a_moment(None, memory=ExitMemory(kill_streak=5))
    assert acting_components(blind, USUAL) is None
    assert recorded_components(blind, USUAL) is None
    assert kill(blind, USUAL) is None
    assert next_memory(blind, USUAL) == blind.memory


# --- entries


@pytest.mark.parametrize(
    ("score", "scale"),
    [(0.0, 1.0), (0.2, 1.0), (0.45, 1.0), (0.5, 0.9048), (0.55, 0.8187), (0.599, 0.7423)],
)
def test_an_entry_shrinks_above_its_start(score: float, scale: float) -> None:
    assert entry_scale(score, USUAL) == pytest.approx(scale, abs=5e-5)


@pytest.mark.parametrize("score", [0.6, 0.61, 1.0])
def test_an_entry_is_refused_from_the_threshold_on(score: float) -> None:
    assert entry_scale(score, USUAL) is None


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_worse_score_never_gives_a_larger_entry(one: float, other: float) -> None:
    better, worse = sorted((one, other))
    scales = [entry_scale(score, USUAL) or 0.0 for score in (better, worse)]
    assert 1.0 >= scales[0] >= scales[1] >= 0.0


@given(pictures, st.sampled_from(("LONG", "SHORT")))
def test_an_entry_is_scored_as_a_position_without_a_past(market: MarketPicture, side: Any) -> None:
    position = a_moment(market, None, side=side, opened_ms=NOW_MS)
    entry = entry_components(market, side, USUAL.sigma_ref_frac, USUAL)
    assert entry == acting_components(position, USUAL)


def test_an_entry_against_the_trend_scores_worse_than_one_with_it() -> None:
    usual_frac = USUAL.sigma_ref_frac
    long, short = (
        acting(entry_components(WITH, side, usual_frac, USUAL), USUAL) for side in ("LONG", "SHORT")
    )
    assert long.score < USUAL.neutral < short.score


def test_the_breakdown_calls_the_components_by_their_names() -> None:
    added = breakdown(KillComponents(1.0, 2.0, 0.5, 1.0), USUAL)
    assert added == pytest.approx(
        {"regime_flip": 1.0, "sigma_spike": 1.0, "ts_drop": 0.25, "age_penalty": 0.3}
    )


@pytest.mark.parametrize(
    ("p_trend", "p_reversion", "p_chop", "flip"),
    [
        (0.25, 0.25, 0.5, 1.0),
        (0.25, 0.25, 0.25, 0.0),
        (0.3, 0.3, 0.4, 0.0),
        (0.5, 0.3, 0.4, 0.0),
        (0.25, 0.0, 0.4, 0.0),
    ],
)
def test_the_recorded_flip_is_a_weak_trend_among_strong_others(
    p_trend: float, p_reversion: float, p_chop: float, flip: float
) -> None:
    market = a_picture("trend", 0.2, p_trend=p_trend, p_reversion=p_reversion, p_chop=p_chop)
    found = recorded_components(a_moment(market), USUAL)
    assert found is not None
    assert found.regime_flip == flip


def test_a_trend_that_stands_still_is_no_flip_while_it_still_leads() -> None:
    assert acting_components(a_moment(a_picture("trend", 0.0)), USUAL) == acting_components(
        a_moment(a_picture("trend", 0.0), CHOP), USUAL
    )


def test_a_score_on_the_threshold_wants_out() -> None:
    moment = a_moment(STORM, memory=ExitMemory(kill_streak=1))
    exact = msgspec.structs.replace(USUAL, threshold=score_of(moment))
    assert next_memory(moment, exact).kill_streak == 2
    decision = kill(moment, exact)
    assert decision is not None
    assert dict(decision.values)["score"] == exact.threshold
    assert "(regime_flip 1.00, sigma_spike 2.00, ts_drop " in decision.reason
