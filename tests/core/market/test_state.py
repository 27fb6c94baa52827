"""Market state against a slow, independent computation, and what it must mean."""

import math
from collections.abc import Sequence
from itertools import combinations, pairwise
from pathlib import Path
from statistics import median, pvariance

import msgspec
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantum_trader.core.events import MarketStateComputed
from quantum_trader.core.market.state import (
    MarketNumbers,
    compute,
    regimes,
    sigma_ratio,
    t_statistic,
    volatility_of,
)
from quantum_trader.core.market.window import WINDOW_BARS, BarWindow

MINUTE_MS = 60_000
STATISTICS = (
    "sigma_frac",
    "mu_frac",
    "trend_strength",
    "direction_persistence",
    "variance_ratio",
    "spike",
    "p_trend",
    "p_reversion",
    "p_chop",
)


def window_of(closes: Sequence[float], interval_ms: int = MINUTE_MS) -> BarWindow:
    window = BarWindow()
    for number, close in enumerate(closes, 1):
        assert window.push(interval_ms, number * interval_ms, close)
    return window


def computed(closes: Sequence[float]) -> MarketNumbers:
    numbers = compute(window_of(closes))
    assert numbers is not None
    return numbers


def walk(seed: int, *, drift: float = 0.0, sigma: float = 0.001) -> list[float]:
    steps = np.random.default_rng(seed).normal(drift, sigma, WINDOW_BARS)
    closes: list[float] = (100.0 * np.exp(np.cumsum(steps))).tolist()
    return closes


def slow_percentile(values: list[float], frac: float) -> float:
    ranked, rank = sorted(values), frac * (len(values) - 1)
    low = math.floor(rank)
    return ranked[low] + (rank - low) * (ranked[low + 1] - ranked[low])


def slow_slope(values: Sequence[float]) -> float:
    pairs = combinations(enumerate(values), 2)
    return median((later - sooner) / (end - start) for (start, sooner), (end, later) in pairs)


def slow_sigma(clipped: list[float], last: float) -> tuple[float, float]:
    variance = pvariance(clipped[:10])
    for each in clipped[10:]:
        variance = 0.94 * variance + 0.06 * each**2
    ewma = math.sqrt(variance)
    middle = median(clipped)
    mad = 1.4826 * median(abs(each - middle) for each in clipped)
    spike = min(abs(last) / ewma, 5.0)
    weight = 1 / (1 + math.exp(-(spike - 1.2) / 0.3))
    return max(1e-6, (1 - weight) * ewma + weight * mad), spike


def slow_persistence(returns: list[float]) -> float:
    products = [one * other for one, other in pairwise(returns) if one * other != 0]
    return 2 * sum(each > 0 for each in products) / len(products) - 1


def slow_ratio(clipped: list[float]) -> float:
    sums = [sum(clipped[at : at + 5]) for at in range(1, 256, 5)]
    return pvariance(sums) / (5 * pvariance(clipped))


def slowly(closes: Sequence[float]) -> dict[str, float]:
    """Every formula in plain Python, one value at a time."""
    logs = [math.log(close) for close in closes]
    returns = [later - sooner for sooner, later in pairwise(logs)]
    bottom, top = slow_percentile(returns, 0.01), slow_percentile(returns, 0.99)
    clipped = [min(max(each, bottom), top) for each in returns]
    sigma, spike = slow_sigma(clipped, returns[-1])
    mu = sum(w * slow_slope(logs[-n:]) for w, n in ((0.5, 64), (0.3, 128), (0.2, 256)))
    dp, vr = slow_persistence(returns), slow_ratio(clipped)
    trend = abs(mu / sigma * math.sqrt(0.5 * 64 + 0.3 * 128 + 0.2 * 256)) / 2
    scores = [
        trend + dp + max(vr - 1, 0),
        max(1 - vr, 0) - trend - dp,
        (1 - abs(dp)) + (1 - min(trend, 1)) - abs(vr - 1),
    ]
    odds = [math.exp(score) / sum(map(math.exp, scores)) for score in scores]
    return {
        "sigma_frac": sigma,
        "mu_frac": mu,
        "trend_strength": mu / sigma,
        "direction_persistence": dp,
        "variance_ratio": vr,
        "spike": spike,
        **dict(zip(("p_trend", "p_reversion", "p_chop"), odds, strict=True)),
    }


def assert_agrees(closes: Sequence[float]) -> None:
    numbers, slow = computed(closes), slowly(closes)
    for name, expected in slow.items():
        assert getattr(numbers, name) == pytest.approx(expected, rel=1e-9, abs=1e-12), name


