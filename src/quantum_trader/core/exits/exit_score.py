"""The exit score: one formula over loss, profit, giveback, age and the way to the stop.

With R in units of the first risk, T1 = 2 / sqrt(leverage) and lock = 1.5 / sqrt(leverage)::

    D1 = clamp(-R / 1.5)                       loss
    D2 = clamp((R - lock) / (T1 - lock))       profit
    D3 = giveback * clamp(R / lock)            profit given back
    D4 = clamp(age / hold_max) ** 1.5          age
    D5 = clamp(1 - way to the stop / 0.05)     nearness of the stop, 0 without one
    score = 0.30 D1 + 0.25 D2 + 0.20 D3 + 0.15 D4 + 0.10 D5

with clamp into [0, 1]. Loss, a crossed stop and the longest holding time are asked before the
formula is. It is one way to leave among others, and off unless the settings turn it on.
"""

import math
from typing import Literal, NamedTuple

import msgspec

from quantum_trader.core.exits.context import ExitContext, Glance
from quantum_trader.core.exits.decision import Decision, close, move_stop, reduce
from quantum_trader.core.exits.guards import is_crossed
from quantum_trader.core.exits.parts import EVERYTHING, sellable
from quantum_trader.core.exits.settings import StopSettings

Verb = Literal[
    "FULL_CLOSE", "PARTIAL_CLOSE_25", "TIME_STOP_EXIT", "TIGHTEN_TRAIL", "MOVE_TO_BREAKEVEN"
]

LOSS_R = 1.5
TARGET_R = 2.0
LOCK_R = 1.5
"""Profit that counts, in R at leverage 1; both shrink with the square root of the leverage."""
STOP_NEAR_FRAC = 0.05
AGE_POWER = 1.5
WEIGHTS = (0.30, 0.25, 0.20, 0.15, 0.10)
PARTIAL_FRAC = 0.25
PARTIAL_STAGE = 1
RULE = "exit_score"


