"""Dynamic targets: the recorded vectors, every row of the table alone, and what always holds."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.exits.dynamic_targets import (
    FACTORS,
    TP_MAX_FRAC,
    TP_MIN_FRAC,
    TargetInputs,
    dynamic_targets,
)


def inputs(**changes: Any) -> TargetInputs:
    """A trade for which no row of the table acts."""
    values: dict[str, Any] = {
        "leverage": 10.0,
        "notional_usd": 1_000.0,
        "volatility_frac": 0.02,
        "regime": "NORMAL",
        "confidence": 0.75,
        "liquidity_usd": None,
        "margin_profit_frac": None,
    }
    return TargetInputs(**{**values, **changes})


@pytest.mark.parametrize(
    ("changes", "percents", "sizes"),
    [
        ({}, (1.5, 2.5, 4.0), (0.30, 0.30, 0.40)),
        (
            {
                "leverage": 20.0,
                "notional_usd": 5_000.0,
                "volatility_frac": 0.04,
                "regime": "VOLATILE",
                "confidence": 0.9,
            },
            (1.070, 1.784, 2.854),
            (0.40, 0.35, 0.25),
        ),
        (
            {"leverage": 3.0, "regime": "TRENDING", "confidence": 0.9},
            (3.803, 6.338, 10.0),
            (0.20, 0.30, 0.50),
        ),
    ],
)
def test_the_recorded_vectors_come_out(
    changes: dict[str, Any], percents: tuple[float, ...], sizes: tuple[float, ...]
) -> None:
    targets = dynamic_targets(inputs(**changes))
    assert targets.tp_frac == pytest.approx([each / 100 for each in percents], abs=5.1e-6)
    assert targets.size_frac == sizes


ROWS = [
    ("leverage", 15.0, 14.99, 0.7),
    ("leverage", 5.0, 5.01, 1.3),
    ("notional_usd", 2_000.0, 1_999.99, 0.8),
    ("volatility_frac", 0.035, 0.0349, 1.4),
    ("volatility_frac", 0.015, 0.0151, 0.75),
    ("regime", "TRENDING", "NORMAL", 1.5),
    ("regime", "VOLATILE", "NORMAL", 0.7),
    ("regime", "RANGE_BOUND", "NORMAL", 0.7),
    ("confidence", 0.85, 0.8499, 1.3),
    ("confidence", 0.6, 0.6001, 0.75),
    ("liquidity_usd", 99_999.99, 100_000.0, 0.8),
    ("margin_profit_frac", 0.05, 0.0499, 0.8),
]


@pytest.mark.parametrize(("field", "acts", "silent", "factor"), ROWS)
def test_every_row_acts_from_its_edge_on_and_not_before(
    field: str, acts: object, silent: object, factor: float
) -> None:
    acting, resting = (dynamic_targets(inputs(**{field: value})) for value in (acts, silent))
    assert acting.tp_frac == pytest.approx([0.015 * factor, 0.025 * factor, 0.04 * factor])
    assert len(acting.factors) == 1
    assert resting.tp_frac == (0.015, 0.025, 0.04)
    assert not resting.factors


def test_the_rows_tried_above_are_all_there_are() -> None:
    names = {
        name
        for field, acts, _, _ in ROWS
        for name in dynamic_targets(inputs(**{field: acts})).factors
    }
    assert names == {factor.name for factor in FACTORS}


@pytest.mark.parametrize(
    ("changes", "sizes"),
    [
        ({"notional_usd": 2_000.0}, (0.40, 0.35, 0.25)),
        ({"regime": "TRENDING"}, (0.20, 0.30, 0.50)),
        ({"liquidity_usd": 1.0}, (0.45, 0.35, 0.20)),
        ({"notional_usd": 2_000.0, "regime": "TRENDING"}, (0.20, 0.30, 0.50)),
        ({"notional_usd": 2_000.0, "regime": "TRENDING", "liquidity_usd": 1.0}, (0.45, 0.35, 0.20)),
    ],
)
def test_the_last_row_that_names_sizes_has_its_way(
    changes: dict[str, Any], sizes: tuple[float, ...]
) -> None:
    assert dynamic_targets(inputs(**changes)).size_frac == sizes


def test_what_is_not_known_has_no_say() -> None:
    unknown = inputs(notional_usd=None, volatility_frac=None, confidence=None)
    assert dynamic_targets(unknown).tp_frac == (0.015, 0.025, 0.04)


ANY = st.builds(
    TargetInputs,
    leverage=st.floats(1, 125),
    notional_usd=st.none() | st.floats(0, 1e7),
    volatility_frac=st.none() | st.floats(0, 1),
    regime=st.sampled_from(["NORMAL", "VOLATILE", "TRENDING", "RANGE_BOUND"]),
    confidence=st.none() | st.floats(0, 1),
    liquidity_usd=st.none() | st.floats(0, 1e9),
    margin_profit_frac=st.none() | st.floats(-1, 10),
)


@given(asked=ANY)
def test_targets_are_in_strict_order_within_their_clamp_and_sizes_are_one_whole(
    asked: TargetInputs,
) -> None:
    targets = dynamic_targets(asked)
    assert all(near < far for near, far in pairwise(targets.tp_frac))
    assert targets.tp_frac[0] >= TP_MIN_FRAC
    assert targets.tp_frac[-1] <= TP_MAX_FRAC + 2e-4
    assert sum(targets.size_frac) == pytest.approx(1.0)
