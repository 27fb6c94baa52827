"""What the venue reports by itself reaches the stream once, whoever fetched it, whatever broke."""

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import SystemClock
from quantum_trader.adapters.journal.memory import MemoryJournal
from quantum_trader.adapters.journal.sqlite import SqliteJournal
from quantum_trader.core.errors import Locked, StoreError
from quantum_trader.core.events import (
    FundingSettled,
    LifeBegan,
    OrderAccepted,
    OrderFilled,
    OrderInDoubt,
    OrderRejected,
    OrderTriggered,
)
from quantum_trader.core.venue import (
    AnyVenueUpdate,
    VenueFill,
    VenueFunding,
    VenueReject,
    VenueTrigger,
)
from quantum_trader.services.gateway import Gateway
from quantum_trader.services.gateway_loops import GatewayService
from quantum_trader.services.loop_settings import LoopSettings
from tests.commands import ACCOUNT, order_command
from tests.gateways import START_MS, started

STOP = order_command("stop")
STOP_NAME = STOP.order.client_order_id


def liquidation(seq: int) -> AnyVenueUpdate:
    return VenueFill(
        seq=seq,
        at_ms=77,
        symbol="BTCUSDT",
        client_order_id="autoclose-1",
        trade_id="900",
        side="SELL",
        qty=Decimal(1),
        price=Decimal(80),
        fee_usd=Decimal("0.4"),
        liquidity="taker",
        cause="liquidation",
        done=True,
    )


def funding(seq: int) -> AnyVenueUpdate:
    return VenueFunding(
        seq=seq,
        at_ms=28_800_000,
        symbol="BTCUSDT",
        client_order_id="",
        rate_frac=Decimal("0.0001"),
        mark=Decimal(100),
        qty=Decimal(-2),
        payment_usd=Decimal("0.02"),
    )


def trigger(seq: int) -> AnyVenueUpdate:
    return VenueTrigger(
        seq=seq,
        at_ms=78,
        symbol="BTCUSDT",
        client_order_id=STOP_NAME,
        trigger_price=Decimal(90),
    )


def refusal(seq: int) -> AnyVenueUpdate:
    return VenueReject(
        seq=seq,
        at_ms=79,
        symbol="BTCUSDT",
        client_order_id=STOP_NAME,
        code=-2019,
        reason="margin",
    )


async def test_a_fill_of_a_resting_order_is_published_by_the_pump() -> None:
    world = await started()
    await world.carry_out(STOP)
    world.exchange.fill(STOP.order)
    assert await world.service.pump_once(0) == 1
    assert await world.service.pump_once(0) == 0
    accepted, filled = await world.results()
    assert isinstance(accepted, OrderAccepted)
    assert isinstance(filled, OrderFilled)
    assert (filled.plan_id, filled.role, filled.trace_id) == ("plan-1", "stop", STOP.trace_id)


async def test_a_liquidation_is_nobodys_plan_and_keeps_its_cause() -> None:
    world = await started()
    world.exchange.report(liquidation)
    await world.service.pump_once(0)
    (fact,) = await world.results()
    assert isinstance(fact, OrderFilled)
    assert (fact.plan_id, fact.role, fact.cause) == ("", "exit", "liquidation")
    assert (fact.id, fact.client_order_id, fact.at_ms) == ("paper:BTCUSDT:t900", "autoclose-1", 77)
    assert fact.account == ACCOUNT


async def test_funding_is_told_with_its_numbers() -> None:
    world = await started()
    world.exchange.report(funding)
    await world.service.pump_once(0)
    (fact,) = await world.results()
    assert fact == FundingSettled(
        id="paper:BTCUSDT:funding:28800000",
        at_ms=28_800_000,
        trace_id="",
        account=ACCOUNT,
        symbol="BTCUSDT",
        rate_frac=Decimal("0.0001"),
        mark=Decimal(100),
        qty=Decimal(-2),
        payment_usd=Decimal("0.02"),
    )


async def test_a_trigger_and_a_late_refusal_are_told() -> None:
    world = await started()
    await world.carry_out(STOP)
    world.exchange.report(trigger)
    world.exchange.report(refusal)
    await world.service.pump_once(0)
    _, triggered, refused = await world.results()
    assert isinstance(triggered, OrderTriggered)
    assert triggered.trigger_price == 90
    assert isinstance(refused, OrderRejected)
    assert (refused.code, refused.plan_id) == (-2019, "plan-1")


async def test_a_venue_that_repeats_itself_is_heard_once() -> None:
    world = await started()
    world.exchange.repeat_reports = True
    await world.carry_out(order_command("entry"), STOP)
    for number in range(2, 6):
        await world.carry_out(order_command("entry", f"plan-{number}"))
        await world.service.pump_once(0)
    fills = [fact.id for fact in await world.results() if isinstance(fact, OrderFilled)]
    assert fills == [f"paper:BTCUSDT:t{number}" for number in range(1, 11)]


