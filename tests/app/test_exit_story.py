"""How a position is left, in sentences: for `quantum explain`, and shortened for the report."""

from decimal import Decimal
from typing import get_args

import pytest

from quantum_trader.app.report.exit_story import (
    STEPS_LEAST,
    STEPS_MAX,
    STEPS_OF_ALL,
    exit_stories,
    exit_story,
)
from quantum_trader.app.story import tell
from quantum_trader.app.story.exits import ExitFact, sentence
from quantum_trader.core import events as ev
from quantum_trader.core.exits.decision import DecisionKind
from quantum_trader.core.exits.plan import LegKind
from quantum_trader.streams import EXPLAIN, STREAMS, read_by
from tests.app.exit_facts import a_leg, decided, planned, proposed, scored
from tests.support import NOON_MS


def test_a_plan_is_told_with_every_leg_and_every_step_of_its_trail() -> None:
    assert sentence(planned()).splitlines() == [
        "to be left by TREND_DEFAULT (standard ladder, risk normal, market range bound): it fits",
        "  stop 100 % at -2.00 % (-1.00 R): stop",
        "  target 25 % at +1.00 % (+0.50 R): target 1 of 3",
        "  runner 35 % trailing 2.00 % behind the best price from 1.50 R, 1.50 % from 3.00 R, "
        "1.00 % from 5.00 R: the rest runs",
    ]


def test_an_adopted_position_says_so_and_what_had_to_be_assumed() -> None:
    text = sentence(planned(adopted=True, assumed=("initial_stop", "regime")))
    assert "somebody else opened it" in text
    assert "not known and taken as usual: initial stop, regime" in text
    assert "somebody" not in sentence(planned())
    assert "not known" not in sentence(planned())


def test_a_locked_profit_is_a_stop_with_a_plus() -> None:
    lock = a_leg("SL", size_frac=1.0, trigger_frac=0.002, r_multiple=None, reason="locked in")
    assert "stop 100 % at +0.20 %: locked in" in sentence(planned(legs=(lock,)))


def test_an_emergency_leaves_at_once() -> None:
    leg = a_leg("EMERGENCY", size_frac=1.0, trigger_frac=None, r_multiple=None, reason="now")
    assert "emergency 100 % at once: now" in sentence(planned(legs=(leg,)))


@pytest.mark.parametrize(
    ("fact", "text"),
    [
        (
            decided(),
            "break even moves the stop to 60054.0 at +0.46 R, +12.36 USDT (price 60600.5): "
            "break-even after stage 1",
        ),
        (
            decided(
                "REDUCE", rule="harvest", frac=0.25, qty=Decimal("0.02"), stage=2, reason="4 R"
            ),
            "harvest sells 25 % of what was entered (0.02), step 2 of the ladder, at +0.46 R, "
            "+12.36 USDT (price 60600.5): 4 R",
        ),
        (
            decided("CLOSE", rule="kill_score", reason="twice over 0.60", pnl_usd=Decimal("-3.2")),
            "kill score leaves with everything at +0.46 R, -3.20 USDT (price 60600.5): "
            "twice over 0.60",
        ),
        (
            decided("CLOSE", rule="blind", reason="no price", mark=None, r_net=None, pnl_usd=None),
            "blind leaves with everything at an unknown price: no price",
        ),
    ],
)
def test_every_decision_is_told_with_its_reason_and_the_r_and_money_of_the_moment(
    fact: ev.ExitDecided, text: str
) -> None:
    assert sentence(fact) == text


@pytest.mark.parametrize("kind", get_args(DecisionKind))
def test_what_could_not_be_begun_says_so_and_why(kind: str) -> None:
    text = sentence(decided(kind, frac=0.25, done=False, note="an order is on its way"))
    assert text.endswith("; not begun: an order is on its way")
    assert any(word in text for word in ("wanted", "held"))
    assert "moves" not in text
    assert "sells" not in text
    assert "leaves" not in text


def test_a_kill_score_is_told_with_what_it_is_made_of() -> None:
    quiet = "kill score 0.63, wants out from 0.60 (0.71 by the recorded formula): "
    assert sentence(scored()) == f"{quiet}regime flip 1.00, sigma spike 0.25"
    assert sentence(scored(1)).endswith("; over its threshold once")
    assert sentence(scored(3)).endswith("; over its threshold 3 times in a row")


