"""The gateway: one order per name at the venue, one outcome per command, each fill once."""

import asyncio
from collections.abc import Sequence

import pytest

from quantum_trader.core.errors import Locked
from quantum_trader.core.events import (
    TAGS,
    Fact,
    OrderCanceled,
    OrderFilled,
    OrderRejected,
)
from quantum_trader.core.events.orders import OrderFact, OrderRequest
from quantum_trader.core.venue import Placement, Rejected
from quantum_trader.services.gateway import LANES_AT_ONCE
from tests.commands import ACCOUNT, cancel_command, order_command
from tests.gateways import START_MS, started

ENTRY = order_command("entry")
STOP = order_command("stop")
TARGET = order_command("target")
EXIT = order_command("exit")
NAME = ENTRY.order.client_order_id
STOP_NAME = STOP.order.client_order_id


def kinds(facts: Sequence[Fact]) -> str:
    return " ".join(TAGS[type(fact)] for fact in facts)


def only_rejection(facts: Sequence[Fact]) -> OrderRejected:
    (fact,) = facts
    assert isinstance(fact, OrderRejected)
    return fact


async def test_an_entry_is_configured_placed_accepted_and_filled() -> None:
    world = await started()
    facts = await world.carry_out(ENTRY)
    assert world.exchange.calls == [("configure", "BTCUSDT"), ("place", NAME)]
    assert world.exchange.leverage == {"BTCUSDT": 5}
    assert kinds(facts) == "order.accepted order.filled order.filled"
    for fact in facts:
        assert isinstance(fact, OrderFact)
        assert (fact.plan_id, fact.role, fact.client_order_id) == ("plan-1", "entry", NAME)
        assert (fact.trace_id, fact.account, fact.at_ms) == ("trace of plan-1", ACCOUNT, START_MS)
    fills = [fact for fact in facts if isinstance(fact, OrderFilled)]
    assert [fill.id for fill in fills] == ["paper:BTCUSDT:t1", "paper:BTCUSDT:t2"]
    assert sum(fill.qty for fill in fills) == ENTRY.order.qty
    assert [fill.done for fill in fills] == [False, True]
    assert [fact for _, fact in world.journal.outbox(0, 10)] == facts


async def test_the_command_is_in_the_journal_before_it_leaves() -> None:
    world = await started()
    seen: list[bool] = []
    place = world.exchange.place

    async def spying(order: OrderRequest) -> Placement:
        seen.append(world.journal.known(NAME) is not None)
        return await place(order)

    world.exchange.place = spying  # type: ignore[method-assign]
    await world.carry_out(ENTRY)
    assert seen == [True]


async def test_a_command_that_comes_again_is_not_sent_again_and_says_nothing_new() -> None:
    world = await started()
    first = await world.carry_out(ENTRY, STOP)
    world.clock.move_to(START_MS + 60_000)
    assert await world.carry_out(ENTRY, STOP) == first
    assert world.exchange.executions == {NAME: 1, STOP_NAME: 1}
    await world.restart()
    assert await world.carry_out(STOP, ENTRY) == first
    assert len(world.called("place")) == 2


async def test_a_refused_order_and_a_refused_leverage_end_with_the_venues_own_code() -> None:
    world = await started()
    world.exchange.refuse = {NAME: -2019}
    refused = only_rejection(await world.carry_out(ENTRY))
    assert (refused.code, refused.reason) == (-2019, "refused")
    world = await started()
    world.exchange.refuse = {"leverage": -4028}
    refused = only_rejection(await world.carry_out(ENTRY))
    assert (refused.code, refused.reason) == (-4028, "leverage 5: no such leverage")
    assert not world.called("place")


async def test_an_entry_that_is_too_old_never_leaves() -> None:
    world = await started()
    facts = await world.carry_out(order_command("entry", expires_ms=START_MS - 1))
    refused = only_rejection(facts)
    assert (refused.code, refused.reason) == (-1, "expired before it was sent")
    assert world.exchange.calls == []
    facts = await world.carry_out(order_command("entry", "plan-2", expires_ms=START_MS))
    assert len(world.called("place")) == 1


async def test_an_entry_that_grew_old_while_its_leverage_was_set_does_not_leave() -> None:
    world = await started()
    configure = world.exchange.configure

    async def slow(symbol: str, leverage: int) -> Rejected | None:
        world.clock.move_to(START_MS + 500)
        return await configure(symbol, leverage)

    world.exchange.configure = slow  # type: ignore[method-assign]
    facts = await world.carry_out(order_command("entry", expires_ms=START_MS + 499))
    assert only_rejection(facts).reason == "expired before it was sent"
    assert not world.called("place")


