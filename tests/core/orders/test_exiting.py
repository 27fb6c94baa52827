"""The exit brain at work on a position: what it decides becomes orders, once, and is said."""

from decimal import Decimal

import msgspec
import pytest

from quantum_trader.core.events import (
    ExitDecided,
    HarvestProposed,
    OrderCommanded,
    PlanEnded,
    TradeClosed,
)
from quantum_trader.core.exits.brain import Verdict, evaluate
from quantum_trader.core.exits.context import ExitContext
from quantum_trader.core.orders import exiting
from quantum_trader.core.orders.evaluation import context_of, glance_of
from quantum_trader.core.rules import ExitRules
from tests.support import MINUTE_MS, NOON_MS, Desk, a_candle, an_intent, some_rules


def by_policy(policy: str) -> Desk:
    """A desk that leaves positions by this policy."""
    rules = some_rules()
    exits = msgspec.structs.replace(rules.exits, policy=policy)
    return Desk(msgspec.structs.replace(rules, exits=exits))


def without_targets() -> Desk:
    """A desk whose venue refused every target: no order harvests any stage."""
    desk = Desk()
    for target in desk.open(60_000.0):
        desk.reject(target, -4164)
    return desk


def at_r(desk: Desk, r: float, minutes: int = 1) -> list[ExitDecided]:
    """The market closes a bar at this gross R; what the brain had to say."""
    (plan,) = desk.state.plans.values()
    entry, stop = float(plan.entry_price), float(plan.first_stop())
    said = desk.tell(a_candle(entry + r * (entry - stop), NOON_MS + minutes * MINUTE_MS))
    return [fact for fact in said if isinstance(fact, ExitDecided)]


def test_a_stage_whose_target_was_refused_is_harvested_by_r_once() -> None:
    desk = without_targets()
    at_r(desk, 2.3)
    (part,) = desk.commands("exit")
    assert (part.order.qty, part.leg, part.order.reduce_only) == (Decimal("0.012"), 1, True)
    (proposed,) = desk.take(HarvestProposed)
    assert isinstance(proposed, HarvestProposed)
    assert (proposed.stage, proposed.threshold_r) == (1, 2.0)
    at_r(desk, 2.4, minutes=2)
    assert len(desk.commands("exit")) == 1, "one under way is enough"
    desk.fill(part, 60_900)
    at_r(desk, 2.5, minutes=3)
    assert len(desk.commands("exit")) == 1, "a stage that is done is done"
    (plan,) = desk.state.plans.values()
    assert plan.stage == 1


def test_a_stage_that_an_order_is_going_to_harvest_is_left_to_it() -> None:
    desk = Desk()
    desk.open(60_000.0)
    at_r(desk, 5.0)
    assert not desk.commands("exit")
    assert not desk.take(HarvestProposed)


def test_a_part_that_was_refused_is_tried_again() -> None:
    desk = without_targets()
    at_r(desk, 2.3)
    desk.reject(desk.commands("exit")[0], -1008)
    at_r(desk, 2.3, minutes=2)
    names = [order.order.client_order_id for order in desk.commands("exit")]
    assert len(set(names)) == 2


def test_a_part_of_which_nobody_knows_is_not_sold_again_before_somebody_does() -> None:
    desk = without_targets()
    at_r(desk, 2.3)
    (part,) = desk.commands("exit")
    desk.doubt(part)
    at_r(desk, 2.4, minutes=2)
    at_r(desk, 2.5, minutes=3)
    assert len(desk.commands("exit")) == 1


def test_after_a_part_was_sold_targets_never_add_up_to_more_than_there_is() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.hand("SELL", "0.030", 60_000)
    (left,) = desk.state.positions.values()
    gone = {cancel.client_order_id for cancel in desk.cancels()}
    resting = [one for one in desk.commands("target") if one.order.client_order_id not in gone]
    assert sum(one.order.qty for one in resting) <= left.qty


