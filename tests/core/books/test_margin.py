"""Where the venue takes a position."""

from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from quantum_trader.core.books.margin import (
    bankruptcy_price,
    cross_collateral_usd,
    initial_usd,
    is_liquidated,
    liquidation_price,
    maintenance_usd,
)
from quantum_trader.core.books.position import FLAT, Position, unrealized_usd
from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS

BTC = DEFAULT_INSTRUMENTS["BTCUSDT"]
symbols = st.sampled_from(sorted(DEFAULT_INSTRUMENTS))
signs = st.sampled_from([1, -1])
notionals = st.decimals("100", "30000000", places=2)
leverages = st.integers(1, 50)


def position_of(sign: int, size: Decimal, price: Decimal) -> Position:
    return Position(sign * size, size * price)


def test_a_small_long_by_hand() -> None:
    long = position_of(1, Decimal(1), Decimal(50_000))
    price = liquidation_price(BTC, long, Decimal(5_000))
    assert price is not None
    # What is left at P, 5000 + P - 50000, is the maintenance of 0.01 P.
    assert round(price, 4) == Decimal("45454.5455")
    assert bankruptcy_price(long, Decimal(5_000)) == 45_000


def test_a_small_short_by_hand() -> None:
    short = position_of(-1, Decimal(1), Decimal(50_000))
    price = liquidation_price(BTC, short, Decimal(5_000))
    assert price is not None
    # What is left at P, 5000 + 50000 - P, is the maintenance of 0.01 P.
    assert round(price, 4) == Decimal("54455.4455")
    assert bankruptcy_price(short, Decimal(5_000)) == 55_000


def test_the_tier_is_that_of_the_notional_at_the_liquidation_price() -> None:
    # A short of 99,000 grows past the cap of 100,000 on its way up:
    # 9900 + 99000 - P is 0.02 P - 1000.
    short = position_of(-1, Decimal(1), Decimal(99_000))
    price = liquidation_price(BTC, short, Decimal(9_900))
    assert price is not None
    assert round(price, 4) == Decimal("107745.0980")
    # A long of 105,000 falls below it: 21000 + P - 105000 is 0.01 P, not 0.02 P - 1000.
    long = position_of(1, Decimal(1), Decimal(105_000))
    price = liquidation_price(BTC, long, Decimal(21_000))
    assert price is not None
    assert round(price, 4) == Decimal("84848.4848")


@given(symbols, signs, notionals, leverages)
def test_at_the_liquidation_price_equity_is_the_maintenance(
    symbol: str, sign: int, notional_usd: Decimal, leverage: int
) -> None:
    instrument = DEFAULT_INSTRUMENTS[symbol]
    size = instrument.floor_qty(notional_usd / instrument.price_min) + instrument.step
    position = position_of(sign, size, instrument.price_min * 10)
    collateral_usd = initial_usd(position.cost_usd, leverage)
    price = liquidation_price(instrument, position, collateral_usd)
    if price is None:
        assert (sign, leverage) == (1, 1)
        return
    gap_usd = (
        collateral_usd
        + unrealized_usd(position, price)
        - maintenance_usd(instrument, position, price)
    )
    assert abs(gap_usd) <= instrument.tick * size
    worse, better = price - sign * instrument.tick, price + sign * instrument.tick
    assert worse <= 0 or is_liquidated(instrument, position, collateral_usd, worse)
    assert not is_liquidated(instrument, position, collateral_usd, better)


@given(symbols, signs, notionals, leverages)
def test_more_leverage_brings_liquidation_nearer(
    symbol: str, sign: int, notional_usd: Decimal, leverage: int
) -> None:
    instrument = DEFAULT_INSTRUMENTS[symbol]
    position = position_of(sign, notional_usd / 100, Decimal(100))
    low, high = (
        liquidation_price(instrument, position, initial_usd(position.cost_usd, each))
        for each in (leverage, leverage + 1)
    )
    assert high is not None
    assert low is None or (high - low) * sign > 0


@given(signs, notionals, leverages)
def test_the_venue_takes_a_position_before_its_collateral_is_gone(
    sign: int, notional_usd: Decimal, leverage: int
) -> None:
    position = position_of(sign, notional_usd / 100, Decimal(100))
    collateral_usd = initial_usd(position.cost_usd, leverage)
    taken = liquidation_price(BTC, position, collateral_usd)
    gone = bankruptcy_price(position, collateral_usd)
    assume(taken is not None and gone is not None)
    assert taken is not None
    assert gone is not None
    assert (taken - gone) * sign > 0


@pytest.mark.parametrize("collateral_usd", [Decimal(50_000), Decimal(60_000)])
def test_a_long_that_is_fully_paid_cannot_be_liquidated(collateral_usd: Decimal) -> None:
    long = position_of(1, Decimal(1), Decimal(50_000))
    assert liquidation_price(BTC, long, collateral_usd) is None
    assert bankruptcy_price(long, collateral_usd) is None


def test_flat_cannot_be_liquidated() -> None:
    assert liquidation_price(BTC, FLAT, Decimal(10)) is None
    assert bankruptcy_price(FLAT, Decimal(10)) is None
    assert not is_liquidated(BTC, FLAT, Decimal(0), Decimal(100))


def test_in_cross_margin_other_positions_help_or_hurt() -> None:
    assert cross_collateral_usd(Decimal(1_000), Decimal(-100), Decimal(50)) == 850
    long = position_of(1, Decimal(1), Decimal(50_000))
    alone = liquidation_price(BTC, long, Decimal(1_000))
    hurt = liquidation_price(
        BTC, long, cross_collateral_usd(Decimal(1_000), Decimal(-100), Decimal(50))
    )
    assert alone is not None
    assert hurt is not None
    assert hurt > alone


def test_initial_margin_is_the_notional_over_the_leverage() -> None:
    assert initial_usd(Decimal(1_000), 3) == Decimal("333.33333333")
