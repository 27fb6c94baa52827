"""The change over a day, against the recorded rule."""

import pytest

from quantum_trader.core.signals import Trend
from quantum_trader.core.signals.trend import confidence_of
from tests.core.signals.bars import HOUR_MS, MINUTE_MS, bars_of, told


def a_day_then(*closes: float) -> list[float]:
    """Return 24 hourly closes at 100 and what comes after."""
    return [100.0] * 24 + [*closes]


@pytest.mark.parametrize(
    ("close", "side", "confidence"),
    [
        (101.0, "HOLD", 0.30),
        (101.5, "LONG", 0.515),
        (99.0, "HOLD", 0.30),
        (98.9, "SHORT", 0.511),
        (100.0, "HOLD", 0.30),
        (93.884, "SHORT", 0.56116),
        (150.0, "LONG", 0.80),
        (20.0, "SHORT", 0.80),
    ],
)
def test_a_move_of_more_than_one_per_cent_is_followed(
    close: float, side: str, confidence: float
) -> None:
    *quiet, said = told(Trend(), bars_of(a_day_then(close)))
    assert not any(quiet)
    assert said is not None
    assert said.side == side
    assert said.confidence == pytest.approx(confidence, abs=1e-12)


def test_the_comparison_is_with_exactly_24_hours_ago() -> None:
    climb = [100.0 + n for n in range(60)]
    state, model = Trend().initial(), Trend()
    for number, bar in enumerate(bars_of(climb)):
        said = model.on_candle(state, bar)
        assert (said is not None) == (number == 24)
        if said:
            assert said.reason == "changed by 24.00 % over 24 hours"
    assert sorted(state.closes) == climb[-24:]


def test_a_side_is_told_once_and_again_only_after_it_changed() -> None:
    said = told(Trend(), bars_of(a_day_then(102.0, 103.0, 100.5, 100.0, 102.0, 97.0, 96.0)))
    sides = [one.side if one else None for one in said[24:]]
    assert sides == ["LONG", None, "HOLD", None, "LONG", "SHORT", None]


def test_a_day_has_as_many_bars_as_fit_into_it() -> None:
    for interval_ms, count in ((MINUTE_MS, 1_440), (4 * HOUR_MS, 6), (24 * HOUR_MS, 1)):
        said = told(Trend(), bars_of([100.0] * count + [110.0], interval_ms=interval_ms))
        assert [number for number, one in enumerate(said) if one] == [count]


@pytest.mark.parametrize("hours", [5, 48, 168])
def test_bars_that_do_not_divide_a_day_say_nothing(hours: int) -> None:
    closes = [100.0 + 10 * n for n in range(50)]
    assert not any(told(Trend(), bars_of(closes, interval_ms=hours * HOUR_MS)))


def test_confidence_grows_with_the_move_up_to_its_ceiling() -> None:
    moves = [0.011, 0.1, 0.29, 0.31, 5.0]
    assert [confidence_of("LONG", move) for move in moves] == pytest.approx(
        [0.511, 0.6, 0.79, 0.8, 0.8]
    )


def test_another_threshold_makes_another_strategy() -> None:
    assert Trend().name == "trend"
    assert Trend(threshold_frac=0.02).name == "trend_0.02"
    with pytest.raises(ValueError, match="between 0 and 1"):
        Trend(threshold_frac=1.0)
