"""Never naked: the stop from the first fill on, and how it moves.

A moved stop is placed first and the old one canceled after the new one was confirmed, so at no
moment is there none. Stops only tighten. A position that cannot be protected is closed.
"""

from collections.abc import Sequence
from decimal import Decimal

from quantum_trader.core.events import (
    CancelWithheld,
    LevelsComputed,
    OrderAccepted,
    OrderRejected,
)
from quantum_trader.core.exits.bounds import stop_price, stop_problem, target_prices
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.orders.closing import STOP_LOSS, close_now
from quantum_trader.core.orders.commands import NewStop, command_cancel, command_stop
from quantum_trader.core.orders.plan import Plan, Resting
from quantum_trader.core.out import Out
from quantum_trader.core.state import TraderState
from quantum_trader.core.units import sign_of

STOP_FAILURES_MAX = 3
"""How many stops may be refused or lost before the position is closed instead."""
WOULD_TRIGGER = -2021
"""The venue's code for a stop whose trigger the market has already passed."""


def protect_first_fill(
    state: TraderState, plan: Plan, out: Out, found: Sequence[Resting] = ()
) -> None:
    """Command the initial stop for the whole ordered quantity, priced off the real fill.

    Stops that were ``found`` there stay, and no other is needed if the first is tight and large
    enough.

    The stop covers the fills that are still to come: reduce-only orders never exceed what is there.
    One that was there before the entry covers them meanwhile, and goes when this one is confirmed:
    it may have expired or been met, and what counts is what the venue has after the fill.
    """
    instrument = plan.instrument
    entry = plan.entry_price
    price = _at_least_armed(plan, _first_stop(plan, entry, instrument))
    plan.opened_ms = state.now_ms
    plan.initial_stop = price
    if found:
        plan.stop = found[0]
        plan.kept = {one.client_order_id: one for one in found[1:]}
    if not found or is_tighter(plan, price):
        stop = NewStop(price, STOP_LOSS, "initial stop")
        command_stop(plan, out, stop, _qty_to_cover(state, plan))
    else:
        cover(state, plan, out)
    targets = target_prices(plan.made.side, entry, plan.effective.tp_frac, instrument)
    plan.target_prices = targets
    out.say(
        LevelsComputed(
            **out.stamp(plan.trace_id),
            plan_id=plan.made.plan_id,
            symbol=plan.symbol,
            side=plan.made.side,
            leverage=plan.made.leverage,
            entry_price=entry,
            adaptive=plan.adaptive,
            effective=plan.effective,
            bounds=plan.bounds,
            stop_price=price,
            target_prices=targets,
        )
    )


def _at_least_armed(plan: Plan, price: Decimal) -> Decimal:
    """Stops only tighten: never farther away than the one that was placed before the entry.

    That holds also where it was met before the fill: then the next one is passed, and we leave.
    """
    if not plan.armed:
        return price
    return max(price, plan.made.stop_price, key=lambda one: one * sign_of(plan.made.side))


def _first_stop(plan: Plan, entry: Decimal, instrument: Instrument) -> Decimal:
    """The proposer's stop where it still fits the real fill, else ours off the real fill.

    Where the grid at the real fill has no price within all bounds, the nearer one is taken: to be
    stopped by noise costs less than a ceiling allows.
    """
    side, asked = plan.made.side, plan.asked_stop
    if asked is not None and stop_problem(side, entry, asked, instrument.tick, plan.bounds) is None:
        return asked
    ours = stop_price(side, entry, plan.effective.sl_frac, instrument, plan.bounds)
    if stop_problem(side, entry, ours, instrument.tick, plan.bounds) is None:
        return ours
    return ours + sign_of(side) * instrument.tick


def cover(state: TraderState, plan: Plan, out: Out) -> None:
    """A position that grew beyond its stop gets one that is large enough, at the same price."""
    position, current = state.positions[plan.symbol], plan.tightest_stop()
    if current is not None and current.qty < abs(position.qty):
        stop = NewStop(current.price, current.label, "the position grew")
        command_stop(plan, out, stop, _qty_to_cover(state, plan))


def keep_to_bounds(state: TraderState, plan: Plan, out: Out) -> None:
    """Later fills moved the entry price: a stop too far from it for a bound is drawn nearer.

    R is measured by that stop from then on; what it may cost was decided before the entry.
    """
    instrument, current = plan.instrument, plan.tightest_stop()
    side, entry = plan.made.side, plan.entry_price
    bounds = plan.bounds
    if current is None or stop_problem(side, entry, current.price, instrument.tick, bounds) is None:
        return
    price = _first_stop(plan, entry, instrument)
    if is_tighter(plan, price):
        plan.initial_stop = price
        move_stop(state, plan, out, NewStop(price, STOP_LOSS, "the entry price moved"))


