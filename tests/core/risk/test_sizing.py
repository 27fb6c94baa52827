"""Sizes: what was asked or what the stop may cost, on the grid, never rounded up."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.risk.limits import RiskLimits
from quantum_trader.core.risk.sizing import Sized, SizeInputs, Unsized, bracket_cap_usd, size
from tests.core.risk.cases import a_tier, an_instrument

LIMITS = RiskLimits()
WIDE = RiskLimits(notional_max_usd=Decimal("1e12"), gross_notional_max_usd=Decimal("1e12"))

equities = st.decimals(1_000, 1_000_000, places=2)
prices = st.decimals(100, 5_000, places=2)
stops = st.decimals("0.002", "0.05", places=4)
leverages = st.integers(1, 50)


def inputs(**changes: Any) -> SizeInputs:
    usual = SizeInputs(
        instrument=an_instrument(),
        reference_price=Decimal(2_000),
        stop_frac=Decimal("0.02"),
        leverage=10,
        equity_usd=Decimal(10_000),
        available_usd=Decimal(10_000),
        taker_fee_frac=Decimal("0.0004"),
        notional_usd=None,
        margin_usd=None,
        qty=None,
    )
    return msgspec.structs.replace(usual, **changes)


def qty_of(asked: SizeInputs, limits: RiskLimits = LIMITS) -> Decimal:
    answer = size(asked, limits)
    assert isinstance(answer, Sized), answer
    return answer.qty


def qty_or_zero(asked: SizeInputs, limits: RiskLimits = LIMITS) -> Decimal:
    answer = size(asked, limits)
    return answer.qty if isinstance(answer, Sized) else Decimal(0)


def test_by_risk_the_stop_costs_half_a_per_cent_of_equity() -> None:
    # 10,000 * 0.005 = 50 USDT over 2 % of 2,000 USDT = 40 USDT a unit.
    assert qty_of(inputs()) == Decimal("1.25")


@pytest.mark.parametrize(
    ("asked", "qty"),
    [
        ({"notional_usd": Decimal(200)}, "0.1"),
        ({"margin_usd": Decimal(20)}, "0.1"),
        ({"qty": Decimal("0.10099")}, "0.1"),
        ({"notional_usd": Decimal("201.999")}, "0.1"),
        ({"notional_usd": Decimal(9_000)}, "4.5"),
    ],
)
def test_what_was_asked_is_only_rounded_down(asked: dict[str, Any], qty: str) -> None:
    assert qty_of(inputs(**asked)) == Decimal(qty)


@pytest.mark.parametrize(
    ("changes", "qty", "word"),
    [
        ({"stop_frac": Decimal("0.002")}, "1.5", "limit of one trade"),
        # 100 USDT buy 100 / (1/10 + 0.0004) = 996.01 USDT of notional.
        ({"available_usd": Decimal(100)}, "0.498", "margin available"),
        ({"instrument": an_instrument(market_qty_max=Decimal("0.7"))}, "0.7", "venue's largest"),
        (
            {
                "instrument": an_instrument(
                    tiers=(
                        a_tier(floor=0, cap=800, leverage=20, maint="0.01", cum=0),
                        a_tier(floor=800, cap=5_000, leverage=5, maint="0.05", cum=32),
                    )
                )
            },
            "0.4",
            "bracket",
        ),
    ],
)
def test_our_own_size_stays_inside_every_limit(
    changes: dict[str, Any], qty: str, word: str
) -> None:
    answer = size(inputs(**changes), LIMITS)
    assert isinstance(answer, Sized)
    assert answer.qty == Decimal(qty)
    assert word in answer.why


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"qty": Decimal("0.0009")}, "smallest quantity 0.001"),
        ({"notional_usd": Decimal("19.999")}, "smallest notional 20.00 USDT"),
        ({"equity_usd": Decimal(1)}, "0.50 % of equity"),
        ({"equity_usd": Decimal(-5)}, "smallest quantity"),
        ({"available_usd": Decimal(0)}, "margin available"),
        ({"leverage": 51}, "bracket at 51x"),
        ({"stop_frac": Decimal(0)}, "stop distance of 0"),
        ({"stop_frac": Decimal(-1)}, "stop distance of -1"),
        ({"reference_price": Decimal(0)}, "price 0"),
        ({"leverage": 0}, "leverage 0"),
    ],
)
def test_without_a_size_the_problem_is_told_with_its_numbers(
    changes: dict[str, Any], words: str
) -> None:
    answer = size(inputs(**changes), LIMITS)
    assert isinstance(answer, Unsized)
    assert words in answer.problem


@given(equity=equities, price=prices, stop=stops, leverage=leverages)
def test_size_times_stop_distance_is_the_risk_within_a_step(
    equity: Decimal, price: Decimal, stop: Decimal, leverage: int
) -> None:
    roomy = an_instrument(
        qty_max=Decimal(10**9),
        market_qty_max=Decimal(10**9),
        tiers=(a_tier(floor=0, cap=10**12, leverage=50, maint="0.01", cum=0),),
    )
    asked = inputs(
        instrument=roomy,
        equity_usd=equity,
        reference_price=price,
        stop_frac=stop,
        leverage=leverage,
        available_usd=Decimal(10**12),
    )
    budget = equity * WIDE.risk_frac
    answer = size(asked, WIDE)
    if isinstance(answer, Unsized):
        assert budget / stop < roomy.notional_min_usd + roomy.step * price
        return
    risk = answer.qty * stop * price
    assert risk <= budget < risk + roomy.step * stop * price


@given(
    two_equities=st.tuples(equities, equities),
    two_stops=st.tuples(stops, stops),
    price=prices,
    leverage=leverages,
)
def test_more_equity_never_means_less_and_a_wider_stop_never_means_more(
    two_equities: tuple[Decimal, Decimal],
    two_stops: tuple[Decimal, Decimal],
    price: Decimal,
    leverage: int,
) -> None:
    low, high = sorted(two_equities)
    tight, wide = sorted(two_stops)
    here = inputs(reference_price=price, leverage=leverage)

    def with_(equity: Decimal, stop: Decimal) -> Decimal:
        changes = {"equity_usd": equity, "available_usd": equity, "stop_frac": stop}
        return qty_or_zero(msgspec.structs.replace(here, **changes))

    assert with_(low, wide) <= with_(high, wide) <= with_(high, tight)


@given(
    equity=equities,
    available=st.decimals(-100, 100_000, places=2),
    price=prices,
    stop=stops,
    leverage=leverages,
)
def test_our_own_size_can_be_paid_and_is_on_the_grid(
    equity: Decimal, available: Decimal, price: Decimal, stop: Decimal, leverage: int
) -> None:
    asked = inputs(
        equity_usd=equity,
        available_usd=available,
        reference_price=price,
        stop_frac=stop,
        leverage=leverage,
    )
    qty = qty_or_zero(asked)
    notional = qty * price
    assert qty % asked.instrument.order_step == 0
    assert notional <= LIMITS.notional_max_usd
    assert notional / leverage + notional * asked.taker_fee_frac <= max(available, Decimal(0))
    assert leverage <= asked.instrument.leverage_max_at(notional)


@given(notional=st.decimals(1, 10**6, places=4), price=prices)
def test_what_was_asked_is_never_exceeded(notional: Decimal, price: Decimal) -> None:
    asked = inputs(notional_usd=notional, reference_price=price)
    worth = qty_or_zero(asked) * price
    assert worth <= notional
    assert worth == 0 or notional - worth < asked.instrument.order_step * price


def test_the_bracket_at_a_leverage_is_the_widest_tier_that_still_allows_it() -> None:
    caps = [bracket_cap_usd(an_instrument(), leverage) for leverage in (1, 10, 11, 50, 51)]
    assert caps == [500_000, 500_000, 50_000, 50_000, 0]
