"""Prices of several venues compared: the numbers by hand, who drops out, and what stays missing."""

from math import isclose, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.events import VenueQuoted, VenuesCompared
from quantum_trader.core.market.divergence import STALE_MS, UNIT_RATIO_MAX, Comparison

NOW_MS = 1_735_732_800_000
VENUES = ("binance", "bybit", "okx")


def quoted(
    venue: str, price: float, at_ms: int = NOW_MS, received_ms: int | None = None
) -> VenueQuoted:
    """A quote a hundredth of a per cent wide around a price."""
    return VenueQuoted(
        id=f"{venue}:{at_ms}",
        at_ms=at_ms,
        symbol="BTCUSDT",
        source=venue,
        received_ms=received_ms,
        venue_symbol="BTC",
        bid=price * 0.9999,
        ask=price * 1.0001,
        bid_qty=None,
        ask_qty=None,
    )


def compared(*quotes: VenueQuoted, now_ms: int = NOW_MS) -> VenuesCompared:
    """The one comparison of these quotes."""
    comparison = Comparison("binance", VENUES)
    for quote in quotes:
        comparison.take(quote)
    (fact,) = comparison.compared(now_ms)
    return fact


def test_three_venues_by_hand() -> None:
    fact = compared(quoted("binance", 101.0), quoted("bybit", 100.0), quoted("okx", 99.0))
    assert fact.average == pytest.approx(100.0)
    # 101 over the mean of 100 and 99, and sqrt(2/3) over 100.
    assert fact.divergence_bps == pytest.approx((101.0 / 99.5 - 1.0) * 10_000)
    assert fact.dispersion_bps == pytest.approx(sqrt(2.0 / 3.0) * 100)
    assert fact.fresh == 3


def test_below_the_others_is_negative() -> None:
    assert compared(quoted("binance", 99.0), quoted("okx", 100.0)).divergence_bps == pytest.approx(
        -100.0
    )


def test_a_venue_that_fell_silent_drops_out_and_is_still_seen() -> None:
    old_ms = NOW_MS - STALE_MS - 1
    fact = compared(
        quoted("binance", 100.0), quoted("bybit", 90.0, at_ms=old_ms), quoted("okx", 100.0)
    )
    assert (fact.average, fact.divergence_bps, fact.fresh) == (100.0, 0.0, 2)
    seen = {one.venue: one for one in fact.venues}
    assert (seen["bybit"].age_ms, seen["bybit"].fresh) == (STALE_MS + 1, False)
    assert seen["bybit"].price == pytest.approx(90.0)


def test_at_the_limit_of_its_age_a_venue_still_counts() -> None:
    fact = compared(
        quoted("binance", 100.0, at_ms=NOW_MS - STALE_MS), quoted("okx", 100.0, at_ms=NOW_MS)
    )
    assert fact.fresh == 2


def test_a_venue_that_repeats_an_old_time_is_as_stale_as_a_silent_one() -> None:
    frozen = quoted("okx", 100.0, at_ms=NOW_MS - STALE_MS - 1, received_ms=NOW_MS)
    fact = compared(quoted("binance", 100.0), frozen)
    assert (fact.fresh, fact.divergence_bps) == (1, None)


def test_a_venue_whose_clock_is_ahead_ages_by_ours() -> None:
    ahead = quoted("okx", 100.0, at_ms=NOW_MS + 60_000, received_ms=NOW_MS - STALE_MS - 1)
    assert compared(quoted("binance", 100.0), ahead).fresh == 1


def test_one_venue_alone_tells_no_divergence() -> None:
    fact = compared(quoted("binance", 100.0))
    assert (fact.average, fact.divergence_bps, fact.dispersion_bps) == (100.0, None, None)
    never = [one for one in fact.venues if one.price is None]
    assert [one.venue for one in never] == ["bybit", "okx"]
    assert all(one.age_ms is None and not one.fresh for one in never)


def test_without_our_own_venue_the_others_are_no_answer_about_it() -> None:
    fact = compared(quoted("bybit", 100.0), quoted("okx", 102.0))
    assert fact.divergence_bps is None
    assert fact.dispersion_bps == pytest.approx(10_000 / 101.0)


def test_with_nobody_fresh_there_is_no_average() -> None:
    fact = compared(quoted("binance", 100.0), now_ms=NOW_MS + STALE_MS + 1)
    assert (fact.average, fact.fresh) == (None, 0)


def test_an_older_word_and_a_stranger_are_not_taken() -> None:
    comparison = Comparison("binance", VENUES)
    assert comparison.take(quoted("okx", 100.0))
    assert not comparison.take(quoted("okx", 50.0, at_ms=NOW_MS - 1))
    assert not comparison.take(quoted("kraken", 50.0))
    (fact,) = comparison.compared(NOW_MS)
    assert fact.average == pytest.approx(100.0)


def test_prices_of_different_units_tell_nothing() -> None:
    fact = compared(quoted("binance", 0.02), quoted("okx", 0.00002))
    assert (fact.average, fact.divergence_bps, fact.dispersion_bps) == (None, None, None)
    assert [one.fresh for one in fact.venues] == [True, False, True]
    apart = compared(quoted("binance", 100.0), quoted("okx", 100.0 * UNIT_RATIO_MAX * 0.999))
    assert apart.divergence_bps is not None


@given(
    st.lists(st.floats(0.5, 1.4), min_size=3, max_size=3),
    st.floats(0.01, 1e3),
    st.lists(st.integers(0, 2 * STALE_MS), min_size=3, max_size=3),
)
def test_the_unit_of_price_does_not_matter_and_only_the_fresh_count(
    prices: list[float], scale: float, ages_ms: list[int]
) -> None:
    def at(factor: float) -> VenuesCompared:
        return compared(
            *(
                quoted(venue, price * factor, at_ms=NOW_MS - age_ms)
                for venue, price, age_ms in zip(VENUES, prices, ages_ms, strict=True)
            )
        )

    one, other = at(1.0), at(scale)
    fresh = [price for price, age_ms in zip(prices, ages_ms, strict=True) if age_ms <= STALE_MS]
    assert one.fresh == other.fresh == len(fresh)
    assert (one.average is None) == (not fresh)
    assert (one.dispersion_bps is None) == (len(fresh) < 2)
    if one.average is not None:
        assert min(fresh) * 0.999999 <= one.average <= max(fresh) * 1.000001
    for name in ("divergence_bps", "dispersion_bps"):
        told, scaled = getattr(one, name), getattr(other, name)
        assert (told is None) == (scaled is None)
        if told is not None:
            assert isclose(told, scaled, rel_tol=1e-6, abs_tol=1e-4)