class ScoreInputs(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the formula looks at.

    ``r`` is the net profit in R, ``giveback`` the part of the best profit that is gone again,
    ``age_frac`` the age over the longest holding time, ``stop_way_frac`` how far the stop is from
    the mark as a fraction of the entry price: below zero when it was crossed, None without a stop.
    """

    r: float
    target_r: float
    lock_r: float
    giveback: float
    age_frac: float
    stop_way_frac: float | None


class ExitScore(msgspec.Struct, frozen=True, gc=False):
    """The five parts, each in [0, 1], and their weighted sum."""

    loss: float
    profit: float
    giveback: float
    age: float
    stop: float
    score: float


class Wish(NamedTuple):
    """What the formula wants done, and why."""

    verb: Verb
    why: str


class _Moment(NamedTuple):
    """What a wish is fulfilled with."""

    context: ExitContext
    mark: float
    stops: StopSettings
    told: str
    values: dict[str, float]


_LOSING = Wish("FULL_CLOSE", "it loses and nothing speaks for it")
_FAR = Wish("FULL_CLOSE", "twice the first target is reached")
_PARTIAL = Wish("PARTIAL_CLOSE_25", "the first target is near or reached")
_AGEING = Wish("TIME_STOP_EXIT", "the longest holding time is near")
_GIVING_BACK = Wish("TIGHTEN_TRAIL", "it gives its profit back")
_IN_PROFIT = Wish("MOVE_TO_BREAKEVEN", "it is in profit")


def thresholds_r(leverage: float) -> tuple[float, float]:
    """T1 and lock in R for a leverage of at least 1."""
    root = math.sqrt(max(leverage, 1.0))
    return TARGET_R / root, LOCK_R / root


def exit_score(inputs: ScoreInputs) -> ExitScore:
    """The formula."""
    way_frac = inputs.stop_way_frac
    parts = (
        _clamp(-inputs.r / LOSS_R),
        _clamp((inputs.r - inputs.lock_r) / (inputs.target_r - inputs.lock_r)),
        inputs.giveback * _clamp(inputs.r / inputs.lock_r),
        _clamp(inputs.age_frac) ** AGE_POWER,
        0.0 if way_frac is None else _clamp(1.0 - way_frac / STOP_NEAR_FRAC),
    )
    total = sum(weight * part for weight, part in zip(WEIGHTS, parts, strict=True))
    return ExitScore(*parts, total)


def asked(inputs: ScoreInputs, found: ExitScore) -> tuple[Wish, ...]:
    """What should be done, most urgent first; empty where nothing should.

    Whoever cannot do the first (the partial was taken before) does the next.
    """
    must = _must(inputs)
    if must is not None:
        return (must,)
    far = inputs.r >= 2.0 * inputs.target_r
    rows = (
        (_LOSING, 0.27, found.loss, 0.40),
        (_FAR if far else _PARTIAL, 0.22, found.profit, 0.80),
        (_AGEING, 0.12, found.age, 0.85),
        (_GIVING_BACK, 0.08, found.giveback, 0.60),
        (_IN_PROFIT, 0.015, found.profit, 0.05),
    )
    return tuple(
        wish for wish, score, part, least in rows if found.score >= score and part >= least
    )


def wakes(_: Glance, settings: StopSettings) -> bool:
    """Whether the formula is asked at all."""
    return settings.by_score


def score(context: ExitContext, settings: StopSettings) -> Decision | None:
    """The most urgent thing the formula asks for that can be done; None when there is none.

    The partial is the first step of the one ladder: it is not taken again, and not beside an order
    that rests for it. Stops are moved by the settings that hold for all moves. A stop that was
    crossed is being filled by the venue; the guard for that waits behind it, not this rule.
    """
    mark = context.mark
    if not settings.by_score or mark is None or is_crossed(context):
        return None
    if context.initial_qty <= 0.0 or context.risk_price <= 0.0:
        return None
    inputs = inputs_of(context, mark)
    found = exit_score(inputs)
    wishes = asked(inputs, found)
    if not wishes:
        return None
    values = {**msgspec.structs.asdict(found), "r": inputs.r}
    moment = _Moment(context, mark, settings, f"exit score {found.score:.3f}", values)
    return next(filter(None, (_decided(wish, moment) for wish in wishes)), None)


def inputs_of(context: ExitContext, mark: float) -> ScoreInputs:
    """What the formula looks at, for a position at this mark."""
    target_r, lock_r = thresholds_r(context.leverage)
    stop, entry = context.stop, context.entry_price
    best_way = context.sign * (context.best - entry)
    given = context.sign * (context.best - mark)
    return ScoreInputs(
        r=context.r_net_at(mark),
        target_r=target_r,
        lock_r=lock_r,
        giveback=_clamp(given / best_way) if best_way > 0.0 else 0.0,
        age_frac=(context.now_ms - context.opened_ms) / context.hold_max_ms,
        stop_way_frac=None if stop is None else context.sign * (mark - stop) / entry,
    )


def _must(inputs: ScoreInputs) -> Wish | None:
    """What is asked for whatever the formula says."""
    if inputs.r <= -LOSS_R:
        return Wish("FULL_CLOSE", "the loss is at its limit")
    if inputs.stop_way_frac is not None and inputs.stop_way_frac <= 0.0:
        return Wish("FULL_CLOSE", "the stop was crossed")
    if inputs.age_frac >= 1.0:
        return Wish("TIME_STOP_EXIT", "the longest holding time is over")
    return None


def _decided(wish: Wish, moment: _Moment) -> Decision | None:
    """The decision that fulfils a wish; None when that is not possible any more."""
    context, stops, why = moment.context, moment.stops, f"{moment.told}: {wish.why}"
    match wish.verb:
        case "FULL_CLOSE" | "TIME_STOP_EXIT":
            return close(RULE, why, **moment.values)
        case "PARTIAL_CLOSE_25":
            return _part_taken(moment, why)
        case "TIGHTEN_TRAIL":
            return _moved(moment, why, context.best, -stops.giveback_trail_frac)
        case "MOVE_TO_BREAKEVEN":
            return _moved(moment, why, context.entry_price, stops.lock_frac)


def _part_taken(moment: _Moment, why: str) -> Decision | None:
    """The first step of the ladder; everything where too little would be left."""
    context = moment.context
    if context.stage >= PARTIAL_STAGE or PARTIAL_STAGE in context.resting:
        return None
    share = sellable(context, PARTIAL_FRAC)
    if share == EVERYTHING:
        return close(RULE, f"{why}, and too little would be left", **moment.values)
    return reduce(RULE, why, share, PARTIAL_STAGE, **moment.values) if share > 0.0 else None


def _moved(moment: _Moment, why: str, base: float, way_frac: float) -> Decision | None:
    """The stop that far from ``base`` toward profit, as a fraction of the entry price.

    None unless it is tighter by enough, on the loss side of the mark by more than the spread and a
    tick, and not too soon after the last move.
    """
    context, stops = moment.context, moment.stops
    if context.stop is None or context.now_ms - context.memory.stop_moved_ms < stops.move_every_ms:
        return None
    sign, entry, tick = context.sign, context.entry_price, float(context.instrument.tick)
    price = base + sign * way_frac * entry
    if sign * (moment.mark - price) <= context.spread_frac * entry + tick:
        return None
    if sign * (price - context.stop) < max(stops.move_min_frac * entry, tick):
        return None
    return move_stop(RULE, why, price, **moment.values)


def _clamp(value: float) -> float:
    return min(max(value, 0.0), 1.0)
