"""How the simulated venue deals: instruments, fees, slippage, margin, and what comes first."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

import msgspec

from quantum_trader.core.instrument import Instrument
from quantum_trader.core.units import ONE, ZERO, OrderSide

Intrabar = Literal["stop_first", "target_first"]
MarginMode = Literal["isolated", "cross"]

BPS = Decimal(10_000)
LEVERAGE_UNSET = 20
"""The venue's own leverage for a symbol nobody configured."""


class Depth(msgspec.Struct, frozen=True, kw_only=True):
    """A book put together around the last price: the same on both sides, and whole for every order.

    The best bid is ``half_spread_ticks`` below the last price, the best ask as far above. From one
    level to the next it is ``gap_ticks``, and ``growth`` times as much money. The best level has
    ``best_usd``.
    """

    half_spread_ticks: int = 1
    gap_ticks: int = 1
    best_usd: Decimal = Decimal(50_000)
    growth: Decimal = Decimal("1.25")
    levels: int = 20


class MatchingRules(msgspec.Struct, frozen=True, kw_only=True):
    """What a simulated account may trade, and what every trade costs.

    Whatever takes liquidity pays ``slippage_bps`` and ``slippage_ticks``, one on top of the other.
    A resting limit order needs the price ``queue_ticks`` beyond its own before it fills: others
    stood in the queue before it. ``intrabar`` decides which extreme of a bar came first.
    ``conditional_orders_max`` holds for the account, over all its symbols; it is the venue's own.
    With a ``depth`` orders walk a book and resting ones fill by traded volume; without, everything
    fills whole. ``by_tier`` sells what is liquidated down to the next tier first.
    """

    instruments: Mapping[str, Instrument]
    deposit_usd: Decimal
    taker_fee_frac: Decimal = Decimal("0.0004")
    maker_fee_frac: Decimal = Decimal("0.0002")
    slippage_ticks: int = 1
    slippage_bps: Decimal = ZERO
    queue_ticks: int = 1
    intrabar: Intrabar = "stop_first"
    margin_mode: MarginMode = "isolated"
    conditional_orders_max: int = 200
    depth: Depth | None = None
    by_tier: bool = False


def taken_price(
    rules: MatchingRules, instrument: Instrument, side: OrderSide, base: Decimal
) -> Decimal:
    """The price at which an order that takes liquidity trades, on the grid, worse than ``base``.

    A sale never goes below the smallest price of the instrument.
    """
    slip_frac = rules.slippage_bps / BPS
    slip = rules.slippage_ticks * instrument.tick
    if side == "BUY":
        return instrument.ceil_price(base * (ONE + slip_frac)) + slip
    worse = instrument.floor_price(base * (ONE - slip_frac)) - slip
    return max(worse, instrument.price_min, instrument.tick)
