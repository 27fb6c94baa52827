"""What plans are made from: the regime, hints, and what is refused."""

import math
from typing import Any

import pytest

from quantum_trader.core.exits.plan_inputs import Hints, hints_at, regime_of
from quantum_trader.core.exits.policy import policy_of
from tests.core.exits.plan_asks import inputs


@pytest.mark.parametrize(
    ("volatility_frac", "trend", "regime"),
    [
        (0.041, 1.0, "VOLATILE"),
        (0.04, 0.61, "TRENDING"),
        (0.04, -0.61, "TRENDING"),
        (0.01, 0.7, "TRENDING"),
        (0.0149, 0.6, "RANGE_BOUND"),
        (0.015, 0.6, "NORMAL"),
        (0.02, 0.0, "NORMAL"),
        (None, 0.9, "TRENDING"),
        (None, 0.1, "NORMAL"),
        (0.05, None, "VOLATILE"),
        (None, None, "NORMAL"),
    ],
)
def test_the_regime_follows_from_volatility_and_trend(
    volatility_frac: float | None, trend: float | None, regime: str
) -> None:
    assert regime_of(volatility_frac, trend) == regime
    asked = inputs(regime=None, volatility_frac=volatility_frac, trend=trend)
    assert policy_of("dynamic")(asked).regime == regime


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("entry_price", 0.0),
        ("entry_price", math.nan),
        ("leverage", -1.0),
        ("volatility_frac", math.inf),
        ("trend", math.nan),
        ("signal_confidence", math.nan),
    ],
)
def test_inputs_that_cannot_make_a_price_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        inputs(**{name: value})


@pytest.mark.parametrize("frac", [0.0, -0.01, 1.0, 2.5, math.nan])
@pytest.mark.parametrize("name", ["tp_frac", "sl_frac", "trail_callback_frac"])
def test_a_hint_that_is_no_fraction_is_refused(name: str, frac: float) -> None:
    with pytest.raises(ValueError, match=name):
        inputs(hints=Hints(**{name: frac}))


def test_prices_a_proposer_names_become_hints_for_its_side() -> None:
    long = hints_at("LONG", 100.0, 103.0, 98.0, 0.6)
    assert (long.tp_frac, long.sl_frac, long.confidence) == pytest.approx((0.03, 0.02, 0.6))
    short = hints_at("SHORT", 100.0, 97.0, 102.0, None)
    assert (short.tp_frac, short.sl_frac) == pytest.approx((0.03, 0.02))


@pytest.mark.parametrize("side", ["LONG", "SHORT"])
def test_a_price_on_the_wrong_side_of_entry_is_no_hint(side: Any) -> None:
    away = -1 if side == "LONG" else 1
    wrong = hints_at(side, 100.0, 100.0 + 3 * away, 100.0 - 3 * away, None)
    assert wrong == hints_at(side, 100.0, None, None, None) == Hints()
    assert hints_at(side, 100.0, 100.0, 100.0, None) == Hints()


def test_a_price_as_far_away_as_entry_is_high_is_no_hint() -> None:
    assert hints_at("LONG", 100.0, 200.0, 0.0, None) == Hints()
    assert hints_at("SHORT", 100.0, 0.0, 210.0, None) == Hints()
