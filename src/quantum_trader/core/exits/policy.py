"""Policies of exits by name: what the configuration says becomes a function that plans exits."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from quantum_trader.core.errors import ConfigError
from quantum_trader.core.events.exits import LevelSet
from quantum_trader.core.exits import shapes
from quantum_trader.core.exits.levels import BASE_FRAC_BELOW, in_order
from quantum_trader.core.exits.plan import ExitPlan
from quantum_trader.core.exits.plan_inputs import PlanInputs
from quantum_trader.core.exits.planner import Shaper, plan
from quantum_trader.core.exits.profiles import PROFILES, ProfileMapping

Policy: TypeAlias = Callable[[PlanInputs], ExitPlan]

POLICIES: Mapping[str, Shaper] = {
    "adaptive": shapes.adaptive,
    "dynamic": shapes.dynamic,
    "profile": shapes.by_profile,
    "hints": shapes.hinted,
}
"""The policies without a parameter; besides, there are ``profile:NAME`` and ``static_SL_TP``."""

NAMED_PROFILE = "profile:"
STATIC = re.compile(r"static_(\d+(?:\.\d+)?)_(\d+(?:\.\d+)?)", re.ASCII)
"""Stop and target in percent: ``static_3_4`` is a stop at 3 % and one target at 4 %."""


def policy_of(name: str, custom: Sequence[ProfileMapping] = ()) -> Policy:
    """The policy of this name. Raises ``ConfigError`` that lists the known ones.

    ``custom`` are mappings whose profiles can be named, too.
    """
    shaper = _shaper_of(name, custom)
    return lambda inputs: plan(inputs, shaper)


def levels_of(made: ExitPlan, lsf: float) -> LevelSet | None:
    """The plan's targets in strict order, their shares, and the distance of its stop.

    None for a plan that is no way to enter: one that leaves at once, and one whose stop locks in a
    profit that an entry does not have. ``made.reason`` says which.
    """
    stop, targets = made.primary("SL"), made.legs_of("TP")
    triggers = [each.trigger_frac for each in targets if each.trigger_frac is not None]
    if stop is None or stop.trigger_frac is None or stop.trigger_frac >= 0.0 or not triggers:
        return None
    return LevelSet(
        lsf=lsf,
        tp_frac=in_order(*triggers),
        sl_frac=-stop.trigger_frac,
        harvest=tuple(each.size_frac for each in targets),
    )


def _shaper_of(name: str, custom: Sequence[ProfileMapping]) -> Shaper:
    if name in POLICIES:
        return POLICIES[name]
    if name.startswith(NAMED_PROFILE):
        return _profile_of(name.removeprefix(NAMED_PROFILE), custom)
    percents = STATIC.fullmatch(name)
    if percents is None:
        known = ", ".join((*POLICIES, "profile:NAME", "static_SL_TP (percent, as in static_3_4)"))
        raise ConfigError(f"exits.policy: there is no {name!r}; known are {known}")
    sl_frac, tp_frac = (float(percent) / 100.0 for percent in percents.groups())
    if not 0.0 < min(sl_frac, tp_frac) <= max(sl_frac, tp_frac) < BASE_FRAC_BELOW:
        raise ConfigError(
            f"exits.policy: {name!r} needs a stop and a target above 0 and below "
            f"{BASE_FRAC_BELOW * 100:g} percent"
        )
    return shapes.static(name, sl_frac, tp_frac)


def _profile_of(name: str, custom: Sequence[ProfileMapping]) -> Shaper:
    profiles = {**PROFILES, **{each.profile.name: each.profile for each in reversed(custom)}}
    if name not in profiles:
        known = ", ".join(profiles)
        raise ConfigError(f"exits.policy: there is no profile {name!r}; known are {known}")
    return shapes.named_profile(profiles[name])
