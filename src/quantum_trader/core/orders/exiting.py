"""The exit brain at work: ask it about a position, begin what it says, and say so."""

from decimal import Decimal
from typing import NamedTuple

import msgspec

from quantum_trader.core.books.position import Position
from quantum_trader.core.errors import sure
from quantum_trader.core.events import (
    ExitDecided,
    HarvestProposed,
    KillScored,
    MarketStateComputed,
)
from quantum_trader.core.exits import kill_score
from quantum_trader.core.exits.brain import calm_of, evaluate, is_quiet
from quantum_trader.core.exits.context import ExitContext, Glance
from quantum_trader.core.exits.decision import Decision
from quantum_trader.core.market.view import MarketView
from quantum_trader.core.orders.closing import close_now
from quantum_trader.core.orders.commands import NewStop, command_cancel, command_reduction
from quantum_trader.core.orders.evaluation import (
    context_of,
    glance_of,
    note_market,
    pnl_usd,
    quantity_of,
)
from quantum_trader.core.orders.plan import Plan
from quantum_trader.core.orders.protection import is_tighter, move_stop
from quantum_trader.core.out import Out
from quantum_trader.core.state import TraderState
from quantum_trader.core.units import decimal_of, sign_of

HARVEST = "harvest"
MOVE_AGAIN_AFTER_MS = 10_000
"""What a venue refuses it refuses again a second later, and every order counts against its limits.
"""
MEASURED = "the market that was just measured"


class _Begun(msgspec.Struct, frozen=True):
    """What came of a decision at once: the order's price and size, or why there is none."""

    done: bool
    note: str = ""
    price: Decimal | None = None
    qty: Decimal | None = None


class _Moment(NamedTuple):
    """Where a decision was made, and where its facts go."""

    state: TraderState
    plan: Plan
    context: ExitContext
    out: Out


def consider(
    state: TraderState, plan: Plan, out: Out, traded: Decimal | None = None
) -> Glance | None:
    """Ask the exit brain about a plan's position, and begin what it says.

    ``traded`` is the price of a fill that was just booked: the newest word on where the market is.
    A position that is being left already is not the brain's business. Returns what was seen where
    there was nothing to do.
    """
    position, rules = state.positions.get(plan.symbol), state.rules
    if rules is None or position is None or plan.exit_reason is not None:
        return None
    if not plan.holds(position) or plan.symbol not in state.trades:
        return None
    glance = glance_of(state, rules, plan)
    if traded is not None:
        glance = msgspec.structs.replace(glance, mark=float(traded), mark_age_ms=0)
    if is_quiet(glance, rules.exits):
        return glance
    context = context_of(state, rules, plan, position, glance)
    verdict = evaluate(context, rules.exits)
    plan.memory = verdict.memory
    for decision in verdict.decisions:
        _begin(_Moment(state, plan, context, out), decision)
    return None


def keep_calm(state: TraderState, plan: Plan, seen: Glance) -> None:
    """Remember how far price and time may go before the brain has to be asked again."""
    if state.rules is not None and plan.naked_since_ms is None:
        calm = calm_of(seen, state.rules.exits)
        if calm is not None:
            state.calm[plan.symbol] = calm


def is_calm(state: TraderState, view: MarketView, symbol: str) -> bool:
    """Whether nothing but price and time has changed since the brain was quiet, and not too far."""
    calm, trade, mark = state.calm.get(symbol), state.trades.get(symbol), view.mark
    if calm is None or trade is None or mark is None or state.rules is None:
        return False
    now_ms = state.now_ms
    if now_ms - view.mark_ms > state.rules.exits.guards.mark_age_ms:
        return False
    if trade.plan.side == "LONG":
        return trade.high is not None and calm.holds(mark, trade.high, now_ms)
    return trade.low is not None and calm.holds(-mark, -trade.low, now_ms)


def on_market_state(state: TraderState, plan: Plan, numbers: MarketStateComputed, out: Out) -> None:
    """The market was measured anew: remember it, and say what the kill score makes of it."""
    note_market(state, plan, numbers)
    position, rules = state.positions.get(plan.symbol), state.rules
    if rules is None or position is None or not plan.holds(position):
        return
    glance = glance_of(state, rules, plan)
    context = context_of(state, rules, plan, position, glance)
    kill = rules.exits.kill
    components = sure(kill_score.acting_components(context, kill), MEASURED)
    recorded = sure(kill_score.recorded_components(context, kill), MEASURED)
    out.say(
        KillScored(
            **out.stamp(plan.trace_id),
            plan_id=plan.made.plan_id,
            symbol=plan.symbol,
            recorded=kill_score.recorded(recorded, kill).score,
            acting=kill_score.acting(components, kill).score,
            components=msgspec.structs.asdict(components),
            threshold=kill.threshold,
            streak=kill_score.next_memory(context, kill).kill_streak,
        )
    )