async def test_an_entry_that_was_sent_in_time_does_not_expire_when_it_comes_again() -> None:
    world = await started()
    entry = order_command("entry", expires_ms=START_MS + 10)
    facts = await world.carry_out(entry)
    world.clock.move_to(START_MS + 1_000)
    assert await world.carry_out(entry) == facts


async def test_an_entry_that_cannot_leave_is_given_up_at_once() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "unreachable")
    refused = only_rejection(await world.carry_out(ENTRY))
    assert refused.code == -1
    assert refused.reason.startswith("never sent")
    assert world.called("place") == [("place", NAME)]
    assert not world.exchange.executions


@pytest.mark.parametrize("how", ["unreachable", "lost"])
async def test_an_entry_does_not_leave_while_its_leverage_is_not_certain(how: str) -> None:
    world = await started()
    world.exchange.knobs.fail("configure", how)
    assert only_rejection(await world.carry_out(ENTRY)).code == -1
    assert not world.called("place")


@pytest.mark.parametrize("command", [STOP, EXIT, TARGET])
async def test_what_reduces_risk_is_tried_again_while_it_cannot_leave(command: Fact) -> None:
    world = await started()
    world.exchange.knobs.fail("place", *["unreachable"] * 4)
    facts = await world.carry_out(command)
    assert kinds(facts).startswith("order.accepted")
    assert sum(world.exchange.executions.values()) == 1


async def test_trying_again_has_an_end() -> None:
    world = await started()
    world.exchange.knobs.fail("place", *["unreachable"] * 50)
    assert only_rejection(await world.carry_out(STOP)).code == -1
    assert len(world.called("place")) == 5


async def test_a_lost_answer_is_asked_for_and_the_order_is_never_sent_again() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "lost")
    world.exchange.knobs.fail("updates", "unreachable")
    assert kinds(await world.carry_out(STOP)) == "order.in_doubt"
    assert world.journal.unresolved() == [STOP]
    assert kinds(await world.wait(100)) == "order.in_doubt"
    assert kinds(await world.wait(100)) == "order.in_doubt order.accepted"
    assert world.journal.unresolved() == []
    await world.wait(120_000)
    assert world.exchange.executions == {STOP_NAME: 1}
    assert len(world.called("find")) == 1


async def test_fills_answer_the_question_as_well() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "lost")
    facts = await world.carry_out(ENTRY)
    assert kinds(facts) == "order.in_doubt order.filled order.filled"
    assert await world.wait(120_000) == facts
    assert world.exchange.executions == {NAME: 1}
    assert not world.called("find")


async def test_an_order_is_dead_when_everything_denied_it_for_a_minute() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "nowhere")
    assert kinds(await world.carry_out(ENTRY)) == "order.in_doubt"
    assert kinds(await world.wait(59_900)) == "order.in_doubt"
    assert world.journal.unresolved() == [ENTRY]
    dead = (await world.wait(100))[-1]
    assert isinstance(dead, OrderRejected)
    assert dead.code == -1007
    assert dead.reason.startswith("proved dead: no query, no open order, no trade")
    # At 0.2, 0.5, 1, 2 s a denial proves nothing; at 5, 10, 30 and 60 s it does.
    assert len(world.called("find")) == 8
    assert world.journal.unresolved() == []
    assert not world.exchange.executions


async def test_a_question_without_an_answer_is_no_denial() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "nowhere")
    world.exchange.knobs.fail("find", *["unreachable", "lost"] * 4)
    await world.carry_out(ENTRY)
    await world.wait(61_000)
    assert world.journal.unresolved() == [ENTRY]
    assert kinds(await world.wait(180_000)) == "order.in_doubt order.rejected"


async def test_an_order_that_arrives_late_is_adopted() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "late")
    await world.carry_out(STOP)
    await world.wait(11_000)
    world.exchange.let_late_orders_in()
    assert kinds(await world.wait(30_000)) == "order.in_doubt order.accepted"
    assert world.exchange.executions == {STOP_NAME: 1}


async def test_an_order_that_arrives_after_its_funeral_is_told_with_its_plan() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "late")
    await world.carry_out(ENTRY)
    await world.wait(61_000)
    world.exchange.let_late_orders_in()
    facts = await world.wait(100)
    assert kinds(facts) == "order.in_doubt order.rejected order.filled order.filled"
    assert all(isinstance(fact, OrderFact) and fact.plan_id == "plan-1" for fact in facts)


async def test_an_order_found_canceled_is_never_said_to_be_there() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "lost")
    await world.carry_out(STOP)
    world.exchange.expire(STOP.order, report=False)
    assert kinds(await world.wait(1_000)) == "order.in_doubt order.canceled"


