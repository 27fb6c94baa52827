"""Decisions: what they hold, and that no reduction is nothing or everything."""

import math

import pytest

from quantum_trader.core.exits.decision import Decision, close, move_stop, reduce


@pytest.mark.parametrize("frac", [-0.1, 0.0, 1.0, 1.5, math.nan])
def test_a_reduction_is_neither_nothing_nor_everything(frac: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1") as refused:
        reduce("harvest", "why", frac)
    assert str(refused.value).startswith("harvest: a reduction is a fraction between 0 and 1, not")


def test_a_decision_holds_what_its_kind_needs_and_nothing_else() -> None:
    told = (("r", 2.0),)
    assert reduce("a", "why", 0.25, r=2.0) == Decision("REDUCE", "a", "why", 0.25, 0, None, told)
    assert reduce("a", "why", 0.5, 2) == Decision("REDUCE", "a", "why", 0.5, 2, None, ())
    assert close("b", "why", r=2.0) == Decision("CLOSE", "b", "why", None, 0, None, told)
    assert move_stop("c", "why", 99.5, r=2.0) == Decision(
        "MOVE_STOP", "c", "why", None, 0, 99.5, told
    )
