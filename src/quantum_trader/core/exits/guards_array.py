"""The guards for many positions at once, equal to the scalar form to the last bit.

Each says which share of every position it wants out: 0 nothing, ``EVERYTHING`` is a close, and
between them a reduction by that fraction of the initial quantity. Every operation is the one of
``guards`` in the same order, so that what is equal there is equal here. Comparing with NaN is
False, so a guard that needs a number is silent without it.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from quantum_trader.core.exits import guards
from quantum_trader.core.exits.context import ExitContext
from quantum_trader.core.exits.context_array import ContextRows
from quantum_trader.core.exits.decision import Decision
from quantum_trader.core.exits.levels_array import Flags, Floats
from quantum_trader.core.exits.parts import EVERYTHING, GRAIN_NOISE, GRAINS
from quantum_trader.core.exits.settings import GuardSettings

Guard: TypeAlias = Callable[[ExitContext, Any], Decision | None]
GuardForRows: TypeAlias = Callable[[ContextRows, GuardSettings], Floats | Flags]
"""Flags are shares too: True is ``EVERYTHING``."""


def emergency(rows: ContextRows, _: GuardSettings) -> Flags:
    """``guards.emergency`` for every position."""
    return rows.leaves_at_once


def crossed_stop(rows: ContextRows, settings: GuardSettings) -> Flags:
    """``guards.crossed_stop`` for every position."""
    crossed: Flags = rows.sign * (rows.mark - rows.stop) <= 0.0
    return crossed & (rows.now_ms - rows.crossed_ms >= settings.crossed_ms)


def near_liquidation(rows: ContextRows, settings: GuardSettings) -> Floats:
    """``guards.near_liquidation`` for every position."""
    level, sign, entry = rows.liquidation_price, rows.sign, rows.entry_price
    way, gone = sign * (entry - level), sign * (entry - rows.mark)
    near = (way > 0.0) & (gone >= settings.liquidation_reduce_frac * way)
    left = near & (gone >= settings.liquidation_close_frac * way)
    left |= (gone >= way) | (sign * (level - rows.stop) >= 0.0)
    shares = left.astype(np.float64)
    cut = np.flatnonzero(near & ~left & (rows.initial_qty > 0.0))
    if cut.size:
        shares[cut] = _cut(rows, settings, cut)
    return shares


def loss_guard(rows: ContextRows, settings: GuardSettings) -> Flags:
    """``guards.loss_guard`` for every position."""
    lost = rows.sign * (rows.entry_price - rows.mark)
    by_price, by_r = settings.loss_frac * rows.entry_price, settings.loss_r * rows.risk_price
    found: Flags = (lost >= by_price) | ((lost >= by_r) & (by_r > 0.0))
    return found


def blind(rows: ContextRows, settings: GuardSettings) -> Flags:
    """``guards.blind`` for every position."""
    # fmin takes the other value where one is NaN: a mark that never came has no age.
    blind_ms = np.fmin(rows.now_ms - rows.created_ms, rows.mark_age_ms)
    late: Flags = blind_ms >= settings.blind_ms
    return late & np.isnan(rows.mark)


def funding_due(rows: ContextRows, settings: GuardSettings) -> Flags:
    """``guards.funding_due`` for every position."""
    sign, until_ms = rows.sign, rows.next_funding_ms - rows.now_ms
    paid_frac = sign * rows.funding_rate_frac
    way_frac = sign * (rows.last_target - rows.mark) / rows.entry_price
    edge_frac = way_frac - rows.taker_frac - rows.spread_frac
    due: Flags = (until_ms >= 0.0) & (until_ms <= settings.funding_lead_ms)
    return due & (paid_frac > 0.0) & (paid_frac > edge_frac) & (rows.stage < rows.targets)


def time_exit(rows: ContextRows, _: GuardSettings) -> Flags:
    """``guards.time_exit`` for every position."""
    late: Flags = rows.now_ms - rows.opened_ms >= rows.hold_max_ms
    return late


def challenge_late(rows: ContextRows, settings: GuardSettings) -> Flags:
    """``guards.challenge_late`` for every position."""
    late = rows.now_ms - rows.opened_ms >= settings.first_target_ms
    return late & rows.challenge & (rows.stage <= 0.0)


FOR_ROWS: Mapping[Guard, GuardForRows] = {
    guards.emergency: emergency,
    guards.crossed_stop: crossed_stop,
    guards.near_liquidation: near_liquidation,
    guards.loss_guard: loss_guard,
    guards.blind: blind,
    guards.funding_due: funding_due,
    guards.time_exit: time_exit,
    guards.challenge_late: challenge_late,
}
"""The form for many positions of each guard."""


def _cut(rows: ContextRows, settings: GuardSettings, at: Any) -> Floats:
    """What the cut on the way to liquidation can really take, as ``parts.sellable`` has it."""
    initial_qty, smallest_qty = rows.initial_qty[at], rows.smallest_qty[at]
    standing = np.abs(rows.qty[at])
    frac = standing / initial_qty - (1.0 - settings.liquidation_cut_frac)
    part = np.minimum(frac * initial_qty, standing)
    shares: Floats = np.ceil(frac * GRAINS - GRAIN_NOISE) / GRAINS
    shares[(standing - part < smallest_qty) | (shares >= EVERYTHING)] = EVERYTHING
    shares[part < smallest_qty] = 0.0
    return shares