def _begin(at: _Moment, decision: Decision) -> None:
    match decision.kind:
        case "CLOSE":
            _say(at, decision, _Begun(True))
            close_now(at.state, at.plan, at.out, decision.rule)
        case "REDUCE" if at.plan.reducing is None:
            _reduce(at, decision)
        case "MOVE_STOP" if not at.plan.next_stops and not _was_refused(at):
            _move(at, decision)


def _was_refused(at: _Moment) -> bool:
    """Whether the venue takes no other stop at the moment; the one that stands stays meanwhile."""
    return at.state.now_ms - at.plan.stop_refused_ms < MOVE_AGAIN_AFTER_MS


def _reduce(at: _Moment, decision: Decision) -> None:
    """Sell a part at market; what is too small to be sold alone waits for the rest."""
    plan, position = at.plan, at.state.positions[at.plan.symbol]
    qty = quantity_of(plan, decision.frac or 0.0, position)
    if decision.rule == HARVEST:
        _propose(at, decision)
    if not qty or qty < plan.instrument.order_qty_min:
        plan.stage = max(plan.stage, decision.stage)
        _say(at, decision, _Begun(False, f"{qty} is below the smallest order", None, qty))
    elif qty == abs(position.qty):
        _say(at, decision, _Begun(True, "all that is left", None, qty))
        close_now(at.state, plan, at.out, decision.rule)
    else:
        _say(at, decision, _Begun(True, "", None, qty))
        command_reduction(plan, at.out, qty, decision.stage, decision.rule)


def _move(at: _Moment, decision: Decision) -> None:
    wanted = sure(decision.price, "the price of a stop that shall move")
    price = at.plan.instrument.stop_on_grid(at.plan.made.side, decimal_of(wanted))
    if is_tighter(at.plan, price):
        _say(at, decision, _Begun(True, "", price))
        move_stop(at.state, at.plan, at.out, NewStop(price, decision.rule, decision.reason))


def _say(at: _Moment, decision: Decision, begun: _Begun) -> None:
    mark = at.context.mark
    at.out.say(
        ExitDecided(
            **at.out.stamp(at.plan.trace_id),
            plan_id=at.plan.made.plan_id,
            symbol=at.plan.symbol,
            kind=decision.kind,
            rule=decision.rule,
            reason=decision.reason,
            frac=decision.frac,
            stage=decision.stage,
            price=begun.price,
            qty=begun.qty,
            mark=mark,
            r_net=_r_net(at.context),
            pnl_usd=pnl_usd(at.state, at.plan, mark),
            values=dict(decision.values),
            done=begun.done,
            note=begun.note,
        )
    )


def _r_net(context: ExitContext) -> float | None:
    """The net R of the moment; None without a mark, or without a way from entry to the stop."""
    mark = context.mark
    return None if mark is None or not context.risk_price else context.r_net_at(mark)


def _propose(at: _Moment, decision: Decision) -> None:
    """A step of the ladder by R, for whoever watches."""
    values = dict(decision.values)
    at.out.say(
        HarvestProposed(
            **at.out.stamp(at.plan.trace_id),
            plan_id=at.plan.made.plan_id,
            symbol=at.plan.symbol,
            stage=decision.stage,
            frac=decision.frac or 0.0,
            r_net=values["r_net"],
            threshold_r=values["threshold_r"],
            heat=at.context.heat,
        )
    )


def shrink_targets(plan: Plan, position: Position, out: Out) -> None:
    """After a reduction: targets never add up to more than there is; the farthest go first."""
    sign = sign_of(plan.made.side)
    standing = [one for one in plan.targets.values() if one.client_order_id not in plan.retiring]
    standing.sort(key=lambda target: target.price * sign)
    left = abs(position.qty) - sum((one.qty for one in standing), start=position.qty * 0)
    while standing and left < 0:
        farthest = standing.pop()
        left += farthest.qty
        command_cancel(plan, out, farthest, "the position was reduced")