def test_a_step_by_r_is_told_with_the_heat_of_the_book_where_it_is_known() -> None:
    text = "step 2 of the ladder by R is reached at +4.02 R (from 4.00 R on): 25 % of what was"
    assert sentence(proposed()).startswith(text)
    assert "heat" not in sentence(proposed())
    assert sentence(proposed(0.5)).endswith("heat of the book 0.50")


def test_every_fact_on_the_streams_of_exits_has_a_sentence_in_the_story() -> None:
    facts: list[ExitFact] = [planned(), decided(), scored(), proposed()]
    streams = [STREAMS["exitbrain.decision"], STREAMS["harvest.proposal"]]
    assert {type(fact) for fact in facts} == {kind for row in streams for kind in row.facts}
    assert {row.key for row in streams} <= set(read_by(EXPLAIN))
    story = tell([facts])
    assert story is not None
    assert [line.text for line in story.lines] == [sentence(fact) for fact in facts]


@pytest.mark.parametrize("kind", get_args(LegKind))
def test_every_kind_of_leg_has_a_name(kind: str) -> None:
    trail = planned().plan.trail if kind == "TRAIL" else None
    assert "target 1 of 3" in sentence(planned(legs=(a_leg(kind, trail=trail),)))


def moves(number: int, rule: str = "callback_trail") -> list[ev.ExitDecided]:
    """So many moves of the stop by one rule, a second and a dollar apart."""
    return [
        decided(rule=rule, at_ms=NOON_MS + 1_000 * each, price=Decimal(60_000 + each))
        for each in range(number)
    ]


def test_a_rule_that_moves_the_stop_again_and_again_is_told_once() -> None:
    first, step, last = exit_story([planned(), *moves(5), decided("CLOSE", rule="blind")])
    assert [first.kind, step.kind, last.kind] == ["fact", "move_stop", "close"]
    assert step.t == NOON_MS
    assert "moves the stop to 60000 at" in step.text
    assert step.text.endswith("; and 4 times more, at last to 60004 at +0.46 R, +12.36 USDT "
                              "(price 60600.5)")  # fmt: skip
    assert "and once more, at last to 60001" in exit_story(moves(2))[0].text
    assert "more" not in exit_story(moves(1))[0].text


def test_moves_by_two_rules_or_with_a_sale_between_stay_apart() -> None:
    assert len(exit_story([*moves(3), *moves(3, "giveback")])) == 2
    assert len(exit_story([*moves(3), decided("REDUCE", frac=0.25), *moves(3)])) == 3
    refused = [decided(done=False, note="no room") for _ in range(2)]
    assert len(exit_story([*moves(2, "break_even"), *refused])) == 2


def long(steps: int) -> list[ExitFact]:
    """A position whose story has so many steps."""
    pairs: list[ExitFact] = [each for _ in range(steps) for each in (decided(), scored(1))]
    return [planned(), *pairs[: steps - 1]]


def test_a_long_story_keeps_its_plan_and_its_end_and_says_what_is_left_out() -> None:
    facts = long(121)
    (story,) = exit_stories([facts])
    assert len(story) == STEPS_MAX
    assert story[0].text == sentence(facts[0])
    assert story[1].text == "82 steps are left out here"
    assert story[-1].text == sentence(facts[-1])
    (whole,) = exit_stories([facts[:STEPS_MAX]])
    assert len(whole) == STEPS_MAX
    assert not [step for step in whole if "left out" in step.text]


def test_many_long_stories_are_cut_and_short_ones_among_them_are_not() -> None:
    stories = exit_stories([*[long(30)] * 200, *[long(5)] * 100])
    lengths = [len(story) for story in stories]
    assert sum(lengths) <= STEPS_OF_ALL
    assert lengths[200:] == [5] * 100
    assert set(lengths[:200]) == {(STEPS_OF_ALL - 500) // 200}
    assert len(exit_stories([long(30)] * 2_000)[0]) == STEPS_LEAST
