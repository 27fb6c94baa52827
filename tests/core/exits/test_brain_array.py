"""Guards on columns say what the guards say, to the last bit, and the brain does what they say."""

import math
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, TypeVar

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.exits.brain import RULES, evaluate, merged
from quantum_trader.core.exits.brain_array import (
    GUARDS,
    NO_GUARD,
    guarded_rows,
    level_inputs,
)
from quantum_trader.core.exits.context import ExitContext, ExitMemory
from quantum_trader.core.exits.context_array import rows_of
from quantum_trader.core.exits.decision import Decision
from quantum_trader.core.exits.guards import CHALLENGE, near_liquidation
from quantum_trader.core.exits.guards_array import FOR_ROWS
from quantum_trader.core.exits.levels import LevelInputs, adaptive
from quantum_trader.core.exits.levels_array import adaptive_rows
from quantum_trader.core.exits.parts import EVERYTHING
from quantum_trader.core.exits.settings import GuardSettings
from quantum_trader.core.rules import ExitRules
from tests.core.exits.contexts import (
    FINE,
    MINUTE_MS,
    NOW_MS,
    a_context,
    a_leg,
    a_plan,
    changed,
    exit_contexts,
)

T = TypeVar("T")

USUAL = GuardSettings()
OTHER = GuardSettings(
    liquidation_reduce_frac=0.5,
    liquidation_cut_frac=0.7,
    liquidation_close_frac=0.9,
    loss_r=0.7,
    loss_frac=0.03,
    crossed_ms=1,
    blind_ms=60_000,
    funding_lead_ms=60_000,
    first_target_ms=60_000,
)
ODD = GuardSettings(liquidation_reduce_frac=1.0, liquidation_close_frac=1.0)
"""Cut and close at liquidation itself: the cut never comes."""
STEPPED = msgspec.structs.replace(FINE, market_step=Decimal("0.25"))
"""An instrument whose step is larger than its smallest quantity."""
ASKED = tuple(rule for rule in RULES if rule.section == "guards")


