"""The rules that overrule everything else: each leaves, or cuts, before the worst can happen.

They stand in order of rank. Those about price work with mark and position alone, so they act
whatever else is missing. All distances are fractions of the entry price, as those of the plan.
"""

from quantum_trader.core.exits.calm import Calm
from quantum_trader.core.exits.context import ExitContext, Glance
from quantum_trader.core.exits.decision import Decision, close, reduce
from quantum_trader.core.exits.parts import EVERYTHING, sellable
from quantum_trader.core.exits.settings import GuardSettings
from quantum_trader.core.units import percent_text

CHALLENGE = "CHALLENGE_100"
"""The profile that has to earn its first target in time."""


def wake(glance: Glance, settings: GuardSettings) -> bool:
    """Whether a guard could act, or has to remember that the stop was crossed."""
    now_ms, held_ms = glance.now_ms, glance.now_ms - glance.opened_ms
    funding_ms = glance.next_funding_ms
    return (
        glance.mark is None
        or glance.memory.crossed_ms is not None
        or held_ms >= glance.hold_max_ms
        or (held_ms >= settings.first_target_ms and glance.plan.profile == CHALLENGE)
        or (funding_ms is not None and 0 <= funding_ms - now_ms <= settings.funding_lead_ms)
        or glance.risk_mode == "ESS_ACTIVE"
        or glance.plan.leaves_at_once
        or _is_near(glance, glance.mark, settings)
    )


def _is_near(glance: Glance, mark: float, settings: GuardSettings) -> bool:
    """Whether the mark is anywhere near what a guard by price looks for."""
    level, stop, sign, entry = (
        glance.liquidation_price,
        glance.stop,
        glance.sign,
        glance.entry_price,
    )
    lost = sign * (entry - mark)
    if lost >= settings.loss_frac * entry or lost >= settings.loss_r * glance.risk_price:
        return True
    if stop is not None and sign * (mark - stop) <= 0.0:
        return True
    if level is None:
        return False
    if stop is not None and sign * (level - stop) >= 0.0:
        return True
    way = sign * (entry - level)
    return lost >= way or lost >= settings.liquidation_reduce_frac * way


def calm(glance: Glance, settings: GuardSettings) -> Calm:
    """How far price and time may go before a guard that sleeps now has to be woken."""
    entry, level, stop = glance.entry_price, glance.liquidation_price, glance.stop
    losses = [settings.loss_frac * entry, settings.loss_r * glance.risk_price]
    if level is not None:
        way = glance.sign * (entry - level)
        losses += (way, settings.liquidation_reduce_frac * way)
    worst = glance.sign * entry - min(losses)
    if stop is not None:
        worst = max(worst, glance.sign * stop)
    ends_ms = [glance.opened_ms + glance.hold_max_ms]
    if glance.plan.profile == CHALLENGE:
        ends_ms.append(glance.opened_ms + settings.first_target_ms)
    if glance.next_funding_ms is not None and glance.next_funding_ms >= glance.now_ms:
        ends_ms.append(glance.next_funding_ms - settings.funding_lead_ms)
    return Calm(worst=worst, until_ms=min(ends_ms))


def emergency(context: ExitContext, _: GuardSettings) -> Decision | None:
    """Leave while the emergency stop is on, and when the plan is to leave at once."""
    if context.risk_mode == "ESS_ACTIVE":
        return close("emergency", "the emergency stop is on: every position is left")
    if context.plan.leaves_at_once:
        return close("emergency", "the plan is to leave at once")
    return None


def crossed_stop(context: ExitContext, settings: GuardSettings) -> Decision | None:
    """Leave when the mark has been beyond the stop for a while and the stop was not filled.

    The stop is at the venue; one that does not work there is replaced by a market order.
    """
    since_ms = context.memory.crossed_ms
    mark, stop = context.mark, context.stop
    if since_ms is None or mark is None or stop is None or not is_crossed(context):
        return None
    waited_ms = context.now_ms - since_ms
    if waited_ms < settings.crossed_ms:
        return None
    return close(
        "crossed_stop",
        f"the mark {mark:.8g} has been beyond the stop at {stop:.8g} for "
        f"{waited_ms / 1000:.1f} s and the stop was not filled",
        mark=mark,
        stop=stop,
        waited_ms=float(waited_ms),
    )


def is_crossed(glance: Glance) -> bool:
    """Whether the mark is at or beyond the stop; False while either is unknown."""
    mark, stop = glance.mark, glance.stop
    return mark is not None and stop is not None and glance.sign * (mark - stop) <= 0.0


