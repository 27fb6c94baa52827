"""Entries and targets that fill piece by piece: levels, steps and orders follow what was filled."""

from decimal import Decimal

from quantum_trader.core.events import OrderCommanded
from quantum_trader.core.orders.plan import Plan
from tests.support import NOON_MS, Desk, a_candle, an_intent


def entering(side: str = "LONG") -> tuple[Desk, OrderCommanded]:
    """A desk whose entry of 0.050 is on its way at 60,000."""
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent(side))
    (entry,) = desk.commands("entry")
    return desk, entry


def filled() -> Desk:
    """A desk whose entry is filled, and whose first stop nobody has confirmed yet."""
    desk, entry = entering()
    desk.fill(entry, 60_000)
    return desk


def the_plan(desk: Desk) -> Plan:
    (plan,) = desk.state.plans.values()
    return plan


def test_rules_know_the_targets_by_the_prices_at_which_they_rest() -> None:
    desk, entry = entering()
    desk.fill(entry, 60_000, "0.010", done=False)
    desk.accept(desk.commands("stop")[0])
    desk.fill(entry, 60_100, "0.040")
    resting = tuple(order.order.price for order in desk.commands("target"))
    assert len(resting) == 3
    assert the_plan(desk).target_prices == resting


def test_a_worse_second_fill_draws_the_stop_back_within_a_tenth_of_the_margin() -> None:
    for side, sign, worse in (("LONG", 1, 60_300), ("SHORT", -1, 59_700)):
        desk, entry = entering(side)
        desk.fill(entry, 60_000, "0.010", done=False)
        first = desk.commands("stop")[0]
        desk.accept(first)
        desk.fill(entry, worse, "0.040")
        plan = the_plan(desk)
        nearer = desk.commands("stop")[1].order
        assert nearer.trigger_price is not None
        assert (nearer.trigger_price - first.order.trigger_price) * sign > 0  # type: ignore[operator]
        lost_frac = (plan.entry_price - nearer.trigger_price) * sign / plan.entry_price
        assert Decimal("0.002") < lost_frac <= Decimal("0.010"), "a tenth of the margin at 10x"
        assert plan.first_stop() == nearer.trigger_price, "and R is measured by it"
        assert not desk.cancels(), "the first stop stays until its successor is confirmed"


def test_a_second_fill_that_keeps_the_bounds_leaves_the_stop_where_it_is() -> None:
    for worse_or_better in (60_010, 59_800):
        desk, entry = entering()
        desk.fill(entry, 60_000, "0.010", done=False)
        desk.fill(entry, worse_or_better, "0.040")
        assert len(desk.commands("stop")) == 1


def test_no_step_leaves_by_r_while_its_target_is_still_to_come() -> None:
    desk = filled()
    plan = the_plan(desk)
    way = float(plan.entry_price - plan.first_stop())
    desk.tell(a_candle(60_000.0 + 2.5 * way, NOON_MS + 2_000))
    assert not desk.commands("exit")
    desk.accept(desk.commands("stop")[0])
    assert [target.leg for target in desk.commands("target")] == [1, 2, 3]


def test_targets_never_ask_for_more_than_a_hand_left_before_they_were_placed() -> None:
    desk = filled()
    desk.hand("SELL", "0.018", 60_000)
    desk.accept(desk.commands("stop")[0])
    targets = [(target.leg, target.order.qty) for target in desk.commands("target")]
    assert targets == [(1, Decimal("0.015")), (2, Decimal("0.015")), (3, Decimal("0.002"))]


def test_a_target_that_filled_in_part_counts_with_its_rest_alone() -> None:
    desk = Desk()
    near, *_ = desk.open(60_000.0)
    desk.fill(near, near.order.price, "0.010", done=False)
    desk.hand("BUY", "0.001", 60_300)
    assert not desk.cancels(), "0.041 stand, and 0.005 + 0.015 + 0.020 are asked for"
    desk.hand("SELL", "0.002", 60_300)
    assert len(desk.cancels()) == 1
