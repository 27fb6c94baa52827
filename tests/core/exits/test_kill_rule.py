"""The kill rule: when the score makes a position leave, and that it can do nothing else."""

from hypothesis import given

from quantum_trader.core.exits.context import ExitContext, ExitMemory, MarketPicture
from quantum_trader.core.exits.kill_score import KillComponents, kill, next_memory
from quantum_trader.core.exits.settings import KillSettings
from tests.core.exits.contexts import (
    MINUTE_MS,
    NOW_MS,
    changed,
    exit_contexts,
    mirror,
    scaled,
)
from tests.core.exits.kill_cases import STORM, USUAL, WITH, a_moment, score_of


def later(context: ExitContext, market: MarketPicture | None) -> ExitContext:
    """A minute later, with the memory of the moment before."""
    return changed(
        context,
        memory=next_memory(context, USUAL),
        market=market,
        market_ms=context.market_ms + MINUTE_MS,
        now_ms=context.now_ms + MINUTE_MS,
    )


def test_one_bad_market_state_is_not_enough_and_two_in_a_row_are() -> None:
    first = a_moment(STORM)
    second = later(first, STORM)
    assert kill(first, USUAL) is None
    decision = kill(second, USUAL)
    assert decision is not None
    assert (decision.kind, decision.rule) == ("CLOSE", "kill_score")
    values = dict(decision.values)
    assert values["score"] == score_of(second) >= values["threshold"] == 0.6
    assert values["streak"] == 2.0
    assert set(KillComponents.__struct_fields__) <= set(values)
    assert "2 market states in a row" in decision.reason
    assert "sigma_spike 2.00" in decision.reason


def test_a_market_state_that_is_looked_at_often_counts_once() -> None:
    moment = a_moment(STORM)
    for _ in range(10):
        assert kill(moment, USUAL) is None
        moment = changed(moment, memory=next_memory(moment, USUAL), now_ms=moment.now_ms + 1_000)
    assert moment.memory.kill_streak == 1


def test_a_calm_state_in_between_begins_the_count_again() -> None:
    moment = later(later(a_moment(STORM), WITH), STORM)
    assert moment.memory.kill_streak == 0
    assert kill(moment, USUAL) is None
    assert kill(later(moment, STORM), USUAL) is not None


def test_a_missing_state_in_between_neither_counts_nor_forgives() -> None:
    moment = later(later(a_moment(STORM), None), STORM)
    assert moment.memory.kill_streak == 1
    assert kill(moment, USUAL) is not None


def test_a_young_position_is_left_alone_and_not_a_moment_longer() -> None:
    second = later(a_moment(STORM), STORM)
    young = changed(second, opened_ms=second.now_ms - USUAL.hold_min_ms + 1)
    grown = changed(second, opened_ms=second.now_ms - USUAL.hold_min_ms)
    assert kill(young, USUAL) is None
    assert kill(grown, USUAL) is not None


def test_what_waited_for_the_minimum_time_leaves_without_a_new_market_state() -> None:
    opened_ms = NOW_MS - USUAL.hold_min_ms + 90_000
    second = later(a_moment(STORM, opened_ms=opened_ms), STORM)
    assert kill(second, USUAL) is None
    waited = changed(second, memory=next_memory(second, USUAL), now_ms=second.now_ms + 30_000)
    assert kill(waited, USUAL) is not None


def test_a_score_below_the_threshold_does_not_leave_on_an_old_streak() -> None:
    moment = a_moment(WITH, memory=ExitMemory(kill_streak=3, kill_at_ms=NOW_MS - MINUTE_MS))
    assert kill(moment, USUAL) is None


def test_a_kill_score_that_is_off_is_silent_and_counts_nothing() -> None:
    off = KillSettings(enabled=False)
    second = later(later(a_moment(STORM), STORM), STORM)
    assert kill(second, USUAL) is not None
    assert kill(second, off) is None
    assert next_memory(second, off) == second.memory


@given(exit_contexts())
def test_the_rule_can_only_leave_and_says_the_same_again(context: ExitContext) -> None:
    decision = kill(context, USUAL)
    assert decision is None or decision.kind == "CLOSE"
    kept = changed(context, memory=next_memory(context, USUAL))
    assert kill(kept, USUAL) == decision
    assert next_memory(kept, USUAL) == kept.memory
    assert kill(mirror(context), USUAL) == decision
    assert kill(scaled(context, 8.0), USUAL) == decision


@given(exit_contexts())
def test_the_memory_of_others_is_kept(context: ExitContext) -> None:
    kept = next_memory(context, USUAL)
    assert (kept.stop_moved_ms, kept.crossed_ms) == (
        context.memory.stop_moved_ms,
        context.memory.crossed_ms,
    )