def test_a_stage_is_left_to_its_target_before_the_targets_are_sent() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.fill(desk.commands("entry")[0], 60_000)
    desk.tell(a_candle(63_000.0, NOON_MS + 1_000))
    assert not desk.commands("exit")
    desk.accept(desk.commands("stop")[0])
    assert [target.leg for target in desk.commands("target")] == [1, 2, 3]


def test_targets_are_for_what_still_stands_when_they_are_sent() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.fill(desk.commands("entry")[0], 60_000)
    desk.hand("SELL", "0.030", 60_000)
    desk.accept(desk.commands("stop")[0])
    assert sum(target.order.qty for target in desk.commands("target")) == Decimal("0.020")


def test_targets_shrink_when_a_stop_that_was_too_small_takes_a_part() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.hand("BUY", "0.020", 60_000)
    desk.fill(desk.commands("stop")[0], 59_500)
    (left,) = desk.state.positions.values()
    assert left.qty == Decimal("0.020")
    gone = {cancel.client_order_id for cancel in desk.cancels()}
    resting = [one for one in targets if one.order.client_order_id not in gone]
    assert sum(one.order.qty for one in resting) <= left.qty


def test_targets_shrink_when_one_that_was_given_up_is_filled_after_all() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.reject(targets[2], -1007, "proved dead")
    at_r(desk, 2.3)
    desk.hand("SELL", "0.010", 60_000)
    desk.fill(targets[2], targets[2].order.price)
    (left,) = desk.state.positions.values()
    gone = {cancel.client_order_id for cancel in desk.cancels()}
    resting = [one for one in targets[:2] if one.order.client_order_id not in gone]
    assert sum(one.order.qty for one in resting) <= left.qty


def test_the_runner_is_trailed_and_its_stop_never_loosens() -> None:
    desk = by_policy("profile:TREND_DEFAULT")
    for target in desk.open(60_000.0):
        desk.fill(target, target.order.price)
    (held,) = desk.state.positions.values()
    assert held.qty == Decimal("0.018"), "35 % run on, with what rounding left"
    prices: list[Decimal] = []
    for minute, r in enumerate((2.0, 3.0, 2.8, 4.0, 3.9, 6.0, 5.5), 1):
        at_r(desk, r, minute)
        newest = desk.commands("stop")[-1]
        desk.accept(newest)
        assert newest.order.trigger_price is not None
        prices.append(newest.order.trigger_price)
    assert prices == sorted(prices)
    assert prices[-1] > prices[0]
    desk.fill(desk.commands("stop")[-1], prices[-1], "0.018")
    (closed,) = desk.take(TradeClosed)
    assert isinstance(closed, TradeClosed)
    assert closed.reason in ("callback_trail", "atr_trail")


def test_every_decision_is_said_with_its_moment() -> None:
    desk = Desk()
    targets = desk.open(60_000.0)
    desk.fill(targets[0], targets[0].order.price)
    (moved,) = desk.take(ExitDecided)
    assert isinstance(moved, ExitDecided)
    assert (moved.kind, moved.rule, moved.done) == ("MOVE_STOP", "break_even", True)
    assert moved.price == desk.commands("stop")[1].order.trigger_price
    assert moved.mark == float(targets[0].order.price or 0)
    assert moved.r_net is not None
    assert moved.r_net > 0.5
    assert moved.pnl_usd == Decimal("19.159"), "0.035 that are left, 547.4 higher"


def test_a_stop_that_was_crossed_and_not_filled_is_followed_by_a_market_order() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.tell(a_candle(59_500.0, NOON_MS + MINUTE_MS))
    assert not desk.commands("exit")
    desk.second(NOON_MS + MINUTE_MS + 2_999)
    assert not desk.commands("exit")
    desk.second(NOON_MS + MINUTE_MS + 3_000)
    (leave,) = desk.commands("exit")
    assert leave.order.qty == Decimal("0.050")


