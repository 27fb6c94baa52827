"""Orders that never arrived at the venue, and orders there that nothing has ended."""

from decimal import Decimal

import msgspec

from quantum_trader.core.events import CancelCommanded, Reconciled
from quantum_trader.core.orders.differences import Difference
from tests.support import NOON_MS, Desk, a_candle, an_intent, kill, some_rules
from tests.venue_shown import SYMBOL, Shown, seen_order


def opened() -> tuple[Desk, Shown]:
    """A protected long with its targets at rest, and the venue as it should be."""
    desk = Desk()
    for target in desk.open(60_000.0):
        desk.accept(target)
    return desk, Shown(desk)


def said(desk: Desk) -> list[tuple[str, str]]:
    return [
        (one.kind, one.client_order_id)
        for one in desk.take(Reconciled)
        if isinstance(one, Reconciled)
    ]


def test_the_order_that_should_close_a_stray_and_never_arrived_is_commanded_again_at_once() -> None:
    desk = Desk(msgspec.structs.replace(some_rules(), instruments={}))
    desk.hand("SELL", "0.030", 60_000)
    desk.tell(kill("FLATTEN"))
    (lost,) = desk.commands("exit")
    venue = Shown(desk)
    venue.look(2)
    assert said(desk) == [("FORGET", lost.order.client_order_id)]
    desk.second(desk.state.now_ms)
    again = desk.commands("exit")[1]
    assert (again.order.side, again.order.qty) == ("BUY", Decimal("0.030"))
    assert again.order.client_order_id != lost.order.client_order_id


def test_what_was_found_before_orders_were_commanded_is_looked_at_anew() -> None:
    desk, venue = opened()
    target = desk.commands("target")[0]
    del venue.orders[target.order.client_order_id]
    venue.look()
    assert SYMBOL in desk.state.suspects
    desk.tell(kill("FLATTEN"))
    assert SYMBOL not in desk.state.suspects, "an order of the symbol was commanded"
    venue.look()
    assert not said(desk)


def test_what_was_found_before_a_cancel_was_commanded_is_looked_at_anew() -> None:
    desk, _ = opened()
    desk.state.suspects["ETHUSDT"] = (Difference("ADOPT", "", "somebody else's"),)
    desk.fill(desk.commands("stop")[0], 59_500)
    assert list(desk.state.suspects) == ["ETHUSDT"], "no order was commanded"
    desk.state.suspects[SYMBOL] = (Difference("FORGET", "x", "the target is not at the venue"),)
    desk.second(NOON_MS + 60_000)
    assert desk.cancels()
    assert list(desk.state.suspects) == ["ETHUSDT"], "of other symbols nothing was heard"


def test_a_target_whose_cancel_was_lost_is_canceled_again_whatever_the_stop_does() -> None:
    desk, venue = opened()
    desk.hand("SELL", "0.030", 60_000)
    venue.qty -= Decimal("0.030")
    (first, *_) = desk.cancels()
    assert first.role == "target"
    before = len(desk.cancels())
    venue.look(2)
    again = desk.cancels()[before:]
    assert {one.client_order_id for one in again} == {
        one.client_order_id for one in desk.cancels()[:before]
    }
    assert all(one.stays is None and one.role == "target" for one in again)


def test_a_stop_whose_cancel_was_lost_goes_when_nothing_stands_any_more() -> None:
    desk, venue = opened()
    (stop,) = desk.commands("stop")
    desk.hand("SELL", "0.050", 60_000)
    venue.qty = Decimal(0)
    desk.second(NOON_MS + 2_000)
    before = len(desk.cancels())
    venue.look(2)
    again = [one for one in desk.cancels()[before:] if one.role == "stop"]
    assert [(one.client_order_id, one.stays) for one in again] == [
        (stop.order.client_order_id, None)
    ]


def test_of_targets_that_are_too_large_one_that_vanished_is_forgotten_first() -> None:
    desk, venue = opened()
    near, gone, far = desk.commands("target")
    del venue.orders[gone.order.client_order_id]
    venue.orders[near.order.client_order_id] = seen_order(near, qty=venue.qty)
    venue.look(2)
    assert said(desk) == [("FORGET", gone.order.client_order_id), ("SHRINK_EXITS", "")]
    (plan,) = desk.state.plans.values()
    assert gone.order.client_order_id not in plan.targets
    assert [one.client_order_id for one in desk.cancels()] == [far.order.client_order_id]


def test_a_plan_that_waits_for_its_entry_forgets_nothing_that_it_never_had() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    venue = Shown(desk)
    assert not [one for one in venue.look(3) if isinstance(one, CancelCommanded)]
    assert len(desk.state.plans) == 1
