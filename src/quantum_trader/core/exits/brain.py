"""The exit brain: all rules asked about one moment, and their answers made one.

A close wins over everything. Of several stops the tightest wins, and of several reductions the one
whose rule stands first. Whatever was asked for is kept beside what was decided. Nothing here
remembers: the same moment has the same verdict, and what the next one needs comes back as memory.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import msgspec

from quantum_trader.core.exits import guards, stops
from quantum_trader.core.exits.context import ExitContext, ExitMemory
from quantum_trader.core.exits.decision import Decision
from quantum_trader.core.exits.exit_score import score
from quantum_trader.core.exits.harvest import harvest
from quantum_trader.core.exits.kill_score import kill, next_memory
from quantum_trader.core.rules import ExitRules

Section = Literal["guards", "kill", "harvest", "stops"]
"""Which part of ``ExitRules`` a rule reads."""


class Rule(NamedTuple):
    """One rule: its name, the question, its settings, and which fields it is silent without."""

    name: str
    ask: Callable[[ExitContext, Any], Decision | None]
    section: Section
    needs: tuple[str, ...] = ()


RULES: tuple[Rule, ...] = (
    Rule("emergency", guards.emergency, "guards"),
    Rule("crossed_stop", guards.crossed_stop, "guards", ("mark", "stop")),
    Rule("near_liquidation", guards.near_liquidation, "guards", ("liquidation_price",)),
    Rule("loss_guard", guards.loss_guard, "guards", ("mark",)),
    Rule("blind", guards.blind, "guards"),
    Rule(
        "funding_due",
        guards.funding_due,
        "guards",
        ("mark", "funding_rate_frac", "next_funding_ms"),
    ),
    Rule("time_exit", guards.time_exit, "guards"),
    Rule("challenge_late", guards.challenge_late, "guards"),
    Rule("kill_score", kill, "kill", ("market",)),
    Rule("exit_score", score, "stops", ("mark",)),
    Rule("harvest", harvest, "harvest", ("mark",)),
    Rule("break_even", stops.break_even, "stops", ("mark", "stop")),
    Rule("first_target", stops.first_target, "stops", ("mark", "stop")),
    Rule("profit_lock", stops.profit_lock, "stops", ("mark", "stop")),
    Rule("atr_trail", stops.atr_trail, "stops", ("mark", "stop", "market")),
    Rule("callback_trail", stops.callback_trail, "stops", ("mark", "stop")),
    Rule("giveback", stops.giveback, "stops", ("mark", "stop")),
)
"""Every rule, in policy order."""


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What to do, everything that was asked for, and the memory to keep.

    ``decisions`` is empty, or one CLOSE, or a REDUCE, a MOVE_STOP, or both in this order.
    """

    decisions: tuple[Decision, ...]
    asked: tuple[Decision, ...]
    memory: ExitMemory


def evaluate(context: ExitContext, rules: ExitRules) -> Verdict:
    """Ask every rule and make their answers one; a position that is flat is asked nothing."""
    if not context.qty:
        return Verdict((), (), context.memory)
    asked: list[Decision] = []
    for _, ask, section, _ in RULES:
        decision = ask(context, getattr(rules, section))
        if decision is not None:
            asked.append(decision)
    decisions = merged(asked, context.sign) if asked else ()
    return Verdict(decisions, tuple(asked), _remembered(context, rules, decisions))


def merged(asked: list[Decision], sign: int) -> tuple[Decision, ...]:
    """One course of action out of all that was asked, in policy order."""
    reduction = stop = None
    for decision in asked:
        if decision.kind == "CLOSE":
            return (decision,)
        if decision.kind == "REDUCE":
            reduction = reduction or decision
        elif stop is None or _tighter(decision, stop, sign):
            stop = decision
    return tuple(decision for decision in (reduction, stop) if decision is not None)


def _tighter(one: Decision, other: Decision, sign: int) -> bool:
    return (
        one.price is not None and other.price is not None and sign * (one.price - other.price) > 0
    )


def _remembered(
    context: ExitContext, rules: ExitRules, decisions: tuple[Decision, ...]
) -> ExitMemory:
    """The memory for the next moment; without a mark it is not known whether it left the stop."""
    memory = next_memory(context, rules.kill)
    crossed_ms = memory.crossed_ms
    if guards.is_crossed(context):
        crossed_ms = context.now_ms if crossed_ms is None else crossed_ms
    elif context.mark is not None:
        crossed_ms = None
    moved = bool(decisions) and decisions[-1].kind == "MOVE_STOP"
    if crossed_ms == memory.crossed_ms and not moved:
        return memory
    stop_moved_ms = context.now_ms if moved else memory.stop_moved_ms
    return msgspec.structs.replace(memory, stop_moved_ms=stop_moved_ms, crossed_ms=crossed_ms)
