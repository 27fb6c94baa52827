"""Targets that depend on the trade: how large it is, how leveraged, how sure, and in what market.

Three levels at 1.5 %, 2.5 % and 4.0 % of the entry price are multiplied by every factor of one
table whose condition holds; some also change how much leaves at each level, a later one instead of
an earlier one. What is not known has no say.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import msgspec

from quantum_trader.core.exits.levels import in_order
from quantum_trader.core.exits.plan import PlanRegime

Three: TypeAlias = tuple[float, float, float]

BASE_TP_FRAC: Three = (0.015, 0.025, 0.04)
BASE_SIZE_FRAC: Three = (0.3, 0.3, 0.4)
TP_MIN_FRAC = 0.005
TP_MAX_FRAC = 0.10
RESTLESS: tuple[PlanRegime, ...] = ("VOLATILE", "RANGE_BOUND")
"""Regimes in which a profit does not last."""


class TargetInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What targets depend on; None is missing.

    ``volatility_frac`` is per day, ``liquidity_usd`` the volume of 24 hours, and
    ``margin_profit_frac`` the unrealised profit over the margin.
    """

    leverage: float
    notional_usd: float | None
    volatility_frac: float | None
    regime: PlanRegime
    confidence: float | None
    liquidity_usd: float | None
    margin_profit_frac: float | None


class DynamicTargets(msgspec.Struct, frozen=True):
    """Distances and sizes of the three targets, and the names of the factors that acted."""

    tp_frac: tuple[float, ...]
    size_frac: Three
    factors: tuple[str, ...]


class Factor(msgspec.Struct, frozen=True):
    """When ``holds``, distances are multiplied by ``tp``; sizes become ``sizes`` unless None."""

    name: str
    holds: Callable[[TargetInputs], bool]
    tp: float
    sizes: Three | None = None


def _at_least(field: str, edge: float, inputs: TargetInputs) -> bool:
    value: float | None = getattr(inputs, field)
    return value is not None and value >= edge


def _at_most(field: str, edge: float, inputs: TargetInputs) -> bool:
    value: float | None = getattr(inputs, field)
    return value is not None and value <= edge


def _below(field: str, edge: float, inputs: TargetInputs) -> bool:
    value: float | None = getattr(inputs, field)
    return value is not None and value < edge


def _regime(regimes: tuple[PlanRegime, ...], inputs: TargetInputs) -> bool:
    return inputs.regime in regimes


FACTORS: tuple[Factor, ...] = (
    Factor("high leverage", partial(_at_least, "leverage", 15.0), 0.7),
    Factor("low leverage", partial(_at_most, "leverage", 5.0), 1.3),
    Factor("large position", partial(_at_least, "notional_usd", 2_000.0), 0.8, (0.40, 0.35, 0.25)),
    Factor("high volatility", partial(_at_least, "volatility_frac", 0.035), 1.4),
    Factor("low volatility", partial(_at_most, "volatility_frac", 0.015), 0.75),
    Factor("trending", partial(_regime, ("TRENDING",)), 1.5, (0.20, 0.30, 0.50)),
    Factor("restless market", partial(_regime, RESTLESS), 0.7),
    Factor("high confidence", partial(_at_least, "confidence", 0.85), 1.3),
    Factor("low confidence", partial(_at_most, "confidence", 0.6), 0.75),
    Factor("thin market", partial(_below, "liquidity_usd", 100_000.0), 0.8, (0.45, 0.35, 0.20)),
    Factor("already in profit", partial(_at_least, "margin_profit_frac", 0.05), 0.8),
)
"""The table, in order; the clamp to [0.005, 0.10] comes after the last row."""


def dynamic_targets(inputs: TargetInputs) -> DynamicTargets:
    """The targets of one trade, each within [0.005, 0.10] and in strict order."""
    acting = [factor for factor in FACTORS if factor.holds(inputs)]
    scale, sizes = 1.0, BASE_SIZE_FRAC
    for factor in acting:
        scale *= factor.tp
        sizes = factor.sizes or sizes
    tp_frac = clamped([scale * base for base in BASE_TP_FRAC])
    return DynamicTargets(tp_frac, sizes, tuple(factor.name for factor in acting))


def clamped(tp_frac: Sequence[float]) -> tuple[float, ...]:
    """Distances within [0.005, 0.10]; those that met at an end keep a basis point of distance."""
    return in_order(*(min(max(frac, TP_MIN_FRAC), TP_MAX_FRAC) for frac in tp_frac))