async def test_reports_that_pump_and_loop_both_fetched_are_published_once() -> None:
    world = await started()
    await world.carry_out(STOP)
    world.exchange.fill(STOP.order)
    updates = world.exchange.updates
    asked = asyncio.Event()
    go_on = asyncio.Event()

    async def slow(after: int, wait_ms: int) -> Sequence[AnyVenueUpdate]:
        found = await updates(after, wait_ms)
        if wait_ms:
            asked.set()
            await go_on.wait()
        return found

    world.exchange.updates = slow  # type: ignore[method-assign]
    pumping = asyncio.create_task(world.service.pump_once(100))
    await asked.wait()
    await world.carry_out(order_command("entry", "plan-2"))
    go_on.set()
    await pumping
    facts = [fact.id for fact in await world.results()]
    assert len(facts) == len(set(facts)) == 5
    assert world.journal.venue_seq() == 3


async def test_a_venue_out_of_reach_is_asked_again_later() -> None:
    world = await started()
    await world.carry_out(STOP)
    world.exchange.fill(STOP.order)
    world.exchange.knobs.fail("updates", "unreachable", "lost")
    before_ms = world.clock.now_ms()
    assert await world.service.pump_once(250) == 0
    assert world.clock.now_ms() == before_ms + 250
    assert await world.service.pump_once(250) == 0
    assert await world.service.pump_once(250) == 1


async def test_what_the_journal_holds_and_the_stream_does_not_is_published_at_the_next_start(
    tmp_path: Path,
) -> None:
    world = await started(SqliteJournal(tmp_path / "journal.db", ACCOUNT))
    facts = await world.carry_out(order_command("entry"), STOP)
    world.bus = MemoryBus()
    await world.restart()
    await world.service.pump_once(0)
    *again, began = await world.results()
    assert again == facts
    assert isinstance(began, LifeBegan)
    await world.restart()
    assert await world.service.pump_once(0) == 0


async def test_a_long_outbox_is_published_in_pieces_and_in_order() -> None:
    world = await started()
    for _ in range(2_500):
        world.exchange.report(_trade)
    counts = [await world.service.pump_once(0) for _ in range(4)]
    assert counts == [1_000, 1_000, 500, 0]
    ids = [fact.id for fact in await world.results()]
    assert ids == [f"paper:BTCUSDT:t{number}" for number in range(1, 2_501)]


def _trade(seq: int) -> AnyVenueUpdate:
    return VenueFill(
        seq=seq,
        at_ms=seq,
        symbol="BTCUSDT",
        client_order_id="by-hand",
        trade_id=str(seq),
        side="BUY",
        qty=Decimal(1),
        price=Decimal(80),
        fee_usd=Decimal(0),
        liquidity="maker",
        cause="order",
        done=False,
    )


async def test_another_journal_than_the_one_that_was_published_from_is_refused() -> None:
    world = await started()
    await world.carry_out(STOP)
    world.journal = MemoryJournal()
    with pytest.raises(StoreError, match="not from this one"):
        await world.restart()


async def test_commands_without_an_outcome_are_asked_about_before_anything_new_is_sent() -> None:
    world = await started()
    found, lost = order_command("entry", "plan-1"), order_command("entry", "plan-2")
    world.journal.intend([found, lost])
    await world.exchange.place(found.order)
    world.exchange.calls.clear()
    await world.command(order_command("exit", "plan-3"))
    await world.restart()
    assert [name for name, _ in world.exchange.calls] == ["find", "find"]
    await world.service.poll_once()
    facts = await world.results()
    assert [(type(fact), getattr(fact, "plan_id", "")) for fact in facts[:4]] == [
        (OrderAccepted, "plan-1"),
        (OrderFilled, "plan-1"),
        (OrderFilled, "plan-1"),
        (OrderInDoubt, "plan-2"),
    ]
    last = (await world.wait(61_000))[-1]
    assert isinstance(last, OrderRejected)
    assert (last.plan_id, last.code) == ("plan-2", -1007)
    assert max(world.exchange.executions.values()) == 1


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def test_commands_and_reports_flow_side_by_side_until_the_key_is_refused() -> None:
    world = await started()
    clock = SystemClock()
    gateway = Gateway(world.exchange, world.journal, ACCOUNT, clock, lambda: START_MS)
    settings = LoopSettings(account=ACCOUNT, block_ms=20)
    running = asyncio.create_task(GatewayService(world.bus, gateway, settings, clock).run())
    await world.command(STOP)
    await eventually(lambda: world.journal.known(STOP_NAME) is not None)
    await eventually(lambda: len(world.journal.outbox(0, 10)) == 1)
    world.exchange.fill(STOP.order)
    await eventually(lambda: len(world.journal.outbox(0, 10)) == 2)
    world.exchange.knobs.fail("place", "locked")
    await world.command(order_command("exit", "plan-9"))
    with pytest.raises(Locked):
        await asyncio.wait_for(running, 5)
    assert len(await world.results()) == 2
