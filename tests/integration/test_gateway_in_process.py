"""What became of a command, where the exchange lives in the same process and died with it."""

from collections.abc import Sequence

from quantum_trader.core.events import (
    TAGS,
    CancelCommanded,
    Fact,
    OrderCommanded,
    OrderRejected,
)
from quantum_trader.services.gateway import Gateway
from tests.commands import ACCOUNT, cancel_command, order_command
from tests.gateways import World, started

ENTRY = order_command("entry")
STOP = order_command("stop")
NAME = ENTRY.order.client_order_id


def kinds(facts: Sequence[Fact]) -> str:
    return " ".join(TAGS[type(fact)] for fact in facts)


async def after_a_crash(world: World, command: Fact, *, in_process: bool) -> list[Fact]:
    """What a new gateway concludes of a command that was recorded and perhaps never sent."""
    assert isinstance(command, OrderCommanded | CancelCommanded)
    world.journal.intend([command])
    gateway = Gateway(
        world.exchange,
        world.journal,
        ACCOUNT,
        world.clock,
        world.clock.now_ms,
        in_process=in_process,
    )
    await gateway.resolve()
    return [fact for _, fact in world.journal.outbox(0, 99)]


async def test_what_an_exchange_in_this_process_does_not_know_does_not_exist() -> None:
    """Lives of seconds never had the minute, and every symbol in doubt took no entry for ever."""
    world = await started()
    (dead,) = await after_a_crash(world, ENTRY, in_process=True)
    assert isinstance(dead, OrderRejected)
    assert (dead.code, world.journal.unresolved()) == (-1007, [])
    elsewhere = await started()
    assert kinds(await after_a_crash(elsewhere, ENTRY, in_process=False)) == "order.in_doubt"
    assert elsewhere.journal.unresolved() == [ENTRY]


async def test_what_reached_an_exchange_in_this_process_before_a_crash_is_found_there() -> None:
    world = await started()
    await world.exchange.place(ENTRY.order)
    facts = await after_a_crash(world, ENTRY, in_process=True)
    assert kinds(facts) == "order.accepted order.filled order.filled"


async def test_an_exchange_in_this_process_that_shows_a_trade_is_not_said_to_know_nothing() -> None:
    world = await started()
    await world.exchange.place(ENTRY.order)
    world.exchange.forget(NAME)
    facts = await after_a_crash(world, ENTRY, in_process=True)
    assert "order.rejected" not in kinds(facts)
    assert "order.filled" in kinds(facts)


async def test_a_cancel_that_an_exchange_in_this_process_has_no_order_for_is_over() -> None:
    world = await started()
    world.journal.intend([STOP])
    await after_a_crash(world, cancel_command(STOP), in_process=True)
    assert world.journal.unresolved() == []
