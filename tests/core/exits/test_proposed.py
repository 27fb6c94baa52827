"""The proposer's own stop: taken only where it is tighter than ours and outside costs and noise."""

from decimal import Decimal

import msgspec
import pytest

from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.events.exits import Bound, LevelSet
from quantum_trader.core.exits.bounds import BoundContext, Effective, effective
from quantum_trader.core.exits.proposed import asked_price, with_proposed_stop
from quantum_trader.core.units import Side

GRID = msgspec.structs.replace(DEFAULT_INSTRUMENTS["BTCUSDT"], tick=Decimal("0.1"))
OURS = LevelSet(lsf=0.25, tp_frac=(0.008, 0.013, 0.019), sl_frac=0.008, harvest=(0.4, 0.4, 0.2))


def context(side: Side) -> BoundContext:
    return BoundContext(
        side=side,
        leverage=5,
        entry_price=Decimal(200),
        liquidation_price=None,
        taker_fee_frac=Decimal("0.0004"),
        spread_frac=Decimal("0.0001"),
        tick=Decimal("0.01"),
    )


def proposed(stop_loss: str | None, side: Side = "LONG") -> Effective:
    within = context(side)
    stop = None if stop_loss is None else Decimal(stop_loss)
    return with_proposed_stop(effective(OURS, within), within, stop)


def word(outcome: Effective) -> Bound:
    return outcome.bounds[-1]


@pytest.mark.parametrize(
    ("side", "stop", "frac"),
    [("LONG", "199", 0.005), ("SHORT", "201", 0.005), ("LONG", "199.6", 0.002)],
)
def test_a_tighter_stop_outside_the_noise_is_taken(side: Side, stop: str, frac: float) -> None:
    outcome = proposed(stop, side)
    assert outcome.levels == msgspec.structs.replace(OURS, sl_frac=frac)
    assert outcome.problem is None
    assert word(outcome) == Bound(
        "proposed", frac, True, "the proposed stop is tighter than ours at 0.800 %"
    )


@pytest.mark.parametrize(
    ("side", "stop", "frac", "why"),
    [
        ("LONG", "201", -0.005, "is on the wrong side of the market"),
        ("SHORT", "199", -0.005, "is on the wrong side of the market"),
        ("LONG", "200", 0.0, "is on the wrong side of the market"),
        ("LONG", "199.7", 0.0015, "lies within costs and noise"),
        ("LONG", "198.4", 0.008, "is not tighter than ours"),
        ("LONG", "190", 0.05, "is not tighter than ours"),
        ("LONG", "-100", 1.5, "is not tighter than ours"),
    ],
)
def test_any_other_stop_leaves_ours_and_says_why(
    side: Side, stop: str, frac: float, why: str
) -> None:
    outcome = proposed(stop, side)
    assert outcome.levels == OURS
    assert word(outcome) == Bound("proposed", frac, False, f"the proposed stop {why}; ours is used")


def test_the_other_bounds_stay_in_the_list() -> None:
    outcome = proposed("199")
    assert outcome.bounds[:-1] == effective(OURS, context("LONG")).bounds


def test_costs_above_the_noise_are_the_floor_of_a_proposed_stop() -> None:
    dear = msgspec.structs.replace(context("LONG"), spread_frac=Decimal("0.0051"))
    outcome = with_proposed_stop(effective(OURS, dear), dear, Decimal("199.05"))
    assert outcome.levels == OURS
    assert not word(outcome).acted


def test_where_nothing_is_proposed_or_nothing_fits_there_is_nothing_to_say() -> None:
    nothing = Effective(None, (), "no stop fits")
    assert with_proposed_stop(nothing, context("LONG"), Decimal(199)) is nothing
    assert proposed(None) == effective(OURS, context("LONG"))


def test_a_stop_that_was_taken_stands_where_it_was_asked_for_on_the_grid() -> None:
    taken, refused = proposed("199.04").bounds, proposed("201").bounds
    assert asked_price(taken, Decimal("199.04"), GRID) == Decimal("199.0")
    assert asked_price(refused, Decimal("201"), GRID) is None
    assert asked_price(taken, None, GRID) is None
    assert asked_price((), Decimal("199.04"), GRID) is None


def test_only_the_bound_of_the_proposed_stop_lets_it_stand() -> None:
    other = (Bound("costs", 0.002, True, "why"), Bound("proposed", 0.005, False, "why"))
    assert asked_price(other, Decimal(199), GRID) is None
