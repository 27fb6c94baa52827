"""A stream server that came back empty or older, as the gateway and its journal see it."""

import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.core.errors import StoreError
from quantum_trader.core.events import Fact, LifeBegan, LifeTaken, OrderAccepted
from quantum_trader.core.stream_info import Life
from quantum_trader.services.gateway import Gateway
from quantum_trader.streams import ORDER_COMMAND
from tests.commands import ACCOUNT, order_command
from tests.gateways import World, started

STOP = order_command("stop")
LATER = order_command("stop", "plan-2")


def taken(life: int) -> LifeTaken:
    return LifeTaken(id=f"taken:{life}", at_ms=1, trace_id="", account=ACCOUNT, life=life)


async def emptied(world: World) -> list[Fact]:
    """The same gateway, as a new process on an empty server; what it publishes."""
    world.bus = MemoryBus()
    await world.restart()
    await world.service.pump_once(0)
    return await world.results()


async def test_the_journal_remembers_how_far_the_commands_were_taken() -> None:
    world = await started()
    await world.carry_out(STOP)
    info = await world.bus.info(ORDER_COMMAND)
    assert info is not None
    assert world.journal.life() == Life(1, info.last_id)
    await world.restart()
    assert not world.service.awaits_life


async def test_an_empty_server_begins_a_life_behind_all_that_the_journal_has() -> None:
    world = await started()
    await world.carry_out(STOP)
    accepted, began = await emptied(world)
    assert isinstance(accepted, OrderAccepted)
    assert isinstance(began, LifeBegan)
    assert began.life == 2
    assert [one.client_order_id for one in began.orders] == [STOP.order.client_order_id]
    assert world.service.awaits_life


async def test_nothing_is_carried_out_until_the_trader_knows_of_the_life() -> None:
    world = await started()
    await world.carry_out(STOP)
    await emptied(world)
    sent = len(world.called("place"))
    await world.carry_out(LATER, taken(1))
    await world.restart()
    await world.carry_out(order_command("stop", "plan-3"))
    assert len(world.called("place")) == sent
    await world.carry_out(taken(2), order_command("stop", "plan-4"))
    assert len(world.called("place")) == sent + 1
    assert not world.service.awaits_life
    assert world.journal.life().number == 2
    await world.restart()
    assert not world.service.awaits_life


async def test_a_server_that_came_back_older_begins_a_life_too_and_a_second_loss_another() -> None:
    world = await started()
    await world.carry_out(STOP)
    older = world.bus.copy()
    await world.carry_out(LATER)
    world.bus = older
    await world.restart()
    assert world.service.awaits_life
    await world.carry_out(taken(2), order_command("stop", "plan-3"))
    *_, began = await emptied(world)
    assert isinstance(began, LifeBegan)
    assert (began.life, len(began.orders)) == (3, 3)


async def test_a_crash_before_the_life_was_committed_begins_no_other() -> None:
    world = await started()
    await world.carry_out(STOP)
    await emptied(world)
    before = world.bus.copy()
    await world.command(taken(2), order_command("stop", "plan-4"))
    asked = world.bus.copy()
    while await world.service.poll_once():
        pass
    world.bus = asked
    await world.restart()
    assert world.journal.life().number == 2
    await world.carry_out()
    assert not world.service.awaits_life
    world.bus = before
    await world.restart()
    assert world.journal.life().number == 3, "of the life that was taken nothing is left"


async def test_who_finds_it_out_in_the_middle_of_a_run_ends() -> None:
    world = await started()
    await world.carry_out(STOP)
    gateway = Gateway(world.exchange, world.journal, ACCOUNT, world.clock, world.clock.now_ms)
    await gateway.restore(world.bus, "gateway")
    with pytest.raises(StoreError, match="came back empty"):
        await gateway.restore(MemoryBus(), "gateway")
    assert world.journal.life().number == 1
