"""Moving stops: each rule at its number, only tighter, never where it would trigger at once."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantum_trader.core.exits import stops
from quantum_trader.core.exits.context import ExitContext, ExitMemory
from quantum_trader.core.exits.decision import Decision
from quantum_trader.core.exits.plan import TrailSpec
from quantum_trader.core.exits.settings import StopSettings
from tests.core.exits.contexts import (
    CALM,
    NOW_MS,
    a_context,
    a_plan,
    a_runner_plan,
    changed,
    exit_contexts,
    mirror,
)

SETTINGS = StopSettings()
TICK = 1 / 64
StopRule = Callable[[ExitContext, StopSettings], Decision | None]
STEPS: tuple[StopRule, ...] = (stops.break_even, stops.first_target)
FOLLOWERS: tuple[StopRule, ...] = (
    stops.profit_lock,
    stops.atr_trail,
    stops.callback_trail,
    stops.giveback,
)
RUNNER = a_runner_plan()


def stop_at(
    rule: StopRule, context: ExitContext, settings: StopSettings = SETTINGS
) -> float | None:
    """Where a rule wants the stop; the mirror has to want it just as far from entry."""
    decision, other = rule(context, settings), rule(mirror(context), settings)
    if decision is None or other is None:
        assert decision is other
        return None
    assert decision.kind == other.kind == "MOVE_STOP"
    assert decision.price is not None
    assert other.price is not None
    assert decision.price + other.price == pytest.approx(2.0 * context.entry_price, rel=1e-12)
    return decision.price


def at(mark: float, best: float | None = None, **changes: Any) -> ExitContext:
    """A LONG from 100 with one R at 1.0, whose best price was ``best``, else the mark."""
    return a_context(mark=mark, best=max(mark, best or mark), **changes)


def test_after_the_first_stage_leaving_costs_nothing() -> None:
    # Two fees of 0.04 % and a spread of 0.01 %: 0.09.
    assert stop_at(stops.break_even, at(101.0, stage=1)) == pytest.approx(100.09)
    assert stop_at(stops.break_even, at(101.0, stage=0)) is None


def test_break_even_counts_the_funding_that_was_paid_and_not_a_loss_for_what_was_received() -> None:
    paid = at(101.0, stage=1, funding_usd=-1.6)
    assert stop_at(stops.break_even, paid) == pytest.approx(100.29)
    assert stop_at(stops.break_even, changed(paid, funding_usd=0.4)) == pytest.approx(100.04)
    assert stop_at(stops.break_even, changed(paid, funding_usd=80.0)) == 100.0


def test_break_even_does_not_depend_on_the_size() -> None:
    small = at(101.0, stage=1, qty=0.25, initial_qty=0.5, funding_usd=-0.1)
    assert stop_at(stops.break_even, small) == pytest.approx(100.29)
    assert stop_at(stops.break_even, changed(small, initial_qty=0.0)) is None


def test_break_even_that_would_trigger_at_once_waits_for_the_mark() -> None:
    assert stop_at(stops.break_even, at(100.1, stage=1)) is None
    assert stop_at(stops.break_even, at(100.09 + 0.01 + 2 * TICK, stage=1)) is not None


def test_after_the_second_stage_the_first_target_is_kept() -> None:
    reached = at(103.0, stage=2, targets=(101.5, 102.0, 103.0))
    assert stop_at(stops.first_target, reached) == 101.5
    assert stop_at(stops.first_target, changed(reached, stage=1)) is None
    assert stop_at(stops.first_target, changed(reached, targets=())) is None


def test_steps_of_the_ladder_do_not_wait_for_the_last_move() -> None:
    moved = ExitMemory(stop_moved_ms=NOW_MS - 1)
    assert stop_at(stops.break_even, at(101.0, stage=1, memory=moved)) is not None
    lately = at(103.0, stage=2, targets=(101.0,), stop=101.0 - TICK, memory=moved)
    assert stop_at(stops.first_target, lately) == 101.0


def test_a_step_of_less_than_a_tick_is_where_the_stop_already_is() -> None:
    assert stop_at(stops.break_even, at(101.0, stage=1, stop=100.09 - TICK / 2)) is None
    near = at(103.0, stage=2, targets=(101.0,), stop=101.0 - TICK / 2)
    assert stop_at(stops.first_target, near) is None


def test_from_one_and_a_half_r_on_a_profit_is_locked_in() -> None:
    assert stop_at(stops.profit_lock, at(101.484375)) is None
    assert stop_at(stops.profit_lock, at(101.5)) == pytest.approx(100.2)


def test_what_was_reached_stays_reached() -> None:
    assert stop_at(stops.profit_lock, at(100.5, best=101.5)) == pytest.approx(100.2)
    assert stop_at(stops.profit_lock, at(100.2, best=101.5)) is None


def test_a_runner_is_trailed_by_two_average_true_ranges() -> None:
    # The average true range is 0.4 % of the price.
    assert stop_at(stops.atr_trail, at(102.0, plan=RUNNER)) == pytest.approx(101.2)
    assert stop_at(stops.atr_trail, at(101.5, best=102.0, plan=RUNNER)) == pytest.approx(101.2)
    assert stop_at(stops.atr_trail, at(101.484375, plan=RUNNER)) is None


def test_a_trail_in_r_does_not_fire_before_there_is_a_profit() -> None:
    """A fall of 0.3 R from the best R once closed positions that had never been in profit."""
    for rule in FOLLOWERS:
        assert stop_at(rule, at(99.6, best=99.9, plan=RUNNER)) is None
        assert stop_at(rule, at(99.6, best=100.0, plan=RUNNER)) is None


def test_what_targets_will_take_is_not_trailed_by_ranges() -> None:
    waiting = at(102.0, targets=(101.0, 102.0, 103.0), stage=1)
    assert stop_at(stops.atr_trail, waiting) is None
    assert stop_at(stops.atr_trail, changed(waiting, plan=RUNNER)) is not None
    assert stop_at(stops.atr_trail, changed(waiting, stage=3)) is not None
    assert stop_at(stops.atr_trail, changed(waiting, targets=())) is not None


def test_an_average_true_range_that_is_not_known_is_not_guessed() -> None:
    """It once was taken for 0.01 of whatever the price was quoted in."""
    unknown = msgspec.structs.replace(CALM, atr_frac=None)
    for market in (None, unknown):
        assert stop_at(stops.atr_trail, at(102.0, plan=RUNNER, market=market)) is None


def test_a_trail_is_on_for_expensive_markets_too() -> None:
    """It once was on only where the average true range was below 2.0 in units of price."""
    dear = a_context(
        entry_price=64_000.0,
        initial_stop=63_360.0,
        stop=63_360.0,
        mark=65_280.0,
        best=65_280.0,
        worst=64_000.0,
        plan=RUNNER,
    )
    assert stop_at(stops.atr_trail, dear) == pytest.approx(65_280.0 - 512.0)


@pytest.mark.parametrize(
    ("best", "expected"),
    [(100.984375, None), (101.0, 99.5), (102.0, 100.5), (102.984375, 101.484375), (103.0, 102.0)],
)
def test_the_trail_of_the_plan_tightens_with_r(best: float, expected: float | None) -> None:
    found = stop_at(stops.callback_trail, at(best, plan=RUNNER))
    assert found == (None if expected is None else pytest.approx(expected))


def test_the_trail_of_the_plan_follows_the_best_price_and_not_the_mark() -> None:
    assert stop_at(stops.callback_trail, at(102.5, best=103.0, plan=RUNNER)) == pytest.approx(102.0)
    assert stop_at(stops.callback_trail, at(101.5, best=103.0, plan=RUNNER)) is None


def test_the_r_of_a_trail_is_that_of_the_first_stop() -> None:
    wide = at(101.984375, plan=RUNNER, initial_stop=98.0, stop=98.0)
    assert stop_at(stops.callback_trail, wide) is None
    assert stop_at(stops.callback_trail, changed(wide, best=102.0)) == pytest.approx(100.5)
    tightened = changed(wide, mark=106.0, best=106.0)
    assert stop_at(stops.callback_trail, tightened) == pytest.approx(105.0)


def test_a_move_says_what_it_looked_at() -> None:
    trail = stops.callback_trail(at(103.0, plan=RUNNER, initial_stop=98.0, stop=98.0), SETTINGS)
    back = stops.giveback(at(101.0, best=104.0), SETTINGS)
    assert trail is not None
    assert back is not None
    assert dict(trail.values) == {"best": 103.0, "best_r": 1.5}
    assert trail.reason == "1.50 % behind the best price"
    assert dict(back.values) == {"best": 104.0, "given_frac": 0.75}
    assert back.reason == "75 % of the best profit was given back"


def test_a_plan_without_a_trail_is_not_trailed() -> None:
    assert stop_at(stops.callback_trail, at(105.0, plan=a_plan())) is None


def test_a_challenge_trails_by_ranges_where_they_are_known() -> None:
    trail = TrailSpec(callback_frac=0.02, activation_r=1.0)
    running = at(101.5, plan=a_runner_plan(trail, profile="CHALLENGE_100"), stop=99.25)
    assert stop_at(stops.callback_trail, running) == pytest.approx(100.7)
    assert stop_at(stops.callback_trail, changed(running, market=None)) == pytest.approx(99.5)


def test_giving_back_half_of_the_best_profit_tightens_the_stop() -> None:
    # Half a per cent behind the best price is 100.75, and one R was reached.
    assert stop_at(stops.giveback, at(100.640625, best=101.25)) is None
    assert stop_at(stops.giveback, at(100.5, best=101.0)) == pytest.approx(100.45, abs=0.05)
    assert stop_at(stops.giveback, at(100.4375, best=100.984375)) is None


def test_a_giveback_that_can_still_stand_behind_the_best_price_does() -> None:
    early = StopSettings(giveback_frac=0.25)
    assert stop_at(stops.giveback, at(101.0, best=101.34375), early) == pytest.approx(100.84375)


def test_a_giveback_the_market_ran_through_stands_as_near_as_a_stop_can() -> None:
    # Half a per cent behind the best price would be 103.5, above the mark.
    price = stop_at(stops.giveback, at(102.0, best=104.0))
    assert price == pytest.approx(102.0 - 0.01 - 2 * TICK)


def running(**changes: Any) -> ExitContext:
    """A runner whose stop every rule wants to move."""
    usual: dict[str, Any] = {"stage": 2, "targets": (101.0,), "plan": RUNNER}
    return at(changes.pop("mark", 101.75), changes.pop("best", 104.0), **{**usual, **changes})


@pytest.mark.parametrize("rule", FOLLOWERS)
def test_a_stop_that_follows_does_not_move_at_every_look(rule: StopRule) -> None:
    free = running(mark=103.8 if rule is not stops.giveback else 101.75)
    assert stop_at(rule, free) is not None
    for waited_ms, moves in ((4_999, False), (5_000, True)):
        memory = ExitMemory(stop_moved_ms=NOW_MS - waited_ms)
        assert (stop_at(rule, changed(free, memory=memory)) is not None) == moves


@pytest.mark.parametrize("rule", FOLLOWERS)
def test_a_stop_that_follows_moves_by_a_worthwhile_way(rule: StopRule) -> None:
    free = running(mark=103.8 if rule is not stops.giveback else 101.75)
    price = stop_at(rule, free)
    assert price is not None
    assert stop_at(rule, changed(free, stop=price - 0.04)) is None
    assert stop_at(rule, changed(free, stop=price - 0.06)) == price


@pytest.mark.parametrize("rule", STEPS + FOLLOWERS)
@pytest.mark.parametrize("field", ["mark", "stop"])
def test_without_a_mark_or_a_stop_nothing_is_moved(rule: StopRule, field: str) -> None:
    assert stop_at(rule, changed(running(), **{field: None})) is None


@pytest.mark.parametrize("rule", FOLLOWERS)
def test_where_r_is_not_defined_nothing_follows_it(rule: StopRule) -> None:
    assert stop_at(rule, running(mark=103.8, initial_stop=100.0)) is None


@given(exit_contexts())
def test_a_stop_only_tightens_and_never_triggers_at_once(context: ExitContext) -> None:
    for rule in STEPS + FOLLOWERS:
        price = stop_at(rule, context)
        if price is None:
            continue
        assert context.stop is not None
        assert context.mark is not None
        tick = float(context.instrument.tick)
        assert context.sign * (price - context.stop) >= tick * 0.999
        room = context.spread_frac * context.entry_price + tick
        assert context.sign * (context.mark - price) > room * 0.999


@given(exit_contexts(), st.integers(1, 500))
def test_a_worse_mark_leaves_the_stop_that_the_best_price_earned(
    context: ExitContext, lower_bps: int
) -> None:
    if context.mark is None:
        return
    worse = context.mark - context.sign * context.entry_price * lower_bps / 10_000
    for rule in (*STEPS, stops.profit_lock, stops.atr_trail, stops.callback_trail):
        price, then = stop_at(rule, context), rule(changed(context, mark=worse), SETTINGS)
        if price is None or then is None:
            continue
        assert then.price == price


@given(exit_contexts(), st.integers(1, 500))
def test_a_better_best_price_never_asks_for_a_looser_stop(
    context: ExitContext, higher_bps: int
) -> None:
    best = context.best + context.sign * context.entry_price * higher_bps / 10_000
    for rule in (*STEPS, stops.profit_lock, stops.atr_trail, stops.callback_trail):
        price, then = stop_at(rule, context), rule(changed(context, best=best), SETTINGS)
        if price is not None and then is not None and then.price is not None:
            assert context.sign * (then.price - price) >= -1e-9 * price


def locking(mark: float, **changes: Any) -> float | None:
    """Where the lock of 100/512, which a float holds, puts the stop; no spread, a tick of 1/64."""
    settings = StopSettings(lock_frac=1 / 512, move_min_frac=1 / 512)
    context = a_context(mark=mark, best=102.0, spread_frac=0.0, **changes)
    decision = stops.profit_lock(context, settings)
    return None if decision is None else decision.price


def test_a_tick_between_mark_and_stop_is_too_little_and_more_is_enough() -> None:
    locked = 100.0 + 100.0 / 512
    assert locking(locked + TICK) is None
    assert locking(locked + 2 * TICK) == locked


def test_a_stop_moves_by_exactly_the_least_it_may() -> None:
    assert locking(102.0, stop=100.0) == 100.0 + 100.0 / 512
    assert locking(102.0, stop=100.0 + TICK) is None
