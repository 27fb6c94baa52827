"""The average true range as it goes, against the slow way; and its place in its recent past."""

import math
import random
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.events import CandleClosed
from quantum_trader.core.market.view import MarketView, observe
from quantum_trader.core.market.volatility import (
    ATR_BARS,
    SAMPLE_EVERY_BARS,
    SAMPLES,
    SAMPLES_MIN,
    VolatilityTrack,
)
from quantum_trader.core.market.window import BarWindow

MINUTE_MS = 60_000
NONE_YET = VolatilityTrack()


class Bar(NamedTuple):
    high: float
    low: float
    close: float


def flat(price: float, reach: float) -> Bar:
    return Bar(price + reach, price - reach, price)


def walk(seed: int, bars: int, sigma: float = 0.001) -> list[Bar]:
    dice, price, found = random.Random(seed), 100.0, []
    for _ in range(bars):
        close = price * math.exp(dice.gauss(0.0, sigma))
        reach = abs(dice.gauss(0.0, sigma)) * close
        found.append(Bar(max(price, close) + reach, min(price, close) - reach, close))
        price = close
    return found


def track_of(bars: list[Bar]) -> VolatilityTrack:
    track = VolatilityTrack()
    for bar in bars:
        track.push(*bar)
    return track


def slow_atr_fracs(bars: list[Bar]) -> list[float]:
    """Wilder's average over the close, for every bar that has one, with all true ranges at hand."""
    ranges = [
        max(bar.high - bar.low, abs(bar.high - before.close), abs(bar.low - before.close))
        for before, bar in pairwise(bars)
    ]
    atr = sum(ranges[:ATR_BARS]) / ATR_BARS
    found = [atr / bars[ATR_BARS].close]
    for true_range, bar in zip(ranges[ATR_BARS:], bars[ATR_BARS + 1 :], strict=True):
        atr = (13 * atr + true_range) / 14
        found.append(atr / bar.close)
    return found


