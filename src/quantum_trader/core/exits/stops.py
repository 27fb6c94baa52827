"""How the stop follows the profit: each rule names one price, and the tightest one counts.

A gain is the way from entry toward profit, in price; all fractions are of the entry price, as
those of the plan, so LONG and SHORT are the same arithmetic. What once was reached stays reached:
R here is the R of the best price. A stop that is not there is placed by protection, not moved.
"""

from quantum_trader.core.exits.calm import ANYWHERE, Calm
from quantum_trader.core.exits.context import ExitContext, Glance
from quantum_trader.core.exits.decision import Decision, move_stop
from quantum_trader.core.exits.guards import CHALLENGE
from quantum_trader.core.exits.settings import StopSettings
from quantum_trader.core.units import percent_text


def steps_wake(glance: Glance, _: StopSettings) -> bool:
    """Whether a step of the ladder could move the stop: one was harvested, and there is a stop."""
    return glance.stage > 0 and glance.mark is not None and glance.stop is not None


def followers_wake(glance: Glance, settings: StopSettings) -> bool:
    """Whether a stop that follows the price could move: the first of them is due, and may again."""
    if glance.mark is None or glance.stop is None:
        return False
    if glance.now_ms - glance.memory.stop_moved_ms < settings.move_every_ms:
        return False
    best = glance.sign * (glance.best - glance.entry_price)
    return best >= _follow_from(glance, settings)


def followers_calm(glance: Glance, settings: StopSettings) -> Calm:
    """How far the best price may go, or else how long it takes, before a follower could move."""
    if glance.stop is None:
        return ANYWHERE
    entry, gain = glance.sign * glance.entry_price, _follow_from(glance, settings)
    if glance.sign * glance.best < entry + gain:
        return Calm(best=entry + gain)
    return Calm(until_ms=glance.memory.stop_moved_ms + settings.move_every_ms)


def _follow_from(glance: Glance, settings: StopSettings) -> float:
    """The gain at the best price from which the first follower is due."""
    from_r, trail = settings.follow_from_r, glance.plan.trail
    if trail is not None:
        from_r = min(from_r, trail.activation_r)
    return from_r * glance.risk_price


def break_even(context: ExitContext, _: StopSettings) -> Decision | None:
    """After the first stage: where leaving costs nothing, with both fees, spread and funding.

    Funding that was received does not move it to the losing side of entry.
    """
    if context.stage < 1 or context.initial_qty <= 0.0:
        return None
    fees = (2.0 * context.taker_frac + context.spread_frac) * context.entry_price
    gain = max(fees - context.funding_usd / context.initial_qty, 0.0)
    price = _step(context, gain)
    if price is None:
        return None
    return move_stop("break_even", "break-even after stage 1", price, costs=gain)


def first_target(context: ExitContext, _: StopSettings) -> Decision | None:
    """After the second stage: at the first target."""
    if context.stage < 2 or not context.targets:
        return None
    price = _step(context, context.sign * (context.targets[0] - context.entry_price))
    if price is None:
        return None
    return move_stop("first_target", "the first target after stage 2", price)


def profit_lock(context: ExitContext, settings: StopSettings) -> Decision | None:
    """From ``lock_r`` on, ``lock_frac`` of the entry price is safe."""
    if not _reached(context, settings.lock_r):
        return None
    price = _follow(context, settings, settings.lock_frac * context.entry_price)
    if price is None:
        return None
    reason = f"{settings.lock_r:g} R were reached: {percent_text(settings.lock_frac)} is locked in"
    return move_stop("profit_lock", reason, price)


def atr_trail(context: ExitContext, settings: StopSettings) -> Decision | None:
    """From ``trail_from_r`` on, ``trail_atr`` average true ranges behind the best price.

    It follows what no target is going to take: a runner, or what is left after the last target.
    """
    if not _reached(context, settings.trail_from_r):
        return None
    atr = _atr(context)
    if atr is None:
        return None
    price = _follow(context, settings, _best(context) - settings.trail_atr * atr)
    if price is None or not _runs(context):
        return None
    reason = f"{settings.trail_atr:g} average true ranges behind the best price"
    return move_stop("atr_trail", reason, price, best=context.best, atr=atr)


