"""Adaptive levels: the recorded vectors, the unit defect of old, and what holds for all inputs."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.exits.levels import (
    SL_MAX_FRAC,
    SL_MIN_FRAC,
    TP_GAP_FRAC,
    TP_MIN_FRAC,
    LevelBases,
    LevelInputs,
    adaptive,
    in_order,
)
from quantum_trader.core.units import Side


def inputs(
    leverage: float,
    *,
    side: Side = "LONG",
    volatility: float | None = None,
    funding: float | None = None,
    divergence: float | None = None,
) -> LevelInputs:
    return LevelInputs(
        side=side,
        leverage=leverage,
        volatility_factor=volatility,
        funding_rate_frac=funding,
        divergence=divergence,
    )


ANY_INPUTS = st.builds(
    LevelInputs,
    side=st.sampled_from(["LONG", "SHORT"]),
    leverage=st.floats(0, 150),
    volatility_factor=st.none() | st.floats(-1, 10),
    funding_rate_frac=st.none() | st.floats(-2, 2),
    divergence=st.none() | st.floats(-1, 3),
)
ANY_BASES = st.builds(LevelBases, tp_frac=st.floats(1e-5, 0.49), sl_frac=st.floats(1e-5, 0.49))


@pytest.mark.parametrize(
    ("leverage", "lsf", "percents"),
    [
        (1, 0.590616, (1.1906, 1.4953, 1.9477, 0.6638)),
        (5, 0.358197, (0.9582, 1.3791, 1.8895, 0.7567)),
        (10, 0.294300, (0.8943, 1.3471, 1.8736, 0.7823)),
        (20, 0.247248, (0.8472, 1.3236, 1.8618, 0.8011)),
        (30, 0.225531, (0.8255, 1.3128, 1.8564, 0.8098)),
        (50, 0.202765, (0.8028, 1.3014, 1.8507, 0.8189)),
        (100, 0.178091, (0.7781, 1.2890, 1.8445, 0.8288)),
    ],
)
def test_without_modifiers_the_recorded_levels_come_out(
    leverage: int, lsf: float, percents: tuple[float, ...]
) -> None:
    levels = adaptive(inputs(leverage))
    assert levels.lsf == pytest.approx(lsf, abs=5e-7)
    assert (*levels.tp_frac, levels.sl_frac) == pytest.approx(
        tuple(percent / 100 for percent in percents), abs=5.1e-7
    )


@pytest.mark.parametrize(
    ("leverage", "volatility", "sl_percent"),
    [(10, 1.0, 0.9387), (20, 1.5, 1.0414), (5, 0.7, 0.8627), (30, 1.2, 1.0041)],
)
def test_the_four_cases_that_once_all_gave_one_stop_give_four(
    leverage: int, volatility: float, sl_percent: float
) -> None:
    levels = adaptive(inputs(leverage, volatility=volatility))
    assert levels.sl_frac == pytest.approx(sl_percent / 100, abs=6e-7)
    assert levels.tp_frac == adaptive(inputs(leverage)).tp_frac


def test_leverage_20_with_volatility_one_and_a_half_gives_the_recorded_levels() -> None:
    levels = adaptive(inputs(20, volatility=1.5))
    assert levels.tp_frac == pytest.approx((0.0084725, 0.0132362, 0.0186181), abs=5.1e-8)
    assert levels.sl_frac == pytest.approx(0.0104143, abs=5e-8)


def test_the_stop_differs_at_every_leverage_and_is_a_fraction_of_price() -> None:
    stops = [adaptive(inputs(leverage)).sl_frac for leverage in range(1, 126)]
    assert all(near < far for near, far in pairwise(stops))
    assert all(0.006 < stop < 0.009 for stop in stops)


@pytest.mark.parametrize("bases", [(1.0, 0.5), (1.0, 0.005), (0.01, 0.5), (0.0, 0.005)])
def test_percent_numbers_for_bases_are_refused(bases: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="fractions"):
        LevelBases(*bases)


@pytest.mark.parametrize("name", ["leverage", "volatility_factor", "divergence"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_value_that_is_no_number_is_refused_by_name(name: str, value: float) -> None:
    given_values: dict[str, float | None] = {
        "leverage": 10.0,
        "volatility_factor": None,
        "funding_rate_frac": None,
        "divergence": None,
    }
    broken = LevelInputs(side="LONG", **{**given_values, name: value})  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=name):
        adaptive(broken)


def test_the_side_that_pays_funding_must_earn_more_before_it_leaves() -> None:
    plain = adaptive(inputs(10)).tp_frac[0]
    assert adaptive(inputs(10, funding=0.01)).tp_frac[0] == pytest.approx(plain * 1.008)
    paid = adaptive(inputs(10, side="SHORT", funding=0.01))
    assert paid.tp_frac[0] == pytest.approx(plain * 0.992)
    assert paid == adaptive(inputs(10, funding=-0.01))


def test_divergence_and_volatility_widen_the_stop_by_their_weights() -> None:
    plain = adaptive(inputs(10)).sl_frac
    both = adaptive(inputs(10, volatility=1.5, divergence=0.25)).sl_frac
    assert both == pytest.approx(plain * 1.4)
    assert adaptive(inputs(1, volatility=5)).sl_frac == adaptive(inputs(1, volatility=3)).sl_frac
    assert adaptive(inputs(1, divergence=-2)) == adaptive(inputs(1))


@pytest.mark.parametrize(
    ("leverage", "scheme"),
    [
        (1, (0.3, 0.3, 0.4)),
        (10, (0.3, 0.3, 0.4)),
        (11, (0.4, 0.4, 0.2)),
        (30, (0.4, 0.4, 0.2)),
        (31, (0.5, 0.3, 0.2)),
    ],
)
def test_the_harvest_scheme_follows_leverage(
    leverage: int, scheme: tuple[float, float, float]
) -> None:
    assert adaptive(inputs(leverage)).harvest == scheme


def test_targets_that_meet_at_the_floor_are_pushed_one_basis_point_apart() -> None:
    levels = adaptive(inputs(20), LevelBases(tp_frac=0.0001, sl_frac=0.0001))
    assert levels.tp_frac == (0.003, 0.003 + TP_GAP_FRAC, 0.003 + TP_GAP_FRAC + TP_GAP_FRAC)
    assert levels.sl_frac == SL_MIN_FRAC
    assert in_order(0.02, 0.01, 0.03) == (0.02, 0.02 + TP_GAP_FRAC, 0.03)


@given(st.lists(st.floats(0.0001, 0.5), max_size=8))
def test_any_number_of_targets_is_put_in_order_and_none_comes_nearer(asked: list[float]) -> None:
    placed = in_order(*asked)
    assert len(placed) == len(asked)
    assert all(wanted <= place for wanted, place in zip(asked, placed, strict=True))
    assert all(nearer + TP_GAP_FRAC <= farther for nearer, farther in pairwise(placed))
    assert in_order(*placed) == placed


def test_leverage_below_one_counts_as_one() -> None:
    assert adaptive(inputs(0.2)) == adaptive(inputs(1))


@given(ANY_INPUTS, ANY_BASES)
def test_levels_keep_their_floors_clamp_and_order(given_: LevelInputs, bases: LevelBases) -> None:
    levels = adaptive(given_, bases)
    first, second, third = levels.tp_frac
    assert TP_MIN_FRAC <= first < second < third
    assert SL_MIN_FRAC <= levels.sl_frac <= SL_MAX_FRAC
    assert sum(levels.harvest) == pytest.approx(1.0)


@given(st.floats(1, 125), st.floats(0.1, 1.0))
def test_levels_scale_with_their_bases_between_floor_and_clamp(
    leverage: float, scale: float
) -> None:
    plain = adaptive(inputs(leverage))
    scaled = adaptive(inputs(leverage), LevelBases(0.01 * scale + 0.005, 0.005 * scale + 0.0015))
    for one, other in zip(scaled.tp_frac, plain.tp_frac, strict=True):
        assert one == pytest.approx(other * (scale + 0.5))
    assert scaled.sl_frac == pytest.approx(plain.sl_frac * (scale + 0.3))


@given(ANY_INPUTS)
def test_long_and_short_differ_by_funding_alone(given_: LevelInputs) -> None:
    mirrored = LevelInputs(
        side="SHORT" if given_.side == "LONG" else "LONG",
        leverage=given_.leverage,
        volatility_factor=given_.volatility_factor,
        funding_rate_frac=None if given_.funding_rate_frac is None else -given_.funding_rate_frac,
        divergence=given_.divergence,
    )
    assert adaptive(mirrored) == adaptive(given_)


@pytest.mark.parametrize("name", ["tp_frac", "sl_frac"])
def test_a_base_that_is_refused_is_told_by_its_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is 1.0: bases are fractions"):
        LevelBases(**{name: 1.0})
