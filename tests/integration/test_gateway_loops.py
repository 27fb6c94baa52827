"""The gateway's loops: what they bear, what ends them, and what of it is known afterwards."""

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from quantum_trader.adapters.bus.memory import MemoryBus
from quantum_trader.adapters.clock import SystemClock
from quantum_trader.adapters.journal.memory import MemoryJournal
from quantum_trader.core.errors import BrokenInvariant, BusUnreachable
from quantum_trader.core.events import (
    AccountSeen,
    CanarySung,
    CandleClosed,
    Fact,
    OrderAccepted,
    OrderFilled,
)
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.venue import Placement
from quantum_trader.ports import Commit, CommitOutcome
from quantum_trader.services import gateway, gateway_loops, wire
from quantum_trader.services.batch import Received
from quantum_trader.services.gateway import Gateway
from quantum_trader.services.gateway_loops import COMMANDS, PUMP, RECONCILE, GatewayService
from quantum_trader.services.loop import Consumer
from quantum_trader.services.loop_settings import LoopSettings
from quantum_trader.services.reconciler import ReconcileSettings
from quantum_trader.services.supervisor import FAILED, run_services
from quantum_trader.streams import EXECUTION_RESULT, ORDER_COMMAND, ROUTES
from tests.commands import ACCOUNT, order_command
from tests.fake_exchange import FakeExchange
from tests.gateways import START_MS, started
from tests.support import a_candle

STOP = order_command("stop")


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.002)


def canary(number: int) -> CanarySung:
    return CanarySung(
        id=f"canary{number}", at_ms=START_MS, trace_id="", account=ACCOUNT, stream=ORDER_COMMAND
    )


async def test_nothing_comes_of_a_canary_and_what_is_behind_it_is_carried_out() -> None:
    world = await started()
    assert await world.carry_out(canary(1)) == []
    assert (world.exchange.calls, world.journal.outbox(0, 10)) == ([], [])
    (fact,) = await world.carry_out(canary(2), STOP)
    assert isinstance(fact, OrderAccepted)


async def test_what_is_no_command_is_never_carried_out() -> None:
    world = await started()
    bars: CandleClosed = a_candle(60_000.0)
    gateway = Gateway(world.exchange, world.journal, ACCOUNT, world.clock, world.clock.now_ms)
    await world.command(bars)
    (entry,) = await world.bus.span(ORDER_COMMAND, "-", "+", 1)
    with pytest.raises(BrokenInvariant, match="is no command"):
        await gateway.handle([Received(entry, bars), Received(entry, STOP)])
    assert world.exchange.calls == []
    assert world.journal.unresolved() == []


async def test_what_the_gateway_says_of_its_own_is_published_on_its_stream() -> None:
    world = await started()
    song = canary(1)
    assert await world.service.say([(EXECUTION_RESULT, song)]) == 1
    assert await world.results() == [song]
    assert world.journal.outbox(0, 10) == [], "it is no order's, and not of the journal"


async def test_a_failure_in_one_symbol_is_told_and_the_order_of_another_is_asked_about() -> None:
    world = await started()
    other = order_command("stop", "plan-2", symbol="ETHUSDT")
    place = world.exchange.place

    async def broken(order: OrderRequest) -> Placement:
        if order.symbol == "BTCUSDT":
            raise ArithmeticError("a price that cannot be")
        return await place(order)

    world.exchange.place = broken  # type: ignore[method-assign]
    with pytest.raises(ArithmeticError, match="cannot be"):
        await world.carry_out(STOP, other)
    assert world.exchange.executions == {other.order.client_order_id: 1}
    assert world.journal.unresolved() == [STOP, other], "sent, and nobody heard the answer"
    world.exchange.place = place  # type: ignore[method-assign]
    await world.restart()
    await world.service.pump_once(0)
    accepted = [one for one in await world.results() if isinstance(one, OrderAccepted)]
    assert [one.client_order_id for one in accepted] == [other.order.client_order_id]
    assert world.exchange.executions == {other.order.client_order_id: 1}


