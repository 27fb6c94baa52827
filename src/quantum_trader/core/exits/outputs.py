"""An exit plan in the three forms that others read: levels, trailing, and the list of exits.

Distances are signed fractions of the entry price, positive toward profit: a stop that locks a
profit in stays +0.002, and what a plan does not have is None.
"""

import msgspec

from quantum_trader.core.exits.plan import SIZE_DIGITS, ExitLeg, ExitPlan, LegKind


class DynamicTpSl(msgspec.Struct, frozen=True, kw_only=True):
    """First target, stop and callback. ``partial`` tells whether there is more than one target."""

    tp_frac: float | None
    sl_frac: float | None
    trail_callback_frac: float | None
    partial: bool
    rationale: str
    confidence: float | None


class TrailingConfig(msgspec.Struct, frozen=True, kw_only=True):
    """How the runner is trailed, from ``activation_frac`` of profit on."""

    callback_frac: float
    activation_r: float
    activation_frac: float
    size_frac: float
    tightening: tuple[tuple[float, float], ...]


class PartialExit(msgspec.Struct, frozen=True, kw_only=True):
    """One exit in profit. ``trigger_frac`` is None for the trail, which comes last."""

    kind: LegKind
    trigger_frac: float | None
    size_frac: float
    reason: str
    trail_callback_frac: float | None


class Outputs(msgspec.Struct, frozen=True, kw_only=True):
    """All three forms of one plan."""

    dynamic_tpsl: DynamicTpSl
    trailing_config: TrailingConfig | None
    partial_exit_config: tuple[PartialExit, ...]


def outputs_of(plan: ExitPlan) -> Outputs:
    """What others read of a plan, as it asked: the bounds come afterwards."""
    return Outputs(
        dynamic_tpsl=to_dynamic_tpsl(plan),
        trailing_config=to_trailing_config(plan),
        partial_exit_config=to_partial_exit_config(plan),
    )


def to_dynamic_tpsl(plan: ExitPlan) -> DynamicTpSl:
    """The levels of a plan, for whoever knows one target and one stop."""
    return DynamicTpSl(
        tp_frac=_trigger_of(plan.primary("TP")),
        sl_frac=_trigger_of(plan.primary("SL")),
        trail_callback_frac=None if plan.trail is None else plan.trail.callback_frac,
        partial=len(plan.legs_of("TP")) > 1,
        rationale=plan.reason,
        confidence=plan.confidence,
    )


def to_trailing_config(plan: ExitPlan) -> TrailingConfig | None:
    """The trail of a plan, active from its own R on; None without one."""
    leg, trail = plan.primary("TRAIL"), plan.trail
    if leg is None or trail is None:
        return None
    return TrailingConfig(
        callback_frac=trail.callback_frac,
        activation_r=trail.activation_r,
        activation_frac=trail.activation_r * plan.sl_frac,
        size_frac=leg.size_frac,
        tightening=trail.tightening,
    )


def to_partial_exit_config(plan: ExitPlan) -> tuple[PartialExit, ...]:
    """Every exit in profit, nearest first; the sizes sum to one for a plan that has any."""
    legs = (*plan.legs_of("TP"), *plan.legs_of("TRAIL"))
    return tuple(
        PartialExit(
            kind=leg.kind,
            trigger_frac=leg.trigger_frac,
            size_frac=round(leg.size_frac, SIZE_DIGITS),
            reason=leg.reason,
            trail_callback_frac=None if leg.trail is None else leg.trail.callback_frac,
        )
        for leg in legs
    )


def _trigger_of(leg: ExitLeg | None) -> float | None:
    return None if leg is None else leg.trigger_frac
