"""A stop that was replaced is let go only beside its successor, and is the stop again without."""

import pytest

from quantum_trader.core.events import CancelCommanded
from tests.support import NOON_MS, Desk


def moved() -> tuple[Desk, CancelCommanded]:
    """A desk whose stop was moved once, and the cancel of the first."""
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.fill(targets[0], targets[0].order.price)
    desk.accept(desk.commands("stop")[1])
    (cancel,) = desk.cancels()
    return desk, cancel


def test_a_stop_is_let_go_only_beside_the_one_that_stays() -> None:
    desk, cancel = moved()
    first, second = (one.order.client_order_id for one in desk.commands("stop"))
    assert (cancel.client_order_id, cancel.stays) == (first, second)


def test_of_what_is_flat_every_stop_may_go() -> None:
    desk, _ = moved()
    desk.hand("SELL", "0.050", 60_000)
    desk.second(NOON_MS + 60_000)
    last = desk.cancels()[-1]
    assert (last.reason, last.stays) == ("flat", None)


@pytest.mark.parametrize("lost", ["rejected", "canceled"])
def test_a_stop_that_was_not_let_go_is_the_stop_again_when_its_successor_has_ended(
    lost: str,
) -> None:
    desk, cancel = moved()
    first, second = desk.commands("stop")
    (plan,) = desk.state.plans.values()
    if lost == "rejected":
        desk.reject(second, -2019)
        assert len(desk.commands("exit")) == 1, "refused at its trigger: the position is left"
    else:
        desk.cancel(second, "expired by the venue")
        assert len(desk.commands("stop")) == 3, "it is placed again"
    assert plan.naked_since_ms is not None
    desk.withhold(cancel)
    assert plan.stop is not None
    assert plan.stop.client_order_id == first.order.client_order_id
    assert plan.covers(desk.state.positions["BTCUSDT"])
    assert not plan.retiring
    if lost == "canceled":
        third = desk.commands("stop")[2]
        desk.accept(third)
        last = desk.cancels()[-1]
        assert last.client_order_id == first.order.client_order_id
        assert last.stays == third.order.client_order_id


def test_a_stop_that_was_not_let_go_stands_beside_its_successor_and_takes_its_place() -> None:
    desk, cancel = moved()
    first, second = desk.commands("stop")
    desk.withhold(cancel)
    (plan,) = desk.state.plans.values()
    assert plan.stop is not None
    assert plan.stop.client_order_id == second.order.client_order_id
    assert (list(plan.kept), plan.retiring) == ([first.order.client_order_id], {})
    desk.reject(second, -2019)
    assert plan.stop.client_order_id == first.order.client_order_id
    assert plan.covers(desk.state.positions["BTCUSDT"])


def test_what_is_gone_is_not_kept() -> None:
    desk, cancel = moved()
    (plan,) = desk.state.plans.values()
    desk.cancel(desk.commands("stop")[0])
    desk.withhold(cancel)
    assert not plan.kept
    desk, cancel = moved()
    (plan,) = desk.state.plans.values()
    desk.withhold(cancel)
    desk.cancel(desk.commands("stop")[0])
    assert not plan.kept


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_stop_that_was_not_let_go_is_seen_off_when_nothing_stands_any_more(when: str) -> None:
    desk, cancel = moved()
    if when == "before":
        desk.withhold(cancel)
    desk.fill(desk.commands("stop")[1], 60_000, desk.state.positions["BTCUSDT"].qty)
    if when == "after":
        desk.withhold(cancel)
    desk.second(NOON_MS + 60_000)
    ended = desk.cancels()[1:]
    (last,) = [one for one in ended if one.client_order_id == cancel.client_order_id]
    assert (last.reason, last.stays) == ("flat", None)
