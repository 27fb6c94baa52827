"""When conditional orders are met; by hand."""

import pytest

from quantum_trader.core.matching.triggers import (
    direction_of,
    is_active,
    is_met,
    trailed,
    trailing_trigger,
)
from quantum_trader.core.units import OrderSide
from tests.core.matching.making import d


@pytest.mark.parametrize(
    ("kind", "side", "direction"),
    [
        ("STOP_MARKET", "BUY", "above"),
        ("STOP", "SELL", "below"),
        ("TAKE_PROFIT_MARKET", "SELL", "above"),
        ("TAKE_PROFIT", "BUY", "below"),
        ("TRAILING_STOP_MARKET", "SELL", "below"),
    ],
)
def test_stops_wait_on_the_bad_side_and_targets_on_the_good(
    kind: str, side: OrderSide, direction: str
) -> None:
    assert direction_of(kind, side) == direction


def test_a_trigger_is_met_at_its_price() -> None:
    assert is_met("above", d(100), d(100))
    assert not is_met("above", d(100), d("99.9"))
    assert is_met("below", d(100), d(100))
    assert not is_met("below", d(100), d("100.1"))


def test_a_trailing_stop_follows_the_best_price_and_never_goes_back() -> None:
    assert not is_active("SELL", d(110), d(109))
    assert is_active("SELL", d(110), d(110))
    extreme = None
    for price, trigger in ((110, "108.9"), (120, "118.8"), (115, "118.8")):
        extreme = trailed("SELL", extreme, d(price))
        assert trailing_trigger("SELL", extreme, d("0.01")) == d(trigger)
    assert trailing_trigger("BUY", trailed("BUY", d(100), d(90)), d("0.1")) == d(99)