def note_cover(state: TraderState, plan: Plan) -> None:
    """Write down since when the position stands without a confirmed stop for all of it."""
    position = state.positions.get(plan.symbol)
    if position is None or not plan.holds(position) or plan.covers(position):
        plan.naked_since_ms = None
    elif plan.naked_since_ms is None:
        plan.naked_since_ms = state.now_ms


def on_stop_accepted(plan: Plan, fact: OrderAccepted, out: Out) -> None:
    """A new stop is real: the tighter of the two stays in force, the other one may go.

    Of two alike the new one stays, for its word is the newer one; but the word on one that was in
    doubt may be old.
    """
    accepted = plan.next_stops.pop(fact.client_order_id, None)
    if accepted is None:
        return
    was_doubted = fact.client_order_id in plan.doubted
    plan.believe(fact.client_order_id)
    old, plan.stop = plan.stop, accepted
    if old is None:
        return
    before, now = ((plan.tightness(one), one.qty) for one in (old, accepted))
    if before > now or (before == now and was_doubted):
        old, plan.stop = accepted, old
    command_cancel(plan, out, old, "replaced by a tighter stop", plan.stop)


def on_cancel_withheld(plan: Plan, fact: CancelWithheld) -> None:
    """A stop was not let go, for nobody could vouch for the other one: both are the plan's.

    Whoever compares the account with the books lets it go once both are seen to stand.
    """
    if fact.client_order_id in plan.retiring:
        plan.keep(fact.client_order_id)


def on_stop_rejected(state: TraderState, plan: Plan, fact: OrderRejected, out: Out) -> None:
    """A stop that is refused is placed again, unless the market was there already: then we leave.

    A stop in force is refused only at its trigger.
    """
    order_id = fact.client_order_id
    refused, in_force = plan.stop_named(order_id), plan.stop
    plan.forget(order_id)
    if refused is None or not plan.holds(state.positions.get(plan.symbol)):
        return
    if refused is in_force:
        close_now(state, plan, out, "stop_refused")
    elif fact.code == WOULD_TRIGGER:
        close_now(state, plan, out, "stop_passed")
    else:
        _place_again(state, plan, refused, out, "stop placed again")


def on_stop_gone(state: TraderState, plan: Plan, order_id: str, out: Out) -> None:
    """A stop was canceled. If it was not replaced and a position stands, replace it at once."""
    lost = plan.stop_named(order_id)
    plan.forget(order_id)
    if lost is not None and plan.holds(state.positions.get(plan.symbol)):
        _place_again(state, plan, lost, out, "stop was lost")


def on_stop_in_doubt(state: TraderState, plan: Plan, order_id: str, out: Out) -> None:
    """Nobody knows of a stop: another one is sent at once, for two can do no harm.

    Should the first one live, the tighter of them stays and the other one goes.
    """
    doubtful = plan.next_stops.get(order_id)
    if doubtful is None or order_id in plan.doubted:
        return
    plan.doubted = (*plan.doubted, order_id)
    if plan.holds(state.positions.get(plan.symbol)):
        _place_again(state, plan, doubtful, out, "nobody knows of the stop before")


def _place_again(state: TraderState, plan: Plan, failed: Resting, out: Out, reason: str) -> None:
    """Replace a stop that failed, unless one at least as good is left.

    After too many failures a position that is still covered keeps the stop it has for a while; one
    that is not is closed.
    """
    left, size = plan.surest_stop(), abs(state.positions[plan.symbol].qty)
    covered = left is not None and left.qty >= size
    if left is not None and covered and plan.tightness(left) >= plan.tightness(failed):
        return
    plan.stop_failures += 1
    if plan.stop_failures < STOP_FAILURES_MAX:
        stop = NewStop(failed.price, failed.label, reason)
        command_stop(plan, out, stop, _qty_to_cover(state, plan))
    elif covered:
        plan.stop_refused_ms = state.now_ms
    else:
        close_now(state, plan, out, "no_stop_accepted")


def _qty_to_cover(state: TraderState, plan: Plan) -> Decimal:
    """What stands, and what the entry may still add to it."""
    return abs(state.positions[plan.symbol].qty) + plan.coming_qty


def is_tighter(plan: Plan, price: Decimal) -> bool:
    """Whether a stop at this price is nearer to profit than all that stand or are on their way."""
    current = plan.tightest_stop()
    return current is None or (price - current.price) * sign_of(plan.made.side) > 0


def move_stop(state: TraderState, plan: Plan, out: Out, stop: NewStop) -> None:
    """Place the next stop for what remains; whoever asks has made sure that it is tighter."""
    command_stop(plan, out, stop, _qty_to_cover(state, plan))