async def test_a_look_at_the_account_never_overtakes_what_is_still_to_be_published(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gateway, "PUBLISH_MAX", 2)
    world = await started()
    shown = 0
    while shown < 2:  # The second one shows nothing new, and is in no journal.
        world.clock.move_to(world.clock.now_ms() + 1_000)
        shown += await world.service.reconcile_once()
    world.journal.conclude([of_nobodys_order(number) for number in range(5)], venue_seq=None)
    counts: list[int] = []
    while len(counts) < 3:
        world.clock.move_to(world.clock.now_ms() + 1_000)
        if count := await world.service.reconcile_once():
            counts.append(count)
    assert counts == [2, 2, 2], "two, two, and the last one with the account behind it"
    assert len(await world.results()) == 5


def of_nobodys_order(number: int) -> OrderAccepted:
    """A fact that the journal keeps and that belongs to no order of ours."""
    return OrderAccepted(
        id=f"accepted{number}",
        at_ms=START_MS,
        trace_id="",
        account=ACCOUNT,
        plan_id="",
        role="stop",
        symbol="BTCUSDT",
        client_order_id=f"hand-{number}",
        venue_order_id=str(number),
    )


class MuteBus(MemoryBus):
    """Gives no answer while it is mute; ``missed`` is what it was told then, ``heard`` later."""

    mute = True

    def __init__(self) -> None:
        super().__init__()
        self.missed: list[Commit] = []
        self.heard: Counter[str] = Counter()

    async def commit(self, commit: Commit) -> CommitOutcome:
        if self.mute:
            self.missed.append(commit)
            raise BusUnreachable("no answer")
        self.heard.update(out.stream for out in commit.outputs)
        return await super().commit(commit)


async def test_a_server_that_is_mute_for_a_while_hears_reports_and_account_once_it_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gateway_loops, "RECONCILE_STEP_MS", 1)
    clock, bus, journal = SystemClock(), MuteBus(), MemoryJournal()
    exchange = FakeExchange(clock.now_ms)
    await exchange.place(STOP.order)
    exchange.fill(STOP.order)
    gateway = Gateway(exchange, journal, ACCOUNT, clock, clock.now_ms)
    gateway.reconciler.settings = ReconcileSettings(apart_ms=1, hurry_ms=5, active_ms=5)
    service = GatewayService(bus, gateway, LoopSettings(account=ACCOUNT, block_ms=5), clock)
    running = asyncio.create_task(service.run())

    def unanswered(kind: type[Fact]) -> bool:
        return any(out.stream == ROUTES[kind] for one in bus.missed for out in one.outputs)

    await eventually(lambda: unanswered(OrderFilled) and unanswered(AccountSeen))
    bus.mute = False
    await eventually(lambda: bus.heard[ROUTES[AccountSeen]] > 1)
    results = map(wire.read, await bus.span(EXECUTION_RESULT, "-", "+", 1_000))
    assert [fact.id for fact in results if isinstance(fact, OrderFilled)] == ["paper:BTCUSDT:t1"]
    assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


LOOPS = {COMMANDS: (Consumer, "run"), PUMP: (GatewayService, "_pump")} | {
    RECONCILE: (GatewayService, "_reconcile")
}


@pytest.mark.parametrize("victim", LOOPS)
@pytest.mark.parametrize("how", ["returned", "canceled"])
async def test_one_loop_of_the_gateway_that_ends_well_ends_the_process(
    victim: str, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ended(_: object) -> None:
        if how == "canceled":
            raise asyncio.CancelledError

    monkeypatch.setattr(*LOOPS[victim], ended)
    service = (await started()).service
    with capture_logs() as said:
        async with asyncio.timeout(5):
            assert await run_services({"gateway": service.run}) == FAILED
    assert [victim in line["reason"] and how in line["reason"] for line in said] == [True]


async def test_whoever_stops_the_gateway_stops_all_its_loops() -> None:
    service = (await started()).service
    before = asyncio.all_tasks()
    running = asyncio.create_task(service.run())
    await eventually(lambda: LOOPS.keys() <= {task.get_name() for task in asyncio.all_tasks()})
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert asyncio.all_tasks() == before
