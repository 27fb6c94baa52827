"""Guards: every one can act, can stay silent, says the same for both sides, and never lets go."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from quantum_trader.core.exits import guards
from quantum_trader.core.exits.context import ExitContext, ExitMemory
from quantum_trader.core.exits.decision import Decision
from quantum_trader.core.exits.settings import GuardSettings
from tests.core.exits.contexts import (
    MINUTE_MS,
    NOW_MS,
    a_context,
    a_leg,
    a_plan,
    changed,
    exit_contexts,
    mirror,
)

SETTINGS = GuardSettings()
Guard = Callable[[ExitContext, GuardSettings], Decision | None]
GUARDS: tuple[Guard, ...] = (
    guards.emergency,
    guards.crossed_stop,
    guards.near_liquidation,
    guards.loss_guard,
    guards.blind,
    guards.funding_due,
    guards.time_exit,
    guards.challenge_late,
)
NOTHING_KNOWN: dict[str, Any] = {
    "market": None,
    "market_at_entry": None,
    "funding_rate_frac": None,
    "next_funding_ms": None,
    "performance": None,
    "divergence": None,
    "heat": None,
    "confidence": None,
}


def said(guard: Guard, context: ExitContext) -> str | None:
    """What a guard wants of a moment, and of its mirror, which has to be the same."""
    decision, mirrored = guard(context, SETTINGS), guard(mirror(context), SETTINGS)
    kind = None if decision is None else decision.kind
    assert kind == (None if mirrored is None else mirrored.kind)
    return kind


@pytest.mark.parametrize("guard", GUARDS)
def test_a_guard_has_nothing_to_say_about_a_healthy_position(guard: Guard) -> None:
    assert said(guard, a_context(mark=100.5, best=100.5, targets=(101.0, 102.0))) is None


def test_the_emergency_stop_leaves_whatever_the_price() -> None:
    assert said(guards.emergency, a_context(risk_mode="ESS_ACTIVE", mark=None)) == "CLOSE"
    assert said(guards.emergency, a_context(risk_mode="CRITICAL")) is None


def test_a_plan_to_leave_at_once_is_carried_out() -> None:
    plan = a_plan(legs=(a_leg("EMERGENCY", 1.0, None),))
    assert said(guards.emergency, a_context(plan=plan)) == "CLOSE"


def waiting(ms: int, **changes: Any) -> ExitContext:
    return a_context(memory=ExitMemory(crossed_ms=NOW_MS - ms), **{"mark": 98.9, **changes})


def test_a_stop_that_was_crossed_and_not_filled_is_replaced_by_a_close() -> None:
    assert said(guards.crossed_stop, waiting(2_999)) is None
    assert said(guards.crossed_stop, waiting(3_000)) == "CLOSE"
    assert said(guards.crossed_stop, waiting(3_000, mark=99.0)) == "CLOSE"


def test_a_mark_that_came_back_leaves_the_stop_its_work() -> None:
    assert said(guards.crossed_stop, waiting(60_000, mark=99.1)) is None


def test_the_first_look_at_a_crossed_stop_only_starts_the_clock() -> None:
    assert said(guards.crossed_stop, a_context(mark=98.0)) is None


def test_without_mark_or_stop_nothing_is_crossed() -> None:
    assert said(guards.crossed_stop, waiting(60_000, mark=None)) is None
    assert said(guards.crossed_stop, waiting(60_000, stop=None)) is None


def toward_liquidation(gone_frac: float, **changes: Any) -> ExitContext:
    """Liquidation at 84, so the way is 16; by default all of the position still stands."""
    return a_context(mark=100.0 - 16.0 * gone_frac, **{"stop": 85.0, **changes})


def test_on_the_way_to_liquidation_half_of_the_position_leaves() -> None:
    assert said(guards.near_liquidation, toward_liquidation(0.6)) is None
    decision = guards.near_liquidation(toward_liquidation(0.65625), SETTINGS)
    assert decision is not None
    assert (decision.kind, decision.frac) == ("REDUCE", 0.5)


def test_before_liquidation_everything_leaves() -> None:
    assert said(guards.near_liquidation, toward_liquidation(0.796875)) == "REDUCE"
    assert said(guards.near_liquidation, toward_liquidation(0.8125)) == "CLOSE"
    assert said(guards.near_liquidation, toward_liquidation(1.5)) == "CLOSE"


def test_the_cut_is_made_once_however_often_the_moment_is_looked_at() -> None:
    assert said(guards.near_liquidation, toward_liquidation(0.7, qty=4.0)) is None
    decision = guards.near_liquidation(toward_liquidation(0.7, qty=5.0), SETTINGS)
    assert decision is not None
    assert decision.frac == 0.125


def test_a_cut_that_would_leave_a_crumb_takes_it_too() -> None:
    assert said(
        guards.near_liquidation, toward_liquidation(0.7, qty=0.03125, initial_qty=0.03125)
    ) == ("REDUCE")
    assert (
        said(guards.near_liquidation, toward_liquidation(0.7, qty=0.01, initial_qty=0.01)) is None
    )
    settings = GuardSettings(liquidation_cut_frac=0.75)
    tiny = toward_liquidation(0.7, qty=0.03125, initial_qty=0.03125)
    decision = guards.near_liquidation(tiny, settings)
    assert decision is not None
    assert decision.kind == "CLOSE"


def test_a_cut_needs_to_know_what_was_entered() -> None:
    assert said(guards.near_liquidation, toward_liquidation(0.75, initial_qty=0.0)) is None
    assert said(guards.near_liquidation, toward_liquidation(0.9, initial_qty=0.0)) == "CLOSE"


def test_the_governor_acts_at_its_fractions_and_says_them() -> None:
    settings = GuardSettings(liquidation_reduce_frac=0.5, liquidation_close_frac=0.75)
    for gone_frac, kind in ((0.5, "REDUCE"), (0.734375, "REDUCE"), (0.75, "CLOSE"), (2.0, "CLOSE")):
        decision = guards.near_liquidation(toward_liquidation(gone_frac), settings)
        assert decision is not None
        assert decision.kind == kind
        assert dict(decision.values)["way_gone_frac"] == min(gone_frac, 1.0)
        assert f"{100 * min(gone_frac, 1.0):.1f} %" in decision.reason


def test_the_way_to_liquidation_is_as_long_for_a_cheap_market() -> None:
    cheap = a_context(
        entry_price=0.125,
        initial_stop=0.115,
        stop=0.106,
        liquidation_price=0.105,
        mark=0.111,
        best=0.125,
        worst=0.111,
    )
    assert said(guards.near_liquidation, cheap) == "REDUCE"


def test_a_position_that_would_be_liquidated_before_its_stop_is_left() -> None:
    assert said(guards.near_liquidation, a_context(stop=83.0, mark=None)) == "CLOSE"
    assert said(guards.near_liquidation, a_context(stop=84.0)) == "CLOSE"
    assert said(guards.near_liquidation, a_context(stop=84.5)) is None


def test_a_liquidation_price_in_profit_is_guarded_by_the_stop_before_it() -> None:
    safe = a_context(liquidation_price=101.0, stop=102.0, mark=104.0, best=104.0)
    assert said(guards.near_liquidation, safe) is None
    assert said(guards.near_liquidation, changed(safe, mark=101.0)) == "CLOSE"
    assert said(guards.near_liquidation, changed(safe, mark=100.5)) == "CLOSE"


def test_what_cannot_be_liquidated_needs_no_governor() -> None:
    assert said(guards.near_liquidation, a_context(liquidation_price=None, mark=1.0)) is None


def test_a_loss_beyond_one_and_a_half_r_is_left() -> None:
    assert said(guards.loss_guard, a_context(mark=98.515625)) is None
    assert said(guards.loss_guard, a_context(mark=98.5)) == "CLOSE"


def test_a_loss_is_told_in_r_and_of_the_price() -> None:
    decision = guards.loss_guard(a_context(initial_stop=99.5, mark=98.0), SETTINGS)
    assert decision is not None
    assert dict(decision.values) == {"lost_frac": 0.02, "mark": 98.0, "lost_r": 4.0}
    assert "2.00 % of its price, 4.00 R" in decision.reason
    assert said(guards.loss_guard, a_context(initial_stop=99.5, mark=99.25)) == "CLOSE"


def test_a_loss_of_an_eighth_of_the_price_is_left_though_the_stop_is_wide() -> None:
    wide = a_context(initial_stop=50.0, stop=50.0)
    assert said(guards.loss_guard, changed(wide, mark=87.515625)) is None
    assert said(guards.loss_guard, changed(wide, mark=87.5)) == "CLOSE"


def test_a_loss_is_seen_though_r_is_not_defined() -> None:
    flat = a_context(initial_stop=100.0)
    assert said(guards.loss_guard, changed(flat, mark=99.0)) is None
    assert said(guards.loss_guard, changed(flat, mark=87.0)) == "CLOSE"


def test_protection_acts_on_losers_and_asks_no_profit_first() -> None:
    """A minimum of R before everything else once kept every loser from being closed."""
    loser = a_context(mark=80.0, **NOTHING_KNOWN)
    assert said(guards.loss_guard, loser) == "CLOSE"
    assert said(guards.near_liquidation, loser) == "CLOSE"


def test_without_a_fresh_mark_for_ten_minutes_the_position_is_left() -> None:
    assert said(guards.blind, a_context(mark=None, mark_age_ms=599_999)) is None
    assert said(guards.blind, a_context(mark=None, mark_age_ms=600_000)) == "CLOSE"
    assert said(guards.blind, a_context(mark=100.0, mark_age_ms=600_000)) is None


def test_a_mark_that_never_came_is_missed_from_the_making_of_the_plan() -> None:
    old = a_context(mark=None, mark_age_ms=None)
    assert said(guards.blind, old) == "CLOSE"
    young = a_plan(created_ms=NOW_MS - MINUTE_MS)
    assert said(guards.blind, changed(old, plan=young)) is None


def test_an_adopted_position_has_its_time_to_be_seen() -> None:
    adopted = a_plan(created_ms=NOW_MS - MINUTE_MS, adopted=True)
    assert said(guards.blind, a_context(mark=None, mark_age_ms=7_200_000, plan=adopted)) is None


def before_funding(rate_frac: float, **changes: Any) -> ExitContext:
    usual: dict[str, Any] = {
        "funding_rate_frac": rate_frac,
        "next_funding_ms": NOW_MS + MINUTE_MS,
        "targets": (101.0, 102.0),
        "mark": 101.75,
    }
    return a_context(**{**usual, **changes})


def test_funding_that_costs_more_than_is_left_to_earn_is_not_paid() -> None:
    # 0.25 % to the last target, 0.05 % of it for fee and spread: 0.2 % is left.
    assert said(guards.funding_due, before_funding(0.0019)) is None
    assert said(guards.funding_due, before_funding(0.0021)) == "CLOSE"


def test_funding_is_told_with_the_edge_it_was_weighed_against() -> None:
    decision = guards.funding_due(before_funding(0.004), SETTINGS)
    assert decision is not None
    assert dict(decision.values) == {"funding_frac": 0.004, "edge_frac": pytest.approx(0.002)}
    assert "funding of 0.400 % is due and only 0.200 % is left" in decision.reason


def test_funding_that_is_received_never_leaves() -> None:
    for rate_frac in (0.0, -0.01):
        beyond = before_funding(rate_frac, mark=103.0)
        assert said(guards.funding_due, beyond) is None


def test_funding_is_signed_by_the_side_of_the_position() -> None:
    short = mirror(before_funding(0.0021))
    assert guards.funding_due(short, SETTINGS) is not None
    assert guards.funding_due(changed(short, funding_rate_frac=0.0021), SETTINGS) is None
    assert said(guards.funding_due, before_funding(-0.0021)) is None


def test_funding_is_weighed_shortly_before_it_is_settled_and_not_after() -> None:
    due = before_funding(0.01)
    assert said(guards.funding_due, changed(due, next_funding_ms=NOW_MS + 300_000)) == "CLOSE"
    assert said(guards.funding_due, changed(due, next_funding_ms=NOW_MS + 300_001)) is None
    assert said(guards.funding_due, changed(due, next_funding_ms=NOW_MS)) == "CLOSE"
    assert said(guards.funding_due, changed(due, next_funding_ms=NOW_MS - 1)) is None


def test_funding_has_no_opinion_without_a_target_ahead() -> None:
    assert said(guards.funding_due, before_funding(0.01, targets=())) is None
    assert said(guards.funding_due, before_funding(0.01, stage=2)) is None
    assert said(guards.funding_due, before_funding(0.01, stage=1)) == "CLOSE"


@pytest.mark.parametrize("field", ["mark", "funding_rate_frac", "next_funding_ms"])
def test_funding_that_is_not_known_is_not_guessed(field: str) -> None:
    assert said(guards.funding_due, changed(before_funding(0.01), **{field: None})) is None


def test_the_age_of_a_position_counts_from_its_opening() -> None:
    """Measured from its last update, it once was always about zero."""
    old = a_context(opened_ms=NOW_MS - 240 * MINUTE_MS)
    assert said(guards.time_exit, old) == "CLOSE"
    assert said(guards.time_exit, changed(old, opened_ms=old.opened_ms + 1)) is None
    assert said(guards.time_exit, changed(old, mark=None, stop=None)) == "CLOSE"


def test_a_challenge_must_harvest_within_two_hours() -> None:
    late = a_context(
        opened_ms=NOW_MS - 120 * MINUTE_MS, plan=a_plan(profile="CHALLENGE_100"), mark=None
    )
    assert said(guards.challenge_late, late) == "CLOSE"
    assert said(guards.challenge_late, changed(late, opened_ms=late.opened_ms + 1)) is None
    assert said(guards.challenge_late, changed(late, stage=1)) is None
    assert said(guards.challenge_late, changed(late, plan=a_plan())) is None


def test_guards_about_price_need_the_mark_and_the_position_alone() -> None:
    assert said(guards.loss_guard, a_context(mark=98.0, stop=None, **NOTHING_KNOWN)) == "CLOSE"
    assert (
        said(guards.near_liquidation, toward_liquidation(0.9, stop=None, **NOTHING_KNOWN))
        == "CLOSE"
    )
    assert (
        said(guards.near_liquidation, toward_liquidation(0.7, stop=None, **NOTHING_KNOWN))
        == "REDUCE"
    )


@pytest.mark.parametrize(
    ("guard", "moment", "words"),
    [
        (guards.crossed_stop, waiting(4_500), "for 4.5 s"),
        (guards.blind, a_context(mark=None, mark_age_ms=700_000), "for 600 s"),
        (guards.time_exit, a_context(opened_ms=NOW_MS - 250 * MINUTE_MS), "for 250 minutes"),
        (
            guards.challenge_late,
            a_context(opened_ms=NOW_MS - 130 * MINUTE_MS, plan=a_plan(profile="CHALLENGE_100")),
            "within 130 minutes",
        ),
    ],
)
def test_times_are_told_in_units_of_people(guard: Guard, moment: ExitContext, words: str) -> None:
    decision = guard(moment, SETTINGS)
    assert decision is not None
    assert words in decision.reason


@given(context=exit_contexts(), lower_bps=st.integers(1, 2_000))
def test_a_worse_mark_never_loosens_a_guard(context: ExitContext, lower_bps: int) -> None:
    assume(context.mark is not None)
    worse = (context.mark or 0.0) - context.sign * context.entry_price * lower_bps / 10_000
    assume(worse > 0.0)
    then = changed(context, mark=worse)
    for guard in (guards.crossed_stop, guards.near_liquidation, guards.loss_guard):
        assert strength(guard, context) <= strength(guard, then)


def strength(guard: Guard, context: ExitContext) -> int:
    decision = guard(context, SETTINGS)
    return 0 if decision is None else {"REDUCE": 1, "CLOSE": 2}[decision.kind]