async def test_a_name_that_is_on_an_open_order_already_is_asked_about() -> None:
    world = await started()
    await world.exchange.place(STOP.order)
    facts = await world.carry_out(STOP)
    assert kinds(facts) == "order.in_doubt"
    assert kinds(await world.wait(1_000)) == "order.in_doubt order.accepted"
    assert world.exchange.executions == {STOP_NAME: 1}


async def test_a_refused_key_stops_everything_and_what_was_sent_is_known() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "well", "locked")
    with pytest.raises(Locked):
        await world.carry_out(STOP, TARGET, EXIT)
    assert world.journal.unresolved() == [TARGET, EXIT]
    await world.restart()
    await world.service.pump_once(0)
    assert kinds(await world.results()) == "order.accepted order.in_doubt order.in_doubt"
    await world.wait(31_000)
    assert len(world.called("place")) == 2


async def test_many_symbols_share_the_way_and_a_refused_key_keeps_none_from_being_tried() -> None:
    world = await started()
    count = 2 * LANES_AT_ONCE + 3
    stops = [order_command("stop", f"p{n}", symbol=f"S{n}USDT") for n in range(count)]
    world.exchange.knobs.fail("place", *["locked"] * (LANES_AT_ONCE + 1))
    with pytest.raises(Locked):
        await world.carry_out(*stops)
    assert len(world.called("place")) == count
    assert world.journal.unresolved() == stops[: LANES_AT_ONCE + 1]


async def test_one_symbol_keeps_its_order_and_another_does_not_wait_for_it() -> None:
    world = await started()
    other = order_command("stop", "plan-2", symbol="ETHUSDT")
    gate = asyncio.Event()
    place = world.exchange.place

    async def slow(order: OrderRequest) -> Placement:
        if order.symbol == "BTCUSDT":
            await gate.wait()
        return await place(order)

    world.exchange.place = slow  # type: ignore[method-assign]
    await world.command(STOP, TARGET, other)
    working = asyncio.create_task(world.service.poll_once())
    await asyncio.sleep(0.01)
    assert world.called("place") == [("place", other.order.client_order_id)]
    gate.set()
    await working
    names = [name for _, name in world.called("place")]
    assert names[1:] == [STOP_NAME, TARGET.order.client_order_id]
    assert [getattr(fact, "client_order_id", "") for fact in await world.results()] == [
        STOP_NAME,
        TARGET.order.client_order_id,
        other.order.client_order_id,
    ]


async def test_a_cancel_has_its_outcome_from_the_venues_report() -> None:
    world = await started()
    facts = await world.carry_out(STOP, cancel_command(STOP))
    assert kinds(facts) == "order.accepted order.canceled"
    assert world.journal.unresolved() == []
    assert await world.carry_out(cancel_command(STOP)) == facts
    assert len(world.called("cancel")) == 1


@pytest.mark.parametrize("how", ["lost", "nowhere"])
async def test_a_cancel_without_an_answer_is_followed_until_the_order_has_ended(how: str) -> None:
    world = await started()
    world.exchange.knobs.fail("cancel", how)
    await world.carry_out(STOP, cancel_command(STOP))
    assert kinds(await world.wait(1_000)) == "order.accepted order.canceled"
    assert world.journal.unresolved() == []


async def test_a_cancel_that_comes_too_late_ends_with_the_fill() -> None:
    world = await started()
    await world.carry_out(STOP)
    world.exchange.fill(STOP.order)
    facts = await world.carry_out(cancel_command(STOP))
    assert kinds(facts) == "order.accepted order.filled"
    assert await world.wait(60_000) == facts
    assert world.journal.unresolved() == []


async def test_an_order_that_was_filled_is_never_called_canceled() -> None:
    world = await started()
    await world.carry_out(STOP)
    world.exchange.fill(STOP.order)
    world.exchange.knobs.fail("updates", *["unreachable"] * 10)
    await world.carry_out(cancel_command(STOP))
    assert kinds(await world.wait(500)) == "order.accepted"
    assert kinds(await world.wait(1_000)) == "order.accepted order.filled"


async def test_a_cancel_of_an_order_the_venue_forgot_ends_it() -> None:
    world = await started()
    await world.carry_out(STOP)
    world.exchange.forget(STOP_NAME)
    await world.carry_out(cancel_command(STOP))
    assert kinds(await world.wait(59_000)) == "order.accepted"
    end = (await world.wait(2_000))[-1]
    assert isinstance(end, OrderCanceled)
    assert "does not know it any more" in end.reason


async def test_the_cancel_of_an_order_in_doubt_waits_for_the_truth_about_the_order() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "late")
    await world.carry_out(STOP, cancel_command(STOP))
    await world.wait(6_000)
    assert world.journal.unresolved() == [STOP, cancel_command(STOP)]
    world.exchange.let_late_orders_in()
    facts = await world.wait(60_000)
    assert kinds(facts) == "order.in_doubt order.accepted order.canceled"
