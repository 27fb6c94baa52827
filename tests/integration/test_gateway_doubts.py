"""What it takes to believe that an order does not exist, and what becomes of those that do."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from quantum_trader.adapters.journal.sqlite import SqliteJournal
from quantum_trader.core.events import TAGS, Fact, OrderRejected
from quantum_trader.core.venue import VenueAccount
from quantum_trader.services import wire
from quantum_trader.services.doubts import ASK_AT_MS
from quantum_trader.streams import OPERATOR_STREAM
from tests.commands import ACCOUNT, cancel_command, order_command
from tests.gateways import START_MS, started
from tests.support import drain, kill

ENTRY = order_command("entry")
STOP = order_command("stop")
NAME = ENTRY.order.client_order_id
STOP_NAME = STOP.order.client_order_id


def kinds(facts: Sequence[Fact]) -> str:
    return " ".join(TAGS[type(fact)] for fact in facts)


@pytest.mark.parametrize("question", ["account", "trades", "updates"])
async def test_a_denial_beside_an_unanswered_question_proves_nothing(question: str) -> None:
    world = await started()
    world.exchange.knobs.fail("place", "nowhere")
    await world.carry_out(ENTRY)
    await world.wait(4_900)
    world.exchange.knobs.fail(question, *["unreachable"] * 600)
    await world.wait(56_000)
    assert world.journal.unresolved() == [ENTRY]


async def test_a_position_that_moved_by_nothing_that_is_told_proves_nothing() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "nowhere")
    await world.carry_out(ENTRY)
    await world.wait(29_000)
    world.exchange.moved["BTCUSDT"] = ENTRY.order.qty
    await world.wait(32_000)
    assert world.journal.unresolved() == [ENTRY]
    # It stays as it is from there on: that much is known a while later.
    assert kinds(await world.wait(240_000)) == "order.in_doubt order.rejected"


async def test_doubts_of_one_moment_look_at_the_account_together() -> None:
    world = await started()
    lost = [order_command("stop", f"p{number}") for number in range(8)]
    world.exchange.knobs.fail("place", *["nowhere"] * len(lost))
    await world.carry_out(*lost)
    looked, account = [0], world.exchange.account

    async def counted() -> VenueAccount:
        looked[0] += 1
        return await account()

    world.exchange.account = counted  # type: ignore[method-assign]
    facts = await world.wait(130_000)
    assert kinds(facts) == " ".join(["order.in_doubt"] * 8 + ["order.rejected"] * 8)
    assert looked[0] <= len(ASK_AT_MS)


async def test_an_order_that_its_own_query_forgot_is_found_where_it_rests() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "lost")
    world.exchange.forgetful = True
    await world.carry_out(STOP)
    assert kinds(await world.wait(6_000)) == "order.in_doubt order.accepted"


async def test_an_order_that_rests_although_its_query_forgot_it_is_canceled_again() -> None:
    world = await started()
    await world.carry_out(STOP)
    world.exchange.knobs.fail("cancel", "nowhere")
    world.exchange.forgetful = True
    await world.carry_out(cancel_command(STOP))
    assert [one.client_order_id for one in world.exchange.resting()] == [STOP_NAME]
    await world.wait(1_000)
    assert world.exchange.resting() == []


async def test_an_order_that_its_own_query_forgot_is_found_by_its_trades() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "lost")
    world.exchange.forgetful = True
    world.exchange.knobs.fail("updates", *["unreachable"] * 100)
    await world.carry_out(ENTRY)
    assert kinds(await world.wait(6_000)) == "order.in_doubt order.filled order.filled"


async def test_the_dead_are_watched_for_a_day_and_what_is_found_is_told_once() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "late")
    await world.carry_out(ENTRY)
    await world.wait(61_000)
    world.exchange.let_late_orders_in()
    world.exchange.deaf = True  # Nothing is reported: only asking can find it.
    assert kinds(await world.wait(30_000, 1_000)) == "order.in_doubt order.rejected"
    facts = await world.wait(60_000, 1_000)
    assert kinds(facts) == "order.in_doubt order.rejected order.filled order.filled"
    assert await world.wait(7_200_000, 60_000) == facts
    world.exchange.deaf = False
    assert await world.wait(1_000) == facts


async def test_a_question_about_the_dead_that_had_no_answer_is_asked_again_at_once() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "late")
    await world.carry_out(ENTRY)
    await world.wait(61_000)
    world.exchange.let_late_orders_in()
    world.exchange.deaf = True
    world.exchange.knobs.fail("find", "lost", "unreachable")
    facts = await world.wait(61_000, 1_000)
    assert world.exchange.knobs.failures["find"] == []
    assert kinds(facts) == "order.in_doubt order.rejected order.filled order.filled"


async def test_a_dead_order_that_rests_after_all_is_canceled_for_its_plan_has_gone_on() -> None:
    world = await started(SqliteJournal(Path(":memory:"), ACCOUNT))
    world.exchange.knobs.fail("place", "late")
    await world.carry_out(STOP)
    await world.wait(61_000)
    world.exchange.let_late_orders_in()
    await world.restart()
    assert [one.client_order_id for one in world.exchange.resting()] == [STOP_NAME]
    await world.wait(60_000, 1_000)
    assert world.exchange.resting() == []


async def test_who_has_been_dead_for_a_day_is_not_asked_about_any_more() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "nowhere")
    await world.carry_out(ENTRY)
    await world.wait(25 * 3_600_000, 60_000)
    asked = len(world.called("find"))
    await world.wait(3 * 3_600_000, 60_000)
    assert len(world.called("find")) == asked


@pytest.mark.parametrize(
    ("order", "allowed"),
    [
        (kill("HALT", START_MS), "order.accepted"),
        (kill("FLATTEN", START_MS), "order.accepted"),
        (drain(on=True), "order.accepted"),
        (kill("RUN", START_MS), "order.accepted order.filled order.filled order.accepted"),
        (drain(on=False), "order.accepted order.filled order.filled order.accepted"),
    ],
)
async def test_an_entry_that_waited_does_not_leave_after_a_halt_and_a_stop_does(
    order: Fact, allowed: str
) -> None:
    world = await started()
    await world.command(ENTRY, STOP)
    await world.bus.append(OPERATOR_STREAM, [wire.write(order)], writer="operator")
    facts = await world.carry_out()
    told = [fact for fact in facts if not isinstance(fact, OrderRejected)]
    assert sorted(kinds(told).split()) == sorted(allowed.split())
    assert bool(world.exchange.executions[NAME]) == ("order.filled" in allowed)
    if "order.filled" not in allowed:
        (refused,) = [fact for fact in facts if isinstance(fact, OrderRejected)]
        assert refused.code == -1
        assert "before it left" in refused.reason