@pytest.mark.parametrize("symbol", ["BTCUSDT", "DOGEUSDT", "TRXUSDT"])
def test_on_real_candles_the_slow_way_gives_the_same_numbers(
    shared_data: Path, symbol: str
) -> None:
    file = shared_data / "binance_um" / "klines_1m" / f"{symbol}.parquet"
    closes = pl.read_parquet(file, columns=["close"])["close"]
    for start in range(0, closes.len() - WINDOW_BARS, closes.len() // 3):
        assert_agrees(closes.slice(start, WINDOW_BARS).to_list())


@settings(max_examples=15)
@given(st.integers(0, 10**6), st.floats(-0.01, 0.01), st.floats(1e-5, 0.1))
def test_on_any_walk_the_slow_way_gives_the_same_numbers(
    seed: int, drift: float, sigma: float
) -> None:
    assert_agrees(walk(seed, drift=drift, sigma=sigma))


def test_one_walk_gives_these_numbers_for_ever() -> None:
    closes = [100.0 + (7 * at % 11) * 0.25 + at * 0.01 for at in range(WINDOW_BARS)]
    numbers = computed(closes)
    golden = MarketNumbers(
        interval_ms=MINUTE_MS,
        last_bar_ms=WINDOW_BARS * MINUTE_MS,
        bars=WINDOW_BARS,
        sigma_frac=0.0055313729223422725,
        mu_frac=9.684065792204653e-05,
        trend_strength=0.01750752648241969,
        direction_persistence=-0.4588235294117647,
        variance_ratio=0.12524218852334645,
        spike=1.3012841314100696,
        p_trend=0.11778789146924513,
        p_reversion=0.5830253506436783,
        p_chop=0.29918675788707644,
        regime="reversion",
    )
    exact = {name: getattr(golden, name) for name in STATISTICS}
    assert {name: getattr(numbers, name) for name in STATISTICS} == pytest.approx(exact, rel=1e-12)
    assert msgspec.structs.replace(numbers, **exact) == golden


def test_fewer_than_257_closes_give_no_state() -> None:
    assert compute(window_of(walk(1)[:-1])) is None
    assert compute(BarWindow()) is None


def test_a_market_that_never_moved_gives_no_state() -> None:
    assert compute(window_of([3.0] * WINDOW_BARS)) is None


def test_a_market_that_hardly_moved_still_has_its_risk() -> None:
    closes = [3.0 + 0.01 * (at % 20 == 16) for at in range(WINDOW_BARS)]
    assert computed(closes).sigma_frac > 1e-4


def test_a_price_that_grows_evenly_is_a_trend_and_no_error() -> None:
    numbers = computed([100 * 1.001**at for at in range(WINDOW_BARS)])
    assert (numbers.regime, numbers.variance_ratio) == ("trend", 1.0)
    assert numbers.mu_frac == pytest.approx(math.log(1.001))


@given(st.integers(0, 10**6), st.sampled_from([0.001, 8.0, 1e6]))
def test_the_unit_of_the_price_does_not_matter(seed: int, unit: float) -> None:
    numbers, scaled = computed(walk(seed)), computed([unit * close for close in walk(seed)])
    assert scaled.regime == numbers.regime
    for name in STATISTICS:
        assert getattr(scaled, name) == pytest.approx(getattr(numbers, name), rel=1e-6, abs=1e-9)


@given(st.integers(0, 10**6))
def test_the_mirrored_market_has_the_opposite_drift_and_the_same_odds(seed: int) -> None:
    numbers, mirrored = computed(walk(seed)), computed([1e4 / close for close in walk(seed)])
    for name in ("mu_frac", "trend_strength"):
        assert getattr(mirrored, name) == pytest.approx(
            -getattr(numbers, name), rel=1e-6, abs=1e-12
        )
    for name in set(STATISTICS) - {"mu_frac", "trend_strength"}:
        assert getattr(mirrored, name) == pytest.approx(getattr(numbers, name), rel=1e-6, abs=1e-9)


@given(st.integers(0, 10**6), st.floats(0.1, 10))
def test_returns_twice_as_large_mean_twice_the_volatility_and_drift(
    seed: int, scale: float
) -> None:
    closes = walk(seed)
    numbers = computed(closes)
    scaled = computed([100.0 * (close / 100.0) ** scale for close in closes])
    for name in ("sigma_frac", "mu_frac"):
        assert getattr(scaled, name) == pytest.approx(scale * getattr(numbers, name), rel=1e-6)
    for name in ("trend_strength", "variance_ratio", "spike", "p_chop"):
        assert getattr(scaled, name) == pytest.approx(getattr(numbers, name), rel=1e-6, abs=1e-9)


@given(st.integers(0, 10**6), st.floats(-0.005, 0.005))
def test_probabilities_sum_to_one_and_the_regime_is_the_likeliest(seed: int, drift: float) -> None:
    numbers = computed(walk(seed, drift=drift))
    odds = {
        "trend": numbers.p_trend,
        "reversion": numbers.p_reversion,
        "chop": numbers.p_chop,
    }
    assert sum(odds.values()) == pytest.approx(1.0)
    assert odds[numbers.regime] == max(odds.values())


def test_a_falling_market_has_a_negative_trend_strength_and_is_a_trend_all_the_same() -> None:
    numbers = computed(walk(3, drift=-0.0006))
    assert numbers.trend_strength < -0.3
    assert numbers.regime == "trend"


def test_a_market_that_takes_back_every_step_reverts() -> None:
    noise = np.random.default_rng(8).normal(0, 0.001, WINDOW_BARS)
    numbers = computed([100.0 * math.exp(each) for each in noise.tolist()])
    assert numbers.variance_ratio < 0.5
    assert numbers.direction_persistence < 0
    assert numbers.p_reversion > numbers.p_trend


def test_by_chance_alone_the_t_statistic_is_about_one_and_chop_is_the_usual_answer() -> None:
    states = [computed(walk(seed)) for seed in range(300)]
    spread = math.sqrt(pvariance([t_statistic(each.trend_strength) for each in states]))
    assert 0.9 < spread < 1.3
    assert sum(each.regime == "chop" for each in states) > 240


@pytest.mark.parametrize("ratio", [0.4, 0.9, 1.1, 1.6])
def test_the_variance_ratio_speaks_for_trend_or_reversion_and_always_against_chop(
    ratio: float,
) -> None:
    plain, moved = regimes(0.5, 0.0, 1.0), regimes(0.5, 0.0, ratio)
    before, after = plain.trend / plain.reversion, moved.trend / moved.reversion
    assert math.log(after / before) == pytest.approx(ratio - 1.0)
    assert moved.chop < plain.chop


def test_persistence_speaks_for_trend_and_its_opposite_for_reversion() -> None:
    plain = regimes(0.5, 0.0, 1.0)
    assert regimes(0.5, 0.3, 1.0).trend > plain.trend
    assert regimes(0.5, -0.3, 1.0).reversion > plain.reversion
    assert regimes(0.5, -0.3, 1.0).chop < plain.chop > regimes(0.5, 0.3, 1.0).chop


def test_a_genuine_spike_hands_the_volatility_to_the_estimate_it_cannot_move() -> None:
    calm = walk(12)
    shaken = [*calm[:-1], calm[-2] * 1.02]
    numbers = computed(shaken)
    assert numbers.spike == 5.0
    assert numbers.sigma_frac == pytest.approx(0.001, rel=0.2)


def test_the_weight_of_the_robust_estimate_rises_with_the_spike() -> None:
    clipped = np.concatenate([np.full(246, 1e-3), np.full(10, 5e-3)])
    clipped[::2] *= -1
    sigmas = [volatility_of(clipped, size) for size in (0.0, 2e-3, 6e-3, 2e-2)]
    found = [each.sigma_frac for each in sigmas if each is not None]
    assert len(found) == 4
    assert found == sorted(found, reverse=True)
    assert found[-1] == pytest.approx(1.4826e-3, rel=1e-3)


@pytest.mark.parametrize(
    ("sigma_frac", "interval_ms", "ratio"),
    [
        (0.02, 86_400_000, 1.0),
        (0.02 / math.sqrt(1440), MINUTE_MS, 1.0),
        (0.01 / math.sqrt(24), 3_600_000, 0.5),
        (0.5, MINUTE_MS, 3.0),
    ],
)
def test_the_volatility_factor_is_daily_volatility_over_two_per_cent(
    sigma_frac: float, interval_ms: int, ratio: float
) -> None:
    assert sigma_ratio(sigma_frac, interval_ms) == pytest.approx(ratio)


def test_the_same_window_gives_the_same_bits_whatever_was_computed_between() -> None:
    window = window_of(walk(21))
    restored = msgspec.json.decode(msgspec.json.encode(window), type=BarWindow)
    first = compute(window)
    computed(walk(22))
    assert compute(window) == first == compute(restored)


def test_the_numbers_fill_the_published_fact_and_survive_its_wire() -> None:
    fact = MarketStateComputed(
        id="bar/1",
        at_ms=1,
        trace_id="",
        account="paper",
        symbol="BTCUSDT",
        **computed(walk(2)).fields(),
    )
    wire = msgspec.json.encode(fact)
    assert msgspec.json.decode(wire, type=MarketStateComputed) == fact