class Dice:
    """Seeded choices, drawn many at once for speed."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._left: Iterator[float] = iter(())

    def part(self) -> float:
        for value in self._left:
            return value
        self._left = iter(self._random.random(100_000).tolist())
        return next(self._left)

    def one(self, *options: T) -> T:
        return options[int(self.part() * len(options))]

    def within(self, low: float, high: float) -> float:
        return low + (high - low) * self.part()

    def near(self, value: float) -> float:
        """The value itself, or its neighbours among the floats."""
        return self.one(value, math.nextafter(value, -math.inf), math.nextafter(value, math.inf))

    def around_ms(self, span_ms: int) -> int:
        return self.one(span_ms - 1, span_ms, span_ms + 1, int(self.within(0, 2 * span_ms)))


PLANS = [
    msgspec.structs.replace(plan, created_ms=NOW_MS - age_ms)
    for plan in (
        *(a_plan(profile=name) for name in ("NORMAL_DEFAULT",) * 4 + (CHALLENGE,) * 4),
        a_plan(legs=(a_leg("EMERGENCY", 1.0, None),)),
    )
    for settings in (USUAL, OTHER)
    for age_ms in (settings.blind_ms - 1, settings.blind_ms, 10**9)
]
BASE = a_context()


def on_the_edge(dice: Dice, settings: GuardSettings) -> ExitContext:
    """A moment at, or one float beside, the thresholds of the guards; much of it may be missing."""
    sign, entry = dice.one(1, -1), dice.within(0.5, 50_000.0)
    initial_stop = entry * (1.0 - sign * dice.one(0.0, dice.within(0.0, 0.2)))
    level = dice.one(None, entry * (1.0 - sign * dice.within(-0.02, 0.4)))
    stop = dice.one(None, initial_stop, initial_stop, dice.near(level or entry))
    targets = tuple(
        entry * (1.0 + sign * each) for each in dice.one((), (0.01,), (0.01, 0.02, 0.03))
    )
    venue, cut_frac = dice.one(FINE, STEPPED), settings.liquidation_cut_frac
    smallest = float(max(venue.order_qty_min, venue.order_step))
    at_least = dice.near(smallest / dice.one(cut_frac, 1.0 - cut_frac))
    initial_qty = dice.one(0.0, at_least, dice.within(0.01, 1.0), 8.0)
    hold_max_ms = dice.one(10, 240) * MINUTE_MS
    rate_frac = dice.within(-0.01, 0.02)
    known = changed(
        BASE,
        sign=sign,
        entry_price=entry,
        initial_stop=initial_stop,
        stop=stop,
        liquidation_price=level,
        targets=targets,
        stage=dice.one(0, 0, 1, 3),
        qty=sign * initial_qty * dice.one(1.0, 0.5, dice.near(0.5), 0.75, dice.part(), 0.0, 3.0),
        initial_qty=initial_qty,
        instrument=venue,
        opened_ms=NOW_MS - dice.around_ms(dice.one(hold_max_ms, settings.first_target_ms)),
        hold_max_ms=hold_max_ms,
        mark_age_ms=dice.one(None, dice.around_ms(settings.blind_ms)),
        taker_frac=dice.within(0.0, 0.001),
        spread_frac=dice.within(0.0, 0.001),
        next_funding_ms=NOW_MS + dice.one(0, -1, dice.around_ms(settings.funding_lead_ms)),
        risk_mode=dice.one(*("NORMAL",) * 8, "ESS_ACTIVE"),
        plan=dice.one(*PLANS),
        memory=ExitMemory(
            crossed_ms=dice.one(None, NOW_MS - dice.around_ms(settings.crossed_ms)),
        ),
    )
    mark = mark_on_the_edge(dice, settings, known)
    return changed(
        known,
        mark=mark,
        next_funding_ms=dice.one(None, *(known.next_funding_ms,) * 4),
        funding_rate_frac=dice.one(
            None, rate_frac, rate_frac, funding_on_the_edge(dice, known, mark)
        ),
    )


def mark_on_the_edge(dice: Dice, settings: GuardSettings, known: ExitContext) -> float | None:
    sign, entry = known.sign, known.entry_price
    level = entry if known.liquidation_price is None else known.liquidation_price
    way = sign * (entry - level)
    edges = (
        known.stop or entry,
        level,
        entry * (1.0 + sign * dice.within(-0.5, 0.2)),
        entry * (1.0 + sign * dice.within(0.0, 0.03)),
        entry - sign * settings.loss_frac * entry,
        entry - sign * settings.loss_r * known.risk_price,
        entry - sign * settings.liquidation_reduce_frac * way,
        entry - sign * settings.liquidation_close_frac * way,
        entry - sign * dice.within(0.5, 0.9) * way,
    )
    return dice.one(None, *(dice.near(each) for each in edges))


def funding_on_the_edge(dice: Dice, known: ExitContext, mark: float | None) -> float | None:
    """As much funding as there is left to earn."""
    if mark is None or not known.targets:
        return None
    way_frac = known.sign * (known.targets[-1] - mark) / known.entry_price
    return known.sign * dice.near(way_frac - known.taker_frac - known.spread_frac)


def said(decision: Decision | None) -> float:
    """The share that a decision takes out, as on columns."""
    if decision is None:
        return 0.0
    return EVERYTHING if decision.frac is None else decision.frac


def counted(context: ExitContext, asked: list[Decision]) -> tuple[str, float]:
    """The guard whose word counts, and its share."""
    for one in merged(asked, context.sign) if context.qty else ():
        return one.rule, said(one)
    return "none", 0.0


def found_in(contexts: list[ExitContext], settings: GuardSettings) -> list[tuple[str, float]]:
    guard, share = guarded_rows(rows_of(contexts), settings)
    names = ["none" if each == NO_GUARD else GUARDS[each] for each in guard.tolist()]
    return list(zip(names, share.tolist(), strict=True))


@pytest.mark.parametrize("count", [2_000, pytest.param(50_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("settings", [USUAL, OTHER, ODD], ids=["usual", "other", "odd"])
def test_positions_on_the_edge_agree_to_the_last_bit(settings: GuardSettings, count: int) -> None:
    dice = Dice(count)
    contexts = [on_the_edge(dice, settings) for _ in range(count)]
    rows = rows_of(contexts)
    shares = [FOR_ROWS[rule.ask](rows, settings).tolist() for rule in ASKED]
    acted: Counter[tuple[str, str]] = Counter()
    for at, (context, found) in enumerate(zip(contexts, found_in(contexts, settings), strict=True)):
        decisions = [rule.ask(context, settings) for rule in ASKED]
        assert [said(each) for each in decisions] == [each[at] for each in shares], context
        asked = [each for each in decisions if each is not None]
        assert found == counted(context, asked), context
        acted.update((each.rule, each.kind) for each in asked)
    cuts = set() if settings is ODD else {("near_liquidation", "REDUCE")}
    assert {(name, "CLOSE") for name in GUARDS} | cuts == set(acted)
    assert min(acted.values()) > count // 200, acted


@given(st.lists(exit_contexts(), min_size=1, max_size=4))
def test_the_brain_does_what_the_columns_say(contexts: list[ExitContext]) -> None:
    for context, (guard, share) in zip(contexts, found_in(contexts, USUAL), strict=True):
        verdict = evaluate(context, ExitRules())
        words = [one for one in verdict.asked if one.rule in GUARDS]
        assert (guard, share) == counted(context, words)
        if share == EVERYTHING:
            assert [(one.rule, one.kind) for one in verdict.decisions] == [(guard, "CLOSE")]
        elif share > 0.0 and verdict.decisions[0].kind != "CLOSE":
            assert (verdict.decisions[0].rule, verdict.decisions[0].frac) == (guard, share)


def test_every_guard_of_the_brain_has_a_form_for_columns() -> None:
    assert [rule.ask for rule in ASKED] == list(FOR_ROWS)
    assert len(set(GUARDS)) == len(FOR_ROWS)


def test_a_close_wins_over_a_cut_that_stands_before_it() -> None:
    cut = a_context(mark=88.0, stop=85.0, initial_stop=85.0)
    old = changed(cut, opened_ms=NOW_MS - 300 * MINUTE_MS)
    assert found_in([cut, old], USUAL) == [("near_liquidation", 0.5), ("time_exit", EVERYTHING)]


def test_the_first_of_two_closes_is_told() -> None:
    both = a_context(mark=86.0, risk_mode="ESS_ACTIVE")
    assert found_in([both, changed(both, risk_mode="NORMAL")], USUAL) == [
        ("emergency", EVERYTHING),
        ("near_liquidation", EVERYTHING),
    ]


def test_a_market_of_small_prices_is_guarded_like_any_other() -> None:
    small = {"entry_price": 0.5, "best": 0.5, "worst": 0.44, "liquidation_price": 0.42}
    cheap = a_context(**small, initial_stop=0.425, stop=0.425, mark=0.44)
    found = near_liquidation(cheap, USUAL)
    assert found is not None
    assert found_in([cheap], GuardSettings(loss_r=5.0)) == [("near_liquidation", found.frac)]


def test_a_position_that_is_flat_and_a_quiet_one_are_left_alone() -> None:
    flat = a_context(qty=0.0, risk_mode="ESS_ACTIVE")
    assert found_in([flat, a_context()], USUAL) == [("none", 0.0), ("none", 0.0)]


def test_no_positions_have_no_guards() -> None:
    guard, share = guarded_rows(rows_of([]), USUAL)
    assert guard.shape == share.shape == (0,)


@given(st.lists(exit_contexts(), min_size=1, max_size=4), st.floats(0.5, 1.5))
def test_rows_that_are_kept_need_only_what_changed(
    contexts: list[ExitContext], factor: float
) -> None:
    later: dict[str, Any] = {"now_ms": NOW_MS + 400 * MINUTE_MS, "mark_age_ms": 5}
    moved = [changed(each, mark=each.entry_price * factor, **later) for each in contexts]
    kept, anew = rows_of(contexts), rows_of(moved)
    kept = kept._replace(now_ms=anew.now_ms, mark=anew.mark, mark_age_ms=anew.mark_age_ms)
    for one, other in zip(guarded_rows(kept, USUAL), guarded_rows(anew, USUAL), strict=True):
        np.testing.assert_array_equal(one, other)


def test_rows_are_left_as_they_were() -> None:
    dice = Dice(3)
    rows = rows_of([on_the_edge(dice, USUAL) for _ in range(2_000)])
    before = [each.copy() for each in rows]
    guarded_rows(rows, USUAL)
    for then, now in zip(before, rows, strict=True):
        np.testing.assert_array_equal(then, now)


@given(st.lists(exit_contexts(), min_size=1, max_size=4))
def test_levels_from_columns_are_the_levels_of_each_position(contexts: list[ExitContext]) -> None:
    volatility = np.linspace(0.0, 4.0, len(contexts))
    found = adaptive_rows(level_inputs(rows_of(contexts), volatility))
    for at, context in enumerate(contexts):
        levels = adaptive(
            LevelInputs(
                side=context.side,
                leverage=context.leverage,
                volatility_factor=float(volatility[at]),
                funding_rate_frac=context.funding_rate_frac,
                divergence=context.divergence,
            )
        )
        assert (levels.lsf, levels.sl_frac) == (found.lsf[at], found.sl_frac[at])
        assert list(levels.tp_frac) == found.tp_frac[:, at].tolist()
        assert list(levels.harvest) == found.harvest[:, at].tolist()
