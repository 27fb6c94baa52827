"""Whatever happens to its stop, a position is covered as a whole or is being closed."""

from decimal import Decimal

import msgspec
import pytest

from quantum_trader.core.events import (
    IntentApplied,
    LevelsComputed,
    PlanEnded,
    TradeClosed,
)
from quantum_trader.core.exits.bounds import CEILINGS
from quantum_trader.core.rules import Rules
from tests.support import NOON_MS, Desk, a_candle, an_intent, kill, some_rules

WHOLE = Decimal("0.050")


def half_filled() -> Desk:
    """A desk whose entry of 0.050 has filled 0.010, with a confirmed stop."""
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.fill(desk.commands("entry")[0], 60_000, "0.010", done=False)
    desk.accept(desk.commands("stop")[0])
    return desk


def test_a_stop_lost_while_the_entry_still_fills_is_replaced_for_all_that_may_come() -> None:
    desk = half_filled()
    desk.cancel(desk.commands("stop")[0], "expired by the venue")
    assert desk.commands("stop")[1].order.qty == WHOLE


def test_what_a_stop_leaves_behind_is_closed_at_once() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.fill(desk.commands("stop")[0], 59_500, "0.030")
    (leave,) = desk.commands("exit")
    assert (leave.order.qty, leave.reason) == (Decimal("0.020"), "stop_loss")


def test_a_position_that_grew_by_another_hand_is_covered_as_a_whole() -> None:
    desk = Desk()
    desk.open(60_000.0)
    (first,) = desk.commands("stop")
    desk.hand("BUY", "0.020", 60_000)
    second = desk.commands("stop")[1]
    assert second.order.qty == Decimal("0.070")
    assert second.order.trigger_price == first.order.trigger_price
    assert not desk.cancels()
    desk.accept(second)
    assert [one.client_order_id for one in desk.cancels()] == [first.order.client_order_id]


def test_a_position_larger_than_its_confirmed_stop_is_closed_after_three_seconds() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.hand("BUY", "0.020", 60_000)
    desk.second(NOON_MS + 3_000)
    assert not desk.commands("exit")
    desk.second(NOON_MS + 3_001)
    (leave,) = desk.commands("exit")
    assert (leave.order.qty, leave.reason) == (Decimal("0.070"), "unprotected")


def test_a_larger_stop_that_is_refused_is_placed_again_although_a_smaller_one_stands() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.hand("BUY", "0.020", 60_000)
    desk.reject(desk.commands("stop")[1], -1008)
    assert desk.commands("stop")[2].order.qty == Decimal("0.070")


def test_a_first_stop_that_is_canceled_before_anyone_confirmed_it_is_replaced_at_once() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.fill(desk.commands("entry")[0], 60_000)
    desk.cancel(desk.commands("stop")[0])
    assert len(desk.commands("stop")) == 2


def test_moves_of_a_stop_do_not_count_as_failures() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    for place, target in enumerate(targets[:2], 1):
        desk.fill(target, target.order.price)
        desk.accept(desk.commands("stop")[place])
    desk.cancel(desk.commands("stop")[2], "expired by the venue")
    desk.reject(desk.commands("stop")[3], -1008)
    assert len(desk.commands("stop")) == 5
    assert not desk.commands("exit")


def test_a_stop_that_is_lost_again_and_again_means_leaving() -> None:
    desk = Desk()
    desk.open(60_000.0)
    for place in range(3):
        desk.cancel(desk.commands("stop")[place], "expired by the venue")
        if place < 2:
            desk.accept(desk.commands("stop")[place + 1])
    assert len(desk.commands("stop")) == 3
    (leave,) = desk.commands("exit")
    assert leave.reason == "no_stop_accepted"


def test_a_stop_refused_at_its_trigger_means_leaving() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.reject(desk.commands("stop")[0], -2022)
    (leave,) = desk.commands("exit")
    assert leave.reason == "stop_refused"


def test_a_replaced_stop_that_is_refused_at_its_trigger_changes_nothing() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.fill(targets[0], targets[0].order.price)
    desk.accept(desk.commands("stop")[1])
    desk.reject(desk.commands("stop")[0], -2022)
    plan = next(iter(desk.state.plans.values()))
    assert plan.protected
    assert not plan.retiring
    assert not desk.commands("exit")


