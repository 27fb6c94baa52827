"""Legs of a plan: what cannot be carried out is none."""

import math
from typing import Any

import pytest

from quantum_trader.core.exits.plan import ExitLeg
from quantum_trader.core.exits.profiles import PROFILES


def a_leg(**changes: Any) -> ExitLeg:
    values: dict[str, Any] = {
        "kind": "TP",
        "size_frac": 0.5,
        "trigger_frac": 0.01,
        "r_multiple": 1.0,
        "priority": 0,
        "condition": "STAGED",
        "reason": "for a test",
    }
    return ExitLeg(**{**values, **changes})


@pytest.mark.parametrize("size_frac", [0.0, -0.1, 1.01, math.nan])
def test_a_leg_is_a_part_of_one_whole(size_frac: float) -> None:
    with pytest.raises(ValueError, match="part of one whole"):
        a_leg(size_frac=size_frac)


def test_a_trail_needs_a_callback_and_nothing_else_has_one() -> None:
    with pytest.raises(ValueError, match="callback"):
        a_leg(kind="TRAIL")
    with pytest.raises(ValueError, match="callback"):
        a_leg(trail=PROFILES["TREND_DEFAULT"].trail)
