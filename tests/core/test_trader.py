"""The life of a plan, told through the real step by a venue that answers by hand."""

from decimal import Decimal

import msgspec
import pytest

from quantum_trader.core.events import (
    IntentApplied,
    LevelsComputed,
    PlanEnded,
    PlanMade,
    TradeClosed,
)
from quantum_trader.core.state import TraderState, state_hash
from tests.support import NOON_MS, Desk, a_candle, an_intent, refused_by

HOUR_MS = 3_600_000


def test_an_approved_intent_becomes_one_plan_and_one_market_entry() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent(leverage=10))
    (made,) = desk.take(PlanMade)
    (entry,) = desk.commands("entry")
    assert isinstance(made, PlanMade)
    assert (entry.order.side, entry.order.kind, entry.order.reduce_only) == ("BUY", "MARKET", False)
    assert entry.order.qty == made.qty
    assert entry.leverage == 10
    assert entry.expires_ms == NOON_MS + 60_000
    assert not desk.commands("stop")


def test_the_first_fill_commands_the_stop_and_no_target_leaves_before_it_is_confirmed() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    (entry,) = desk.commands("entry")
    desk.fill(entry, 60_010)
    (stop,) = desk.commands("stop")
    assert (stop.order.kind, stop.order.side, stop.order.reduce_only) == (
        "STOP_MARKET",
        "SELL",
        True,
    )
    # 0.78228 % below the real fill of 60,010, rounded up (tighter) to the tick of 0.1.
    assert stop.order.trigger_price == Decimal("59540.6")
    assert stop.order.qty == entry.order.qty
    assert not desk.commands("target")
    assert not desk.take(IntentApplied)
    desk.accept(stop)
    assert [command.order.qty for command in desk.commands("target")] == [
        Decimal("0.015"),
        Decimal("0.015"),
        Decimal("0.020"),
    ]
    (answer,) = desk.take(IntentApplied)
    assert isinstance(answer, IntentApplied)
    assert (answer.status, answer.stop_price) == ("opened", Decimal("59540.6"))


def test_a_part_of_the_entry_is_protected_at_once_and_as_a_whole() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    (entry,) = desk.commands("entry")
    desk.fill(entry, 60_000, "0.010", done=False)
    desk.accept(desk.commands("stop")[0])
    assert not desk.commands("target"), "the entry is still on its way"
    desk.fill(entry, 60_002, "0.040")
    assert len(desk.commands("stop")) == 1, "the first stop covers what comes later"
    assert sum(command.order.qty for command in desk.commands("target")) == Decimal("0.050")


def test_levels_are_published_for_a_real_fill_only() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    (entry,) = desk.commands("entry")
    assert not desk.take(LevelsComputed)
    desk.reject(entry, -2019, "Margin is insufficient.")
    assert not desk.take(LevelsComputed)
    (answer,) = desk.take(IntentApplied)
    assert isinstance(answer, IntentApplied)
    assert answer.status == "failed"
    assert "-2019" in answer.reason
    assert len(desk.take(PlanEnded)) == 1
    assert not desk.state.plans


def test_after_stage_one_the_stop_is_at_break_even_and_the_old_one_leaves_last() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    (first,) = desk.commands("stop")
    desk.fill(targets[0], targets[0].order.price)
    second = desk.commands("stop")[1]
    # Entry plus two taker fees of 0.04 % and the spread of 0.01 %: 60,000 * 1.0009.
    assert second.order.trigger_price == Decimal("60054.0")
    assert second.order.qty == Decimal("0.035")
    assert not desk.cancels(), "the old stop stands until the new one is confirmed"
    desk.accept(second)
    assert [cancel.client_order_id for cancel in desk.cancels()] == [first.order.client_order_id]


def test_after_stage_two_the_stop_is_at_the_first_target() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.fill(targets[0], targets[0].order.price)
    desk.accept(desk.commands("stop")[1])
    desk.fill(targets[1], targets[1].order.price)
    third = desk.commands("stop")[2]
    assert third.order.trigger_price == targets[0].order.price
    assert third.order.qty == Decimal("0.020")


def test_a_harvested_trade_is_booked_to_the_cent() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    for target in targets:
        desk.fill(target, target.order.price)
    (closed,) = desk.take(TradeClosed)
    assert isinstance(closed, TradeClosed)
    # A confidence of 0.6 puts the targets 2 % farther than 536.6, 808.3 and 1124.2:
    # 0.015 * 547.4 + 0.015 * 824.5 + 0.020 * 1146.7
    assert closed.gross_usd == Decimal("43.5125")
    # 4 bp of 3,000 in, and of 908.211 + 912.3675 + 1222.934 out.
    assert closed.fees_usd == Decimal("2.417405")
    assert closed.net_usd == Decimal("41.095095")
    assert closed.exit_vwap == Decimal("60870.25")
    assert (closed.reason, closed.stages) == ("targets", 3)
    assert desk.state.ledger.total_usd() == 0
    assert desk.state.ledger.wallet_usd == Decimal("10041.095095")
    assert not desk.state.positions
    assert desk.state.exposure.gross_usd == 0


