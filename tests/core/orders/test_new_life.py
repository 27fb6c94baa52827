"""Streams that lost something: positions are taken over as they stand, no signal comes twice."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from quantum_trader.core.events import (
    IntentApplied,
    IntentSkipped,
    LifeBegan,
    LifeTaken,
    OrderAccepted,
    OrderCommanded,
    PlanEnded,
    PlanMade,
    SeenOrder,
)
from quantum_trader.core.orders.new_life import STREAMS_LOST
from tests.support import ACCOUNT, NOON_MS, Desk, a_candle, an_intent, kill


def resting(commands: Sequence[OrderCommanded]) -> tuple[SeenOrder, ...]:
    """Orders as the journal has them."""
    return tuple(
        SeenOrder(
            symbol=one.order.symbol,
            client_order_id=one.order.client_order_id,
            side=one.order.side,
            kind=one.order.kind,
            qty=one.order.qty,
            price=one.order.price or one.order.trigger_price,
            reduces=one.order.reduce_only,
        )
        for one in commands
    )


def began(life: int = 2, orders: tuple[SeenOrder, ...] = ()) -> LifeBegan:
    return LifeBegan(
        id=f"{ACCOUNT}:life:{life}",
        at_ms=NOON_MS,
        trace_id="",
        account=ACCOUNT,
        life=life,
        orders=orders,
        why="the stream server came back empty",
    )


def names(desk: Desk) -> list[str]:
    return [one.order.client_order_id for one in desk.said if isinstance(one, OrderCommanded)]


def told_again(before: Desk) -> Desk:
    """A desk that knows nothing but the fills of another one, as after a loss of everything."""
    desk = Desk()
    desk.tell(a_candle(60_000.0))
    desk.fill(before.commands("entry")[0], 60_000)
    desk.said.clear()
    return desk


def test_a_position_keeps_the_stop_and_the_targets_that_rest() -> None:
    before = Desk()
    targets = before.open(60_000.0)
    (stop,) = before.commands("stop")
    desk = told_again(before)
    desk.tell(began(orders=resting([stop, *targets])))
    assert isinstance(desk.said[0], LifeTaken), "all that was commanded before it is void"
    assert not names(desk)
    (plan,) = desk.state.plans.values()
    assert plan.stop is not None
    assert plan.stop.client_order_id == stop.order.client_order_id
    assert plan.covers(desk.state.positions["BTCUSDT"])
    assert set(plan.targets) == {one.order.client_order_id for one in targets}
    assert desk.state.exposure.margin_usd < before.state.exposure.gross_usd / 4


def test_the_end_of_a_stop_that_was_taken_over_is_heard() -> None:
    before = Desk()
    before.open(60_000.0)
    (stop,) = before.commands("stop")
    desk = told_again(before)
    desk.tell(began(orders=resting([stop])))
    desk.cancel(stop, "gone")
    (again,) = desk.commands("stop")
    assert again.order.qty >= abs(desk.state.positions["BTCUSDT"].qty)
    assert again.order.client_order_id != stop.order.client_order_id


def test_where_nothing_rests_a_stop_is_commanded_under_a_name_of_this_life() -> None:
    before = Desk()
    before.open(60_000.0)
    used = set(names(before))
    for life in (2, 3):
        desk = told_again(before)
        desk.tell(began(life))
        (stop,) = desk.commands("stop")
        assert stop.order.qty == abs(desk.state.positions["BTCUSDT"].qty)
        assert stop.order.client_order_id not in used
        used.add(stop.order.client_order_id)


def test_a_stop_that_is_too_small_gets_one_for_all_of_it_at_its_price() -> None:
    before = Desk()
    before.open(60_000.0)
    (stop,) = before.commands("stop")
    (small,) = resting([stop])
    desk = told_again(before)
    desk.tell(began(orders=(msgspec.structs.replace(small, qty=Decimal("0.001")),)))
    (larger,) = desk.commands("stop")
    assert larger.order.trigger_price == small.price
    assert larger.order.qty == abs(desk.state.positions["BTCUSDT"].qty)


def test_an_older_plan_is_let_go_and_its_proposer_has_an_answer() -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    (made,) = desk.take(PlanMade)
    assert isinstance(made, PlanMade)
    desk.tell(began())
    assert not desk.state.plans
    assert desk.state.exposure.coming_usd == 0
    (answer,) = desk.take(IntentApplied)
    assert isinstance(answer, IntentApplied)
    assert (answer.plan_id, answer.status) == (made.plan_id, "failed")
    (ended,) = desk.take(PlanEnded)
    assert isinstance(ended, PlanEnded)
    assert ended.reason == STREAMS_LOST


def test_a_signal_whose_order_is_told_again_is_spent() -> None:
    before = Desk()
    before.tell(a_candle(60_000.0), an_intent())
    desk = Desk()
    desk.tell(a_candle(60_000.0))
    desk.reject(before.commands("entry")[0], -2019)
    desk.tell(began(), an_intent())
    assert not desk.commands("entry")
    (skipped,) = desk.take(IntentSkipped)
    assert isinstance(skipped, IntentSkipped)
    assert skipped.kind == "duplicate"


def test_orders_of_a_symbol_that_is_flat_are_canceled() -> None:
    before = Desk()
    targets = before.open(60_000.0)
    desk = Desk()
    desk.tell(began(orders=resting([*before.commands("stop"), *targets])))
    assert len(desk.cancels()) == 1 + len(targets)
    assert all("@2/" in one.id for one in desk.cancels()), "cancels are known by their id"


def test_an_order_of_a_plan_that_is_gone_is_canceled_when_it_turns_up() -> None:
    before = Desk()
    targets = before.open(60_000.0)
    (stop,) = before.commands("stop")
    desk = told_again(before)
    desk.tell(began(orders=resting([stop])))
    desk.said.clear()
    desk.accept(targets[0])
    (cancel,) = desk.cancels()
    assert cancel.client_order_id == targets[0].order.client_order_id


def test_what_was_ordered_flat_is_closed_in_the_new_life() -> None:
    before = Desk()
    before.open(60_000.0)
    desk = told_again(before)
    desk.tell(kill("FLATTEN"))
    desk.said.clear()
    desk.tell(began())
    (exit_,) = desk.commands("exit")
    assert exit_.order.reduce_only
    assert not desk.take(OrderAccepted)
