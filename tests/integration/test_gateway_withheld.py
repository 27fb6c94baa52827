"""The cancel of a stop that was replaced leaves only while its successor stands."""

from collections.abc import Sequence

import pytest

from quantum_trader.core.events import TAGS, CancelWithheld, Fact
from tests.commands import cancel_command, canceled, order_command
from tests.gateways import started

STOP = order_command("stop")
STOP_NAME = STOP.order.client_order_id
MOVED = order_command("stop", attempt=2)
GO = cancel_command(STOP, stays=MOVED)
"""The stop was moved; the old one may go while the new one stands."""


def kinds(facts: Sequence[Fact]) -> str:
    return " ".join(TAGS[type(fact)] for fact in facts)


async def test_a_stop_goes_while_the_one_that_stays_in_its_place_stands() -> None:
    world = await started()
    facts = await world.carry_out(STOP, MOVED, GO)
    assert kinds(facts) == "order.accepted order.accepted order.canceled"
    assert world.journal.unresolved() == []


@pytest.mark.parametrize("how", ["expired", "in silence", "filled", "forgotten", "recorded"])
async def test_a_stop_does_not_go_when_the_one_that_was_to_stay_is_gone(how: str) -> None:
    world = await started()
    await world.carry_out(STOP, MOVED)
    match how:
        case "expired" | "in silence":
            world.exchange.expire(MOVED.order, report=how == "expired")
        case "filled":
            world.exchange.fill(MOVED.order)
        case "forgotten":
            world.exchange.forget(MOVED.order.client_order_id)
        case "recorded":
            world.journal.conclude([canceled(MOVED)], venue_seq=None)
    facts = await world.carry_out(GO)
    kept = facts[-1]
    assert isinstance(kept, CancelWithheld)
    assert (kept.client_order_id, kept.cancel_id) == (STOP_NAME, GO.id)
    assert MOVED.order.client_order_id in kept.reason
    assert world.called("cancel") == []
    assert world.journal.unresolved() == []
    assert await world.carry_out(GO) == facts, "the same command has the same answer"
    again = cancel_command(STOP, 2)
    assert kinds((await world.carry_out(again))[-1:]) == "order.canceled"


async def test_what_nobody_can_say_of_the_one_that_stays_is_asked_until_somebody_can() -> None:
    world = await started()
    world.exchange.knobs.fail("find", "lost")
    await world.carry_out(STOP, MOVED, GO)
    assert world.called("cancel") == []
    assert world.journal.unresolved() == [GO]
    world.exchange.knobs.fail("find", "well", "lost")
    await world.wait(300)
    assert world.called("cancel") == []
    assert kinds((await world.wait(1_000))[-1:]) == "order.canceled"


async def test_a_cancel_that_was_not_sent_before_the_end_is_withheld_after_a_start() -> None:
    world = await started()
    await world.carry_out(STOP, MOVED)
    world.journal.intend([GO])
    world.exchange.expire(MOVED.order)
    await world.restart()
    await world.service.pump_once(0)
    facts = await world.results()
    assert kinds(facts[2:]) == "order.canceled cancel.withheld"
    assert world.called("cancel") == []
    assert [one.client_order_id for one in world.exchange.resting()] == [STOP_NAME]


async def test_a_cancel_that_could_not_leave_asks_for_the_one_that_stays_once_more() -> None:
    world = await started()
    await world.carry_out(STOP, MOVED)
    world.exchange.knobs.fail("cancel", "unreachable")
    await world.carry_out(GO)
    assert len(world.called("cancel")) == 1
    assert world.journal.unresolved() == [GO]
    world.exchange.expire(MOVED.order)
    facts = await world.wait(1_000)
    assert kinds(facts[2:]) == "order.canceled cancel.withheld"
    assert len(world.called("cancel")) == 1


async def test_a_stop_does_not_go_when_the_one_that_stays_is_too_small_for_what_is_booked() -> None:
    world = await started()
    small = order_command("stop", attempt=2, qty="0.4")
    await world.carry_out(order_command("entry"), STOP, small)
    facts = await world.carry_out(cancel_command(STOP, stays=small))
    kept = facts[-1]
    assert isinstance(kept, CancelWithheld)
    assert "for 0.4 of 0.5" in kept.reason
    assert world.called("cancel") == []
    large = order_command("stop", attempt=3, qty="0.5")
    facts = await world.carry_out(large, cancel_command(STOP, 2, stays=large))
    assert kinds(facts[-1:]) == "order.canceled"
