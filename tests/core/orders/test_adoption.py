"""A position that nobody here opened has a stop in the step that books it, and then a plan."""

from decimal import Decimal

import msgspec

from quantum_trader.core.events import (
    ExitPlanned,
    IntentApplied,
    LevelsComputed,
    OrderCommanded,
    PlanEnded,
    PlanMade,
    TradeClosed,
)
from quantum_trader.core.orders.adoption import HOLD_FOR_EVER_MS
from tests.support import MINUTE_MS, NOON_MS, Desk, a_candle, an_intent, kill, some_rules

DAY_MS = 86_400_000


def adopted(side: str = "BUY", qty: str = "0.030") -> Desk:
    """A desk that has just seen somebody's hand trade."""
    desk = Desk()
    desk.tell(a_candle(60_000.0))
    desk.hand(side, qty, 60_000)  # type: ignore[arg-type]
    return desk


def test_the_stop_of_an_adopted_position_is_the_first_order_and_covers_all_of_it() -> None:
    desk = adopted()
    (first,) = [fact for fact in desk.said if isinstance(fact, OrderCommanded)]
    assert (first.role, first.order.side, first.order.qty) == ("stop", "SELL", Decimal("0.030"))
    assert first.order.reduce_only
    assert first.order.trigger_price is not None
    assert Decimal(59_000) < first.order.trigger_price < Decimal(60_000)


def test_targets_of_an_adopted_position_wait_for_its_stop_and_sum_to_it() -> None:
    desk = adopted("SELL")
    assert not desk.commands("target")
    desk.accept(desk.commands("stop")[0])
    targets = desk.commands("target")
    assert {order.order.side for order in targets} == {"BUY"}
    assert sum(order.order.qty for order in targets) == Decimal("0.030")


def test_an_adopted_plan_is_marked_and_says_what_was_assumed() -> None:
    desk = adopted()
    (planned,) = desk.take(ExitPlanned)
    assert isinstance(planned, ExitPlanned)
    assert planned.plan.adopted
    assert any("leverage 10x" in each for each in planned.plan.assumed)
    (made,) = desk.take(PlanMade)
    assert isinstance(made, PlanMade)
    assert made.strategy == "adopted"
    assert len(desk.take(LevelsComputed)) == 1
    assert not desk.take(IntentApplied), "nobody proposed it, so nobody is owed an answer"


def test_the_liquidation_price_of_an_adopted_position_is_that_of_its_leverage() -> None:
    desk = adopted()
    (plan,) = desk.state.plans.values()
    assert plan.liquidation_price is not None
    # Of 60,000 at 10x a tenth is the collateral, and 1 % of the price must be left.
    assert round(plan.liquidation_price) == 54_545
    assert desk.state.exposure.margin_usd == Decimal(180)


def test_a_position_is_adopted_at_the_leverage_that_our_last_entry_set() -> None:
    desk = Desk()
    targets = desk.open(60_000.0, leverage=20)
    desk.hand("SELL", "0.070", 60_000)
    for order in (*targets, *desk.commands("stop")):
        desk.cancel(order, "position is flat")
    desk.second(NOON_MS + 1_000)
    (plan,) = desk.state.plans.values()
    assert plan.made.leverage == 20
    assert any("20x, as our last entry" in each for each in plan.exit_plan.assumed)


def test_time_alone_does_not_close_what_somebody_else_opened() -> None:
    desk = adopted()
    desk.accept(desk.commands("stop")[0])
    for day in (1, 2, 30):
        at_ms = NOON_MS + day * DAY_MS
        desk.tell(a_candle(60_000.0, at_ms))
        desk.second(at_ms)
    assert not desk.commands("exit")
    assert HOLD_FOR_EVER_MS > 10 * 365 * DAY_MS


def test_an_adopted_position_is_booked_like_any_other() -> None:
    desk = adopted()
    (stop,) = desk.commands("stop")
    desk.accept(stop)
    desk.fill(stop, 59_500, "0.030")
    for target in desk.commands("target"):
        desk.cancel(target, "flat")
    (closed,) = desk.take(TradeClosed)
    assert isinstance(closed, TradeClosed)
    assert (closed.strategy, closed.reason) == ("adopted", "stop_loss")
    assert closed.gross_usd == Decimal(-15)
    assert len(desk.take(PlanEnded)) == 1


def test_a_position_made_while_all_is_ordered_flat_is_closed_instead() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), kill("FLATTEN"))
    desk.hand("BUY", "0.030", 60_000)
    assert not desk.commands("stop")
    desk.second(NOON_MS + MINUTE_MS)
    (leave,) = desk.commands("exit")
    assert (leave.order.qty, leave.reason) == (Decimal("0.030"), "flatten")


def test_a_flat_intent_closes_an_adopted_position() -> None:
    desk = adopted()
    answer = desk.tell(an_intent("FLAT"))[-1]
    assert isinstance(answer, IntentApplied)
    assert answer.status == "closing"
    assert desk.commands("exit")[0].reason == "flat_intent"


def test_a_position_that_no_stop_fits_is_closed() -> None:
    rules = some_rules()
    wide = msgspec.structs.replace(rules.exits, spread_frac=Decimal("0.009"))
    # Two fees of 0.1 % and a spread of 0.9 % are more than the 1 % that 10x allows.
    dear = msgspec.structs.replace(rules.fees, taker_frac=Decimal("0.001"))
    desk = Desk(msgspec.structs.replace(rules, exits=wide, fees=dear))
    desk.tell(a_candle(60_000.0))
    desk.hand("BUY", "0.030", 60_000)
    (leave,) = desk.commands("exit")
    assert leave.reason == "no_stop_fits"


def test_a_symbol_that_is_not_known_here_is_left_alone_until_all_is_ordered_flat() -> None:
    desk = Desk(msgspec.structs.replace(some_rules(), instruments={}))
    desk.tell(a_candle(60_000.0))
    desk.hand("SELL", "0.030", 60_000)
    desk.second(NOON_MS + MINUTE_MS)
    assert not any(isinstance(fact, OrderCommanded) for fact in desk.said)
    desk.tell(kill("FLATTEN", NOON_MS + MINUTE_MS))
    (leave,) = desk.commands("exit")
    assert (leave.order.side, leave.order.qty) == ("BUY", Decimal("0.030"))


def test_a_hand_that_turned_our_position_round_is_adopted_once_our_orders_are_gone() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.hand("SELL", "0.070", 60_000)
    for order in (*targets, *desk.commands("stop")):
        desk.cancel(order, "position is flat")
    assert len(desk.take(PlanEnded)) == 1
    desk.second(NOON_MS + 1_000)
    stop = desk.commands("stop")[-1]
    assert (stop.order.side, stop.order.qty) == ("BUY", Decimal("0.020"))


def test_what_nobody_confirms_is_closed_in_time_also_when_it_was_adopted() -> None:
    desk = adopted()
    desk.second(NOON_MS + 4_000)
    (leave,) = desk.commands("exit")
    assert leave.reason == "unprotected"


def test_an_adopted_position_is_liquidated_by_the_leverage_that_was_assumed() -> None:
    for side, liquidation in (("BUY", 54_545), ("SELL", 65_346)):
        desk = adopted(side)
        (plan,) = desk.state.plans.values()
        assert plan.liquidation_price is not None, "else the guard before it never speaks"
        assert int(plan.liquidation_price) == liquidation
        assert desk.state.exposure.margin_usd == Decimal(180), "a tenth of 1800 at 10x"
