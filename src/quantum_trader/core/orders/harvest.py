"""Harvest in stages: targets after the stop, and what the stop does after each of them."""

from collections.abc import Sequence
from decimal import Decimal

from quantum_trader.core.events import Leg
from quantum_trader.core.exits.bounds import target_prices
from quantum_trader.core.exits.ladder import ladder
from quantum_trader.core.orders.closing import answer
from quantum_trader.core.orders.commands import command_target
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.orders.protection import instrument_of, tighten
from quantum_trader.core.out import Out
from quantum_trader.core.state import TraderState
from quantum_trader.core.units import ZERO, sign_of


def send_targets(state: TraderState, plan: Plan, out: Out) -> None:
    """Place the ladder once the entry is complete and the stop is confirmed, never before.

    A plan that is already being left gets none; its answer comes when it is flat.
    """
    if plan.targets_sent or not plan.entry_done or not plan.protected:
        return
    if plan.exit_reason is not None:
        return
    plan.targets_sent = True
    answer(plan, out, "opened", "filled and protected")
    prices = _prices(state, plan)
    for leg in _legs(state, plan, prices):
        command_target(plan, out, leg.stage, prices[leg.stage - 1], leg.qty)


def on_stage_done(state: TraderState, plan: Plan, out: Out) -> None:
    """A harvested stage moves the stop: to break-even after the first, to TP1 after the second."""
    if plan.stage == 1:
        tighten(state, plan, out, _break_even(state, plan), "break-even after stage 1")
    elif plan.stage == 2:
        tighten(state, plan, out, _prices(state, plan)[0], "first target after stage 2")


def _break_even(state: TraderState, plan: Plan) -> Decimal:
    """The price at which leaving costs nothing: entry plus the fees of both ways."""
    instrument = instrument_of(state, plan)
    taker_frac = state.rules.fees.taker_frac if state.rules else ZERO
    price = plan.entry_price * (1 + sign_of(plan.made.side) * 2 * taker_frac)
    if plan.made.side == "LONG":
        return instrument.ceil_price(price)
    return instrument.floor_price(price)


def _legs(state: TraderState, plan: Plan, prices: Sequence[Decimal]) -> tuple[Leg, ...]:
    """The ladder of what was filled: the planned one, where that is all that was ordered.

    Stages and quantities of a ladder do not depend on its prices.
    """
    instrument = instrument_of(state, plan)
    if plan.entry_qty == plan.made.qty and instrument is plan.instrument:
        return plan.made.legs
    return ladder(plan.entry_qty, prices, plan.effective.harvest, instrument)


def _prices(state: TraderState, plan: Plan) -> tuple[Decimal, ...]:
    """The targets, off the real fill."""
    instrument = instrument_of(state, plan)
    return target_prices(plan.made.side, plan.entry_price, plan.effective.tp_frac, instrument)
