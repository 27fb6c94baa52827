"""The ladders that policies of exits want: adaptive, dynamic, by profile, by hints, and static."""

import msgspec

from quantum_trader.core.exits.distances import REGIME_SCALES, RISK_MODE_SCALE, Distances
from quantum_trader.core.exits.dynamic_targets import TargetInputs, clamped, dynamic_targets
from quantum_trader.core.exits.levels import SL_MIN_FRAC, TP_MIN_FRAC, in_order
from quantum_trader.core.exits.plan import SIZE_DIGITS, TrailSpec
from quantum_trader.core.exits.plan_inputs import PlanInputs
from quantum_trader.core.exits.planner import Shape, Shaper
from quantum_trader.core.exits.profiles import CALLBACK_MAX_FRAC, Profile, select
from quantum_trader.core.units import percent_text

HINTED_PARTS = ((0.5, 0.25), (1.0, 0.25), (2.0, 0.5))
"""Parts of the hinted target and what leaves there; a trail takes the place of the last one."""
HINTED_CALLBACK_FRAC = 0.015


def adaptive(inputs: PlanInputs, way: Distances) -> Shape:
    """The levels of the formula as they are, nearer in a careful risk mode. No runner."""
    levels, scale = inputs.adaptive, RISK_MODE_SCALE[inputs.risk_mode]
    tp_frac = in_order(*(max(frac * scale, TP_MIN_FRAC) for frac in levels.tp_frac))
    return Shape(
        source="adaptive",
        profile="ADAPTIVE",
        base_tp_frac=tp_frac[0],
        tp_frac=tp_frac,
        size_frac=levels.harvest,
        sl_frac=max(levels.sl_frac * scale, SL_MIN_FRAC),
        trail=None,
        reason=f"adaptive levels at {inputs.leverage:g}x{_mode(inputs)}",
    )


def dynamic(inputs: PlanInputs, way: Distances) -> Shape:
    """The table of targets, and a runner as in the static profile of the same regime.

    The runner comes out of all three sizes in proportion, so the recorded ratios are kept among
    the targets; without a runner the sizes are as recorded.
    """
    table = dynamic_targets(
        TargetInputs(
            leverage=inputs.leverage,
            notional_usd=inputs.notional_usd,
            volatility_frac=inputs.volatility_frac,
            regime=way.regime,
            confidence=inputs.signal_confidence,
            liquidity_usd=inputs.liquidity_usd,
            margin_profit_frac=inputs.margin_profit_frac,
        )
    )
    runner = select(inputs.symbol, inputs.strategy, way.regime, inputs.profiles)
    trail = _trail_of(runner, way)
    part = 1.0 if trail is None else 1.0 - runner.runner_frac
    return Shape(
        source="dynamic",
        profile="DYNAMIC",
        base_tp_frac=way.tp_frac,
        tp_frac=clamped([frac * way.tp_scale for frac in table.tp_frac]),
        size_frac=tuple(round(size * part, SIZE_DIGITS) for size in table.size_frac),
        sl_frac=way.sl_frac,
        trail=trail,
        reason=f"targets by {', '.join(table.factors) or 'the base table'}{_stop(inputs, way)}",
    )


def by_profile(inputs: PlanInputs, way: Distances) -> Shape:
    """The profile that fits symbol, strategy and regime best."""
    return _profiled(
        select(inputs.symbol, inputs.strategy, way.regime, inputs.profiles), "profile", inputs, way
    )


def named_profile(profile: Profile) -> Shaper:
    """This profile, whatever the market is like."""
    return lambda inputs, way: _profiled(profile, f"profile:{profile.name}", inputs, way)


def hinted(inputs: PlanInputs, way: Distances) -> Shape:
    """A quarter at half of the hinted target, a quarter at the target, and half behind a trail.

    Where nothing is hinted, or nothing trails in this regime, the base distance counts and the
    half leaves at twice the target.
    """
    trail = _hinted_trail(inputs, way)
    parts = HINTED_PARTS if trail is None else HINTED_PARTS[:-1]
    return Shape(
        source="hints",
        profile="HINTS",
        base_tp_frac=way.tp_frac,
        tp_frac=tuple(part * way.tp_frac for part, _ in parts),
        size_frac=tuple(size_frac for _, size_frac in parts),
        sl_frac=way.sl_frac,
        trail=trail,
        reason=f"{_said(inputs)}{_stop(inputs, way)}",
    )


def static(name: str, sl_frac: float, tp_frac: float) -> Shaper:
    """One stop and one target for everything, whatever the market is like."""
    shape = Shape(
        source=name,
        profile=name.upper(),
        base_tp_frac=tp_frac,
        tp_frac=(tp_frac,),
        size_frac=(1.0,),
        sl_frac=sl_frac,
        trail=None,
        reason=f"stop at {percent_text(sl_frac)}, one target at {percent_text(tp_frac)}, always",
    )
    return lambda inputs, way: shape


def _profiled(profile: Profile, source: str, inputs: PlanInputs, way: Distances) -> Shape:
    """R multiples expanded by the very stop that the plan will have."""
    return Shape(
        source=source,
        profile=profile.name,
        base_tp_frac=way.tp_frac,
        tp_frac=tuple(each.r * way.sl_frac for each in profile.targets),
        size_frac=tuple(each.size_frac for each in profile.targets),
        sl_frac=way.sl_frac,
        trail=_trail_of(profile, way),
        reason=f"{profile.name} in a {way.regime} market{_stop(inputs, way)}",
    )


def _trail_of(profile: Profile, way: Distances) -> TrailSpec | None:
    """The profile's trail, wider in a lively market; None where nothing trails."""
    trail = profile.trail
    if trail is None or not way.trails or way.callback_scale == 1.0:
        return trail if way.trails else None
    return msgspec.structs.replace(
        trail,
        callback_frac=trail.callback_frac * way.callback_scale,
        tightening=tuple((r, frac * way.callback_scale) for r, frac in trail.tightening),
    )


def _hinted_trail(inputs: PlanInputs, way: Distances) -> TrailSpec | None:
    """The hinted callback, followed once the target itself was reached."""
    if not way.trails or not REGIME_SCALES[way.regime].trails:
        return None
    callback_frac = inputs.hints.trail_callback_frac or HINTED_CALLBACK_FRAC
    widened_frac = min(callback_frac * way.callback_scale, CALLBACK_MAX_FRAC)
    return TrailSpec(widened_frac, way.tp_frac / way.sl_frac)


def _said(inputs: PlanInputs) -> str:
    said = inputs.hints.tp_frac is not None or inputs.hints.sl_frac is not None
    return "as the proposer hints" if said else "nothing is hinted: base distances"


def _mode(inputs: PlanInputs) -> str:
    return "" if inputs.risk_mode == "NORMAL" else f", risk mode {inputs.risk_mode}"


def _stop(inputs: PlanInputs, way: Distances) -> str:
    held = " as the bounds allow" if way.held else ""
    return f"; stop at {percent_text(way.sl_frac)}{held}{_mode(inputs)}"
