"""What the exit brain computed."""

from decimal import Decimal

import msgspec

from quantum_trader.core.events.base import Fact
from quantum_trader.core.units import Side


class LevelSet(msgspec.Struct, frozen=True, gc=False):
    """Take-profit and stop distances as fractions of the entry price, and the harvest shares."""

    lsf: float
    tp_frac: tuple[float, float, float]
    sl_frac: float
    harvest: tuple[float, float, float]


class Bound(msgspec.Struct, frozen=True, gc=False):
    """A bound that was asked: its value as a fraction of price and whether it acted."""

    name: str
    frac: float
    acted: bool
    why: str


class LevelsComputed(Fact, frozen=True, kw_only=True, tag="levels.computed", gc=False):
    """Adaptive levels (the formula) and effective levels (after the bounds) of a filled entry."""

    plan_id: str
    symbol: str
    side: Side
    leverage: int
    entry_price: Decimal
    adaptive: LevelSet
    effective: LevelSet
    bounds: tuple[Bound, ...]
    stop_price: Decimal
    target_prices: tuple[Decimal, ...]
