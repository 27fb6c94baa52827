"""How far results, confidence and liveliness may move the levels, and what they may never do."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.events.exits import LevelSet
from quantum_trader.core.exits.adapt import (
    UNCHANGED,
    Adjustment,
    adapted,
    adjustment,
    confidence_factor,
    referenced_volatility,
    volatility_reference,
)
from quantum_trader.core.exits.levels import (
    SL_MIN_FRAC,
    TP_GAP_FRAC,
    TP_MIN_FRAC,
    LevelInputs,
    adaptive,
)
from quantum_trader.core.exits.performance import Performance
from quantum_trader.core.exits.settings import AdaptSettings
from quantum_trader.core.units import Side

SETTINGS = AdaptSettings()
RESULTS = st.lists(st.floats(-20, 20), max_size=20)
CORRIDORS = st.builds(AdaptSettings, least=st.floats(0.1, 1.0), most=st.floats(1.0, 1.9))
ADJUSTMENTS = st.builds(Adjustment, factor=st.floats(0.1, 1.9), why=st.just(""))
CONFIDENCES = st.none() | st.floats(0, 1)
LEVELS = st.builds(
    adaptive,
    st.builds(
        LevelInputs,
        side=st.sampled_from(["LONG", "SHORT"]),
        leverage=st.floats(1, 125),
        volatility_factor=st.none() | st.floats(0, 3),
        funding_rate_frac=st.none() | st.floats(-2, 2),
        divergence=st.none() | st.floats(0, 1),
    ),
)


def factor(own: list[float], overall: list[float], settings: AdaptSettings = SETTINGS) -> float:
    return adjustment(Performance(own), Performance(overall), settings).factor


def levels_at(leverage: float, side: Side = "LONG", volatility: float | None = None) -> LevelSet:
    return adaptive(
        LevelInputs(
            side=side,
            leverage=leverage,
            volatility_factor=volatility,
            funding_rate_frac=None,
            divergence=None,
        )
    )


@pytest.mark.parametrize(
    ("own", "overall", "expected"),
    [
        # m_all = 6/30, m = (6 + 10 * 0.2)/30 = 4/15; 4/15 of 0.5 R is 8/15 of the way.
        ([0.3] * 20, [0.3] * 20, 1 + 0.2 * 8 / 15),
        ([-0.3] * 20, [-0.3] * 20, 1 - 0.2 * 8 / 15),
        # m_all = 1/11, m = (1 + 10/11)/11.
        ([1.0], [1.0], 1 + 0.2 * (21 / 121) / 0.5),
        # Nothing of its own: m = m_all = 4/20.
        ([], [0.4] * 10, 1 + 0.2 * 0.4),
    ],
)
def test_the_factor_is_the_one_of_the_formula(
    own: list[float], overall: list[float], expected: float
) -> None:
    assert factor(own, overall) == pytest.approx(expected, rel=1e-12)


@given(CORRIDORS)
def test_without_trades_nothing_changes(settings: AdaptSettings) -> None:
    assert factor([], [], settings) == 1.0


def test_switched_off_nothing_changes() -> None:
    off = AdaptSettings(enabled=False)
    assert adjustment(Performance([-3.0] * 20), Performance([-3.0] * 20), off) == UNCHANGED


def test_the_same_results_say_more_the_more_trades_there_are() -> None:
    rising = [factor([0.2] * trades, [0.2] * trades) for trades in range(1, 21)]
    assert all(fewer < more for fewer, more in pairwise(rising))
    assert rising[0] - 1.0 < (rising[-1] - 1.0) / 4


def test_the_ends_are_reached_and_are_those_of_the_settings() -> None:
    good, bad = [3.0] * 20, [-3.0] * 20
    assert (factor(bad, bad), factor(good, good)) == (0.8, 1.2)
    assert factor(bad, bad, AdaptSettings(least=0.5)) == 0.5
    assert factor(good, good, AdaptSettings(most=1.5)) == 1.5


def test_what_the_symbol_earned_weighs_more_than_what_all_did() -> None:
    assert factor([0.3] * 20, [-0.3] * 20) > 1.0
    assert factor([-0.3] * 20, [0.3] * 20) < 1.0


def test_one_lucky_trade_does_not_speak_for_a_window() -> None:
    unlucky = [-0.3] * 19
    assert factor([*unlucky, 100.0], [*unlucky, 100.0]) < 1.0
    assert factor([3.0], []) == factor([100.0], [])


def test_the_reason_names_what_spoke_and_what_came_of_it() -> None:
    assert adjustment(Performance([-1.0] * 2), Performance([-1.0] * 5), SETTINGS).why == (
        "2 trades of its own and 5 in all speak for -0.44 R a trade: targets and stop 17.8 % nearer"
    )
    assert (
        "targets 8.0 % farther" in adjustment(Performance(), Performance([0.4] * 10), SETTINGS).why
    )
    assert "levels stay" in adjustment(Performance(), Performance(), SETTINGS).why


@given(RESULTS, RESULTS, CORRIDORS)
def test_the_factor_stays_within_its_corridor(
    own: list[float], overall: list[float], settings: AdaptSettings
) -> None:
    assert settings.least <= factor(own, overall, settings) <= settings.most


@given(RESULTS, RESULTS, st.integers(0, 39), st.floats(0, 20))
def test_a_better_result_never_lowers_the_factor(
    own: list[float], overall: list[float], which: int, more_r: float
) -> None:
    before = factor(own, overall)
    window = own if which < 20 else overall
    if window:
        window[which % len(window)] += more_r
    assert factor(own, overall) >= before


@given(RESULTS, RESULTS)
def test_gains_and_losses_pull_alike(own: list[float], overall: list[float]) -> None:
    opposite = factor([-r for r in own], [-r for r in overall])
    assert factor(own, overall) - 1.0 == pytest.approx(1.0 - opposite)


@pytest.mark.parametrize(
    ("confidence", "expected"),
    [(None, 1.0), (0.5, 1.0), (0.0, 0.9), (1.0, 1.1), (0.75, 1.05), (-1.0, 0.9), (7.0, 1.1)],
)
def test_confidence_has_a_gentle_say(confidence: float | None, expected: float) -> None:
    assert confidence_factor(confidence) == pytest.approx(expected, rel=1e-12)


def test_a_confidence_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="confidence") as refused:
        confidence_factor(float("nan"))
    assert str(refused.value) == (
        "confidence is nan: expected a number in [0, 1], or None when missing"
    )


def test_a_confidence_that_was_given_is_not_ignored() -> None:
    plain = levels_at(10)
    sure, unsure = adapted(plain, UNCHANGED, 0.9), adapted(plain, UNCHANGED, 0.1)
    assert unsure.tp_frac < plain.tp_frac < sure.tp_frac
    assert unsure.sl_frac == plain.sl_frac == sure.sl_frac


@pytest.mark.parametrize(
    ("rank", "expected"), [(None, 1.0), (0.0, 0.7), (0.25, 0.85), (0.5, 1.0), (0.75, 1.2), (1, 1.4)]
)
def test_liveliness_counts_by_its_rank(rank: float | None, expected: float) -> None:
    assert volatility_reference(rank) == pytest.approx(expected, rel=1e-12)


def test_a_market_livelier_than_usual_gets_a_wider_stop() -> None:
    stops = [
        levels_at(10, volatility=referenced_volatility(1.0, rank)).sl_frac
        for rank in (0.0, 0.3, 0.5, 0.8, 1.0)
    ]
    assert all(calmer < livelier for calmer, livelier in pairwise(stops))


def test_an_excessive_volatility_alone_does_not_double_the_stop() -> None:
    excessive = levels_at(1, volatility=referenced_volatility(5.0, 1.0)).sl_frac
    assert excessive <= 1.6 * levels_at(1).sl_frac * (1 + 1e-12)


def test_without_volatility_its_rank_says_nothing() -> None:
    assert referenced_volatility(None, 1.0) is None
    assert referenced_volatility(1.5, None) == 1.5


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_higher_rank_never_narrows(one: float, other: float) -> None:
    assert volatility_reference(min(one, other)) <= volatility_reference(max(one, other))


def test_losing_brings_targets_and_stop_nearer_by_the_factor() -> None:
    plain = levels_at(10)
    lost = adapted(plain, Adjustment(0.8, ""), None)
    assert lost.tp_frac == pytest.approx([0.8 * each for each in plain.tp_frac])
    assert lost.sl_frac == pytest.approx(0.8 * plain.sl_frac)
    assert (lost.lsf, lost.harvest) == (plain.lsf, plain.harvest)


def test_winning_sends_targets_farther_and_leaves_the_stop() -> None:
    plain = levels_at(10)
    won = adapted(plain, Adjustment(1.2, ""), 1.0)
    assert won.tp_frac == pytest.approx([1.2 * 1.1 * each for each in plain.tp_frac])
    assert won.sl_frac == plain.sl_frac


def test_nothing_is_pushed_under_its_floor_or_pulled_up_to_it() -> None:
    near = LevelSet(0.3, (0.0031, 0.0032, 0.0033), 0.0016, (0.3, 0.3, 0.4))
    floored = adapted(near, Adjustment(0.8, ""), 0.0)
    expected = [TP_MIN_FRAC + step * TP_GAP_FRAC for step in range(3)]
    assert floored.tp_frac == pytest.approx(expected)
    assert floored.sl_frac == SL_MIN_FRAC
    under = LevelSet(0.3, (0.002, 0.005), 0.001, (0.5, 0.3))
    assert adapted(under, Adjustment(0.8, ""), None) == LevelSet(
        0.3, (0.002, 0.004), 0.001, (0.5, 0.3)
    )


@pytest.mark.parametrize("targets", [1, 2, 5])
def test_any_number_of_targets_is_moved(targets: int) -> None:
    fracs = tuple(0.01 * (at + 1) for at in range(targets))
    moved = adapted(LevelSet(0.3, fracs, 0.01, (0.1,) * targets), Adjustment(1.1, ""), None)
    assert moved.tp_frac == pytest.approx([1.1 * each for each in fracs])


@given(LEVELS, ADJUSTMENTS, CONFIDENCES)
def test_the_stop_is_never_farther_and_the_targets_keep_floor_and_order(
    levels: LevelSet, adjusted: Adjustment, confidence: float | None
) -> None:
    moved = adapted(levels, adjusted, confidence)
    assert SL_MIN_FRAC <= moved.sl_frac <= levels.sl_frac
    assert moved.tp_frac[0] >= TP_MIN_FRAC
    assert all(nearer < farther for nearer, farther in pairwise(moved.tp_frac))


@given(LEVELS, ADJUSTMENTS, ADJUSTMENTS, CONFIDENCES)
def test_better_results_never_bring_a_level_nearer(
    levels: LevelSet, one: Adjustment, other: Adjustment, confidence: float | None
) -> None:
    worse, better = sorted((one, other), key=lambda each: each.factor)
    low, high = adapted(levels, worse, confidence), adapted(levels, better, confidence)
    assert low.sl_frac <= high.sl_frac
    assert all(near <= far for near, far in zip(low.tp_frac, high.tp_frac, strict=True))


@given(LEVELS)
def test_what_asks_for_nothing_changes_nothing(levels: LevelSet) -> None:
    assert adapted(levels, UNCHANGED, None) == levels


@given(st.floats(1, 125), ADJUSTMENTS, CONFIDENCES)
def test_long_and_short_are_adapted_alike(
    leverage: float, adjusted: Adjustment, confidence: float | None
) -> None:
    long, short = levels_at(leverage, "LONG"), levels_at(leverage, "SHORT")
    assert adapted(long, adjusted, confidence) == adapted(short, adjusted, confidence)


def test_without_trades_the_levels_stay_and_it_is_said() -> None:
    told = adjustment(Performance([]), Performance([]), SETTINGS)
    assert told == Adjustment(
        1.0, "0 trades of its own and 0 in all speak for +0.00 R a trade: levels stay"
    )
