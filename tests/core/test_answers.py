"""What becomes of an intent: one answer each, whatever it asks and whenever it comes."""

from decimal import Decimal

from quantum_trader.core.events import (
    DrainSwitched,
    IntentApplied,
    IntentRefused,
    IntentSkipped,
    OrderCommanded,
    PlanMade,
)
from quantum_trader.core.intent_edge import plan_id_of
from quantum_trader.core.state import TraderState
from tests.support import (
    ACCOUNT,
    MINUTE_MS,
    NOON_MS,
    Desk,
    a_candle,
    an_intent,
    kill,
    refused_by,
    some_rules,
)

HOUR_MS = 3_600_000


def drain(on: bool) -> DrainSwitched:
    return DrainSwitched(
        id=f"d{on}", at_ms=NOON_MS, trace_id="", account=ACCOUNT, on=on, who="me", why="test"
    )


def test_an_intent_before_any_rules_is_refused() -> None:
    desk = Desk()
    desk.state = TraderState()
    (answer,) = desk.tell(an_intent())
    assert refused_by(answer) == {"rules_known"}


def test_a_second_intent_for_a_held_symbol_is_refused_with_every_reason() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.tell(a_candle(60_000.0, NOON_MS + MINUTE_MS))
    (answer,) = (
        fact
        for fact in desk.tell(an_intent(at_ms=NOON_MS - HOUR_MS))
        if isinstance(fact, IntentRefused)
    )
    assert refused_by(answer) >= {"one_plan_per_symbol", "fresh"}


def test_the_same_signal_never_makes_a_second_plan_however_late() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.fill(desk.commands("stop")[0], 59_500)
    for target in targets:
        desk.cancel(target)
    later = NOON_MS + 30 * 24 * HOUR_MS
    desk.tell(a_candle(60_000.0, later))
    repeat = an_intent(at_ms=later, signal_id=f"s{NOON_MS}")
    assert plan_id_of(repeat) == plan_id_of(an_intent())
    answer = desk.tell(repeat)[-1]
    assert isinstance(answer, IntentSkipped)
    assert answer.kind == "duplicate"
    assert len(desk.take(PlanMade)) == 1


def test_hold_is_a_counted_skip_and_never_a_plan() -> None:
    desk = Desk()
    answer = desk.tell(a_candle(60_000.0), an_intent("HOLD"))[-1]
    assert isinstance(answer, IntentSkipped)
    assert answer.kind == "hold"


def test_flat_closes_although_every_gate_for_entries_says_no() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.tell(kill("HALT"), drain(True))
    said = desk.tell(an_intent("FLAT", at_ms=NOON_MS - 24 * HOUR_MS))
    (leave,) = [fact for fact in said if isinstance(fact, OrderCommanded)]
    assert leave.order.reduce_only
    assert isinstance(said[-1], IntentApplied)
    assert said[-1].status == "closing"


def test_flat_without_a_position_is_a_counted_skip() -> None:
    answer = Desk().tell(an_intent("FLAT"))[-1]
    assert isinstance(answer, IntentSkipped)
    assert answer.kind == "nothing_to_close"


def test_under_safe_drain_all_is_decided_and_no_entry_leaves() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), drain(True), an_intent())
    answer = desk.said[-1]
    assert isinstance(answer, IntentSkipped)
    assert (answer.kind, refused_by(answer)) == ("safe_drain", {"safe_drain_off"})
    assert not desk.take(OrderCommanded)
    desk.tell(drain(False), an_intent(at_ms=NOON_MS + 1))
    assert len(desk.commands("entry")) == 1


def test_flatten_closes_every_position_and_halt_closes_none() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.tell(kill("HALT"))
    assert not desk.commands("exit")
    desk.tell(kill("FLATTEN", NOON_MS + 1))
    (leave,) = desk.commands("exit")
    assert leave.reason == "flatten"


def test_a_proposed_stop_that_is_tighter_than_ours_is_taken_to_the_tick() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent(stop_loss=Decimal("59700.0")))
    desk.fill(desk.commands("entry")[0], 60_006)
    assert desk.commands("stop")[0].order.trigger_price == Decimal("59700.0")


def test_a_proposed_stop_that_is_wider_than_ours_is_not() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent(stop_loss=Decimal("50000.0")))
    desk.fill(desk.commands("entry")[0], 60_000)
    assert desk.commands("stop")[0].order.trigger_price == Decimal("59530.7")


def test_at_a_leverage_where_no_stop_fits_there_is_no_entry() -> None:
    desk = Desk(some_rules(leverage_max=125))
    answer = desk.tell(a_candle(60_000.0), an_intent(leverage=100))[-1]
    assert isinstance(answer, IntentRefused)
    (why,) = [one.reason for one in answer.refusals if one.gate == "draft_exists"]
    assert "no stop fits at 100x" in why


def test_the_answers_of_a_repeated_intent_have_names_of_their_own() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent(), an_intent(), an_intent())
    names = [fact.id for fact in desk.said]
    assert len(names) == len(set(names))
    assert isinstance(desk.said[-1], IntentSkipped)
