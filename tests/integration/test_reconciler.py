"""Looks at the venue's account: what two in agreement show, and fills that nobody told."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

from quantum_trader.core.events import (
    AccountSeen,
    Fact,
    FillCorrected,
    OrderFilled,
    OrderRejected,
)
from quantum_trader.core.venue import VenueFill
from quantum_trader.services import wire
from quantum_trader.services.reconciler import ReconcileSettings
from quantum_trader.streams import ROUTES
from tests.commands import cancel_command, order_command
from tests.gateways import World, started

ENTRY = order_command("entry")
STOP = order_command("stop")
SYMBOL = "BTCUSDT"


async def seen(world: World) -> list[AccountSeen]:
    entries = await world.bus.span(ROUTES[AccountSeen], "-", "+", 1_000_000)
    facts = [wire.read(entry) for entry in entries]
    return [fact for fact in facts if isinstance(fact, AccountSeen)]


async def reconcile(world: World, ms: int, every_ms: int = 500) -> list[AccountSeen]:
    """Let time pass and the account be looked at."""
    end_ms = world.clock.now_ms() + ms
    while world.clock.now_ms() < end_ms:
        await world.service.pump_once(0)
        await world.service.reconcile_once()
        world.clock.move_to(world.clock.now_ms() + every_ms)
    return await seen(world)


def fills(facts: Sequence[Fact]) -> list[OrderFilled]:
    return [fact for fact in facts if isinstance(fact, OrderFilled)]


async def test_two_looks_in_agreement_are_published_with_what_they_show() -> None:
    world = await started()
    await world.carry_out(ENTRY, STOP)
    await reconcile(world, 600)
    assert await seen(world) == []
    (first, *_) = await reconcile(world, 2_500)
    assert first.at_ms - first.first_ms >= 1_000
    (position,) = first.positions
    assert (position.symbol, position.qty) == (SYMBOL, ENTRY.order.qty)
    (order,) = first.orders
    assert order.client_order_id == STOP.order.client_order_id
    assert first.unsettled == ()
    # Both are in the journal once, and published more often.
    assert [type(fact) for _, fact in world.journal.outbox(0, 100)].count(AccountSeen) == 1
    assert len(await seen(world)) > 1


async def test_a_symbol_of_which_something_was_sent_in_between_is_not_settled() -> None:
    world = await started()
    await world.carry_out(ENTRY)
    await reconcile(world, 600)
    await world.carry_out(STOP)
    shown = await reconcile(world, 1_200)
    assert shown[0].unsettled == (SYMBOL,)
    assert (await reconcile(world, 2_000))[-1].unsettled == ()


async def test_a_symbol_that_looks_the_same_after_something_came_and_went_is_not_settled() -> None:
    world = await started()
    await world.carry_out(ENTRY)
    await reconcile(world, 600)
    await world.carry_out(STOP, cancel_command(STOP))
    shown = await reconcile(world, 1_200)
    assert shown[0].orders == ()
    assert shown[0].unsettled == (SYMBOL,)


async def test_a_symbol_with_an_order_in_doubt_is_not_settled_and_after_a_while_doubted() -> None:
    world = await started()
    world.exchange.knobs.fail("place", "nowhere")
    world.exchange.knobs.fail("find", *["lost"] * 500)
    await world.carry_out(STOP)
    shown = await reconcile(world, 5_000)
    assert all(one.unsettled == (SYMBOL,) and one.doubted == () for one in shown)
    shown = await reconcile(world, 80_000)
    assert shown[-1].doubted == (SYMBOL,)


async def test_a_question_without_an_answer_changes_nothing_and_says_nothing() -> None:
    world = await started()
    await world.carry_out(ENTRY, STOP)
    before = [fact for _, fact in world.journal.outbox(0, 100)]
    world.exchange.knobs.fail("account", *["unreachable", "lost"] * 50)
    assert await reconcile(world, 30_000) == []
    assert [fact for _, fact in world.journal.outbox(0, 100)] == before


async def test_an_answer_with_nothing_in_it_is_not_believed_for_a_minute() -> None:
    world = await started()
    await world.carry_out(ENTRY)
    told = await world.results()
    world.exchange.moved[SYMBOL] = -ENTRY.order.qty
    await reconcile(world, 55_000)
    assert await world.results() == told
    world.exchange.moved[SYMBOL] = Decimal(0)
    await reconcile(world, 120_000)
    assert await world.results() == told


async def test_trades_that_no_report_told_are_asked_for_and_booked_once() -> None:
    world = await started()
    world.exchange.deaf = True
    await world.carry_out(ENTRY)
    assert fills(await world.results()) == []
    await reconcile(world, 3_000)
    assert [one.trade_id for one in fills(await world.results())] == ["1", "2"], "our own"
    hand = order_command("exit", "by hand").order
    await world.exchange.place(hand)
    shown = await reconcile(world, 8_000)
    booked = fills(await world.results())
    assert [one.trade_id for one in booked] == ["1", "2", "3", "4"]
    assert [one.plan_id for one in booked] == ["plan-1", "plan-1", "", ""]
    assert [one.found for one in shown if one.found] == [{SYMBOL: 2}, {SYMBOL: 2}]
    world.exchange.deaf = False
    await reconcile(world, 5_000)
    assert fills(await world.results()) == booked


async def test_a_position_without_any_trade_is_inferred_at_what_the_venue_says_it_cost() -> None:
    world = await started()
    world.exchange.moved[SYMBOL] = Decimal("0.4")
    await reconcile(world, 4_000)
    assert fills(await world.results()) == []
    await reconcile(world, 6_000)
    (fill,) = fills(await world.results())
    assert (fill.side, fill.qty, fill.price, fill.cause) == (
        "BUY",
        Decimal("0.4"),
        Decimal(100),
        "inferred",
    )
    assert fill.plan_id == ""
    await world.restart()
    await reconcile(world, 60_000)
    assert fills(await world.results()) == [fill]


async def test_a_real_fill_takes_the_place_of_the_inferred_one_and_adds_nothing() -> None:
    world = await started()
    world.exchange.moved[SYMBOL] = Decimal("0.4")
    await reconcile(world, 10_000)
    (inferred,) = fills(await world.results())
    world.exchange.moved[SYMBOL] = Decimal(0)

    def trade(number: int, qty: str) -> None:
        world.exchange.report(
            lambda seq: VenueFill(
                seq=seq,
                at_ms=world.clock.now_ms(),
                symbol=SYMBOL,
                client_order_id="hand-1",
                trade_id=f"real-{number}",
                side="BUY",
                qty=Decimal(qty),
                price=Decimal(101),
                fee_usd=Decimal("0.01"),
                liquidity="taker",
                cause="order",
                done=True,
            )
        )

    trade(1, "0.3")
    trade(2, "0.3")
    facts = await world.wait(1_000)
    corrected = [fact for fact in facts if isinstance(fact, FillCorrected)]
    assert [(one.qty, one.replaces) for one in corrected] == [
        (Decimal("0.3"), inferred.trade_id),
        (Decimal("0.1"), inferred.trade_id),
    ]
    assert sum(one.fee_usd for one in corrected) == Decimal("0.02")
    rest = fills(facts)[1:]
    assert [(one.qty, one.fee_usd) for one in rest] == [(Decimal("0.2"), Decimal(0))]
    assert world.journal.books()[SYMBOL].qty == Decimal("0.6")
    assert world.journal.books()[SYMBOL].inferred == ()
    world.exchange.repeat_reports = True
    await reconcile(world, 20_000)
    assert await world.results() == facts


async def test_a_fill_that_is_told_again_replaces_no_later_inference() -> None:
    world = await started()
    await world.carry_out(ENTRY)
    world.exchange.moved[SYMBOL] = Decimal("0.1")
    await reconcile(world, 10_000)
    told = world.journal.books()[SYMBOL]
    assert (told.qty, len(told.inferred)) == (Decimal("0.6"), 1)
    facts = await world.results()
    # Asking brings every trade of the symbol again, and a bought quarter would cover the gap.
    world.exchange.moved[SYMBOL] = Decimal("0.2")
    await reconcile(world, 9_000)
    assert await world.results() == facts
    assert world.journal.books()[SYMBOL].qty == Decimal("0.6")


async def test_what_is_gone_without_a_trade_is_inferred_after_a_minute() -> None:
    world = await started()
    await world.carry_out(ENTRY, STOP)
    await reconcile(world, 3_000)
    world.exchange.moved[SYMBOL] = -ENTRY.order.qty
    await reconcile(world, 70_000)
    fill = fills(await world.results())[-1]
    assert (fill.side, fill.qty, fill.cause) == ("SELL", ENTRY.order.qty, "inferred")
    assert world.journal.books()[SYMBOL].qty == 0


async def test_what_is_gone_is_inferred_although_an_exit_of_it_is_refused_every_second() -> None:
    world = await started()
    await world.carry_out(ENTRY)
    await reconcile(world, 3_000)
    world.exchange.moved[SYMBOL] = -ENTRY.order.qty
    for attempt in range(90):
        leave = order_command("exit", attempt=attempt)
        world.exchange.refuse[leave.order.client_order_id] = -2022
        await world.carry_out(leave)
        await reconcile(world, 1_000)
    shown = await seen(world)
    *told, end = fills(await world.results())
    assert ([one.cause for one in told], end.cause) == (["order", "order"], "inferred")
    assert world.journal.books()[SYMBOL].qty == 0
    assert shown[-1].unsettled == (), "what was refused changed nothing"
    until = [one.at_ms for one in shown if one.at_ms <= end.at_ms]
    assert max(later - one for one, later in pairwise(until)) <= 12_000, "others are looked at"
    assert world.service.reconciler.allowance.refused == 0, "others wait for a look meanwhile"


async def test_a_difference_is_as_old_as_it_is_whatever_was_on_its_way_meanwhile() -> None:
    world = await started()
    await world.carry_out(ENTRY)
    await reconcile(world, 3_000)
    world.exchange.moved[SYMBOL] = -ENTRY.order.qty
    await reconcile(world, 40_000)
    world.exchange.knobs.fail("place", "nowhere")
    await world.carry_out(order_command("exit"))
    shown = await reconcile(world, 10_000)
    assert shown[-1].unsettled == (SYMBOL,)
    await reconcile(world, 60_000)
    (end,) = fills(await world.results())[2:]
    doubt_ends_ms = next(
        one.at_ms for one in await world.results() if isinstance(one, OrderRejected)
    )
    assert end.at_ms - doubt_ends_ms <= 2 * world.service.reconciler.settings.active_ms


async def test_orders_of_another_instance_are_told_from_those_that_were_left_over() -> None:
    world = await started()
    left_over, theirs = order_command("stop", "p7"), order_command("stop", "p8")
    await world.exchange.place(left_over.order)
    await world.carry_out(ENTRY, STOP)
    await reconcile(world, 4_000)
    await world.carry_out(order_command("stop", "p9"))
    assert (await reconcile(world, 8_000))[-1].strangers == ()
    other = World()  # It has streams and a journal of its own, and the same account.
    other.exchange = world.exchange
    other.service = other.new_service()
    await other.service.start()
    await other.carry_out(theirs)
    names = (theirs.order.client_order_id,)
    shown = await reconcile(world, 10_000)
    assert shown[-1].strangers == names
    recorded = [fact for _, fact in world.journal.outbox(0, 100) if isinstance(fact, AccountSeen)]
    assert names in [fact.strangers for fact in recorded]
    # It ends by itself, although the order still rests.
    assert (await reconcile(world, 11 * 60_000, 5_000))[-1].strangers == ()


async def test_an_entry_of_another_instance_is_noticed_however_short_its_position_lives() -> None:
    world = await started()
    await reconcile(world, 4_000)
    other = World()
    other.exchange = world.exchange
    other.service = other.new_service()
    await other.service.start()
    await other.carry_out(ENTRY, order_command("exit"))
    assert world.exchange.resting() == []
    assert (await reconcile(world, 65_000))[-1].strangers == (ENTRY.order.client_order_id,)
    await world.carry_out(order_command("entry", "p7"))
    assert (await reconcile(world, 11 * 60_000, 5_000))[-1].strangers == ()


async def test_looking_is_quick_after_a_silence_and_slow_on_an_idle_account() -> None:
    world = await started()
    await reconcile(world, 10_000)
    looks = len(await seen(world))
    await reconcile(world, 60_000)
    assert len(await seen(world)) - looks == 1
    world.exchange.knobs.fail("updates", "unreachable")
    looks = len(await seen(world))
    await reconcile(world, 6_000)
    assert len(await seen(world)) - looks >= 3


async def test_asking_has_its_share_of_the_venues_minute_and_no_more() -> None:
    world = await started()
    world.service.reconciler.settings = ReconcileSettings(active_ms=100, hurry_ms=100)
    await world.carry_out(ENTRY, STOP)
    asked = 0
    account = world.exchange.account

    async def counted() -> object:
        nonlocal asked
        asked += 1
        return await account()

    world.exchange.account = counted  # type: ignore[assignment,method-assign]
    await reconcile(world, 60_000, 100)
    assert asked == 12
    assert world.service.reconciler.allowance.refused > 0
    assert world.service.reconciler.allowance.spent() <= 1_260


async def test_what_is_left_of_the_minute_is_spread_over_it() -> None:
    world = await started()
    world.service.reconciler.settings = ReconcileSettings(active_ms=1_000)
    await world.carry_out(ENTRY, STOP)
    asked: list[int] = []
    account = world.exchange.account

    async def counted() -> object:
        asked.append(world.clock.now_ms())
        return await account()

    world.exchange.account = counted  # type: ignore[assignment,method-assign]
    await reconcile(world, 240_000, 100)
    for at_ms in asked:
        assert len([one for one in asked if at_ms <= one < at_ms + 60_000]) <= 12
    assert len(asked) >= 4 * 11, "what there is, is used"
    assert max(later - one for one, later in pairwise(asked)) <= 12_000, "never blind for long"
    assert world.service.reconciler.allowance.refused == 0
    assert world.service.reconciler.allowance.spent() <= 1_260