def near_liquidation(context: ExitContext, settings: GuardSettings) -> Decision | None:
    """Keep away from liquidation: cut on the way to it, leave before it.

    The part of the way from entry to liquidation that the mark has gone decides. A cut leaves at
    most ``1 - liquidation_cut_frac`` of the initial quantity, so it is never made twice. A position
    that would be liquidated before its stop is reached is left: that stop protects nothing.
    """
    level, mark, stop = context.liquidation_price, context.mark, context.stop
    if level is None:
        return None
    sign, entry = context.sign, context.entry_price
    if stop is not None and sign * (level - stop) >= 0.0:
        return close(
            "near_liquidation",
            f"liquidation at {level:.8g} comes before the stop at {stop:.8g}, which protects "
            "nothing",
            liquidation_price=level,
            stop=stop,
        )
    if mark is None:
        return None
    way, gone = sign * (entry - level), sign * (entry - mark)
    if gone >= way:
        return _leave_before(level, 1.0, mark)
    # A level in profit has no way from entry to it; the stop between it and the mark guards it.
    if way <= 0.0 or gone < settings.liquidation_reduce_frac * way:
        return None
    if gone >= settings.liquidation_close_frac * way:
        return _leave_before(level, gone / way, mark)
    return _cut(context, settings, gone / way)


def _leave_before(level: float, part: float, mark: float) -> Decision:
    return close(
        "near_liquidation",
        f"the mark {mark:.8g} has gone {percent_text(part, 1)} of the way to liquidation at "
        f"{level:.8g}",
        way_gone_frac=part,
        mark=mark,
        liquidation_price=level,
    )


def _cut(context: ExitContext, settings: GuardSettings, part: float) -> Decision | None:
    if context.initial_qty <= 0.0:
        return None
    kept_frac = 1.0 - settings.liquidation_cut_frac
    share = sellable(context, abs(context.qty) / context.initial_qty - kept_frac)
    if share == 0.0:
        return None
    reason = f"the mark has gone {percent_text(part, 1)} of the way to liquidation"
    if share == EVERYTHING:
        return close(
            "near_liquidation", f"{reason}, and too little would be left", way_gone_frac=part
        )
    return reduce("near_liquidation", reason, share, way_gone_frac=part)


def loss_guard(context: ExitContext, settings: GuardSettings) -> Decision | None:
    """Leave when the loss is larger than any stop of ours allows: by R, or by the price."""
    mark = context.mark
    if mark is None:
        return None
    lost = context.sign * (context.entry_price - mark)
    if lost <= 0.0:
        return None
    by_price = lost >= settings.loss_frac * context.entry_price
    if not by_price and not lost >= settings.loss_r * context.risk_price > 0.0:
        return None
    lost_frac = lost / context.entry_price
    reason = f"the position has lost {percent_text(lost_frac)} of its price"
    values = {"lost_frac": lost_frac, "mark": mark}
    if context.risk_price > 0.0:
        values["lost_r"] = lost / context.risk_price
        reason += f", {values['lost_r']:.2f} R"
    return close("loss_guard", reason, **values)


def blind(context: ExitContext, settings: GuardSettings) -> Decision | None:
    """Leave when there has been no fresh mark for too long: nothing else here can see.

    The time before the plan was made does not count: a position that was adopted a moment ago has
    had no time to be looked at.
    """
    if context.mark is not None:
        return None
    blind_ms = context.now_ms - context.plan.created_ms
    if context.mark_age_ms is not None:
        blind_ms = min(blind_ms, context.mark_age_ms)
    if blind_ms < settings.blind_ms:
        return None
    return close(
        "blind",
        f"there has been no fresh mark for {blind_ms / 1000:.0f} s",
        blind_ms=float(blind_ms),
    )


def funding_due(context: ExitContext, settings: GuardSettings) -> Decision | None:
    """Leave when the funding about to be paid is more than what is left to earn.

    That is the way to the last target less what leaving there costs. A position without a target
    ahead may earn anything: no opinion.
    """
    rate_frac, next_ms, mark = context.funding_rate_frac, context.next_funding_ms, context.mark
    if rate_frac is None or next_ms is None or mark is None:
        return None
    sign = context.sign
    if sign * rate_frac <= 0.0 or not 0 <= next_ms - context.now_ms <= settings.funding_lead_ms:
        return None
    if context.stage >= len(context.targets):
        return None
    entry = context.entry_price
    way_frac = sign * (context.targets[-1] - mark) / entry
    edge_frac = way_frac - context.taker_frac - context.spread_frac
    if sign * rate_frac <= edge_frac:
        return None
    return close(
        "funding_due",
        f"funding of {percent_text(sign * rate_frac, 3)} is due and only "
        f"{percent_text(edge_frac, 3)} is left to earn",
        funding_frac=sign * rate_frac,
        edge_frac=edge_frac,
    )


def time_exit(context: ExitContext, _: GuardSettings) -> Decision | None:
    """Leave at the longest holding time."""
    held_ms = context.now_ms - context.opened_ms
    if held_ms < context.hold_max_ms:
        return None
    return close("time_exit", f"held for {held_ms / 60_000:.0f} minutes", held_ms=float(held_ms))


def challenge_late(context: ExitContext, settings: GuardSettings) -> Decision | None:
    """Leave a challenge that has not harvested anything in its time."""
    if context.stage > 0 or context.plan.profile != CHALLENGE:
        return None
    held_ms = context.now_ms - context.opened_ms
    if held_ms < settings.first_target_ms:
        return None
    return close(
        "challenge_late",
        f"no target was reached within {held_ms / 60_000:.0f} minutes",
        held_ms=float(held_ms),
    )
