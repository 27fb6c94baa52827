"""The crossing of averages, against sums done by hand."""

import pytest

from quantum_trader.core.signals import EmaCross
from tests.core.signals.bars import bars_of, told

SMALL = EmaCross(fast_bars=1, slow_bars=3)


def test_averages_weigh_the_newest_close_with_two_over_n_plus_one() -> None:
    state = SMALL.initial()
    for bar in bars_of([8.0, 16.0, 4.0]):
        SMALL.on_candle(state, bar)
    # n = 1 is the close itself; n = 3 weighs by half: 8, 12, 8.
    assert (state.fast, state.slow) == (4.0, 8.0)


def test_a_cross_after_the_warm_up_is_told_once() -> None:
    falling = [100.0 - n for n in range(12)]
    said = told(SMALL, bars_of([*falling, 95.0, 96.0, 97.0, 80.0, 79.0]))
    assert [(n, one.side) for n, one in enumerate(said) if one] == [(12, "LONG"), (15, "SHORT")]


def test_a_cross_during_the_warm_up_is_kept_for_oneself() -> None:
    said = told(SMALL, bars_of([10.0, 9.0, 8.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0, 19.0]))
    assert not any(said)


def test_the_first_bar_after_the_warm_up_may_speak() -> None:
    falling = [100.0 - n for n in range(9)]
    assert told(SMALL, bars_of([*falling, 120.0]))[-1] is not None
    assert told(SMALL, bars_of([*falling[1:], 120.0]))[-1] is None


def test_averages_that_touch_and_part_again_did_not_cross() -> None:
    rising = [float(n) for n in range(1, 12)]
    model = EmaCross(fast_bars=1, slow_bars=3)
    state = model.initial()
    for bar in bars_of(rising):
        model.on_candle(state, bar)
    touch = state.slow
    said = told(model, bars_of([*rising, touch, touch + 5.0]))
    assert not any(said)


def test_a_flat_market_says_nothing() -> None:
    assert not any(told(EmaCross(), bars_of([100.0] * 500)))


def test_averages_that_part_for_the_first_time_did_not_cross() -> None:
    assert not any(told(SMALL, bars_of([100.0] * 20 + [101.0, 102.0])))


def test_confidence_is_missing_rather_than_made_up() -> None:
    falling = [100.0 - n for n in range(12)]
    (said,) = [one for one in told(SMALL, bars_of([*falling, 95.0])) if one]
    assert said.confidence is None
    assert said.reason.startswith("EMA 1 (95) crossed above EMA 3 (")


def test_other_bars_make_another_strategy() -> None:
    assert EmaCross().name == "ema_cross"
    assert EmaCross(fast_bars=9, slow_bars=21).name == "ema_cross_9_21"


@pytest.mark.parametrize(("fast", "slow"), [(20, 20), (50, 20), (0, 5)])
def test_a_fast_average_that_is_not_faster_is_refused(fast: int, slow: int) -> None:
    with pytest.raises(ValueError, match="must be below"):
        EmaCross(fast_bars=fast, slow_bars=slow)