def test_a_stop_may_fill_without_ever_being_confirmed() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.fill(desk.commands("entry")[0], 60_000)
    desk.doubt(desk.commands("stop")[0])
    desk.fill(desk.commands("stop")[0], 59_500)
    (answer,) = desk.take(IntentApplied)
    assert isinstance(answer, IntentApplied)
    assert (answer.status, answer.reason) == ("failed", "closed at once: stop_loss")
    second = desk.commands("stop")[1]
    assert not desk.take(PlanEnded), "another stop was sent when nobody knew of the first"
    desk.cancel(second, "position is flat")
    assert len(desk.take(PlanEnded)) == 1


def test_a_stop_in_doubt_is_sent_again_at_once_and_whichever_lives_one_stays() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.fill(desk.commands("entry")[0], 60_000)
    desk.doubt(desk.commands("stop")[0])
    first, second = desk.commands("stop")
    assert first.order.client_order_id != second.order.client_order_id
    assert first.order.trigger_price == second.order.trigger_price
    desk.accept(second)
    (plan,) = desk.state.plans.values()
    assert plan.naked_since_ms is None
    desk.accept(first)
    assert [one.client_order_id for one in desk.cancels()] == [first.order.client_order_id]
    assert plan.doubted == ()


def test_stops_that_are_always_in_doubt_are_sent_three_times_and_then_the_position_is_left() -> (
    None
):
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.fill(desk.commands("entry")[0], 60_000)
    for number in range(3):
        desk.doubt(desk.commands("stop")[number])
    assert len(desk.commands("stop")) == 3
    (leave,) = desk.commands("exit")
    assert leave.reason == "no_stop_accepted"


def test_a_moved_stop_in_doubt_is_sent_again_while_the_old_one_stands() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.fill(targets[0], targets[0].order.price)
    moved = desk.commands("stop")[-1]
    desk.doubt(moved)
    again = desk.commands("stop")[-1]
    assert again is not moved
    assert again.order.trigger_price == moved.order.trigger_price
    assert not desk.cancels(), "the old stop stays until a new one was confirmed"


def test_an_exit_nobody_knows_of_is_tried_again_and_the_plan_waits_for_both() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.tell(kill("FLATTEN"))
    desk.doubt(desk.commands("exit")[0])
    first, doubted = desk.commands("exit")
    desk.doubt(doubted)
    desk.second(NOON_MS + 999)
    assert len(desk.commands("exit")) == 2, "only the first is repeated at once"
    desk.second(NOON_MS + 1_000)
    desk.reject(doubted, -2022)
    second = desk.commands("exit")[2]
    desk.fill(second, 60_000)
    for order in (*targets, *desk.commands("stop")):
        desk.cancel(order, "position is flat")
    assert not desk.take(PlanEnded), "the first may still arrive"
    desk.reject(first, -2022)
    assert len(desk.take(PlanEnded)) == 1


def test_an_exit_that_could_not_close_all_is_followed_by_another_at_once() -> None:
    desk = half_filled()
    desk.tell(kill("FLATTEN"))
    (entry,) = desk.commands("entry")
    desk.fill(entry, 60_000, "0.040")
    desk.fill(desk.commands("exit")[0], 60_000)
    assert [one.order.qty for one in desk.commands("exit")] == [Decimal("0.010"), Decimal("0.040")]


@pytest.mark.parametrize("order", ["flatten", "flat"])
def test_what_is_ordered_flat_while_its_entry_is_under_way_is_closed_when_it_fills(
    order: str,
) -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.tell(kill("FLATTEN") if order == "flatten" else an_intent("FLAT", at_ms=NOON_MS + 1))
    desk.fill(desk.commands("entry")[0], 60_000)
    assert len(desk.commands("stop")) == 1, "the exit may fail"
    (leave,) = desk.commands("exit")
    assert leave.order.qty == WHOLE
    desk.accept(desk.commands("stop")[0])
    assert not desk.commands("target"), "nothing is harvested on the way out"
    desk.fill(leave, 60_000)
    answers = [one for one in desk.take(IntentApplied) if isinstance(one, IntentApplied)]
    assert [one.status for one in answers] == ["closing", "failed"][-len(answers) :]
    assert answers[-1].side == "LONG"


def test_an_entry_that_goes_on_filling_after_its_stop_was_met_is_closed() -> None:
    desk = half_filled()
    (entry,) = desk.commands("entry")
    desk.fill(desk.commands("stop")[0], 59_500, "0.010")
    assert not desk.state.positions
    desk.fill(entry, 59_400, "0.040")
    (leave,) = desk.commands("exit")
    assert leave.order.qty == Decimal("0.040")
    desk.fill(leave, 59_400)
    assert len(desk.take(TradeClosed)) == 2
    assert len(desk.take(IntentApplied)) == 1
    assert len(desk.take(PlanEnded)) == 1


