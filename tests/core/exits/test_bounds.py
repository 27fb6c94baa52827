"""Bounds: every one can act, the result keeps all of them, and prices keep them on the grid."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.events.exits import Bound, LevelSet
from quantum_trader.core.exits.bounds import (
    CEILINGS,
    FLOORS,
    BoundContext,
    Effective,
    costs,
    effective,
    floors,
    liquidation_bound,
    liquidation_distance,
    stop_price,
    stop_problem,
    target_prices,
)
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.units import Side, sign_of

BTC = DEFAULT_INSTRUMENTS["BTCUSDT"]
NEAR = Decimal("1e-20")
"""What 28 digits of a decimal may be off by."""


def with_tick(tick: str | Decimal) -> Instrument:
    return msgspec.structs.replace(BTC, tick=Decimal(tick))


def levels(
    sl_frac: float = 0.008, tp: tuple[float, float, float] = (0.008, 0.013, 0.019)
) -> LevelSet:
    return LevelSet(lsf=0.25, tp_frac=tp, sl_frac=sl_frac, harvest=(0.4, 0.4, 0.2))


def context(**changes: Any) -> BoundContext:
    usual = BoundContext(
        side="LONG",
        leverage=5,
        entry_price=Decimal(100),
        liquidation_price=Decimal(82),
        taker_fee_frac=Decimal("0.0004"),
        spread_frac=Decimal("0.0001"),
        tick=Decimal("0.01"),
    )
    return msgspec.structs.replace(usual, **changes)


def acted(result: Effective) -> list[str]:
    return [bound.name for bound in result.bounds if bound.acted]


def test_within_all_bounds_nothing_changes_and_every_bound_is_listed() -> None:
    result = effective(levels(), context())
    assert (result.levels, result.problem) == (levels(), None)
    assert acted(result) == []
    values = {bound.name: bound.frac for bound in result.bounds}
    assert values == pytest.approx(
        {
            "margin_loss": 0.02,
            "absolute": 0.05,
            "liquidation": 0.09,
            "minimum": 0.002,
            "costs": 0.001,
            "target_costs": 0.001,
        }
    )
    assert all(bound.why for bound in result.bounds)


@pytest.mark.parametrize(("leverage", "frac"), [(1, 0.1), (5, 0.02), (10, 0.01), (50, 0.002)])
def test_the_stop_loses_at_most_a_tenth_of_the_margin(leverage: int, frac: float) -> None:
    result = effective(levels(), context(leverage=leverage))
    bound = next(each for each in result.bounds if each.name == "margin_loss")
    assert bound.frac == frac


@pytest.mark.parametrize(
    ("name", "sl_frac", "changes", "expected"),
    [
        ("margin_loss", 0.008, {"leverage": 20}, 0.005),
        ("liquidation", 0.008, {"liquidation_price": Decimal("98.8")}, 0.006),
        ("absolute", 0.08, {"leverage": 1, "liquidation_price": None}, 0.05),
        ("minimum", 0.0015, {}, 0.002),
        ("costs", 0.0015, {"spread_frac": Decimal("0.0021")}, 0.003),
    ],
)
def test_each_bound_of_the_stop_can_act_and_says_so(
    name: str, sl_frac: float, changes: dict[str, Any], expected: float
) -> None:
    result = effective(levels(sl_frac), context(**changes))
    assert result.levels is not None
    assert result.levels.sl_frac == pytest.approx(expected, rel=1e-12)
    assert acted(result) == [name]
    why = next(bound.why for bound in result.bounds if bound.acted)
    assert "the stop moved from" in why


def test_a_first_target_inside_the_costs_is_raised_and_the_order_kept() -> None:
    result = effective(levels(tp=(0.003, 0.0031, 0.006)), context(spread_frac=Decimal("0.004")))
    assert result.levels is not None
    assert result.levels.tp_frac == pytest.approx((0.0049, 0.005, 0.006))
    assert "target_costs" in acted(result)


def test_where_costs_exceed_the_margin_ceiling_the_problem_names_the_leverage_that_fits() -> None:
    result = effective(levels(), context(leverage=50, spread_frac=Decimal("0.0021")))
    assert result.levels is None
    assert result.problem is not None
    assert "no stop fits at 50x: it must be at least 0.300 % from entry" in result.problem
    assert "at most 0.200 %" in result.problem
    assert result.problem.endswith("lower the leverage to 33x or less")
    assert acted(result) == []


def test_leverage_beyond_fifty_has_no_stop_outside_the_noise() -> None:
    assert effective(levels(), context(leverage=50)).problem is None
    problem = effective(levels(), context(leverage=51)).problem
    assert problem is not None
    assert "lower the leverage to 50x or less" in problem


def test_a_market_too_coarse_for_any_stop_says_that_leverage_does_not_help() -> None:
    result = effective(levels(), context(leverage=1, tick=Decimal(6)))
    assert result.problem is not None
    assert "costs too much at any leverage" in result.problem


def test_a_liquidation_price_on_the_wrong_side_of_entry_leaves_no_stop() -> None:
    assert effective(levels(), context(liquidation_price=Decimal(101))).levels is None
    assert effective(levels(), context(side="SHORT", liquidation_price=Decimal(99))).levels is None


@pytest.mark.parametrize("changes", [{"entry_price": Decimal(0)}, {"tick": Decimal(0)}])
def test_prices_that_are_none_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="above zero"):
        effective(levels(), context(**changes))


def test_where_floor_and_ceiling_meet_the_noise_floor_gives_way_by_less_than_a_tick() -> None:
    entry = Decimal("100.01")
    result = effective(levels(), context(leverage=50, entry_price=entry))
    assert result.problem is None
    grid = with_tick("0.01")
    assert stop_price("LONG", entry, 0.002, grid, result.bounds) == Decimal("99.81")
    assert stop_price("SHORT", entry, 0.002, grid, result.bounds) == Decimal("100.21")


def test_a_grid_without_a_price_between_costs_and_ceiling_is_a_problem() -> None:
    dear = Decimal("0.00089996")
    asked = context(leverage=50, entry_price=Decimal("100.01"), taker_fee_frac=dear)
    result = effective(levels(), asked)
    assert result.levels is None
    assert result.problem is not None
    assert result.problem.startswith("no price on the grid fits a stop: 99.81")


def test_stops_round_toward_entry() -> None:
    grid = with_tick("0.1")
    assert stop_price("LONG", Decimal("100.03"), 0.01, grid) == Decimal("99.1")
    assert stop_price("SHORT", Decimal("100.03"), 0.01, grid) == Decimal("101.0")


def test_a_stop_that_rounding_would_bring_inside_the_floor_goes_one_tick_back() -> None:
    grid = with_tick("0.1")
    assert stop_price("LONG", Decimal("100.03"), 0.002, grid) == Decimal("99.8")
    assert stop_price("SHORT", Decimal("100.03"), 0.002, grid) == Decimal("100.3")
    costly = (Bound("costs", 0.0095, False, ""),)
    assert stop_price("LONG", Decimal("100.03"), 0.0095, grid, costly) == Decimal("99.0")


def test_targets_round_away_from_entry_and_never_meet() -> None:
    grid = with_tick("0.5")
    fracs = (0.003, 0.0031, 0.006)
    long = target_prices("LONG", Decimal(100), fracs, grid)
    assert long == (Decimal("100.5"), Decimal("101.0"), Decimal("101.5"))
    short = target_prices("SHORT", Decimal(100), fracs, grid)
    assert short == (Decimal("99.5"), Decimal("99.0"), Decimal("98.5"))


SIDES: tuple[Side, ...] = ("LONG", "SHORT")
TICKS = [Decimal(1).scaleb(-digits) for digits in range(6)]
PRICES = st.decimals("0.1", "100000", places=5)
SETS = st.builds(
    lambda sl, tp: levels(sl, (tp, tp + 0.004, tp + 0.01)),
    st.floats(0.0015, 0.02),
    st.floats(0.003, 0.02),
)


@st.composite
def contexts(draw: st.DrawFn) -> BoundContext:
    side = draw(st.sampled_from(SIDES))
    entry = draw(PRICES)
    leverage = draw(st.integers(1, 60))
    maintenance = draw(st.decimals("0.001", "0.02", places=4))
    way = max(1 / Decimal(leverage) - maintenance, Decimal("0.0005"))
    return BoundContext(
        side=side,
        leverage=leverage,
        entry_price=entry,
        liquidation_price=draw(st.sampled_from([None, entry * (1 - sign_of(side) * way)])),
        taker_fee_frac=draw(st.decimals("0", "0.001", places=5)),
        spread_frac=draw(st.none() | st.decimals("0", "0.003", places=5)),
        tick=draw(st.sampled_from([tick for tick in TICKS if tick * 20 <= entry])),
    )


@given(SETS, contexts())
def test_whatever_passes_keeps_every_bound_in_fractions_and_on_the_grid(
    adaptive: LevelSet, asked: BoundContext
) -> None:
    result = effective(adaptive, asked)
    assert (result.levels is None) == (result.problem is not None)
    assume(result.levels is not None)
    assert result.levels is not None
    grid, entry = with_tick(asked.tick), asked.entry_price
    stop = stop_price(asked.side, entry, result.levels.sl_frac, grid, result.bounds)
    way = (entry - stop) * sign_of(asked.side) / entry
    for bound in result.bounds:
        if bound.name in CEILINGS:
            assert result.levels.sl_frac <= bound.frac
            assert way <= Decimal(repr(bound.frac)) + NEAR
        elif bound.name in FLOORS:
            assert result.levels.sl_frac >= bound.frac
            given = asked.tick / entry if bound.name == "minimum" else 0
            assert way > Decimal(repr(bound.frac)) - given - NEAR
    assert stop % asked.tick == 0
    assert stop_problem(asked.side, entry, stop, asked.tick, result.bounds) is None
    if asked.liquidation_price is not None:
        low, high = sorted((entry, asked.liquidation_price))
        assert low < stop < high
        assert way <= Decimal(repr(liquidation_distance(asked))) / 2 + NEAR


@given(SETS, contexts())
def test_targets_lie_in_order_on_the_grid_and_earn_the_costs(
    adaptive: LevelSet, asked: BoundContext
) -> None:
    result = effective(adaptive, asked)
    assume(result.levels is not None)
    assert result.levels is not None
    fracs, sign = result.levels.tp_frac, sign_of(asked.side)
    prices = target_prices(asked.side, asked.entry_price, fracs, with_tick(asked.tick))
    gains = [(price - asked.entry_price) * sign / asked.entry_price for price in prices]
    assert Decimal(repr(costs(asked))) - NEAR <= gains[0] < gains[1] < gains[2]
    for gain, frac, price in zip(gains, fracs, prices, strict=True):
        assert gain >= Decimal(repr(frac)) - NEAR
        assert price % asked.tick == 0
        assert price > 0


@given(SETS, contexts())
def test_bounds_never_widen_a_stop_except_to_leave_the_noise(
    adaptive: LevelSet, asked: BoundContext
) -> None:
    result = effective(adaptive, asked)
    assume(result.levels is not None)
    assert result.levels is not None
    floor = max(bound.frac for bound in result.bounds if bound.name in FLOORS)
    assert result.levels.sl_frac <= max(adaptive.sl_frac, floor)
    moved = result.levels.sl_frac != adaptive.sl_frac
    assert moved == any(name in (*CEILINGS, *FLOORS) for name in acted(result))


@given(SETS, contexts())
def test_whoever_is_told_to_lower_the_leverage_can_trade_at_the_one_named(
    adaptive: LevelSet, asked: BoundContext
) -> None:
    hot = msgspec.structs.replace(asked, leverage=asked.leverage + 40, liquidation_price=None)
    problem = effective(adaptive, hot).problem
    assume(problem is not None and problem.endswith("x or less"))
    assert problem is not None
    named = int(problem.split()[-3].removesuffix("x"))
    calmer = msgspec.structs.replace(hot, leverage=named)
    again = effective(adaptive, calmer).problem
    assert again is None or again.startswith("no price on the grid")


def test_a_spread_that_is_not_known_costs_nothing_and_is_said_to_be_left_out() -> None:
    asked = context(spread_frac=None)
    assert costs(asked) == pytest.approx(0.0009)
    assert {limit.name: limit.reason for limit in floors(asked)} == {
        "minimum": "a nearer stop lies within the noise",
        "costs": "both taker fees, spread (not known, left out) and one tick",
    }


def test_bounds_that_did_not_act_say_what_they_are_for_and_nothing_else() -> None:
    assert [bound.why for bound in effective(levels(), context()).bounds] == [
        "at 5x a wider stop could lose more than 10 % of the margin",
        "no stop is wider than this",
        "half of the way from entry to liquidation at 82",
        "a nearer stop lies within the noise",
        "both taker fees, spread and one tick",
        "the first target must clear both taker fees, spread and one tick",
    ]


def test_bounds_that_acted_say_from_where_to_where() -> None:
    asked = context(spread_frac=Decimal("0.0021"))
    told = {bound.name: bound.why for bound in effective(levels(0.0015), asked).bounds}
    assert told["costs"].endswith("; the stop moved from 0.150 % to 0.300 %")
    near = effective(levels(tp=(0.002, 0.013, 0.019)), asked).bounds[-1]
    assert near.why == (
        "the first target must clear both taker fees, spread and one tick; "
        "it moved from 0.200 % to 0.300 %"
    )


def test_levels_that_lie_on_their_bounds_were_not_moved() -> None:
    alone = context(leverage=1, liquidation_price=None)
    assert acted(effective(levels(0.05), alone)) == []
    assert acted(effective(levels(tp=(costs(alone), 0.013, 0.019)), alone)) == []


def test_where_no_stop_fits_no_bound_is_said_to_have_moved_it() -> None:
    result = effective(levels(0.0015), context(leverage=50, spread_frac=Decimal("0.0021")))
    assert result.levels is None
    assert acted(result) == []


def test_where_liquidation_leaves_no_room_the_problem_says_what_to_do() -> None:
    result = effective(levels(), context(liquidation_price=Decimal("99.7")))
    assert result.problem == (
        "no stop fits at 5x: it must be at least 0.200 % from entry (a nearer stop lies within "
        "the noise) and at most 0.150 % (half of the way from entry to liquidation at 99.7); "
        "lower the leverage"
    )
    hopeless = effective(levels(), context(leverage=1, tick=Decimal(6))).problem
    assert hopeless is not None
    assert hopeless.endswith("; trading it costs too much at any leverage")


def test_what_liquidation_allows_is_a_bound_that_has_not_acted() -> None:
    assert liquidation_bound(context()) == Bound(
        "liquidation", 0.09, False, "half of the way from entry to liquidation at 82"
    )
    assert liquidation_bound(context(liquidation_price=None)) is None


def test_a_stop_on_the_edge_of_a_bound_is_within_it() -> None:
    assert stop_price("LONG", Decimal(100), 0.002, with_tick("0.01")) == Decimal("99.8")
    between = (Bound("costs", 0.00205, False, ""), Bound("absolute", 0.003, False, ""))
    assert stop_price("LONG", Decimal(100), 0.00205, with_tick("0.1"), between) == Decimal("99.7")


def test_the_noise_floor_gives_way_by_less_than_a_tick_and_the_costs_by_nothing() -> None:
    entry, tick = Decimal(100), Decimal("0.1")
    assert stop_problem("LONG", entry, Decimal("99.85"), tick, ()) is None
    assert stop_problem("LONG", entry, Decimal("99.9"), tick, ()) == (
        "no price on the grid fits a stop: 99.9 is 0.100 % from entry 100, and only 0.200 % to "
        "5.000 % is allowed; lower the leverage"
    )
    costly = (Bound("minimum", 0.0015, False, ""), Bound("costs", 0.001, False, ""))
    assert stop_problem("LONG", entry, Decimal("99.9"), tick, costly) is None
    dear = (Bound("minimum", 0.0015, False, ""), Bound("costs", 0.0011, False, ""))
    assert stop_problem("LONG", entry, Decimal("99.9"), tick, dear) is not None
