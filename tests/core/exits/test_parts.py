"""Parts of a position: what leaves and what stays are both large enough to be traded."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.exits.context import ExitContext
from quantum_trader.core.exits.parts import EVERYTHING, sellable
from quantum_trader.core.units import decimal_of
from tests.core.exits.contexts import FINE, a_context, exit_contexts, scaled

SMALLEST = 0.01


@pytest.mark.parametrize(
    ("frac", "standing", "initial", "expected"),
    [
        (0.25, 8.0, 8.0, 0.25),
        (0.25, 2.0, 8.0, EVERYTHING),
        (0.5, 3.0, 8.0, EVERYTHING),
        (0.25, 0.04, 0.04, 0.25),
        (0.25, 0.03, 0.03, 0.0),
        (0.75, 0.03, 0.03, EVERYTHING),
        (0.0, 8.0, 8.0, 0.0),
        (-0.5, 8.0, 8.0, 0.0),
        (0.5, SMALLEST, SMALLEST, 0.0),
        (1.5, 16.0, 8.0, EVERYTHING),
        (1.0, 16.0, 8.0, EVERYTHING),
    ],
)
def test_a_part_leaves_no_crumb_and_is_none(
    frac: float, standing: float, initial: float, expected: float
) -> None:
    for sign in (1, -1):
        position = a_context(qty=sign * standing, initial_qty=initial)
        assert sellable(position, frac) == expected


def test_the_smallest_order_is_found_though_floats_miss_it() -> None:
    # 0.1 * 0.7 is a little less than 0.07, and 0.07 - 0.06 a little more than 0.01.
    assert sellable(a_context(qty=0.1, initial_qty=0.1), 0.1) == pytest.approx(0.1)
    assert sellable(a_context(qty=0.3, initial_qty=0.3), 0.29 / 0.3) == pytest.approx(0.29 / 0.3)


@pytest.mark.parametrize("coarse", ["step", "market_step", "qty_min", "market_qty_min"])
def test_the_smallest_order_is_what_every_filter_lets_pass(coarse: str) -> None:
    venue = msgspec.structs.replace(FINE, **{coarse: Decimal(4)})
    assert sellable(a_context(instrument=venue), 0.375) == 0.0
    assert sellable(a_context(instrument=venue), 0.5) == 0.5
    assert sellable(a_context(instrument=venue), 0.625) == EVERYTHING


@given(exit_contexts(), st.floats(0.001, 1.5))
def test_never_more_leaves_than_stands(context: ExitContext, frac: float) -> None:
    share, standing = sellable(context, frac), abs(context.qty)
    if 0.0 < share < EVERYTHING:
        assert share == pytest.approx(frac)
        assert SMALLEST * 0.999 <= share * context.initial_qty <= standing - SMALLEST * 0.999


@given(exit_contexts(), st.floats(0.001, 1.5), st.sampled_from((0.25, 4.0, 1024.0)))
def test_parts_do_not_depend_on_the_unit_of_size(
    context: ExitContext, frac: float, factor: float
) -> None:
    assert sellable(scaled(context, factor), frac) == sellable(context, frac)


@given(st.data(), st.integers(2, 10_000), st.sampled_from(("0.01", "0.1", "1")))
def test_a_cut_down_to_a_grid_quantity_leaves_exactly_that(
    data: st.DataObject, entered_steps: int, step: str
) -> None:
    """A float a little under the grid would sell one step less, and the cut be made for ever."""
    grid = Decimal(step)
    venue = msgspec.structs.replace(
        FINE, step=grid, market_step=grid, qty_min=grid, market_qty_min=grid
    )
    kept_steps = data.draw(st.integers(1, entered_steps - 1))
    entered, kept = entered_steps * grid, kept_steps * grid
    position = a_context(qty=float(entered), initial_qty=float(entered), instrument=venue)
    share = sellable(position, 1.0 - float(kept) / float(entered))
    assert entered - venue.floor_qty(entered * decimal_of(share)) == kept
