"""From a ladder's shape to the exit plan of one position: SL and TP decided together.

Three strategies, in order of rank: with the emergency stop on, everything leaves at once; a
position that already earned a tenth of its margin gets its profit locked in; all others get the
ladder that the policy of exits shaped.
"""

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from quantum_trader.core.exits.distances import Distances, distances
from quantum_trader.core.exits.levels import in_order
from quantum_trader.core.exits.plan import SIZE_DIGITS, ExitLeg, ExitPlan, Strategy, TrailSpec
from quantum_trader.core.exits.plan_inputs import PlanInputs
from quantum_trader.core.units import percent_text

VALID_MS = 24 * 3_600_000
"""How long a plan may be followed without being made anew."""
PROFIT_LOCK_FROM_FRAC = 0.10
PROFIT_LOCK_FRAC = 0.002
PROFIT_LOCK_WAY_MAX_FRAC = 0.5
"""A locked profit stays this part of the way below the market, or the stop would act at once."""
PROFIT_LOCK_TARGET = 1.5
"""How many times the way so far the target of a locked profit lies from entry."""


class Shape(msgspec.Struct, frozen=True, kw_only=True):
    """The ladder that a policy wants: distances from entry, and sizes of the initial quantity.

    ``base_tp_frac`` is the target distance it was made from. Sizes that sum to less than one leave
    a runner, which is trailed; without a ``trail`` the last target takes what is left.
    """

    source: str
    profile: str
    base_tp_frac: float
    tp_frac: tuple[float, ...]
    size_frac: tuple[float, ...]
    sl_frac: float
    trail: TrailSpec | None
    reason: str


Shaper: TypeAlias = Callable[[PlanInputs, Distances], Shape]


def plan(inputs: PlanInputs, shaper: Shaper) -> ExitPlan:
    """The plan of one position, valid for a day."""
    way = distances(inputs)
    shape = shaper(inputs, way)
    if inputs.risk_mode == "ESS_ACTIVE":
        return _made(inputs, way, shape, "EMERGENCY_EXIT", _emergency_legs())
    if (inputs.margin_profit_frac or 0.0) > PROFIT_LOCK_FROM_FRAC:
        return _locked(inputs, way, shape)
    return _made(inputs, way, shape, "STANDARD_LADDER", _ladder_legs(shape))


def _made(
    inputs: PlanInputs,
    way: Distances,
    shape: Shape,
    strategy: Strategy,
    legs: tuple[ExitLeg, ...],
) -> ExitPlan:
    return ExitPlan(
        symbol=inputs.symbol,
        position_id=inputs.position_id,
        side=inputs.side,
        entry_price=inputs.entry_price,
        strategy=strategy,
        profile=shape.profile,
        risk_mode=inputs.risk_mode,
        regime=way.regime,
        source=shape.source,
        reason=legs[0].reason if strategy != "STANDARD_LADDER" else shape.reason,
        confidence=_confidence(inputs),
        tp_frac=shape.base_tp_frac,
        sl_frac=shape.sl_frac,
        legs=legs,
        created_ms=inputs.now_ms,
        expires_ms=inputs.now_ms + VALID_MS,
        adopted=inputs.adopted,
        assumed=inputs.assumed if inputs.regime_told else (*inputs.assumed, "regime"),
    )


def _confidence(inputs: PlanInputs) -> float | None:
    """What the proposer says of the exits, else of the entry."""
    hinted = inputs.hints.confidence
    return inputs.signal_confidence if hinted is None else hinted


def _emergency_legs() -> tuple[ExitLeg, ...]:
    return (
        ExitLeg(
            kind="EMERGENCY",
            size_frac=1.0,
            trigger_frac=None,
            r_multiple=None,
            priority=0,
            condition="IMMEDIATE",
            reason="the emergency stop is on (ESS_ACTIVE): everything leaves, nothing is entered",
        ),
    )


def _locked(inputs: PlanInputs, way: Distances, shape: Shape) -> ExitPlan:
    """The stop beyond entry, and one target half as far again as the price has come.

    The price has come margin profit / leverage, as a fraction of entry.
    """
    earned_frac = inputs.margin_profit_frac or 0.0
    way_frac = earned_frac / inputs.leverage
    lock_frac = min(PROFIT_LOCK_FRAC, PROFIT_LOCK_WAY_MAX_FRAC * way_frac)
    target_frac = PROFIT_LOCK_TARGET * way_frac
    earned = percent_text(earned_frac, 1)
    reason = f"{earned} of the margin earned: {percent_text(lock_frac)} of the price is locked in"
    legs = (
        _stop_leg(lock_frac, None, reason),
        _target_leg(0, target_frac, 1.0, None, "half as far again as the price has come"),
    )
    bounded = msgspec.structs.replace(shape, base_tp_frac=target_frac, sl_frac=-lock_frac)
    return _made(inputs, way, bounded, "PROFIT_LOCK", legs)


def _ladder_legs(shape: Shape) -> tuple[ExitLeg, ...]:
    """The stop for all of it, a target per step, and the trail of what they leave."""
    sl_frac, sizes = shape.sl_frac, _sizes(shape)
    count = len(sizes)
    targets = tuple(
        _target_leg(index, frac, size, frac / sl_frac, f"target {index + 1} of {count}")
        for index, (frac, size) in enumerate(zip(in_order(*shape.tp_frac), sizes, strict=True))
    )
    legs = (_stop_leg(-sl_frac, -1.0, "the stop"), *targets)
    return legs if shape.trail is None else (*legs, _trail_leg(shape.trail, sizes))


def _sizes(shape: Shape) -> tuple[float, ...]:
    """The sizes of the targets; without a trail the last one takes what is left."""
    sizes = tuple(round(size, SIZE_DIGITS) for size in shape.size_frac)
    return sizes if shape.trail is not None else (*sizes[:-1], _rest(sizes[:-1]))


def _rest(sizes: tuple[float, ...]) -> float:
    return round(1.0 - sum(sizes), SIZE_DIGITS)


def _stop_leg(trigger_frac: float, r_multiple: float | None, reason: str) -> ExitLeg:
    return ExitLeg(
        kind="SL",
        size_frac=1.0,
        trigger_frac=trigger_frac,
        r_multiple=r_multiple,
        priority=0,
        condition="IMMEDIATE",
        reason=reason,
    )


def _target_leg(
    priority: int, trigger_frac: float, size_frac: float, r_multiple: float | None, reason: str
) -> ExitLeg:
    return ExitLeg(
        kind="TP",
        size_frac=size_frac,
        trigger_frac=trigger_frac,
        r_multiple=r_multiple,
        priority=priority,
        condition="STAGED",
        reason=reason,
    )


def _trail_leg(trail: TrailSpec, sizes: tuple[float, ...]) -> ExitLeg:
    return ExitLeg(
        kind="TRAIL",
        size_frac=_rest(sizes),
        trigger_frac=None,
        r_multiple=trail.activation_r,
        priority=len(sizes),
        condition="CONDITIONAL",
        reason="what no target takes runs behind the best price",
        trail=trail,
    )
