"""Exits of many positions: the whole brain, guards and levels as columns, and a bare loop."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from quantum_trader.app.bench.measure import Aim, Effort, Row, row
from quantum_trader.app.bench.positions import positions
from quantum_trader.core.errors import BrokenInvariant
from quantum_trader.core.exits.brain import evaluate, merged
from quantum_trader.core.exits.brain_array import GUARDS, NO_GUARD, guarded_rows, level_inputs
from quantum_trader.core.exits.context import ExitContext
from quantum_trader.core.exits.context_array import ContextRows, rows_of
from quantum_trader.core.exits.levels_array import Floats, adaptive_rows
from quantum_trader.core.exits.parts import EVERYTHING
from quantum_trader.core.rules import ExitRules

POSITIONS = 580
BRAIN_MS = 10.0
COLUMNS_MS = 1.0
SEED = 13
RULES = ExitRules()


async def exits_speed(effort: Effort) -> Sequence[Row]:
    """Milliseconds for all positions; both ways were first shown to say the same."""
    book = positions(POSITIONS, SEED)
    rows, volatility = rows_of(book), np.ones(POSITIONS)
    guarded = _agreeing(book, rows)
    calls, many = effort.of(20, 2), effort.of(1_000, 20)
    brain_ms, columns_ms, building_ms, bare_ms = [], [], [], []
    for _ in effort.rounds():
        bare_ms.append(_millis(lambda: bare_exits(book), many))
        brain_ms.append(_millis(lambda: [evaluate(each, RULES) for each in book], calls))
        columns_ms.append(_millis(lambda: _screen(rows, volatility), many))
        building_ms.append(_millis(lambda: rows_of(book), calls))
    return [
        row(_brain_aim(), brain_ms, bare_ms),
        row(_columns_aim(guarded), columns_ms, bare_ms),
        row(_building_aim(), building_ms, bare_ms),
    ]


def bare_exits(book: Sequence[ExitContext]) -> int:
    """What the barest bot does: the profit of every position, and whether its stop is reached."""
    reached, profit = 0, 0.0
    for each in book:
        mark, stop = each.mark, each.stop
        if mark is None or stop is None:
            continue
        profit += each.qty * (mark - each.entry_price)
        if each.sign * (mark - stop) <= 0.0:
            reached += 1
    return reached


def _screen(rows: ContextRows, volatility_factor: Floats) -> None:
    guarded_rows(rows, RULES.guards)
    adaptive_rows(level_inputs(rows, volatility_factor))


def _agreeing(book: Sequence[ExitContext], rows: ContextRows) -> int:
    """How many the guards act on. Raises ``BrokenInvariant`` where the two ways differ."""
    found = guarded_rows(rows, RULES.guards)
    for context, guard, share in zip(book, found.guard, found.share, strict=True):
        name = "none" if guard == NO_GUARD else GUARDS[guard]
        if (name, share) != _guarded(context):
            raise BrokenInvariant(f"{context.symbol}: {name} {share} and {_guarded(context)}")
    return int(np.count_nonzero(found.share))


def _guarded(context: ExitContext) -> tuple[str, float]:
    """What the guards want of one position, as the brain has it."""
    asked = [one for one in evaluate(context, RULES).asked if one.rule in GUARDS]
    for one in merged(asked, context.sign):
        return one.rule, EVERYTHING if one.frac is None else one.frac
    return "none", 0.0


def _brain_aim() -> Aim:
    return Aim(
        name=f"exits of {POSITIONS} positions",
        unit="ms",
        note="the whole exit brain asked about each, a new market state included; beside "
        "it a loop that computes one profit and compares with one stop",
        target=BRAIN_MS,
        better="below",
    )


def _columns_aim(guarded: int) -> Aim:
    return Aim(
        name=f"exits-vector of {POSITIONS} positions",
        unit="ms",
        note=f"guards and adaptive levels on columns; {guarded} positions were acted on, by the "
        "same guards and as much as in the brain",
        target=COLUMNS_MS,
        better="below",
    )


def _building_aim() -> Aim:
    return Aim(
        name=f"columns of {POSITIONS} positions",
        unit="ms",
        note="all columns made anew from the moments; who keeps them replaces only what changed",
        better="below",
    )


def _millis(work: Callable[[], object], calls: int) -> float:
    began_s = time.perf_counter()
    for _ in range(calls):
        work()
    return (time.perf_counter() - began_s) / calls * 1e3