def callback_trail(context: ExitContext, settings: StopSettings) -> Decision | None:
    """The trail of the plan: its callback behind the best price, tighter from step to step.

    A challenge trails by average true ranges instead, where they are known.
    """
    best, risk = _best(context), context.risk_price
    if best <= 0.0 or risk <= 0.0:
        return None
    trail = context.plan.trail
    if trail is None or best < trail.activation_r * risk:
        return None
    atr = _atr(context) if context.plan.profile == CHALLENGE else None
    distance = trail.callback_at(best / risk) * context.entry_price
    if atr is not None:
        distance = settings.trail_atr * atr
    price = _follow(context, settings, best - distance)
    if price is None:
        return None
    reason = f"{percent_text(distance / context.entry_price)} behind the best price"
    return move_stop("callback_trail", reason, price, best=context.best, best_r=best / risk)


def giveback(context: ExitContext, settings: StopSettings) -> Decision | None:
    """Once a good part of the best profit was given back: close behind the best price.

    Where the mark has already fallen through that, as close behind the mark as a stop can stand.
    """
    mark = context.mark
    if mark is None or not _reached(context, settings.giveback_from_r):
        return None
    best = _best(context)
    gain = context.sign * (mark - context.entry_price)
    if best - gain < settings.giveback_frac * best:
        return None
    # One tick more than a stop needs, so that rounding to the grid leaves it enough.
    nearest = gain - _room(context) - float(context.instrument.tick)
    wanted = best - settings.giveback_trail_frac * context.entry_price
    price = _follow(context, settings, min(wanted, nearest))
    if price is None:
        return None
    given_frac = (best - gain) / best
    reason = f"{percent_text(given_frac, 0)} of the best profit was given back"
    return move_stop("giveback", reason, price, best=context.best, given_frac=given_frac)


def _best(context: ExitContext) -> float:
    """The gain at the best price since entry."""
    return context.sign * (context.best - context.entry_price)


def _reached(context: ExitContext, r: float) -> bool:
    """Whether the best price was this far in profit; False where R is not defined."""
    best = context.sign * (context.best - context.entry_price)
    return best > 0.0 and best >= r * context.risk_price > 0.0


def _atr(context: ExitContext) -> float | None:
    """The average true range in price; None while unknown."""
    market = context.market
    if market is None or market.atr_frac is None:
        return None
    return market.atr_frac * context.entry_price


def _runs(context: ExitContext) -> bool:
    """Whether something stands that no target is going to take."""
    return context.stage >= len(context.targets) or context.plan.runner_frac > 0.0


def _step(context: ExitContext, gain: float) -> float | None:
    """The price of this gain where the stop can go now, else None; a step does not wait.

    Less than a tick is no move: on the grid it could be where the stop already is.
    """
    if not _tightens(context, gain, 0.0):
        return None
    return context.entry_price + context.sign * gain


def _follow(context: ExitContext, settings: StopSettings, gain: float) -> float | None:
    """The same for a stop that follows the price: it moves by enough, and not too often."""
    if not _tightens(context, gain, settings.move_min_frac * context.entry_price):
        return None
    if context.now_ms - context.memory.stop_moved_ms < settings.move_every_ms:
        return None
    return context.entry_price + context.sign * gain


def _tightens(context: ExitContext, gain: float, least: float) -> bool:
    """Whether a stop at this gain is tighter by ``least`` and a tick, and would not trigger.

    A stop at or near the mark triggers at once: spread and one tick have to lie between.
    """
    stop, mark = context.stop, context.mark
    if stop is None or mark is None:
        return False
    tighter = gain - context.sign * (stop - context.entry_price)
    if tighter <= 0.0 or tighter < least or tighter < float(context.instrument.tick):
        return False
    return context.sign * (mark - context.entry_price) - gain > _room(context)


def _room(context: ExitContext) -> float:
    """What must lie between the mark and a stop: the spread and one tick, in price."""
    return context.spread_frac * context.entry_price + float(context.instrument.tick)
