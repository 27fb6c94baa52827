"""Harvest in stages: targets after the stop, and what the stop does after each of them."""

from decimal import Decimal

from quantum_trader.core.exits.bounds import target_prices
from quantum_trader.core.exits.ladder import ladder
from quantum_trader.core.instrument import Instrument
from quantum_trader.core.orders.closing import answer
from quantum_trader.core.orders.commands import command_target
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.orders.protection import instrument_of, tighten
from quantum_trader.core.out import Out
from quantum_trader.core.state import TraderState
from quantum_trader.core.units import sign_of


def send_targets(state: TraderState, plan: Plan, out: Out) -> None:
    """Place the ladder once the entry is complete and the stop is confirmed, never before."""
    if plan.targets_sent or not plan.entry_done or not plan.protected or plan.flat_ms is not None:
        return
    plan.targets_sent = True
    answer(plan, out, "opened", "filled and protected")
    if plan.exit_id is not None:
        return
    instrument = instrument_of(state, plan)
    prices = target_prices(plan.made.side, plan.entry_price, plan.effective.tp_frac, instrument)
    for leg in ladder(plan.entry_qty, prices, plan.effective.harvest, instrument):
        command_target(plan, out, leg.stage, leg.price, leg.qty)


def on_stage_done(state: TraderState, plan: Plan, out: Out) -> None:
    """A harvested stage moves the stop: to break-even after the first, to TP1 after the second."""
    if plan.stage == 1:
        tighten(state, plan, out, _break_even(state, plan), "break-even after stage 1")
    elif plan.stage == 2:
        price = _first_target(plan, instrument_of(state, plan))
        tighten(state, plan, out, price, "first target after stage 2")


def _break_even(state: TraderState, plan: Plan) -> Decimal:
    """The price at which leaving costs nothing: entry plus the fees of both ways."""
    instrument = instrument_of(state, plan)
    taker = state.rules.fees.taker_frac if state.rules else Decimal(0)
    price = plan.entry_price * (1 + sign_of(plan.made.side) * 2 * taker)
    if plan.made.side == "LONG":
        return instrument.ceil_price(price)
    return instrument.floor_price(price)


def _first_target(plan: Plan, instrument: Instrument) -> Decimal:
    return target_prices(plan.made.side, plan.entry_price, plan.effective.tp_frac, instrument)[0]
