"""How far target and stop of a plan lie: the base, and every multiplier alone."""

import pytest

from quantum_trader.core.exits.distances import distances
from quantum_trader.core.exits.plan_inputs import Hints
from tests.core.exits.plan_asks import inputs


def test_without_hints_the_base_distances_count() -> None:
    way = distances(inputs())
    assert (way.tp_frac, way.sl_frac) == pytest.approx((0.03, 0.025))


@pytest.mark.parametrize(
    ("confidence", "tp_frac"), [(0.49, 0.03), (0.5, 0.06), (0.9, 0.06), (None, 0.06)]
)
def test_a_hint_its_proposer_doubts_resets_the_target_and_keeps_the_stop(
    confidence: float | None, tp_frac: float
) -> None:
    way = distances(inputs(hints=Hints(tp_frac=0.06, sl_frac=0.02, confidence=confidence)))
    assert (way.tp_frac, way.sl_frac) == pytest.approx((tp_frac, 0.02))


@pytest.mark.parametrize(
    ("regime", "tp", "sl"),
    [
        ("NORMAL", 1.0, 1.0),
        ("VOLATILE", 1.3, 1.5),
        ("TRENDING", 1.5, 0.8),
        ("RANGE_BOUND", 0.8, 1.2),
    ],
)
def test_the_regime_multiplies_target_and_stop(regime: str, tp: float, sl: float) -> None:
    way = distances(inputs(regime=regime))
    assert (way.tp_frac, way.sl_frac) == pytest.approx((0.03 * tp, 0.025 * sl))
    assert way.tp_scale == pytest.approx(1.0)


@pytest.mark.parametrize(("mode", "scale"), [("NORMAL", 1.0), ("CONSERVATIVE", 0.7)])
def test_the_risk_mode_multiplies_target_and_stop(mode: str, scale: float) -> None:
    way = distances(inputs(risk_mode=mode))
    assert (way.tp_frac, way.sl_frac) == pytest.approx((0.03 * scale, 0.025 * scale))


@pytest.mark.parametrize(("mode", "scale"), [("CRITICAL", 0.5), ("ESS_ACTIVE", 0.3)])
def test_the_careful_risk_modes_multiply_wide_hints(mode: str, scale: float) -> None:
    way = distances(inputs(risk_mode=mode, hints=Hints(tp_frac=0.1, sl_frac=0.05)))
    assert (way.tp_frac, way.sl_frac) == pytest.approx((0.1 * scale, 0.05 * scale))


def test_exchanges_that_disagree_widen_the_stop_alone_and_by_at_most_two_fifths() -> None:
    assert distances(inputs(divergence=0.5)).sl_frac == pytest.approx(0.025 * 1.2)
    assert distances(inputs(divergence=9.0)).sl_frac == pytest.approx(0.025 * 1.4)
    assert distances(inputs(divergence=-1.0)).sl_frac == 0.025
    assert distances(inputs(divergence=9.0)).tp_frac == 0.03


def test_funding_asks_more_of_the_side_that_pays_and_less_of_the_other() -> None:
    assert distances(inputs(funding_rate_frac=0.05)).tp_frac == pytest.approx(0.03 * 1.04)
    assert distances(inputs(funding_rate_frac=0.9)).tp_frac == pytest.approx(0.03 * 1.08)
    short = distances(inputs(funding_rate_frac=0.05, side="SHORT"))
    assert short.tp_frac == pytest.approx(0.03 * 0.96)
    assert distances(inputs(funding_rate_frac=-0.9)).tp_frac == pytest.approx(0.03 * 0.92)


def test_distances_keep_within_their_clamps() -> None:
    narrow = distances(inputs(hints=Hints(tp_frac=0.001, sl_frac=0.001)))
    assert (narrow.tp_frac, narrow.sl_frac) == (0.015, 0.01)
    wide = distances(inputs(hints=Hints(tp_frac=0.5, sl_frac=0.5)))
    assert (wide.tp_frac, wide.sl_frac) == (0.15, 0.05)


def test_where_the_bounds_allow_no_stop_at_all_they_are_left_to_say_so() -> None:
    assert distances(inputs(stop_max_frac=-0.01)).sl_frac == 0.025
