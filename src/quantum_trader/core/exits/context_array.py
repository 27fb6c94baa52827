"""Moments of many positions as columns, one row per position.

All numbers are floats: NaN is what a context calls None, and a time in ms below 2**53 is exact.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from quantum_trader.core.exits.context import ExitContext
from quantum_trader.core.exits.guards import CHALLENGE
from quantum_trader.core.exits.levels_array import Flags, Floats
from quantum_trader.core.exits.parts import ROUNDING


class ContextRows(NamedTuple):
    """What guards and levels look at, named as in ``ExitContext``.

    ``targets`` is how many there are and ``last_target`` the price of the last one;
    ``smallest_qty`` is the smallest order, less what a float may miss it by. ``created_ms`` is of
    the plan, ``crossed_ms`` of the memory. ``leaves_at_once`` is the emergency stop or a plan to
    leave, ``challenge`` a plan that has to earn its first target in time.

    Whoever keeps rows from one moment to the next replaces the columns that changed, most often
    ``now_ms``, ``mark`` and ``mark_age_ms``: ``rows._replace(mark=marks)``.
    """

    sign: Floats
    qty: Floats
    initial_qty: Floats
    smallest_qty: Floats
    leverage: Floats
    entry_price: Floats
    risk_price: Floats
    stop: Floats
    liquidation_price: Floats
    mark: Floats
    mark_age_ms: Floats
    now_ms: Floats
    opened_ms: Floats
    created_ms: Floats
    crossed_ms: Floats
    hold_max_ms: Floats
    stage: Floats
    targets: Floats
    last_target: Floats
    funding_rate_frac: Floats
    next_funding_ms: Floats
    taker_frac: Floats
    spread_frac: Floats
    divergence: Floats
    leaves_at_once: Flags
    challenge: Flags


def rows_of(contexts: Sequence[ExitContext]) -> ContextRows:
    """The columns of these moments, in their order."""
    return ContextRows(
        sign=_column(each.sign for each in contexts),
        qty=_column(each.qty for each in contexts),
        initial_qty=_column(each.initial_qty for each in contexts),
        smallest_qty=_column(_smallest_qty(each) for each in contexts),
        leverage=_column(each.leverage for each in contexts),
        entry_price=_column(each.entry_price for each in contexts),
        risk_price=_column(each.risk_price for each in contexts),
        stop=_column(each.stop for each in contexts),
        liquidation_price=_column(each.liquidation_price for each in contexts),
        mark=_column(each.mark for each in contexts),
        mark_age_ms=_column(each.mark_age_ms for each in contexts),
        now_ms=_column(each.now_ms for each in contexts),
        opened_ms=_column(each.opened_ms for each in contexts),
        created_ms=_column(each.plan.created_ms for each in contexts),
        crossed_ms=_column(each.memory.crossed_ms for each in contexts),
        hold_max_ms=_column(each.hold_max_ms for each in contexts),
        stage=_column(each.stage for each in contexts),
        targets=_column(len(each.targets) for each in contexts),
        last_target=_column(each.targets[-1] if each.targets else None for each in contexts),
        funding_rate_frac=_column(each.funding_rate_frac for each in contexts),
        next_funding_ms=_column(each.next_funding_ms for each in contexts),
        taker_frac=_column(each.taker_frac for each in contexts),
        spread_frac=_column(each.spread_frac for each in contexts),
        divergence=_column(each.divergence for each in contexts),
        leaves_at_once=np.array([_leaves_at_once(each) for each in contexts], dtype=np.bool_),
        challenge=np.array([each.plan.profile == CHALLENGE for each in contexts], dtype=np.bool_),
    )


def _column(values: Iterable[float | None]) -> Floats:
    return np.array(list(values), dtype=np.float64)


def _smallest_qty(context: ExitContext) -> float:
    venue = context.instrument
    return float(max(venue.order_qty_min, venue.order_step)) * (1.0 - ROUNDING)


def _leaves_at_once(context: ExitContext) -> bool:
    return context.risk_mode == "ESS_ACTIVE" or context.plan.leaves_at_once
