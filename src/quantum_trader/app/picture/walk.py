"""A made-up way of the price, and what the exit rules do with the position on it.

The price dips, reaches one target after the other with a pullback behind each, goes on where the
plan has a runner, and falls until the stop ends it. Only the price is made up: the stop is moved,
and parts are sold, by the same rules that decide about real positions.
"""

import math
from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import msgspec

from quantum_trader.app.picture.outline import Outline
from quantum_trader.app.picture.scene import Points
from quantum_trader.core.exits.brain import evaluate
from quantum_trader.core.exits.context import ExitContext
from quantum_trader.core.exits.decision import Decision
from quantum_trader.core.exits.plan import TrailSpec
from quantum_trader.core.units import sign_of

STEPS_A_STRETCH = 40
DIP_R = -0.35
OVERSHOOT_R = 0.06
PULLBACK_FRAC = 0.3
BEYOND_R = 0.8
"""How far a runner goes beyond what has to be reached."""
HOLD_PART = 0.4
"""The whole way takes this part of the longest holding time, so that time ends nothing."""


class Walk(msgspec.Struct, frozen=True):
    """The price, the stop behind it, and the moments at which a part left; times from 0 to 1."""

    way: Points
    stops: Points
    sales: Points


def walk(outline: Outline) -> Walk:
    """Lead the position along the way until nothing of it is left."""
    prices = [outline_price(outline, r) for r in dense(waypoints_r(outline))]
    walker = _Walker(outline, step_ms=int(outline.exits.hold_max_ms * HOLD_PART / len(prices)))
    for price in prices:
        if not walker.step(price):
            break
    return walker.walk()


def outline_price(outline: Outline, r: float) -> float:
    """The price of so many R, off the grid."""
    way = float(outline.entry_price - outline.stop_price)
    return float(outline.entry_price) + r * way


def waypoints_r(outline: Outline) -> list[float]:
    """Where the price turns, in R: below entry first, then from target to target.

    A pullback does not meet the stop that the target before it has moved to break-even.
    """
    points, last = [0.0, DIP_R], 0.0
    break_even = outline.break_even()
    least = 0.0 if break_even is None else _r_of(outline, break_even)
    for target in sorted(_r_of(outline, leg.price) for leg in outline.legs):
        pullback = max(target - PULLBACK_FRAC * (target - last), (target + least) / 2.0)
        points += [target + OVERSHOOT_R, pullback]
        last = target
    trail = outline.plan.trail
    if trail is None or outline.runner_qty <= 0:
        return points[:-1]
    peak = _peak_r(outline, trail, last)
    return [*points, peak, -1.0 - OVERSHOOT_R]


def _r_of(outline: Outline, price: Decimal) -> float:
    return float((price - outline.entry_price) / (outline.entry_price - outline.stop_price))


def _peak_r(outline: Outline, trail: TrailSpec, last_target_r: float) -> float:
    """Far enough that the trail begins, tightens, and stands in profit."""
    risk_frac = float(abs(outline.entry_price - outline.stop_price) / outline.entry_price)
    has_to_be_reached = (
        last_target_r,
        trail.activation_r,
        trail.callback_frac / risk_frac,
        *(r for r, _ in trail.tightening),
    )
    return max(has_to_be_reached) + BEYOND_R


def dense(points: Sequence[float]) -> list[float]:
    """The same turns with a smooth way between them."""
    way = [points[0]]
    for start, end in pairwise(points):
        for number in range(1, STEPS_A_STRETCH + 1):
            part = (1.0 - math.cos(math.pi * number / STEPS_A_STRETCH)) / 2.0
            way.append(start + part * (end - start))
    return way


class _Walker:
    """The position on its way, step by step."""

    def __init__(self, outline: Outline, step_ms: int) -> None:
        self._outline = outline
        self._step_ms = step_ms
        self._context: ExitContext = outline.context()
        self._left = list(outline.legs)
        self._way: list[float] = []
        self._stops: list[float] = [float(outline.stop_price)]
        self._sales: list[tuple[int, float]] = []

    def step(self, price: float) -> bool:
        """The price is here now; whether anything of the position is left."""
        self._way.append(price)
        self._fill_targets(price)
        stop = self._context.stop
        if stop is not None and self._gain(price) <= self._gain(stop):
            self._sell(abs(self._context.qty), stop)
        self._decide(price)
        self._stops.append(self._stops[-1] if self._context.stop is None else self._context.stop)
        return self._context.qty != 0.0

    def walk(self) -> Walk:
        """Everything that was seen, with times from 0 to 1."""
        last = max(len(self._way) - 1, 1)
        return Walk(
            tuple((number / last, price) for number, price in enumerate(self._way)),
            tuple((number / last, stop) for number, stop in enumerate(self._stops[:-1])),
            tuple((number / last, price) for number, price in self._sales),
        )

    def _fill_targets(self, price: float) -> None:
        while self._left and self._gain(price) > self._gain(float(self._left[0].price)):
            leg = self._left.pop(0)
            self._sell(float(leg.qty), float(leg.price), leg.stage)

    def _decide(self, price: float) -> None:
        """Ask the exit rules, and do what they say."""
        before = self._context
        context = msgspec.structs.replace(
            before,
            mark=price,
            best=max(before.best, price, key=self._gain),
            worst=min(before.worst, price, key=self._gain),
            now_ms=before.now_ms + self._step_ms,
            resting=tuple(leg.stage for leg in self._left),
        )
        verdict = evaluate(context, self._outline.exits)
        self._context = msgspec.structs.replace(context, memory=verdict.memory)
        for decision in verdict.decisions:
            self._carry_out(decision, price)

    def _carry_out(self, decision: Decision, price: float) -> None:
        if decision.kind == "CLOSE":
            self._sell(abs(self._context.qty), price)
        elif decision.kind == "REDUCE" and decision.frac is not None:
            self._sell(decision.frac * self._context.initial_qty, price, decision.stage)
        elif decision.kind == "MOVE_STOP" and decision.price is not None:
            stop = float(self._outline.stop_on_grid(decision.price))
            self._context = msgspec.structs.replace(self._context, stop=stop)

    def _sell(self, qty: float, price: float, stage: int = 0) -> None:
        """A part leaves at this price; what is less than a tenth of a step is nothing."""
        context = self._context
        left = max(abs(context.qty) - qty, 0.0)
        if left < float(self._outline.instrument.order_step) / 10.0:
            left = 0.0
        self._sales.append((len(self._way) - 1, price))
        self._context = msgspec.structs.replace(
            context, qty=left * context.sign, stage=max(context.stage, stage)
        )

    def _gain(self, price: float) -> float:
        return sign_of(self._outline.side) * price
