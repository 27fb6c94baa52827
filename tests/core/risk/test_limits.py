"""Limits that contradict each other never reach a gate."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from quantum_trader.core.errors import ConfigError
from quantum_trader.core.risk.limits import RiskLimits

WRONG: list[dict[str, Any]] = [
    {"intent_age_ms_max": 0},
    {"intent_future_ms_max": -1},
    {"mark_age_ms_max": 0},
    {"state_age_ms_max": -5},
    {"positions_max": 0},
    {"leverage_max": 126},
    {"leverage_max": 9},
    {"leverage_default": 0},
    {"notional_max_usd": Decimal(0)},
    {"notional_max_usd": Decimal("NaN")},
    {"gross_notional_max_usd": Decimal("Infinity")},
    {"notional_max_usd": Decimal(20_001)},
    {"risk_frac": Decimal(1)},
    {"risk_frac": Decimal("0.5e-9") - 1},
    {"price_deviation_max_frac": Decimal("NaN")},
    {"price_deviation_max_frac": Decimal(2)},
    {"cooldown_open_ms": -1},
    {"cooldown_close_ms": -1},
]


@pytest.mark.parametrize("change", WRONG, ids=str)
def test_a_limit_that_makes_no_sense_is_refused_by_name(change: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(change)).removesuffix("_max").split("_")[0]):
        RiskLimits(**change)


def test_an_unknown_limit_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="notional_maximum"):
        msgspec.convert({"notional_maximum": 5}, RiskLimits)


def test_limits_survive_json() -> None:
    limits = RiskLimits(risk_frac=Decimal("0.0075"), symbols_allowed=("BTCUSDT", "币安人生USDT"))
    assert msgspec.json.decode(msgspec.json.encode(limits), type=RiskLimits) == limits
