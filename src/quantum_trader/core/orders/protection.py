"""Never naked: the stop from the first fill on, and how it moves.

A moved stop is placed first and the old one canceled after the new one was confirmed, so at no
moment is there none. Stops only tighten. A position that cannot be protected is closed.
"""

from decimal import Decimal

from quantum_trader.core.events import LevelsComputed, OrderAccepted, OrderRejected
from quantum_trader.core.exits.bounds import stop_price, stop_problem, target_prices
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.orders.closing import close_now
from quantum_trader.core.orders.commands import command_cancel, command_stop
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.out import Out
from quantum_trader.core.state import TraderState
from quantum_trader.core.units import sign_of

STOP_ATTEMPTS_MAX = 3
"""How often a refused first stop is tried again before the position is closed instead."""
WOULD_TRIGGER = -2021
"""The venue's code for a stop whose trigger the market has already passed."""


def protect_first_fill(state: TraderState, plan: Plan, out: Out) -> None:
    """Command the initial stop for the whole ordered quantity, priced off the real fill.

    The stop covers the fills that are still to come: reduce-only orders never exceed what is there.
    """
    instrument = instrument_of(state, plan)
    entry = plan.entry_price
    price = _first_stop(plan, entry, instrument)
    plan.initial_stop = price
    plan.naked_since_ms = plan.opened_ms = state.now_ms
    command_stop(plan, out, price, plan.made.qty, "initial stop")
    targets = target_prices(plan.made.side, entry, plan.effective.tp_frac, instrument)
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


def _first_stop(plan: Plan, entry: Decimal, instrument: Instrument) -> Decimal:
    """The proposer's stop where it still fits the real fill, else ours off the real fill."""
    side, asked = plan.made.side, plan.asked_stop
    if asked is not None and stop_problem(side, entry, asked, plan.bounds) is None:
        return asked
    return stop_price(side, entry, plan.effective.sl_frac, instrument, plan.bounds)


def on_stop_accepted(plan: Plan, fact: OrderAccepted, state: TraderState, out: Out) -> None:
    """A new stop is real: the tighter of the two stays in force, the other one may go."""
    accepted = plan.next_stops.pop(fact.client_order_id, None)
    if accepted is None:
        return
    plan.naked_since_ms = None
    old, plan.stop = plan.stop, accepted
    if old is None:
        return
    if plan.tightness(old) > plan.tightness(accepted):
        old, plan.stop = accepted, old
    plan.retiring[old.client_order_id] = state.now_ms
    command_cancel(plan, out, "stop", old.client_order_id, "replaced by a tighter stop")


def on_stop_rejected(plan: Plan, fact: OrderRejected, state: TraderState, out: Out) -> None:
    """A stop that is refused is placed again, unless the market has passed it: then we leave."""
    refused = plan.next_stops.pop(fact.client_order_id, None)
    if refused is None:
        if plan.stop is not None and plan.stop.client_order_id == fact.client_order_id:
            plan.stop = None
            close_now(state, plan, out, "stop_refused")
    elif fact.code == WOULD_TRIGGER:
        close_now(state, plan, out, "stop_passed")
    elif plan.tightest_stop() is not None or plan.symbol not in state.positions:
        return
    elif plan.stop_attempts < STOP_ATTEMPTS_MAX:
        command_stop(plan, out, refused.price, refused.qty, "stop placed again")
    else:
        close_now(state, plan, out, "no_stop_accepted")


def on_stop_gone(plan: Plan, order_id: str, state: TraderState, out: Out) -> None:
    """A stop was canceled. If it was the one in force and a position stands, replace it at once."""
    plan.retiring.pop(order_id, None)
    plan.next_stops.pop(order_id, None)
    if plan.stop is None or plan.stop.client_order_id != order_id:
        return
    lost, plan.stop = plan.stop, None
    position = state.positions.get(plan.symbol)
    if position is None:
        return
    plan.naked_since_ms = state.now_ms
    if not plan.next_stops:
        command_stop(plan, out, lost.price, abs(position.qty), "stop was lost")


def tighten(state: TraderState, plan: Plan, out: Out, price: Decimal, reason: str) -> None:
    """Move the stop to ``price`` for what remains, if that is tighter than what stands."""
    position = state.positions.get(plan.symbol)
    if position is None or plan.exit_id is not None:
        return
    current = plan.tightest_stop()
    if current is None or (price - current.price) * sign_of(plan.made.side) > 0:
        command_stop(plan, out, price, abs(position.qty), reason)


def instrument_of(state: TraderState, plan: Plan) -> Instrument:
    """The instrument of a plan; a plan can only be made for a known one."""
    if state.rules is None:
        raise LookupError(f"no rules, and yet plan {plan.made.plan_id} exists")
    return state.rules.instruments[plan.symbol]
