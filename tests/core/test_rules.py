"""Settings that make no sense never become rules."""

from decimal import Decimal
from typing import Any

import pytest

from quantum_trader.core.errors import ConfigError
from quantum_trader.core.exits.settings import GuardSettings, StopSettings
from quantum_trader.core.rules import ExitRules, Fees


@pytest.mark.parametrize(
    "wrong",
    [
        {"taker_frac": Decimal(4)},
        {"taker_frac": Decimal("-0.0001")},
        {"maker_frac": Decimal("0.02")},
        {"maker_frac": Decimal("-0.01")},
        {"taker_frac": Decimal("NaN")},
    ],
)
def test_a_fee_that_is_a_percent_number_or_a_gift_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Fees(**wrong)


def test_a_makers_rebate_smaller_than_the_takers_fee_is_a_fee() -> None:
    assert Fees(maker_frac=Decimal("-0.0001")).maker_frac < 0


@pytest.mark.parametrize(
    "wrong",
    [{"hold_max_ms": 0}, {"protect_within_ms": -1}, {"spread_frac": Decimal("0.5")}],
)
def test_times_that_never_come_and_a_spread_in_percent_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ExitRules(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"liquidation_reduce_frac": 65.0},
        {"liquidation_close_frac": 80.0},
        {"liquidation_cut_frac": 50.0},
        {"loss_frac": 12.5},
        {"liquidation_reduce_frac": 0.9},
    ],
)
def test_a_guard_out_of_reach_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        GuardSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["lock_frac", "giveback_frac", "giveback_trail_frac", "move_min_frac"]
)
def test_a_stop_that_would_move_by_percent_numbers_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} is a fraction"):
        StopSettings(**{name: 1.5})  # type: ignore[arg-type]