def test_the_plan_ends_when_no_order_of_it_can_rest_any_more() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    (stop,) = desk.commands("stop")
    desk.fill(stop, 59_500)
    assert not desk.take(PlanEnded)
    desk.tell(an_intent(at_ms=NOON_MS + 1))
    assert "one_plan_per_symbol" in refused_by(desk.said[-1])
    for target in targets:
        desk.cancel(target, "position is flat")
    (ended,) = desk.take(PlanEnded)
    assert isinstance(ended, PlanEnded)
    assert ended.reason == "stop_loss"


def test_orders_the_venue_forgot_to_expire_are_canceled_after_a_second() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.fill(desk.commands("stop")[0], 59_500)
    desk.second(NOON_MS + 2_000)
    assert {cancel.client_order_id for cancel in desk.cancels()} == {
        target.order.client_order_id for target in targets
    }
    for target in targets:
        desk.reject(target, -2011, "Unknown order sent.")
    assert len(desk.take(PlanEnded)) == 1


def test_a_stop_the_market_has_passed_means_leaving_now() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.fill(desk.commands("entry")[0], 60_000)
    desk.reject(desk.commands("stop")[0], -2021, "Order would immediately trigger.")
    (leave,) = desk.commands("exit")
    assert (leave.order.kind, leave.order.qty, leave.order.reduce_only) == (
        "MARKET",
        Decimal("0.050"),
        True,
    )
    desk.fill(leave, 59_000)
    (answer,) = desk.take(IntentApplied)
    assert isinstance(answer, IntentApplied)
    assert answer.status == "failed"
    (closed,) = desk.take(TradeClosed)
    assert isinstance(closed, TradeClosed)
    assert closed.reason == "stop_passed"


def test_a_stop_refused_three_times_means_leaving() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.fill(desk.commands("entry")[0], 60_000)
    for attempt in range(3):
        desk.reject(desk.commands("stop")[attempt], -1008, "Server is busy.")
    assert len(desk.commands("stop")) == 3
    ids = {stop.order.client_order_id for stop in desk.commands("stop")}
    assert len(ids) == 3, "every attempt has its own name"
    assert len(desk.commands("exit")) == 1


def test_a_position_without_a_confirmed_stop_is_closed_after_three_seconds() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.fill(desk.commands("entry")[0], 60_000)
    desk.second(NOON_MS + 3_000)
    assert not desk.commands("exit")
    desk.second(NOON_MS + 4_000)
    assert len(desk.commands("exit")) == 1


def test_a_refused_replacement_leaves_the_old_stop_in_force() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.fill(targets[0], targets[0].order.price)
    desk.reject(desk.commands("stop")[1], -1008, "Server is busy.")
    plan = next(iter(desk.state.plans.values()))
    assert plan.protected
    assert not desk.cancels()
    assert not desk.commands("exit")


def test_a_lost_stop_is_replaced_at_once() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.cancel(desk.commands("stop")[0], "expired by the venue")
    again = desk.commands("stop")[1]
    assert again.order.trigger_price == desk.commands("stop")[0].order.trigger_price
    assert again.order.qty == Decimal("0.050")


def test_a_trade_that_is_held_too_long_is_closed_and_not_before() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.second(NOON_MS + 4 * HOUR_MS - 1)
    assert not desk.commands("exit")
    desk.second(NOON_MS + 4 * HOUR_MS)
    (leave,) = desk.commands("exit")
    assert leave.reason == "time_exit"


def test_an_exit_that_came_to_nothing_is_tried_again_under_a_new_name() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.second(NOON_MS + 4 * HOUR_MS)
    desk.reject(desk.commands("exit")[0], -1008, "Server is busy.")
    desk.second(NOON_MS + 4 * HOUR_MS + 1_000)
    first, second = desk.commands("exit")
    assert first.order.client_order_id != second.order.client_order_id


def test_a_stop_never_loosens() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.fill(targets[1], targets[1].order.price)
    desk.accept(desk.commands("stop")[1])
    at_first_target = desk.commands("stop")[1].order.trigger_price
    desk.fill(targets[0], targets[0].order.price)
    prices = [stop.order.trigger_price for stop in desk.commands("stop")]
    assert prices[-1] == at_first_target
    assert prices == sorted(price for price in prices if price is not None)


@pytest.mark.parametrize("side", ["LONG", "SHORT"])
def test_both_sides_are_mirrored(side: str) -> None:
    desk = Desk()
    desk.open(60_000.0, side=side)
    sign = 1 if side == "LONG" else -1
    (stop,) = desk.commands("stop")
    assert stop.order.trigger_price is not None
    assert (Decimal(60_000) - stop.order.trigger_price) * sign > 0
    for target in desk.commands("target"):
        assert target.order.price is not None
        assert (target.order.price - Decimal(60_000)) * sign > 0


def test_a_state_that_was_written_and_read_goes_on_the_same_way() -> None:
    one, other = Desk(), Desk()
    one.open(60_000.0)
    other.open(60_000.0)
    other.state = msgspec.json.decode(msgspec.json.encode(other.state), type=TraderState)
    target = one.commands("target")[0]
    assert one.fill(target, target.order.price) == other.fill(target, target.order.price)
    assert state_hash(one.state) == state_hash(other.state)