def test_a_plan_that_ended_leaves_no_exit_plan_behind() -> None:
    desk = Desk()
    for target in desk.open(60_000.0):
        desk.fill(target, target.order.price)
    for stop in desk.commands("stop"):
        desk.cancel(stop, "flat")
    assert len(desk.take(PlanEnded)) == 1
    assert not desk.state.exit_plans


def test_an_account_in_emergency_enters_nothing() -> None:
    rules = some_rules()
    exits = msgspec.structs.replace(rules.exits, risk_mode="ESS_ACTIVE")
    desk = Desk(msgspec.structs.replace(rules, exits=exits))
    desk.tell(a_candle(60_000.0))
    desk.hand("BUY", "0.030", 60_000)
    (leave,) = [fact for fact in desk.said if isinstance(fact, OrderCommanded)]
    assert leave.role == "exit"


def test_a_downtime_is_no_reason_to_leave_before_the_first_price_after_it() -> None:
    desk = Desk()
    desk.open(60_000.0)
    back_ms = NOON_MS + 60 * MINUTE_MS
    desk.second(back_ms)
    assert not desk.commands("exit")
    for minute in range(1, 11):
        desk.second(back_ms + minute * MINUTE_MS)
    (leave,) = desk.commands("exit")
    assert leave.reason == "blind", "and yet nobody looks away for ever"


def test_the_exit_score_may_harvest_the_first_stage() -> None:
    rules = some_rules()
    stops = msgspec.structs.replace(rules.exits.stops, by_score=True)
    exits = msgspec.structs.replace(rules.exits, stops=stops)
    desk = Desk(msgspec.structs.replace(rules, exits=exits))
    for target in desk.open(60_000.0):
        desk.reject(target, -4164)
    at_r(desk, 1.0)
    (part,) = desk.commands("exit")
    assert (part.leg, part.reason) == (1, "exit_score")
    assert not desk.take(HarvestProposed)


def test_a_glance_has_everything_in_its_place() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.tell(a_candle(60_090.0, NOON_MS + MINUTE_MS, high=60_100.0, low=59_950.0))
    (plan,), state = desk.state.plans.values(), desk.state
    state.markets["BTCUSDT"].next_funding_ms = NOON_MS + 7
    plan.market_ms, plan.liquidation_price = NOON_MS + 3, Decimal(54_000)
    glance = glance_of(state, some_rules(), plan)
    stop = plan.stop
    assert stop is not None
    assert msgspec.structs.asdict(glance) == {
        "sign": 1,
        "entry_price": 60_000.0,
        "initial_stop": float(plan.first_stop()),
        "stop": float(stop.price),
        "best": 60_100.0,
        "opened_ms": NOON_MS,
        "now_ms": NOON_MS + MINUTE_MS,
        "stage": 0,
        "resting": (1, 2, 3),
        "liquidation_price": 54_000.0,
        "mark": 60_090.0,
        "mark_age_ms": 0,
        "market_ms": NOON_MS + 3,
        "next_funding_ms": NOON_MS + 7,
        "risk_mode": "NORMAL",
        "hold_max_ms": plan.made.hold_max_ms,
        "plan": state.exit_plans[f"BTCUSDT/{plan.made.plan_id}"],
        "memory": plan.memory,
    }


def test_a_context_says_the_same_as_the_glance_before_it() -> None:
    desk = Desk()
    desk.open(60_000.0)
    (plan,), (position,) = desk.state.plans.values(), desk.state.positions.values()
    glance = glance_of(desk.state, some_rules(), plan)
    context = context_of(desk.state, some_rules(), plan, position, glance)
    for name in glance.__struct_fields__:
        assert getattr(context, name) == getattr(glance, name), name


def test_a_quiet_position_is_not_looked_at_closely(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    desk.open(60_000.0)
    looked: list[object] = []

    def noted(context: ExitContext, rules: ExitRules) -> Verdict:
        looked.append(context)
        return evaluate(context, rules)

    monkeypatch.setattr(exiting, "evaluate", noted)
    at_r(desk, 0.2)
    assert not looked
    at_r(desk, 1.2, minutes=2)
    assert len(looked) == 1
