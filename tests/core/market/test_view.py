"""What is taken in of a market, and what is not."""

from math import inf, nan

import pytest

from quantum_trader.core.events import MarkPriced, QuoteChanged, Tick, VenuesCompared
from quantum_trader.core.market.view import COMPARED_AGE_MAX_MS, MarketView, observe
from quantum_trader.core.market.window import BarWindow
from tests.support import NOON_MS, a_candle

HOUR_MS = 3_600_000


def a_view() -> MarketView:
    return MarketView(source="recorded", window=BarWindow())


def a_tick(price: float, at_ms: int = NOON_MS) -> Tick:
    return Tick(id="t", at_ms=at_ms, symbol="BTCUSDT", source="recorded", price=price, qty=1.0)


def a_mark(mark: float, at_ms: int = NOON_MS, next_ms: int | None = None) -> MarkPriced:
    return MarkPriced(
        id="m",
        at_ms=at_ms,
        symbol="BTCUSDT",
        source="recorded",
        mark=mark,
        funding_rate_frac=None,
        next_funding_ms=next_ms,
    )


@pytest.mark.parametrize("value", [0.0, -1.0, nan, inf])
def test_what_is_no_price_changes_nothing(value: float) -> None:
    view = a_view()
    assert not observe(view, a_tick(value))
    assert not observe(view, a_mark(value))
    assert not observe(view, a_candle(value))
    assert view == a_view()


def test_an_older_trade_says_nothing_new() -> None:
    view = a_view()
    assert observe(view, a_tick(60_000.0))
    assert not observe(view, a_tick(59_000.0, NOON_MS - 1))
    assert (view.last, view.mark) == (60_000.0, 60_000.0)


def test_a_mark_of_its_own_is_never_replaced_by_a_trade() -> None:
    view = a_view()
    assert observe(view, a_mark(60_000.0))
    assert observe(view, a_tick(59_000.0, NOON_MS + 1))
    assert (view.last, view.mark, view.mark_ms) == (59_000.0, 60_000.0, NOON_MS)


def test_an_older_mark_says_nothing_new() -> None:
    view = a_view()
    assert observe(view, a_mark(60_000.0))
    assert not observe(view, a_mark(59_000.0, NOON_MS - 1))
    assert view.mark == 60_000.0


def test_a_bar_that_comes_late_enters_the_window_and_moves_no_price() -> None:
    view = a_view()
    assert observe(view, a_tick(60_000.0, NOON_MS + 1))
    assert observe(view, a_candle(59_000.0, NOON_MS))
    assert view.bars == 1
    assert view.last == 60_000.0


def schedule_after(*marks: tuple[float, float | None]) -> tuple[int | None, int | None]:
    """Return when funding is next and its interval after marks (hour, next hour), from noon."""
    view = a_view()
    for hour, next_hour in marks:
        next_ms = None if next_hour is None else NOON_MS + int(next_hour * HOUR_MS)
        assert observe(view, a_mark(60_000.0, NOON_MS + int(hour * HOUR_MS), next_ms))
    next_ms, interval_ms = view.next_funding_ms, view.funding_interval_ms
    return None if next_ms is None else next_ms - NOON_MS, interval_ms


def test_the_interval_of_funding_is_not_known_before_a_settlement_was_seen() -> None:
    assert schedule_after((0, None)) == (None, None)
    assert schedule_after((0, 4)) == (4 * HOUR_MS, None)
    assert schedule_after((0, 4), (3.9, 4)) == (4 * HOUR_MS, None)


@pytest.mark.parametrize("hours", [1, 4, 8])
def test_the_interval_of_funding_is_that_from_one_settlement_to_the_next(hours: int) -> None:
    seen = (0, 4), (4.1, 4 + hours), (4.9, 4 + hours)
    assert schedule_after(*seen) == ((4 + hours) * HOUR_MS, hours * HOUR_MS)


def test_an_interval_that_changes_is_known_again_with_the_next_settlement() -> None:
    seen = (0, 4), (4, 12), (12, 16)
    assert schedule_after(*seen) == (16 * HOUR_MS, 4 * HOUR_MS)


def test_after_a_silence_that_may_hide_a_settlement_the_interval_is_not_known() -> None:
    assert schedule_after((0, 4), (4, 8), (9, 12)) == (12 * HOUR_MS, None)


@pytest.mark.parametrize("next_hour", [3.0, 6.0, None])
def test_a_schedule_that_changes_before_it_is_due_leaves_no_interval(
    next_hour: float | None,
) -> None:
    next_ms = None if next_hour is None else int(next_hour * HOUR_MS)
    assert schedule_after((-4, 0), (0, 4), (1, next_hour)) == (next_ms, None)


def test_a_next_settlement_before_the_last_one_is_no_interval() -> None:
    assert schedule_after((0, 4), (4, 3)) == (3 * HOUR_MS, None)


def test_an_older_mark_changes_no_schedule() -> None:
    view = a_view()
    assert observe(view, a_mark(60_000.0, NOON_MS, NOON_MS + HOUR_MS))
    assert not observe(view, a_mark(60_000.0, NOON_MS - 1, NOON_MS))
    assert view.next_funding_ms == NOON_MS + HOUR_MS


def a_quote(bid: float, ask: float, at_ms: int = NOON_MS) -> QuoteChanged:
    return QuoteChanged(
        id="q",
        at_ms=at_ms,
        symbol="BTCUSDT",
        source="recorded",
        bid=bid,
        bid_qty=1.0,
        ask=ask,
        ask_qty=1.0,
        checked=None,
    )


def a_comparison(divergence_bps: float | None, at_ms: int = NOON_MS) -> VenuesCompared:
    return VenuesCompared(
        id="c",
        at_ms=at_ms,
        symbol="BTCUSDT",
        source="venues",
        average=60_000.0,
        divergence_bps=divergence_bps,
        dispersion_bps=None,
        fresh=2,
        venues=(),
    )


def test_a_quote_is_taken_unless_it_is_older_or_crossed_and_moves_no_price() -> None:
    view = a_view()
    assert observe(view, a_quote(99.0, 101.0))
    assert not observe(view, a_quote(98.0, 101.0, NOON_MS - 1))
    assert not observe(view, a_quote(101.0, 101.0))
    assert not observe(view, a_quote(nan, 101.0))
    assert (view.bid, view.ask, view.last, view.mark) == (99.0, 101.0, None, None)


@pytest.mark.parametrize("told_bps", [25.0, -25.0])
def test_divergence_has_no_direction_and_is_a_fraction(told_bps: float) -> None:
    view = a_view()
    assert view.divergence_frac(NOON_MS) is None
    assert observe(view, a_comparison(told_bps))
    assert view.divergence_frac(NOON_MS) == pytest.approx(0.0025)


def test_divergence_is_missing_when_the_comparison_is_old_or_could_not_tell() -> None:
    view = a_view()
    observe(view, a_comparison(25.0))
    assert view.divergence_frac(NOON_MS + COMPARED_AGE_MAX_MS) is not None
    assert view.divergence_frac(NOON_MS + COMPARED_AGE_MAX_MS + 1) is None
    assert not observe(view, a_comparison(50.0, NOON_MS - 1))
    observe(view, a_comparison(None, NOON_MS + 1))
    assert view.divergence_frac(NOON_MS + 1) is None
