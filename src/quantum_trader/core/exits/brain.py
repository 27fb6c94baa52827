"""The exit brain: all rules asked about one moment, and their answers made one.

A close wins over everything. Of several stops the tightest wins, and of several reductions the one
whose rule stands first. Whatever was asked for is kept beside what was decided. Nothing here
remembers: the same moment has the same verdict, and what the next one needs comes back as memory.
"""

from collections.abc import Callable, Iterable
from itertools import groupby
from operator import attrgetter
from typing import Any, Literal, NamedTuple

import msgspec

from quantum_trader.core.exits import exit_score, guards, harvest, kill_score, stops
from quantum_trader.core.exits.calm import Calm, drawn_in, unmoved
from quantum_trader.core.exits.context import ExitContext, ExitMemory, Glance
from quantum_trader.core.exits.decision import Decision
from quantum_trader.core.rules import ExitRules

Section = Literal["guards", "kill", "harvest", "stops"]
"""Which part of ``ExitRules`` a rule reads."""


Wakes = Callable[[Glance, Any], bool]
"""Whether a group of rules could have something to say, or to remember: False only if surely not.
"""


def always(_: Glance, __: Any) -> bool:
    """Of a rule that has to be asked every time, because nothing cheaper can answer for it."""
    return True


class Rule(NamedTuple):
    """One rule: its name, the question, its settings, and which fields it is silent without.

    It is not asked while what ``wakes`` it says that there is no need to. Rules that stand together
    and share it are woken together.
    """

    name: str
    ask: Callable[[ExitContext, Any], Decision | None]
    section: Section
    needs: tuple[str, ...] = ()
    wakes: Wakes = always


RULES: tuple[Rule, ...] = (
    Rule("emergency", guards.emergency, "guards", (), guards.wake),
    Rule("crossed_stop", guards.crossed_stop, "guards", ("mark", "stop"), guards.wake),
    Rule(
        "near_liquidation",
        guards.near_liquidation,
        "guards",
        ("liquidation_price",),
        guards.wake,
    ),
    Rule("loss_guard", guards.loss_guard, "guards", ("mark",), guards.wake),
    Rule("blind", guards.blind, "guards", (), guards.wake),
    Rule(
        "funding_due",
        guards.funding_due,
        "guards",
        ("mark", "funding_rate_frac", "next_funding_ms"),
        guards.wake,
    ),
    Rule("time_exit", guards.time_exit, "guards", (), guards.wake),
    Rule("challenge_late", guards.challenge_late, "guards", (), guards.wake),
    Rule("kill_score", kill_score.kill, "kill", ("market",), kill_score.wakes),
    Rule("exit_score", exit_score.score, "stops", ("mark",), exit_score.wakes),
    Rule("harvest", harvest.harvest, "harvest", ("mark",), harvest.wakes),
    Rule("break_even", stops.break_even, "stops", ("mark", "stop"), stops.steps_wake),
    Rule("first_target", stops.first_target, "stops", ("mark", "stop"), stops.steps_wake),
    Rule("profit_lock", stops.profit_lock, "stops", ("mark", "stop"), stops.followers_wake),
    Rule("atr_trail", stops.atr_trail, "stops", ("mark", "stop", "market"), stops.followers_wake),
    Rule("callback_trail", stops.callback_trail, "stops", ("mark", "stop"), stops.followers_wake),
    Rule("giveback", stops.giveback, "stops", ("mark", "stop"), stops.followers_wake),
)
"""Every rule, in policy order."""


class Group(NamedTuple):
    """Rules that are woken together, and the settings that they and their waking read."""

    wakes: Wakes
    section: Section
    rules: tuple[Rule, ...]


def grouped(rules: Iterable[Rule]) -> tuple[Group, ...]:
    """The rules as they stand, neighbours that wake together as one."""
    shared = groupby(rules, key=attrgetter("wakes", "section"))
    return tuple([Group(wakes, section, tuple(each)) for (wakes, section), each in shared])


GROUPS = grouped(RULES)

CALMS: dict[Wakes, Callable[[Glance, Any], Calm]] = {
    guards.wake: guards.calm,
    kill_score.wakes: unmoved,
    exit_score.wakes: unmoved,
    harvest.wakes: unmoved,
    stops.steps_wake: unmoved,
    stops.followers_wake: stops.followers_calm,
}
"""How long who sleeps goes on sleeping. A way of waking that is not here is asked every time."""


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What to do, everything that was asked for, and the memory to keep.

    ``decisions`` is empty, or one CLOSE, or a REDUCE, a MOVE_STOP, or both in this order.
    """

    decisions: tuple[Decision, ...]
    asked: tuple[Decision, ...]
    memory: ExitMemory


def is_quiet(glance: Glance, rules: ExitRules) -> bool:
    """Whether ``evaluate`` would surely say nothing and remember nothing new."""
    for wakes, section, _ in GROUPS:  # noqa: SIM110 - a generator takes half as long again
        if wakes(glance, getattr(rules, section)):
            return False
    return True


def calm_of(glance: Glance, rules: ExitRules) -> Calm | None:
    """How far price and time alone may go before a quiet position has to be looked at again.

    None where somebody cannot tell, and has to be asked every time.
    """
    found = Calm(until_ms=glance.plan.expires_ms)
    for wakes, section, _ in GROUPS:
        calm = CALMS.get(wakes)
        if calm is None:
            return None
        found = found.within(calm(glance, getattr(rules, section)))
    return drawn_in(found, glance)


def evaluate(context: ExitContext, rules: ExitRules) -> Verdict:
    """Ask every rule that is awake and make their answers one; a flat position is asked nothing."""
    if not context.qty:
        return Verdict((), (), context.memory)
    asked: list[Decision] = []
    for wakes, section, group in GROUPS:
        settings = getattr(rules, section)
        if not wakes(context, settings):
            continue
        for rule in group:
            decision = rule.ask(context, settings)
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
    memory = kill_score.next_memory(context, rules.kill)
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
