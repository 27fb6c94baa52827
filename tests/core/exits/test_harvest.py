"""The ladder by R: one step at a time, one ledger with the targets, parts of what was entered."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.exits.context import ExitContext
from quantum_trader.core.exits.harvest import harvest, heat_scale
from quantum_trader.core.exits.settings import HarvestSettings
from tests.core.exits.contexts import a_context, changed, exit_contexts, mirror, scaled

SETTINGS = HarvestSettings()
FREE: dict[str, Any] = {"taker_frac": 0.0}
"""Without fees the net R is the gross one: one R is 1.0 of price."""


def taken(context: ExitContext, settings: HarvestSettings = SETTINGS) -> tuple[Any, ...] | None:
    """What is harvested, as kind, fraction and stage; the mirror has to agree."""
    decision, other = harvest(context, settings), harvest(mirror(context), settings)
    assert (decision and decision.frac) == (other and other.frac)
    return None if decision is None else (decision.kind, decision.frac, decision.stage)


@pytest.mark.parametrize(
    ("mark", "stage", "expected"),
    [
        (101.984375, 0, None),
        (102.0, 0, ("REDUCE", 0.25, 1)),
        (103.0, 1, None),
        (104.0, 1, ("REDUCE", 0.25, 2)),
        (105.0, 2, None),
        (106.0, 2, ("REDUCE", 0.25, 3)),
        (120.0, 3, None),
        (98.0, 0, None),
    ],
)
def test_each_step_is_taken_at_its_own_r(mark: float, stage: int, expected: object) -> None:
    assert taken(a_context(mark=mark, stage=stage, **FREE)) == expected


def test_a_step_is_taken_once_and_not_at_every_look() -> None:
    """A ladder without memory once proposed the same part again in every cycle."""
    reached = a_context(mark=102.5, **FREE)
    assert taken(reached) is not None
    assert taken(changed(reached, stage=1, qty=6.0)) is None


def test_a_step_for_which_an_order_rests_is_left_to_the_order() -> None:
    assert taken(a_context(mark=110.0, resting=(1, 2, 3), **FREE)) is None
    assert taken(a_context(mark=110.0, stage=1, resting=(2,), **FREE)) is None
    assert taken(a_context(mark=110.0, stage=1, resting=(3,), **FREE)) == ("REDUCE", 0.25, 2)


def test_a_jump_over_two_steps_takes_them_one_after_the_other() -> None:
    jumped = a_context(mark=104.5, **FREE)
    assert taken(jumped) == ("REDUCE", 0.25, 1)
    assert taken(changed(jumped, stage=1, qty=6.0)) == ("REDUCE", 0.25, 2)


def test_parts_are_of_what_was_entered_and_not_of_what_remains() -> None:
    """Quarters of what remained once left a third of every position open."""
    assert taken(a_context(mark=106.0, stage=2, qty=4.0, **FREE)) == ("REDUCE", 0.25, 3)


@pytest.mark.parametrize("qty", [1.0, 10.0, 0.25])
def test_net_r_does_not_depend_on_the_size(qty: float) -> None:
    """Entry 100, stop 2 %, 10 bps of costs and +5 % is 2.45 R, once 24.95 for a quantity of ten."""
    position = a_context(mark=105.0, initial_stop=98.0, taker_frac=0.0005, qty=qty, initial_qty=qty)
    assert position.r_net_at(105.0) == pytest.approx(2.45)
    assert taken(position) == ("REDUCE", 0.25, 1)
    assert taken(changed(position, stage=1)) is None


def test_each_step_has_a_part_of_its_own() -> None:
    uneven = HarvestSettings(fracs=(0.125, 0.25, 0.5))
    for stage, frac in enumerate(uneven.fracs):
        at = a_context(mark=110.0, stage=stage, **FREE)
        assert taken(at, uneven) == ("REDUCE", frac, stage + 1)


def test_costs_and_funding_come_off_before_a_step_is_reached() -> None:
    assert taken(a_context(mark=102.0)) is None
    assert taken(a_context(mark=102.125)) == ("REDUCE", 0.25, 1)
    assert taken(a_context(mark=102.125, funding_usd=-1.0)) is None
    assert taken(a_context(mark=102.0, funding_usd=1.0)) == ("REDUCE", 0.25, 1)


@pytest.mark.parametrize(
    ("leverage", "thresholds_r"),
    [
        (1, (2.0, 4.0, 6.0)),
        (5, (0.894, 1.789, 2.683)),
        (10, (0.632, 1.265, 1.897)),
        (20, (0.447, 0.894, 1.342)),
        (30, (0.365, 0.730, 1.095)),
        (50, (0.283, 0.566, 0.849)),
    ],
)
def test_thresholds_shrink_with_the_root_of_the_leverage_when_asked(
    leverage: int, thresholds_r: tuple[float, ...]
) -> None:
    scaling = HarvestSettings(scale_by_leverage=True)
    for stage, threshold_r in enumerate(thresholds_r):
        at = a_context(leverage=leverage, stage=stage, mark=100.0 + threshold_r + 0.001, **FREE)
        assert taken(at, scaling) is not None
        assert taken(changed(at, mark=100.0 + threshold_r - 0.001), scaling) is None
        assert (taken(at) is None) == (leverage > 1)


@pytest.mark.parametrize(
    ("heat", "scale"), [(None, 1.0), (0.0, 1.0), (0.5, 1.25), (1.0, 1.5), (7.0, 1.5), (-1.0, 1.0)]
)
def test_a_hotter_book_harvests_larger_parts(heat: float | None, scale: float) -> None:
    assert heat_scale(heat) == scale
    assert taken(a_context(mark=102.0, heat=heat, **FREE)) == ("REDUCE", 0.25 * scale, 1)


def test_a_part_larger_than_what_stands_closes() -> None:
    hot = a_context(mark=106.0, stage=2, qty=2.0, heat=1.0, **FREE)
    assert taken(hot) == ("CLOSE", None, 0)


def test_a_step_too_small_to_trade_waits_for_the_next_one() -> None:
    small = a_context(mark=103.0, qty=0.03, initial_qty=0.03, **FREE)
    assert taken(small) is None
    assert taken(changed(small, mark=104.0)) == ("REDUCE", 0.5, 2)


def test_the_smallest_position_is_never_closed_by_the_ladder() -> None:
    assert taken(a_context(mark=110.0, qty=0.01, initial_qty=0.01, **FREE)) is None


def test_the_ladder_can_be_switched_off() -> None:
    assert taken(a_context(mark=110.0, **FREE), HarvestSettings(enabled=False)) is None


def test_without_mark_or_r_nothing_is_harvested() -> None:
    assert taken(a_context(mark=None)) is None
    assert taken(a_context(mark=110.0, initial_stop=100.0)) is None
    assert taken(a_context(mark=110.0, initial_qty=0.0)) is None


@given(exit_contexts(), st.sampled_from((0.25, 4.0, 1024.0)))
def test_the_harvest_does_not_depend_on_the_unit_of_size(
    context: ExitContext, factor: float
) -> None:
    assert taken(scaled(context, factor)) == taken(context)


@given(exit_contexts())
def test_a_harvest_is_a_later_step_and_a_part_of_what_stands(context: ExitContext) -> None:
    found = taken(context)
    if found is not None and found[0] == "REDUCE":
        assert found[2] > context.stage
        assert found[2] not in context.resting
        assert 0.0 < found[1] * context.initial_qty < abs(context.qty)


@given(exit_contexts(), st.integers(1, 2_000))
def test_a_better_mark_never_harvests_less(context: ExitContext, higher_bps: int) -> None:
    mark = context.mark
    if mark is None or taken(context) is None:
        return
    better = mark + context.sign * context.entry_price * higher_bps / 10_000
    if better > 0.0:
        assert taken(changed(context, mark=better)) == taken(context)
