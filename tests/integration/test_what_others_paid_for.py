"""What went wrong in the systems of others, and must not here; docs/crash-points.md lists it."""

from collections import Counter
from decimal import Decimal

import pytest

from quantum_trader.core.errors import Locked
from quantum_trader.core.events import Fact, OrderCommanded, OrderFilled, OrderRejected
from quantum_trader.core.venue import VenueFill
from tests.commands import order_command
from tests.gateways import World, started
from tests.support import NOON_MS, Desk, a_candle, an_intent, kill

ENTRY = order_command("entry")
STOP = order_command("stop")
NAME = ENTRY.order.client_order_id


async def reconcile(world: World, ms: int) -> list[Fact]:
    """Let time pass while reports are heard and the account is looked at."""
    end_ms = world.clock.now_ms() + ms
    while world.clock.now_ms() < end_ms:
        await world.service.pump_once(0)
        await world.service.reconcile_once()
        world.clock.move_to(world.clock.now_ms() + 1_000)
    return await world.results()


async def test_a_time_out_that_was_an_acceptance_leads_to_no_second_order() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "lost")
    await world.carry_out(STOP)
    facts = await world.carry_out(STOP)
    await world.wait(60_000)
    assert not [fact for fact in facts if isinstance(fact, OrderRejected)]
    assert max(world.exchange.executions.values()) == 1


async def test_a_warm_restart_invents_no_fill() -> None:
    world = await started()
    facts = await world.carry_out(ENTRY, STOP)
    for _ in range(3):
        await world.restart()
        assert await reconcile(world, 30_000) == facts


async def test_fills_that_are_told_again_after_a_restart_are_known() -> None:
    world = await started()
    facts = await world.carry_out(ENTRY)
    world.exchange.repeat_reports = True
    await world.restart()
    assert await reconcile(world, 10_000) == facts


async def test_a_stop_that_its_own_query_forgets_for_half_an_hour_has_no_second_beside_it() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "lost")
    world.exchange.forgetful = True
    await world.carry_out(STOP)
    await world.wait(40 * 60_000, 5_000)
    assert [one.client_order_id for one in world.exchange.resting()] == [STOP.order.client_order_id]
    assert world.journal.unresolved() == []


@pytest.mark.parametrize("code", [-4014, -4016, -1111, -4135])
def test_a_stop_that_a_filter_refuses_again_and_again_ends_in_leaving(code: int) -> None:
    desk = Desk()
    desk.tell(a_candle(60_000.0), an_intent())
    desk.fill(desk.commands("entry")[0], 60_000)
    for number in range(3):
        desk.reject(desk.commands("stop")[number], code)
    (leave,) = desk.commands("exit")
    assert leave.order.qty == desk.state.positions["BTCUSDT"].qty


async def test_an_old_fill_that_comes_again_with_a_later_cancel_is_booked_once() -> None:
    world = await started()
    facts = await world.carry_out(ENTRY, STOP)
    old = next(one for one in world.exchange.reports() if isinstance(one, VenueFill))
    world.exchange.expire(STOP.order)
    world.exchange.report(lambda seq: replayed(old, seq))
    later = await world.wait(1_000)
    fills = [fact for fact in later if isinstance(fact, OrderFilled)]
    assert fills == [fact for fact in facts if isinstance(fact, OrderFilled)]


def replayed(old: VenueFill, seq: int) -> VenueFill:
    return VenueFill(
        seq=seq,
        at_ms=old.at_ms + 1,
        symbol=old.symbol,
        client_order_id=old.client_order_id,
        trade_id=old.trade_id,
        side=old.side,
        qty=old.qty,
        price=old.price,
        fee_usd=old.fee_usd,
        liquidity=old.liquidity,
        cause=old.cause,
        done=old.done,
    )


async def test_an_order_that_filled_before_a_restart_is_not_booked_again_by_asking() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "lost")
    await world.carry_out(ENTRY)
    await world.restart()
    facts = await reconcile(world, 30_000)
    fills = [fact.trade_id for fact in facts if isinstance(fact, OrderFilled)]
    assert fills == ["1", "2"]
    await world.restart()
    world.exchange.moved["BTCUSDT"] = Decimal("0.1")  # So that trades are asked for.
    await reconcile(world, 4_000)
    assert Counter(
        fact.trade_id for fact in await world.results() if isinstance(fact, OrderFilled)
    ) == Counter(["1", "2"])


@pytest.mark.parametrize("how", ["unreachable", "lost", "late", "nowhere", "locked"])
async def test_no_failure_of_any_kind_makes_an_entry_leave_twice(how: str) -> None:
    world = await started()
    world.exchange.knobs.fail("place", how)
    try:
        await world.carry_out(ENTRY)
    except Locked:
        await world.restart()
    await world.carry_out(ENTRY)
    await world.restart()
    await world.carry_out(ENTRY)
    world.exchange.let_late_orders_in()
    await reconcile(world, 90_000)
    assert len(world.called("place")) == 1
    assert world.exchange.executions[NAME] <= 1


def test_an_hour_of_refusals_is_an_hour_of_trying_with_the_stop_in_place() -> None:
    desk = Desk()
    desk.open(60_000.0)
    desk.tell(kill("FLATTEN"))
    tried = 0
    for second in range(1, 3_601):
        exits = desk.commands("exit")
        if len(exits) > tried:
            tried = len(exits)
            desk.reject(exits[-1], -1008)
        desk.second(NOON_MS + second * 1_000)
    assert tried >= 3_500
    assert desk.cancels() == []
    last = desk.commands("exit")[-1]
    assert isinstance(last, OrderCommanded)
    desk.fill(last, 60_000)
    assert "BTCUSDT" not in desk.state.positions
