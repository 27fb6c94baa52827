"""The ladder gives away exactly what was there, in legs the venue accepts."""

from decimal import Decimal
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.events.orders import Leg
from quantum_trader.core.exits.ladder import ladder
from quantum_trader.core.instrument import Instrument

PRICES = (Decimal(101), Decimal(102), Decimal(103))
LOW = (0.3, 0.3, 0.4)
SCHEMES = (LOW, (0.4, 0.4, 0.2), (0.5, 0.3, 0.2))


def grid(step: str, *, qty_min: str | None = None, notional: str = "5") -> Instrument:
    return msgspec.structs.replace(
        DEFAULT_INSTRUMENTS["BTCUSDT"],
        step=Decimal(step),
        market_step=Decimal(step),
        qty_min=Decimal(qty_min or step),
        market_qty_min=Decimal(qty_min or step),
        notional_min_usd=Decimal(notional),
    )


def quantities(legs: tuple[Leg, ...]) -> list[Decimal]:
    return [leg.qty for leg in legs]


def test_legs_are_parts_of_the_initial_quantity_and_the_last_closes_all() -> None:
    legs = ladder(Decimal("1.000"), PRICES, LOW, grid("0.001"))
    assert legs == (
        Leg(1, PRICES[0], Decimal("0.300"), Decimal("0.3")),
        Leg(2, PRICES[1], Decimal("0.300"), Decimal("0.3")),
        Leg(3, PRICES[2], Decimal("0.400"), Decimal("0.4")),
    )


def test_what_rounding_leaves_goes_to_the_last_leg() -> None:
    legs = ladder(Decimal("0.007"), PRICES, LOW, grid("0.001"))
    assert quantities(legs) == [Decimal("0.002"), Decimal("0.002"), Decimal("0.003")]


def test_a_leg_under_the_smallest_quantity_waits_for_the_next_target() -> None:
    legs = ladder(Decimal("1.0"), PRICES, LOW, grid("0.1", qty_min="0.4"))
    assert legs == (
        Leg(2, PRICES[1], Decimal("0.6"), Decimal("0.6")),
        Leg(3, PRICES[2], Decimal("0.4"), Decimal("0.4")),
    )


def test_a_last_leg_under_the_smallest_quantity_leaves_with_the_one_before() -> None:
    legs = ladder(Decimal("1.0"), PRICES, (0.4, 0.4, 0.2), grid("0.1", qty_min="0.3"))
    assert [(leg.stage, leg.qty) for leg in legs] == [(1, Decimal("0.4")), (2, Decimal("0.6"))]


def test_a_quantity_too_small_for_any_leg_leaves_whole_at_the_last_target() -> None:
    legs = ladder(Decimal("0.001"), PRICES, LOW, grid("0.001", qty_min="0.002"))
    assert legs == (Leg(3, PRICES[2], Decimal("0.001"), Decimal("1.0")),)


def test_what_the_shares_leave_of_one_whole_runs_on() -> None:
    legs = ladder(Decimal("1.00"), PRICES, (0.25, 0.25, 0.2), grid("0.01"))
    assert [leg.qty for leg in legs] == [Decimal("0.25"), Decimal("0.25"), Decimal("0.20")]
    assert ladder(Decimal("1.00"), (), (), grid("0.01")) == ()


def test_a_runner_takes_over_what_is_too_small_to_leave_alone() -> None:
    legs = ladder(Decimal("0.003"), PRICES, (0.25, 0.25, 0.2), grid("0.001", qty_min="0.002"))
    assert sum((leg.qty for leg in legs), Decimal(0)) <= Decimal("0.003")
    assert all(leg.qty >= Decimal("0.002") for leg in legs)
    assert ladder(Decimal("0.001"), PRICES[:1], (0.3,), grid("0.001")) == ()


def test_the_smallest_notional_counts_only_when_asked() -> None:
    rules = grid("0.01", notional="40")
    assert len(ladder(Decimal("1.00"), PRICES, LOW, rules)) == 3
    legs = ladder(Decimal("1.00"), PRICES, LOW, rules, respect_notional=True)
    assert [(leg.stage, leg.qty) for leg in legs] == [(2, Decimal("0.60")), (3, Decimal("0.40"))]


@pytest.mark.parametrize(
    ("qty", "shares"),
    [("0", LOW), ("-1", LOW), ("1", (0.5, 0.5)), ("1", (0.3, 0.4, 0.4)), ("1", (0.0, 0.5, 0.5))],
)
def test_what_makes_no_ladder_is_refused(qty: str, shares: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"ladder|shares"):
        ladder(Decimal(qty), PRICES, shares, grid("0.001"))


@given(
    steps=st.integers(1, 100_000),
    dust=st.sampled_from([Decimal(0), Decimal("0.0004")]),
    shares=st.sampled_from(SCHEMES),
    qty_min=st.integers(1, 2_000),
    notional=st.none() | st.integers(1, 500),
)
def test_legs_sum_exactly_and_the_venue_takes_each(
    steps: int, dust: Decimal, shares: tuple[float, ...], qty_min: int, notional: int | None
) -> None:
    step = Decimal("0.001")
    rules = grid("0.001", qty_min=str(qty_min * step), notional=str(notional or 5))
    qty = steps * step + dust
    legs = ladder(qty, PRICES, shares, rules, respect_notional=notional is not None)
    assert sum(quantities(legs)) == qty
    assert sum(leg.frac for leg in legs) == 1
    assert all(one.stage < other.stage for one, other in pairwise(legs))
    assert all(leg.price == PRICES[leg.stage - 1] for leg in legs)
    assert all(leg.qty % step == 0 for leg in legs[:-1])
    if len(legs) > 1:
        assert all(leg.qty >= rules.order_qty_min for leg in legs)
        assert notional is None or all(leg.qty * leg.price >= notional for leg in legs)


@given(
    st.decimals("0.001", "5", places=3),
    st.sampled_from(SCHEMES),
    st.sampled_from(["0.001", "0.1", "1"]),
    st.tuples(*[st.decimals("0.1", "100000", places=1)] * 3),
)
def test_stages_and_quantities_do_not_depend_on_prices(
    qty: Decimal, shares: tuple[float, ...], qty_min: str, prices: tuple[Decimal, ...]
) -> None:
    rules = grid("0.001", qty_min=qty_min)
    one, other = ladder(qty, PRICES, shares, rules), ladder(qty, prices, shares, rules)
    assert [(leg.stage, leg.qty, leg.frac) for leg in one] == [
        (leg.stage, leg.qty, leg.frac) for leg in other
    ]
    assert [leg.price for leg in other] == [prices[leg.stage - 1] for leg in other]


def test_a_leg_of_exactly_the_smallest_notional_stands() -> None:
    rules = grid("0.1", notional="10.1")
    legs = ladder(Decimal("0.2"), PRICES[:2], (0.5, 0.5), rules, respect_notional=True)
    assert quantities(legs) == [Decimal("0.1"), Decimal("0.1")]