def assert_agrees(bars: list[Bar]) -> None:
    slow = slow_atr_fracs(bars)
    track = track_of(bars)
    assert track.atr_frac == pytest.approx(slow[-1], rel=1e-9)
    # The first has 14 true ranges; samples are those with a multiple of 15.
    sampled = slow[SAMPLE_EVERY_BARS - ATR_BARS :: SAMPLE_EVERY_BARS][-SAMPLES:]
    assert track.samples_frac == pytest.approx(sampled, rel=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_the_slow_way_gives_the_same_ranges(seed: int) -> None:
    assert_agrees(walk(seed, 1_000))
    assert_agrees(walk(seed, 40, sigma=0.05))


@pytest.mark.parametrize("symbol", ["BTCUSDT", "DOGEUSDT"])
def test_on_real_candles_the_slow_way_gives_the_same_ranges(shared_data: Path, symbol: str) -> None:
    file = shared_data / "binance_um" / "klines_1m" / f"{symbol}.parquet"
    rows = pl.read_parquet(file, columns=["high", "low", "close"], n_rows=2_000).rows()
    bars = [Bar(*row) for row in rows]
    assert track_of(bars).bars == len(bars) - 1
    assert_agrees(bars)


def test_fourteen_true_ranges_make_an_average_and_the_first_bar_has_none() -> None:
    bars = [flat(100.0, 1.0)] * 15
    assert track_of(bars[:14]).atr_frac is None
    assert track_of(bars).atr_frac == 0.02


def test_a_true_range_reaches_back_to_the_close_before() -> None:
    bars = [flat(100.0, 1.0)] * 15
    assert track_of([*bars, flat(115.0, 1.0)]).atr == pytest.approx(2.0 + (16.0 - 2.0) / 14)
    assert track_of([*bars, flat(85.0, 1.0)]).atr == pytest.approx(2.0 + (16.0 - 2.0) / 14)


def test_the_average_forgets_a_fourteenth_with_every_bar() -> None:
    bars = [flat(100.0, 1.0)] * 15 + [flat(100.0, 0.0)] * 3
    assert track_of(bars).atr == pytest.approx(2.0 * (13 / 14) ** 3)


def test_the_rank_is_unknown_until_there_are_twenty_samples() -> None:
    bars = walk(1, SAMPLES_MIN * SAMPLE_EVERY_BARS + 1)
    assert track_of(bars[:-1]).rank is None
    assert track_of(bars).rank is not None


def test_a_sample_is_taken_every_fifteen_bars_and_fifty_are_kept() -> None:
    counts = [len(track_of(walk(2, bars + 1)).samples_frac) for bars in (14, 15, 29, 30, 2_000)]
    assert counts == [0, 1, 1, 2, SAMPLES]


def test_a_market_livelier_than_all_of_its_past_has_the_highest_rank() -> None:
    quiet = [flat(100.0, 1.0 + 0.001 * (at % 7)) for at in range(800)]
    assert track_of(quiet + [flat(100.0, 5.0)] * 5).rank == 1.0
    assert track_of(quiet + [flat(100.0, 0.1)] * 5).rank == 0.0


def test_a_market_that_never_changes_is_in_the_middle_of_its_past() -> None:
    assert track_of([flat(100.0, 0.0)] * 800).rank == 0.5
    assert track_of([flat(100.0, 0.0)] * 800).atr_frac == 0.0


@pytest.mark.parametrize("seed", range(5))
def test_the_rank_is_the_part_of_the_samples_that_is_smaller(seed: int) -> None:
    track = track_of(walk(seed, 900))
    now = track.atr_frac
    assert now is not None
    expected = sum(each < now for each in track.samples_frac) / SAMPLES
    assert track.rank == pytest.approx(expected)


@pytest.mark.parametrize(
    "bar",
    [
        Bar(math.nan, 99.0, 100.0),
        Bar(101.0, math.nan, 100.0),
        Bar(math.inf, 99.0, 100.0),
        Bar(101.0, 0.0, 100.0),
        Bar(99.0, 101.0, 100.0),
        Bar(101.0, 99.0, 102.0),
        Bar(101.0, 99.0, 98.0),
        Bar(1e300, 99.0, 100.0),
        Bar(101.0, 1e-300, 1e-300),
    ],
)
def test_a_bar_whose_numbers_make_no_range_is_missing(bar: Bar) -> None:
    track = track_of([*walk(3, 400), bar])
    assert track == NONE_YET
    track.push(101.0, 99.0, 100.0)
    assert (track.bars, track.close) == (0, 100.0)


def candle(minute: int, bar: Bar, minutes: int = 1) -> CandleClosed:
    return CandleClosed(
        id="c",
        at_ms=(minute + minutes) * MINUTE_MS,
        symbol="BTCUSDT",
        source="recorded",
        interval_ms=minutes * MINUTE_MS,
        open_ms=minute * MINUTE_MS,
        open=bar.close,
        high=bar.high,
        low=bar.low,
        close=bar.close,
        volume=1.0,
    )


def a_view(bars: list[Bar]) -> MarketView:
    view = MarketView(source="recorded", window=BarWindow())
    for minute, bar in enumerate(bars):
        assert observe(view, candle(minute, bar))
    return view


def test_a_view_knows_range_and_rank_of_its_market() -> None:
    bars = walk(4, 500)
    view, track = a_view(bars), track_of(bars)
    assert view.volatility == track
    assert (view.atr_frac, view.volatility_rank) == (track.atr_frac, track.rank)
    assert view.volatility_rank is not None


def test_a_hole_between_two_bars_is_no_true_range() -> None:
    view = a_view(walk(5, 500))
    assert observe(view, candle(501, flat(200.0, 1.0)))
    assert view.volatility == VolatilityTrack(close=200.0)
    assert view.atr_frac is None


def test_bars_of_another_length_begin_anew() -> None:
    view = a_view(walk(6, 500))
    assert observe(view, candle(500, flat(100.0, 1.0), minutes=5))
    assert view.volatility == VolatilityTrack(close=100.0)


def test_a_repeated_bar_is_not_counted_twice() -> None:
    bars = walk(7, 50)
    view = a_view(bars)
    assert not observe(view, candle(49, bars[-1]))
    assert view == a_view(bars)


@given(st.lists(st.tuples(st.integers(0, 40), st.floats(0.01, 1e6)), max_size=80))
def test_true_ranges_are_counted_over_the_very_bars_of_the_window(
    bars: list[tuple[int, float]],
) -> None:
    view = MarketView(source="recorded", window=BarWindow())
    for minute, price in bars:
        observe(view, candle(minute, Bar(price * 1.01, price * 0.99, price)))
    assert view.volatility.bars == max(0, len(view.window.log_closes) - 1)


@given(
    st.lists(st.tuples(*[st.floats()] * 3) | st.sampled_from(walk(8, 50)), max_size=80),
    st.integers(0, 80),
)
def test_whatever_comes_the_track_stays_finite_and_survives_being_written_down(
    bars: list[tuple[float, float, float]], cut: int
) -> None:
    whole, restored = track_of(walk(9, 400)), track_of(walk(9, 400))
    for number, bar in enumerate(bars):
        if number == cut:
            restored = msgspec.json.decode(msgspec.json.encode(restored), type=VolatilityTrack)
        whole.push(*bar)
        restored.push(*bar)
    assert restored == whole
    assert all(map(math.isfinite, (whole.atr, whole.close, *whole.samples_frac)))
    assert whole.atr_frac is None or 0.0 <= whole.atr_frac < math.inf
    assert whole.rank is None or 0.0 <= whole.rank <= 1.0


@given(st.integers(0, 1_000), st.sampled_from([2.0, 0.5, 1024.0]))
def test_the_unit_of_the_price_says_nothing(seed: int, scale: float) -> None:
    bars = walk(seed, 320)
    scaled = [Bar(*(scale * each for each in bar)) for bar in bars]
    assert track_of(scaled).atr_frac == track_of(bars).atr_frac
    assert track_of(scaled).rank == track_of(bars).rank


def test_two_tracks_share_nothing() -> None:
    track_of(walk(1, 400))
    assert VolatilityTrack().samples_frac == []
