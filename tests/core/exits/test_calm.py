"""How far price and time may go before a quiet position has to be looked at again."""

from math import inf
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from quantum_trader.core.exits import brain
from quantum_trader.core.exits.brain import calm_of, is_quiet
from quantum_trader.core.exits.calm import Calm
from quantum_trader.core.exits.context import ExitContext, ExitMemory
from quantum_trader.core.exits.plan import TrailSpec
from quantum_trader.core.rules import ExitRules
from tests.core.exits.contexts import (
    MINUTE_MS,
    NOW_MS,
    a_context,
    a_plan,
    a_runner_plan,
    changed,
    exit_contexts,
    mirror,
)
from tests.core.exits.test_waking import BRAIN, QUIET, settings


def calm_at(**changes: Any) -> Calm:
    """The calm of the usual quiet moment, changed."""
    moment = a_context(**(QUIET | changes))
    assert is_quiet(moment, BRAIN)
    calm = calm_of(moment, BRAIN)
    assert calm is not None
    return calm


@given(exit_contexts(), settings, st.data())
def test_within_the_calm_a_quiet_position_stays_quiet(
    context: ExitContext, rules: ExitRules, data: st.DataObject
) -> None:
    quieter = changed(
        context,
        risk_mode="NORMAL",
        stage=0,
        resting=(1, 2, 3),
        opened_ms=NOW_MS - MINUTE_MS,
        memory=ExitMemory(kill_at_ms=context.market_ms, stop_moved_ms=NOW_MS - 4_000),
    )
    for seen in (context, quieter):
        calm = calm_of(seen, rules) if is_quiet(seen, rules) else None
        if calm is not None:
            later = _later(seen, calm, data)
            assert is_quiet(later, rules)


def _later(seen: ExitContext, calm: Calm, data: st.DataObject) -> ExitContext:
    """A later moment of the same position in the calm, as often as not right at its edge."""
    entry, sign = seen.entry_price, seen.sign
    worst = max(calm.worst, sign * entry - 0.3 * entry)
    best = min(calm.best, sign * entry + 0.3 * entry)
    near = st.sampled_from((1e-15, 1e-12, 1e-6, 0.5))
    mark = worst + max(best - worst, 0.0) * data.draw(near)
    top = max(sign * seen.best, best - abs(best - sign * seen.best) * data.draw(near))
    until_ms = min(calm.until_ms, seen.now_ms + 600 * MINUTE_MS)
    waits_ms = st.sampled_from((0, 1, until_ms - seen.now_ms - 1, (until_ms - seen.now_ms) // 2))
    now_ms = seen.now_ms + max(data.draw(waits_ms), 0)
    assume(calm.holds(mark, top, now_ms))
    return changed(seen, mark=sign * mark, best=sign * top, now_ms=now_ms)


def test_the_bounds_of_a_usual_position_are_those_of_its_nearest_rules() -> None:
    """Entry 100, stop 99, one R is 1: the stop below, the first follower above, time at the end."""
    calm = calm_at()
    follow = 100.0 + min(BRAIN.stops.lock_r, BRAIN.stops.giveback_from_r, BRAIN.stops.trail_from_r)
    assert 99.0 < calm.worst == pytest.approx(99.0)
    assert follow > calm.best == pytest.approx(follow)
    assert calm.until_ms > NOW_MS


def test_a_short_is_as_calm_as_its_mirror() -> None:
    short = mirror(a_context(**QUIET))
    calm = calm_of(short, BRAIN)
    assert calm is not None
    assert calm.holds(-(short.mark or 0.0), -short.best, NOW_MS)
    beyond = -(short.stop or 0.0)
    assert not calm.holds(beyond, -short.best, NOW_MS)


@pytest.mark.parametrize(
    ("changes", "until_ms"),
    [
        ({"hold_max_ms": 90 * MINUTE_MS, "opened_ms": NOW_MS}, NOW_MS + 90 * MINUTE_MS),
        (
            {"next_funding_ms": NOW_MS + 60 * MINUTE_MS},
            NOW_MS + 60 * MINUTE_MS - BRAIN.guards.funding_lead_ms,
        ),
        ({"plan": a_plan(expires_ms=NOW_MS + MINUTE_MS)}, NOW_MS + MINUTE_MS),
        (
            {"plan": a_plan(profile="CHALLENGE_100"), "opened_ms": NOW_MS},
            NOW_MS + BRAIN.guards.first_target_ms,
        ),
        (
            {"best": 103.0, "memory": ExitMemory(NOW_MS - MINUTE_MS, NOW_MS - MINUTE_MS, NOW_MS)},
            None,
        ),
    ],
)
def test_what_time_alone_decides_ends_the_calm(
    changes: dict[str, Any], until_ms: int | None
) -> None:
    moment = a_context(**(QUIET | changes))
    if until_ms is None:
        memory = ExitMemory(kill_at_ms=moment.market_ms, stop_moved_ms=NOW_MS)
        moment = changed(moment, memory=memory)
        until_ms = NOW_MS + BRAIN.stops.move_every_ms
    assert is_quiet(moment, BRAIN)
    calm = calm_of(moment, BRAIN)
    assert calm is not None
    assert calm.until_ms == until_ms


def test_a_plan_that_trails_early_is_looked_at_early() -> None:
    calm = calm_at(best=100.25, plan=a_runner_plan(TrailSpec(callback_frac=0.01, activation_r=0.5)))
    assert calm.best == pytest.approx(100.5)


def test_a_way_of_waking_that_nobody_knows_the_calm_of_is_never_calm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert calm_of(a_context(**QUIET), BRAIN) is not None
    for wakes in list(brain.CALMS):
        with monkeypatch.context() as patched:
            patched.delitem(brain.CALMS, wakes)
            assert calm_of(a_context(**QUIET), BRAIN) is None


def test_within_both_is_the_narrower_of_each_bound() -> None:
    assert Calm(1.0, 5.0, 10).within(Calm(2.0, 9.0, 7)) == Calm(2.0, 5.0, 7)
    assert Calm().holds(-1e300, 1e300, 0)
    assert not Calm(worst=1.0).holds(1.0, -inf, 0)
    assert not Calm(best=1.0).holds(2.0, 1.0, 0)
    assert not Calm(until_ms=5).holds(0.0, 0.0, 5)
