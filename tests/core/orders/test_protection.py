"""What is heard of a stop twice, too late, or of one of many: the surest protection stays."""

from decimal import Decimal

import msgspec

from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from tests.support import Desk, a_candle, an_intent, some_rules


def filled() -> Desk:
    """A desk whose entry of 0.050 is filled at 60,000, and whose stop nobody has confirmed."""
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.fill(desk.commands("entry")[0], 60_000)
    return desk


def test_a_stop_that_is_in_doubt_twice_is_sent_again_once() -> None:
    desk = filled()
    (first,) = desk.commands("stop")
    desk.doubt(first)
    desk.doubt(first)
    assert len(desk.commands("stop")) == 2


def test_a_doubt_about_a_stop_that_was_confirmed_means_its_cancel_and_sends_nothing() -> None:
    desk = filled()
    (first,) = desk.commands("stop")
    desk.accept(first)
    desk.doubt(first)
    assert desk.commands("stop") == [first]
    (plan,) = desk.state.plans.values()
    assert plan.naked_since_ms is None


def test_a_stop_in_doubt_that_was_refused_after_all_is_not_missed_beside_its_twin() -> None:
    desk = filled()
    desk.doubt(desk.commands("stop")[0])
    first, twin = desk.commands("stop")
    desk.accept(twin)
    desk.reject(first, -1008)
    assert desk.commands("stop") == [first, twin]
    assert not desk.commands("exit")
    (plan,) = desk.state.plans.values()
    assert (plan.stop_failures, plan.naked_since_ms) == (1, None)


def test_a_tighter_stop_that_the_venue_refuses_again_and_again_leaves_the_one_in_force() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    (first,) = desk.commands("stop")
    desk.fill(targets[0], targets[0].order.price)
    for place in (1, 2, 3):
        desk.reject(desk.commands("stop")[place], -1008)
    assert len(desk.commands("stop")) == 4
    assert not desk.commands("exit"), "the position is covered, if not as tightly"
    assert not desk.cancels()
    (plan,) = desk.state.plans.values()
    assert plan.stop is not None
    assert plan.stop.client_order_id == first.order.client_order_id


def test_a_better_second_fill_never_draws_the_stop_away_from_the_entry() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    (entry,) = desk.commands("entry")
    desk.fill(entry, 60_000, "0.010", done=False)
    (stop,) = desk.commands("stop")
    assert stop.order.trigger_price is not None
    desk.fill(entry, stop.order.trigger_price + 10, "0.040")
    (plan,) = desk.state.plans.values()
    assert plan.entry_price - stop.order.trigger_price < plan.entry_price * Decimal("0.002")
    assert desk.commands("stop") == [stop], "nearer than usual, and yet it stays"
    assert plan.initial_stop == stop.order.trigger_price


def test_the_stop_of_the_first_fill_is_on_the_grid_that_the_venue_has_by_then() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    btc = msgspec.structs.replace(DEFAULT_INSTRUMENTS["BTCUSDT"], tick=Decimal(5))
    desk.adopt(msgspec.structs.replace(some_rules(), instruments={"BTCUSDT": btc}))
    desk.fill(desk.commands("entry")[0], 60_001)
    trigger = desk.commands("stop")[0].order.trigger_price
    assert trigger is not None
    assert trigger % 5 == 0


def test_the_stop_of_an_instrument_that_vanished_is_on_the_grid_that_it_had() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.adopt(msgspec.structs.replace(some_rules(), instruments={}))
    desk.fill(desk.commands("entry")[0], 60_001)
    (stop,) = desk.commands("stop")
    assert stop.order.trigger_price is not None
    assert stop.order.trigger_price % DEFAULT_INSTRUMENTS["BTCUSDT"].tick == 0
    assert stop.order.qty == Decimal("0.050")


def test_a_stop_that_was_asked_for_stays_where_it_still_fits_the_real_fill() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent(stop_loss=Decimal(59_600)))
    desk.fill(desk.commands("entry")[0], 60_010)
    assert desk.commands("stop")[0].order.trigger_price == Decimal(59_600)
