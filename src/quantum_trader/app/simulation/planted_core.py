"""Planted defects of what is decided: the trader's step and the functions it is made of."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from decimal import Decimal
from typing import Any

import msgspec

from quantum_trader.app import wiring
from quantum_trader.app.simulation.planting import swap
from quantum_trader.core import trader
from quantum_trader.core.books.position import Position
from quantum_trader.core.events import Fact, IntentProposed, OrderCommanded
from quantum_trader.core.orders import commands, exiting, ids, opening, protection, reports
from quantum_trader.core.orders.commands import NewStop
from quantum_trader.core.orders.plan import Plan, Resting
from quantum_trader.core.out import Out
from quantum_trader.core.state import TraderState
from quantum_trader.core.trader import step

FORGOTTEN_MS = 10_000

Bend = Callable[[TraderState, Fact], Fact]


def dedupe_with_ttl(stack: ExitStack) -> None:
    """A plan id is forgotten after ten seconds."""

    def is_repeat(state: TraderState, plan_id: str) -> bool:
        since_ms = state.planned.get(plan_id)
        return since_ms is not None and state.now_ms - since_ms < FORGOTTEN_MS

    swap(stack, opening, "is_repeat", is_repeat)
    swap(stack, trader, "is_repeat", is_repeat)


def name_without_attempt(stack: ExitStack) -> None:
    """A second try has the name of the first."""
    name = ids.client_order_id

    def client_order_id(role: Any, account: str, plan_id: str, leg: int, attempt: int) -> str:
        return name(role, account, plan_id, leg, 1 if role != "target" else attempt)

    swap(stack, commands, "client_order_id", client_order_id)


def position_deleted_on_exit(stack: ExitStack) -> None:
    """A position is forgotten when its exit is commanded."""

    def forget(state: TraderState, said: Fact) -> Fact:
        if isinstance(said, OrderCommanded) and said.role == "exit":
            state.positions.pop(said.order.symbol, None)
        return said

    _bend(stack, said=forget)


def stop_as_ordered(stack: ExitStack) -> None:
    """A stop is for what was ordered, and believed to be for what stands."""

    def ordered(_state: TraderState, plan: Plan) -> Decimal:
        return plan.made.qty

    def covers(plan: Plan, _position: Position) -> bool:
        return plan.stop is not None

    def cover(_state: TraderState, _plan: Plan, _out: Out) -> None:
        return None

    swap(stack, protection, "_qty_to_cover", ordered)
    swap(stack, Plan, "covers", covers)
    swap(stack, reports, "cover", cover)


def old_stop_first(stack: ExitStack) -> None:
    """A moved stop is canceled before the new one is placed."""
    move = protection.move_stop

    def move_stop(state: TraderState, plan: Plan, out: Out, stop: NewStop) -> None:
        if plan.stop is not None:
            commands.command_cancel(plan, out, plan.stop, "it moves")
        move(state, plan, out, stop)

    swap(stack, protection, "move_stop", move_stop)
    swap(stack, exiting, "move_stop", move_stop)


def orphans_left(stack: ExitStack) -> None:
    """A plan ends while orders of it rest."""
    resting = Plan.resting

    def none_when_flat(plan: Plan) -> list[Resting]:
        return [] if plan.flat_ms is not None else resting(plan)

    swap(stack, Plan, "resting", none_when_flat)


def target_not_reduce_only(stack: ExitStack) -> None:
    """Targets are not reduce-only."""

    def open_up(_state: TraderState, said: Fact) -> Fact:
        if isinstance(said, OrderCommanded) and said.role == "target":
            order = msgspec.structs.replace(said.order, reduce_only=False)
            return msgspec.structs.replace(said, order=order)
        return said

    _bend(stack, said=open_up)


def targets_rounded_up(stack: ExitStack) -> None:
    """Each target is a step too large."""

    def enlarge(state: TraderState, said: Fact) -> Fact:
        if isinstance(said, OrderCommanded) and said.role == "target" and state.rules is not None:
            instrument = state.rules.instruments[said.order.symbol]
            qty = said.order.qty + instrument.step
            order = msgspec.structs.replace(said.order, qty=qty)
            return msgspec.structs.replace(said, order=order)
        return said

    _bend(stack, said=enlarge)


def age_from_receipt(stack: ExitStack) -> None:
    """An intent is as old as its receipt."""

    def rejuvenate(state: TraderState, heard: Fact) -> Fact:
        if isinstance(heard, IntentProposed):
            return msgspec.structs.replace(heard, at_ms=state.now_ms)
        return heard

    _bend(stack, heard=rejuvenate)


def _unbent(_state: TraderState, fact: Fact) -> Fact:
    return fact


def _bend(stack: ExitStack, *, heard: Bend = _unbent, said: Bend = _unbent) -> None:
    """Bend what the trader hears, or what it says."""

    def bent(state: TraderState, fact: Fact) -> Sequence[Fact]:
        return [said(state, one) for one in step(state, heard(state, fact))]

    swap(stack, wiring, "step", bent)
