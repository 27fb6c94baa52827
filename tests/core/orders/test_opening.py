"""Intents that open nothing: to be flat, a second time, and long ago refused."""

from decimal import Decimal

import msgspec
import pytest

from quantum_trader.core.events import IntentApplied, IntentSkipped
from tests.support import (
    MINUTE_MS,
    NOON_MS,
    Desk,
    a_candle,
    an_intent,
    drain,
    refused_by,
    some_rules,
)


def skipped(desk: Desk) -> list[str]:
    return [one.kind for one in desk.take(IntentSkipped) if isinstance(one, IntentSkipped)]


def test_an_intent_to_be_flat_that_comes_twice_closes_once() -> None:
    desk = Desk()
    desk.open(60_000.0)
    flat = an_intent("FLAT", NOON_MS + 1)
    desk.tell(flat, flat)
    assert len(desk.commands("exit")) == 1
    assert skipped(desk) == ["duplicate"]


def test_an_intent_to_be_flat_closes_a_position_that_no_plan_owns() -> None:
    desk = Desk(msgspec.structs.replace(some_rules(), instruments={}))
    desk.hand("SELL", "0.030", 60_000)
    desk.tell(an_intent("FLAT"))
    (answer,), (leave,) = desk.take(IntentApplied), desk.commands("exit")
    assert isinstance(answer, IntentApplied)
    assert (answer.status, answer.reason) == ("closing", "closing a position that no plan owns")
    assert (leave.order.side, leave.order.qty, leave.order.reduce_only, leave.reason) == (
        "BUY",
        Decimal("0.030"),
        True,
        "flat_intent",
    )


def test_an_intent_to_be_flat_where_nothing_is_open_is_skipped() -> None:
    desk = Desk()
    desk.tell(an_intent("FLAT"))
    assert skipped(desk) == ["nothing_to_close"]


def test_an_intent_before_anybody_has_said_by_which_rules_is_refused_and_may_come_again() -> None:
    desk = Desk()
    rules, desk.state.rules = desk.state.rules, None
    assert rules is not None
    desk.tell(a_candle(60_000.0), an_intent())
    assert refused_by(desk.said[-1]) == {"rules_known"}
    desk.adopt(rules)
    desk.tell(an_intent())
    assert len(desk.commands("entry")) == 1


def test_an_intent_during_safe_drain_is_skipped_and_is_no_entry_when_it_comes_again() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), drain(on=True), an_intent())
    assert skipped(desk) == ["safe_drain"]
    desk.tell(drain(on=False), an_intent())
    assert skipped(desk) == ["safe_drain", "duplicate"]
    assert not desk.commands("entry")


@pytest.mark.parametrize("side", ["HOLD", "LONG"])
def test_an_intent_that_came_to_nothing_is_remembered_for_as_long_as_it_is_young(
    side: str,
) -> None:
    rules = some_rules()
    young_ms = rules.limits.intent_age_ms_max + rules.limits.intent_future_ms_max
    desk = Desk(rules)
    desk.tell(an_intent(side, signal_id="first"))  # nothing is known of its market
    (first,) = desk.state.refused
    desk.tell(a_candle(60_000.0, NOON_MS + MINUTE_MS))
    desk.tell(an_intent(side, NOON_MS + MINUTE_MS, signal_id="second", symbol="ETHUSDT"))
    at_ms = NOON_MS + young_ms + 2 * MINUTE_MS
    desk.second(at_ms)
    desk.tell(an_intent(side, at_ms, signal_id="third", symbol="ETHUSDT"))
    assert first not in desk.state.refused
    assert len(desk.state.refused) == 1, "only the third is young"