def coarse(leverage: int) -> Rules:
    """Rules under which the tick of BTCUSDT is a large part of the distance of a stop."""
    rules = some_rules(leverage_max=leverage)
    btc = msgspec.structs.replace(rules.instruments["BTCUSDT"], tick=Decimal(50))
    return msgspec.structs.replace(rules, instruments={"BTCUSDT": btc})


@pytest.mark.parametrize("side", ["LONG", "SHORT"])
@pytest.mark.parametrize("fill", range(59_900, 60_100, 7))
def test_at_the_real_fill_a_ceiling_wins_over_the_grid(side: str, fill: int) -> None:
    desk = Desk(coarse(40))
    desk.tell(a_candle(60_000.0), an_intent(side, leverage=40))
    desk.fill(desk.commands("entry")[0], fill)
    trigger = desk.commands("stop")[0].order.trigger_price
    (levels,) = desk.take(LevelsComputed)
    assert trigger is not None
    assert isinstance(levels, LevelsComputed)
    ceiling = min(one.frac for one in levels.bounds if one.name in CEILINGS)
    way = (fill - trigger) * (1 if side == "LONG" else -1)
    assert 0 < way <= Decimal(str(ceiling)) * fill


def test_an_instrument_that_vanishes_does_not_leave_its_position_alone() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    rules = msgspec.structs.replace(some_rules(), instruments={})
    desk.adopt(rules)
    desk.fill(targets[0], targets[0].order.price)
    assert desk.commands("stop")[1].order.trigger_price == Decimal("60054.0")
    desk.tell(kill("FLATTEN"))
    assert len(desk.commands("exit")) == 1


def test_a_trade_ended_by_its_first_stop_after_a_harvest_was_stopped_out() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.fill(targets[0], targets[0].order.price)
    desk.fill(desk.commands("stop")[0], 59_500, "0.035")
    (closed,) = desk.take(TradeClosed)
    assert isinstance(closed, TradeClosed)
    assert (closed.reason, closed.stages) == ("stop_loss", 1)


def test_a_trade_ended_by_a_stop_on_its_way_out_is_named_after_that_stop() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    for place, target in enumerate(targets[:2], 1):
        desk.fill(target, target.order.price)
        desk.accept(desk.commands("stop")[place])
    desk.fill(desk.commands("stop")[1], 60_048, "0.020")
    (closed,) = desk.take(TradeClosed)
    assert isinstance(closed, TradeClosed)
    assert (closed.reason, closed.stages) == ("break_even", 2)


def test_a_plan_waits_for_the_end_of_a_stop_that_was_replaced() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.fill(targets[0], targets[0].order.price)
    desk.accept(desk.commands("stop")[1])
    desk.fill(desk.commands("stop")[1], 60_048, "0.035")
    for target in targets[1:]:
        desk.cancel(target, "position is flat")
    assert not desk.take(PlanEnded)
    desk.cancel(desk.commands("stop")[0])
    assert len(desk.take(PlanEnded)) == 1


def test_no_stop_moves_on_the_way_out() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.tell(kill("FLATTEN"))
    desk.fill(targets[0], targets[0].order.price)
    assert len(desk.commands("stop")) == 1


def test_an_exit_that_nobody_ever_speaks_of_is_commanded_again_after_a_minute() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.tell(an_intent("FLAT", NOON_MS + 1))
    for second in (1, 30, 59):
        desk.second(NOON_MS + second * 1_000)
    assert len(desk.commands("exit")) == 1
    desk.second(NOON_MS + 60_000)
    first, again = desk.commands("exit")
    assert again.order.client_order_id != first.order.client_order_id
    assert (again.order.qty, again.order.reduce_only) == (WHOLE, True)


def test_of_two_stops_alike_the_one_in_force_stays_when_an_old_word_comes_on_the_other() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.fill(desk.commands("entry")[0], 60_000)
    desk.doubt(desk.commands("stop")[0])
    first, second = desk.commands("stop")
    desk.accept(second)
    desk.accept(first)
    (plan,) = desk.state.plans.values()
    assert plan.stop is not None
    assert plan.stop.client_order_id == second.order.client_order_id
