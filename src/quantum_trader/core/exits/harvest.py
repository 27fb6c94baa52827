"""The ladder by R: a part of the initial quantity leaves at each step that no target harvests."""

import math

from quantum_trader.core.exits.context import ExitContext, Glance
from quantum_trader.core.exits.decision import Decision, close, reduce
from quantum_trader.core.exits.parts import EVERYTHING, sellable
from quantum_trader.core.exits.settings import HarvestSettings

HEAT_SCALE_MAX = 1.5
"""How much larger the parts of the hottest book are."""


def wakes(glance: Glance, settings: HarvestSettings) -> bool:
    """Whether the next step could be taken: no order rests for it."""
    return settings.enabled and glance.mark is not None and glance.stage + 1 not in glance.resting


def harvest(context: ExitContext, settings: HarvestSettings) -> Decision | None:
    """Take the next step of the ladder when the net R of its threshold is reached.

    There is one ledger of steps: one that was harvested, by a target or by R, is done, and one
    for which an order rests is left to that order. A plan with targets has as many steps as
    targets, so what it keeps as a runner is never harvested. A step under the smallest order waits
    and leaves together with the next one.
    """
    mark = context.mark
    if not settings.enabled or mark is None:
        return None
    if context.initial_qty <= 0.0 or context.risk_price <= 0.0:
        return None
    r_net, divisor = context.r_net_at(mark), _divisor(context, settings)
    steps = len(settings.stages_r)
    if context.targets:
        steps = min(steps, len(context.targets))
    wanted = 0.0
    for step in range(context.stage + 1, steps + 1):
        threshold_r = settings.stages_r[step - 1] / divisor
        if r_net < threshold_r or step in context.resting:
            return None
        wanted += settings.fracs[step - 1] * heat_scale(context.heat)
        share = sellable(context, wanted)
        if share > 0.0:
            return _take(step, share, r_net, threshold_r)
    return None


def heat_scale(heat: float | None) -> float:
    """How much larger the parts are in a hot book: 1 at heat 0 or unknown, 1.5 at heat 1."""
    if heat is None:
        return 1.0
    return 1.0 + (HEAT_SCALE_MAX - 1.0) * min(max(heat, 0.0), 1.0)


def _divisor(context: ExitContext, settings: HarvestSettings) -> float:
    return math.sqrt(max(context.leverage, 1)) if settings.scale_by_leverage else 1.0


def _take(step: int, share: float, r_net: float, threshold_r: float) -> Decision:
    reason = f"{r_net:.2f} R net reached step {step} of the ladder at {threshold_r:.2f} R"
    if share == EVERYTHING:
        reason += ", and too little would be left"
        return close("harvest", reason, r_net=r_net, threshold_r=threshold_r, stage=float(step))
    return reduce("harvest", reason, share, step, r_net=r_net, threshold_r=threshold_r)
