"""What is taken in of a market, and what is not."""

from math import inf, nan

import pytest

from quantum_trader.core.events import MarkPriced, Tick
from quantum_trader.core.market.view import MarketView, observe
from quantum_trader.core.market.window import BarWindow
from tests.support import NOON_MS, a_candle


def a_view() -> MarketView:
    return MarketView(source="recorded", window=BarWindow())


def a_tick(price: float, at_ms: int = NOON_MS) -> Tick:
    return Tick(id="t", at_ms=at_ms, symbol="BTCUSDT", source="recorded", price=price, qty=1.0)


def a_mark(mark: float, at_ms: int = NOON_MS) -> MarkPriced:
    return MarkPriced(
        id="m",
        at_ms=at_ms,
        symbol="BTCUSDT",
        source="recorded",
        mark=mark,
        funding_rate_frac=None,
        next_funding_ms=None,
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
