"""The streams lost something that the journal has: what stands is taken over as it stands.

Plans of the life before are not believed: what became of them since is not known here. Their
positions are, for every fill comes again; each gets a plan of this life, whose orders have names
that no life before used. What rests stays where it is good enough. Signals that were traded
remain spent, so none is traded twice.
"""

from collections.abc import Sequence

import msgspec

from quantum_trader.core.books.exposure import expect, keep
from quantum_trader.core.events import LifeBegan, LifeTaken, SeenOrder
from quantum_trader.core.events.orders import OrderRole
from quantum_trader.core.orders.adoption import Found, adopt
from quantum_trader.core.orders.clearing import clear
from quantum_trader.core.orders.closing import STOP_LOSS, answer, end_plan
from quantum_trader.core.orders.commands import command_orphan_cancel
from quantum_trader.core.orders.ids import role_of
from quantum_trader.core.orders.plan import Plan, Resting
from quantum_trader.core.orders.stray import Stray
from quantum_trader.core.out import Out
from quantum_trader.core.state import TraderState
from quantum_trader.core.units import ZERO, exit_order_side, side_of, sign_of

STREAMS_LOST = "streams_lost"


def begin_life(state: TraderState, began: LifeBegan, out: Out) -> None:
    """Let go of every plan, and take over every position."""
    out.say(LifeTaken(**out.stamp(""), life=began.life))
    for plan in list(state.plans.values()):
        _drop(state, plan, out)
    fees = {symbol: trade.fees_usd for symbol, trade in state.trades.items()}
    state.trades.clear()
    state.strays.clear()
    state.suspects.clear()
    for order in began.orders:
        if order.symbol not in state.positions:
            role = role_of(order.client_order_id)
            command_orphan_cancel(order.symbol, order.client_order_id, role, out)
    for symbol, position in list(state.positions.items()):
        # Booked without a plan it counts as if it had no leverage.
        keep(state, symbol, position, position, _leverage(state, symbol))
        state.strays[symbol] = Stray(
            id=f"stray:{began.life}:{symbol}",
            trace_id="",
            since_ms=state.now_ms,
            fees_usd=fees.get(symbol, ZERO),
        )
        _take_over(state, symbol, began, out)


def _leverage(state: TraderState, symbol: str) -> int:
    usual = 1 if state.rules is None else state.rules.limits.leverage_default
    return state.leverages.get(symbol, usual)


def _drop(state: TraderState, plan: Plan, out: Out) -> None:
    plan.entry_done = True
    expect(state, plan)
    answer(plan, out, "failed", "the stream server lost what became of it")
    end_plan(state, plan, out, STREAMS_LOST)


def _take_over(state: TraderState, symbol: str, began: LifeBegan, out: Out) -> None:
    if state.kill_level == "FLATTEN":
        clear(state, symbol, "flatten", out)
    else:
        adopt(state, symbol, out, _found(state, symbol, began))


def _found(state: TraderState, symbol: str, began: LifeBegan) -> Found:
    """What rests for a position; targets are counted anew, from the nearest one on."""
    side = side_of(state.positions[symbol].qty)
    mine = [
        one for one in began.orders if one.symbol == symbol and one.side == exit_order_side(side)
    ]
    stops = sorted(_resting(mine, "stop"), key=lambda one: -one.price * sign_of(side))
    targets = sorted(_resting(mine, "target"), key=lambda one: one.price * sign_of(side))
    counted = [msgspec.structs.replace(one, leg=leg) for leg, one in enumerate(targets, 1)]
    return Found(stops, counted)


def _resting(orders: Sequence[SeenOrder], role: OrderRole) -> list[Resting]:
    label = STOP_LOSS if role == "stop" else ""
    return [
        Resting(one.client_order_id, 0, one.price, one.qty, label)
        for one in orders
        if one.price is not None and role_of(one.client_order_id) == role
    ]
