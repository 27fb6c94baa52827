"""Protect, then enter: no entry leaves before its stop is at the venue."""

from decimal import Decimal

import msgspec
import pytest

from quantum_trader.core.events import IntentApplied, PlanEnded
from tests.support import NOON_MS, Desk, a_candle, an_intent, drain, kill, some_rules


def arming(side: str = "LONG") -> Desk:
    """An approved intent whose stop is on its way to the venue, and its entry not."""
    rules = some_rules()
    exits = msgspec.structs.replace(rules.exits, protect="before_entry")
    desk = Desk(msgspec.structs.replace(rules, exits=exits))
    desk.tell(a_candle(60_000.0), an_intent(side))
    return desk


def failed(desk: Desk) -> str:
    (answer,) = desk.take(IntentApplied)
    assert isinstance(answer, IntentApplied)
    assert answer.status == "failed"
    return answer.reason


def test_the_stop_leaves_first_and_the_entry_once_it_is_confirmed() -> None:
    desk = arming()
    (stop,) = desk.commands("stop")
    assert not desk.commands("entry")
    assert stop.order.reduce_only
    desk.accept(stop)
    (entry,) = desk.commands("entry")
    assert stop.order.qty == entry.order.qty


@pytest.mark.parametrize("side", ["LONG", "SHORT"])
def test_a_position_is_covered_from_its_first_fill_on(side: str) -> None:
    desk = arming(side)
    desk.accept(desk.commands("stop")[0])
    (entry,) = desk.commands("entry")
    desk.fill(entry, 60_010, entry.order.qty / 2, done=False)
    (plan,) = desk.state.plans.values()
    assert plan.naked_since_ms is None
    assert plan.covers(desk.state.positions["BTCUSDT"])


@pytest.mark.parametrize(("side", "price"), [("LONG", 60_050), ("LONG", 59_950), ("SHORT", 60_050)])
def test_what_stands_after_the_fill_is_confirmed_anew_and_never_looser(
    side: str, price: int
) -> None:
    desk = arming(side)
    armed = desk.commands("stop")[0]
    desk.accept(armed)
    desk.fill(desk.commands("entry")[0], price)
    fresh = desk.commands("stop")[1]
    assert armed.order.trigger_price is not None
    assert fresh.order.trigger_price is not None
    sign = 1 if side == "LONG" else -1
    assert (fresh.order.trigger_price - armed.order.trigger_price) * sign >= 0
    assert not desk.cancels()
    desk.accept(fresh)
    assert [one.client_order_id for one in desk.cancels()] == [armed.order.client_order_id]
    (plan,) = desk.state.plans.values()
    assert plan.stop is not None
    assert plan.stop.client_order_id == fresh.order.client_order_id
    assert plan.initial_stop == fresh.order.trigger_price


def test_a_stop_that_went_before_the_fill_is_replaced_with_it() -> None:
    desk = arming()
    armed = desk.commands("stop")[0]
    desk.accept(armed)
    desk.reject(armed, -2022, "no position when it triggered")
    desk.fill(desk.commands("entry")[0], 60_000)
    (plan,) = desk.state.plans.values()
    assert plan.naked_since_ms == NOON_MS
    assert len(desk.commands("stop")) == 2
    desk.second(NOON_MS + 3_001)
    assert len(desk.commands("exit")) == 1, "not confirmed in time"


@pytest.mark.parametrize("how", ["rejected", "canceled"])
def test_without_a_stop_there_is_no_entry(how: str) -> None:
    desk = arming()
    (stop,) = desk.commands("stop")
    if how == "rejected":
        desk.reject(stop, -4045)
    else:
        desk.cancel(stop)
    assert "no stop" in failed(desk)
    assert not desk.commands("entry")
    assert len(desk.take(PlanEnded)) == 1
    assert desk.state.exposure.coming_usd == 0


def test_a_stop_in_doubt_is_waited_for_as_long_as_protection_may_take() -> None:
    desk = arming()
    (stop,) = desk.commands("stop")
    desk.doubt(stop)
    desk.second(NOON_MS + 3_000)
    assert not desk.take(IntentApplied)
    desk.second(NOON_MS + 3_001)
    assert "not confirmed in time" in failed(desk)
    # It lives after all: it is seen off, and the entry stays away.
    desk.accept(stop)
    desk.second(NOON_MS + 5_000)
    assert [one.client_order_id for one in desk.cancels()] == [stop.order.client_order_id]
    desk.cancel(stop)
    assert not desk.commands("entry")
    assert len(desk.take(PlanEnded)) == 1


@pytest.mark.parametrize("word", [kill("HALT"), drain(on=True)])
def test_an_order_of_people_while_the_stop_is_on_its_way_keeps_the_entry_back(
    word: object,
) -> None:
    desk = arming()
    desk.tell(word)  # type: ignore[arg-type]
    desk.accept(desk.commands("stop")[0])
    assert "was ordered" in failed(desk)
    assert not desk.commands("entry")
    desk.second(NOON_MS + 1_000)
    assert len(desk.cancels()) == 1


def test_a_stop_that_is_confirmed_after_the_entrys_time_keeps_the_entry_back() -> None:
    desk = arming()
    (stop,) = desk.commands("stop")
    desk.accept(stop, at_ms=NOON_MS + 60_001)
    assert failed(desk) == "the entry did not leave: it is too late"
    assert not desk.commands("entry")
    desk.second(NOON_MS + 62_000)
    assert [one.client_order_id for one in desk.cancels()] == [stop.order.client_order_id]


def test_a_stop_that_is_confirmed_within_the_entrys_time_lets_the_entry_leave() -> None:
    desk = arming()
    desk.accept(desk.commands("stop")[0], at_ms=NOON_MS + 60_000)
    assert len(desk.commands("entry")) == 1


def test_an_intent_to_be_flat_while_the_stop_is_on_its_way_keeps_the_entry_back() -> None:
    desk = arming()
    desk.tell(an_intent("FLAT", NOON_MS + 1))
    desk.accept(desk.commands("stop")[0])
    assert not desk.commands("entry")


def test_an_entry_that_is_refused_leaves_no_stop_behind() -> None:
    desk = arming()
    stop = desk.commands("stop")[0]
    desk.accept(stop)
    desk.reject(desk.commands("entry")[0], -2019)
    desk.second(NOON_MS + 1_000)
    assert [one.client_order_id for one in desk.cancels()] == [stop.order.client_order_id]
    desk.cancel(stop)
    assert len(desk.take(PlanEnded)) == 1


def test_a_fill_far_above_draws_the_stop_nearer_and_keeps_the_bounds() -> None:
    desk = arming()
    desk.accept(desk.commands("stop")[0])
    desk.fill(desk.commands("entry")[0], 60_600)
    armed, fresh = desk.commands("stop")
    assert fresh.order.trigger_price is not None
    assert armed.order.trigger_price is not None
    assert fresh.order.trigger_price > armed.order.trigger_price
    assert fresh.order.trigger_price < Decimal(60_600)
