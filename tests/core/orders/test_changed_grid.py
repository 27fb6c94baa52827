"""The venue changes tick and step while positions are held: what follows is to its new grid."""

from decimal import Decimal

import msgspec
import pytest

from quantum_trader.core.events import OrderCommanded
from quantum_trader.core.orders.exiting import MOVE_AGAIN_AFTER_MS
from quantum_trader.core.units import floor_to
from tests.support import NOON_MS, Desk, a_candle, an_intent, kill, some_rules

TICK, STEP = Decimal(8), Decimal("0.008")
"""A position of 0.050 is no whole number of such steps, nor is its stop on such a tick."""
BAD_PRECISION = -1111


def change_grid(desk: Desk, *, symbol: str = "BTCUSDT") -> None:
    """From here on prices and quantities are coarser."""
    rules = some_rules()
    known = rules.instruments[symbol]
    changed = msgspec.structs.replace(known, tick=TICK, step=STEP, market_step=STEP)
    instruments = {**rules.instruments, symbol: changed}
    desk.adopt(msgspec.structs.replace(rules, instruments=instruments))


def held() -> tuple[Desk, list[OrderCommanded]]:
    """A protected long of 0.050 with targets, made on the old grid, and the new grid."""
    desk = Desk()
    targets = list(desk.open(60_000.0))
    change_grid(desk)
    return desk, targets


def check_grid(*orders: OrderCommanded) -> None:
    """Prices on the tick, quantities on the step."""
    for one in orders:
        price = one.order.price or one.order.trigger_price
        assert price is None or floor_to(price, TICK) == price, one
        assert floor_to(one.order.qty, STEP) == one.order.qty, one


def test_a_stop_that_moves_is_on_the_new_grid_and_covers_all() -> None:
    desk, targets = held()
    desk.fill(targets[0], targets[0].order.price)
    first, moved = desk.commands("stop")
    check_grid(moved)
    left = abs(desk.state.positions["BTCUSDT"].qty)
    assert left <= moved.order.qty < left + STEP
    assert moved.order.trigger_price is not None
    assert first.order.trigger_price is not None
    assert moved.order.trigger_price > first.order.trigger_price
    desk.accept(moved)
    (plan,) = desk.state.plans.values()
    assert plan.stop is not None
    assert plan.stop.price == moved.order.trigger_price
    assert plan.covers(desk.state.positions["BTCUSDT"])


def test_a_stop_that_was_lost_comes_back_on_the_new_grid_and_no_farther_away() -> None:
    desk, _ = held()
    (first,) = desk.commands("stop")
    desk.cancel(first, "expired by the venue")
    again = desk.commands("stop")[1]
    check_grid(again)
    assert again.order.qty == Decimal("0.056")
    assert again.order.trigger_price is not None
    assert first.order.trigger_price is not None
    assert 0 <= again.order.trigger_price - first.order.trigger_price < TICK


def test_everything_can_be_closed_although_it_is_no_whole_number_of_steps() -> None:
    desk, _ = held()
    desk.tell(kill("FLATTEN", NOON_MS + 1_000))
    (leave,) = desk.commands("exit")
    assert (leave.order.qty, leave.order.reduce_only) == (Decimal("0.056"), True)
    desk.fill(leave, 60_000, "0.050")
    assert not desk.state.positions


def test_what_nobody_owns_is_closed_whole_too() -> None:
    desk = Desk(some_rules(cooldown_close_ms=0, cooldown_open_ms=0))
    desk.tell(a_candle(60_000.0), an_intent())
    (entry,) = desk.commands("entry")
    desk.reject(entry, -1007, "proved dead")
    change_grid(desk)
    desk.fill(entry, 60_000)
    (leave,) = desk.commands("exit")
    assert leave.order.qty == Decimal("0.056")


def test_targets_of_an_entry_that_fills_on_another_grid_are_on_it_and_never_too_many() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    (entry,) = desk.commands("entry")
    desk.accept(entry)
    change_grid(desk)
    desk.fill(entry, 60_000)
    (stop,) = desk.commands("stop")
    desk.accept(stop)
    targets = desk.commands("target")
    check_grid(stop, *targets)
    assert targets
    assert sum(one.order.qty for one in targets) <= Decimal("0.050") <= stop.order.qty


def test_a_step_beyond_the_whole_position_leaves_it_without_targets_but_not_without_a_stop() -> (
    None
):
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    (entry,) = desk.commands("entry")
    rules = some_rules()
    one = msgspec.structs.replace(
        rules.instruments["BTCUSDT"], step=Decimal(1), market_step=Decimal(1)
    )
    desk.adopt(msgspec.structs.replace(rules, instruments={**rules.instruments, "BTCUSDT": one}))
    desk.fill(entry, 60_000)
    (stop,) = desk.commands("stop")
    desk.accept(stop)
    assert stop.order.qty == 1
    assert not desk.commands("target")
    assert not desk.commands("exit")


@pytest.mark.parametrize("symbol", ["BTCUSDT", "ETHUSDT"])
def test_only_the_plans_of_a_symbol_that_changed_take_its_new_rules(symbol: str) -> None:
    desk = Desk()
    desk.open(60_000.0)
    change_grid(desk, symbol=symbol)
    (plan,) = desk.state.plans.values()
    assert (plan.instrument.tick == TICK) == (symbol == "BTCUSDT")


def test_a_move_that_the_venue_refuses_is_not_tried_every_second() -> None:
    """One that was off the grid was sent, and refused, once a second for as long as it lasted."""
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.fill(targets[0], targets[0].order.price)
    refused = 1
    for at_ms in range(NOON_MS, NOON_MS + 60_000, 1_000):
        while len(desk.commands("stop")) > refused:
            refused += 1
            desk.reject(desk.commands("stop")[refused - 1], BAD_PRECISION)
        desk.tell(a_candle(60_900.0, at_ms + 1_000))
        desk.second(at_ms + 1_000)
    moves = refused - 1
    assert 3 < moves <= 3 + 60_000 // MOVE_AGAIN_AFTER_MS
    (plan,) = desk.state.plans.values()
    assert plan.covers(desk.state.positions["BTCUSDT"])
    assert not desk.commands("exit")


def test_what_was_refused_on_the_old_grid_is_tried_at_once_on_the_new_one() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.fill(targets[0], targets[0].order.price)
    for number in (1, 2, 3):
        desk.reject(desk.commands("stop")[number], BAD_PRECISION)
    desk.second(NOON_MS + 1_000)
    assert len(desk.commands("stop")) == 4
    change_grid(desk)
    desk.tell(a_candle(60_900.0, NOON_MS + 2_000))
    desk.second(NOON_MS + 2_000)
    moved = desk.commands("stop")[4]
    check_grid(moved)
    desk.reject(moved, -2019)
    assert len(desk.commands("stop")) == 6, "it may fail as often as on any grid"
