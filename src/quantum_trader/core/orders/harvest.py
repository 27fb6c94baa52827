"""Harvest in stages: the targets, after the stop."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from quantum_trader.core.events import Leg
from quantum_trader.core.exits.bounds import target_prices
from quantum_trader.core.exits.ladder import ladder
from quantum_trader.core.orders.closing import answer
from quantum_trader.core.orders.commands import command_target
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.out import Out
from quantum_trader.core.state import TraderState


def send_targets(state: TraderState, plan: Plan, out: Out) -> None:
    """Place the ladder once the entry is complete and the stop is confirmed, never before.

    A plan that is already being left gets none; its answer comes when it is flat.
    """
    if plan.targets_sent or not plan.entry_done or not plan.protected:
        return
    if plan.exit_reason is not None or not plan.holds(state.positions.get(plan.symbol)):
        return
    plan.targets_sent = True
    answer(plan, out, "opened", "filled and protected")
    prices = plan.target_prices = _prices(plan)
    for leg in _standing(state, plan, _legs(plan, prices)):
        command_target(plan, out, leg.stage, prices[leg.stage - 1], leg.qty)


def _standing(state: TraderState, plan: Plan, legs: Sequence[Leg]) -> list[Leg]:
    """The steps that are still to be taken, of what still stands: the farthest one gives way.

    A part may have left while the stop was not confirmed yet: by R, by a guard, or by a hand.
    """
    taken = plan.stage if plan.reducing is None else max(plan.stage, plan.reducing.leg)
    left, found = abs(state.positions[plan.symbol].qty), []
    for leg in legs:
        qty = min(leg.qty, left)
        if leg.stage > taken and qty > 0:
            found.append(msgspec.structs.replace(leg, qty=qty))
            left -= qty
    return found


def _legs(plan: Plan, prices: Sequence[Decimal]) -> tuple[Leg, ...]:
    """The ladder of what was filled: the planned one, where that is all, and fits the grid still.

    Stages and quantities of a ladder do not depend on its prices.
    """
    fits = all(plan.instrument.floor_qty(leg.qty) == leg.qty for leg in plan.made.legs)
    if plan.entry_qty == plan.made.qty and fits:
        return plan.made.legs
    return ladder(plan.entry_qty, prices, plan.effective.harvest, plan.instrument)


def _prices(plan: Plan) -> tuple[Decimal, ...]:
    """The targets, off the real fill."""
    fracs = plan.effective.tp_frac
    return target_prices(plan.made.side, plan.entry_price, fracs, plan.instrument)
