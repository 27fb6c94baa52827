"""What every exchange keeps to, whichever it is: the paper venue in memory and on a file.

``test_exchange_binance.py`` asks the same of Binance, as a venue of our own plays it.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import msgspec
import pytest

from quantum_trader.adapters.exchanges.paper import PaperExchange
from quantum_trader.adapters.exchanges.paper_store import PaperStore
from quantum_trader.core.default_instruments import DEFAULT_INSTRUMENTS
from quantum_trader.core.errors import StoreError, Unreachable
from quantum_trader.core.events import Tick
from quantum_trader.core.events.orders import OrderKind, OrderRequest
from quantum_trader.core.matching.rules import MatchingRules
from quantum_trader.core.units import OrderSide
from quantum_trader.core.venue import (
    Accepted,
    AnyVenueUpdate,
    Rejected,
    VenueCancel,
    VenueFill,
    VenueTrigger,
)
from quantum_trader.ports import Exchange

SYMBOL = "BTCUSDT"
RULES = MatchingRules(instruments=DEFAULT_INSTRUMENTS, deposit_usd=Decimal(10_000))


def order(
    name: str,
    side: OrderSide,
    kind: OrderKind,
    at: str | None = None,
    *,
    reduce_only: bool = False,
) -> OrderRequest:
    """An order for 0.02 BTC; ``at`` is its limit or its trigger."""
    price = None if at is None else Decimal(at)
    return OrderRequest(
        client_order_id=name,
        symbol=SYMBOL,
        side=side,
        kind=kind,
        qty=Decimal("0.02"),
        price=price if kind == "LIMIT" else None,
        trigger_price=price if kind not in ("LIMIT", "MARKET") else None,
        reduce_only=reduce_only,
    )


BUY = order("in", "BUY", "MARKET")
BID = order("bid", "BUY", "LIMIT", "59000")
STOP = order("stop", "SELL", "STOP_MARKET", "58000", reduce_only=True)


class World(Protocol):
    """An exchange, and a hand on its market."""

    @property
    def exchange(self) -> Exchange:
        """The exchange."""

    async def move_to(self, price: float) -> None:
        """Let somebody trade at this price, a moment later."""


class PaperWorld:
    """A paper exchange, whose market is this hand alone."""

    def __init__(self, exchange: PaperExchange) -> None:
        self.exchange: Exchange = exchange
        self._paper = exchange
        self._at_ms = 1_700_000_000_000

    async def move_to(self, price: float) -> None:
        """Let somebody trade at this price, a second later."""
        self._at_ms += 1_000
        await self._paper.advance(
            Tick(
                id=f"t{self._at_ms}",
                at_ms=self._at_ms,
                symbol=SYMBOL,
                source="recorded",
                price=price,
                qty=1.0,
            )
        )


async def reports(world: World, count: int, after: int = 0) -> Sequence[AnyVenueUpdate]:
    """Reports after a number, as soon as there are so many: some come over a line."""
    found: Sequence[AnyVenueUpdate] = ()
    for _ in range(200):
        with suppress(Unreachable):  # A line that is down comes back.
            found = await world.exchange.updates(after, 100)
        if len(found) >= count:
            break
        await asyncio.sleep(0.01)
    assert len(found) == count
    return found


class ExchangeContract:
    """The promises of ``ports.Exchange``. The market of a fresh world stands at 60,000."""

    async def test_an_order_at_the_market_trades_and_its_fill_is_reported(
        self, world: World
    ) -> None:
        placed = await world.exchange.place(BUY)
        assert isinstance(placed, Accepted)
        (fill,) = await reports(world, 1)
        assert isinstance(fill, VenueFill)
        assert (fill.client_order_id, fill.side, fill.qty) == ("in", "BUY", Decimal("0.02"))
        assert fill.done
        assert fill.fee_usd > 0
        account = await world.exchange.account()
        assert [one.qty for one in account.positions] == [Decimal("0.02")]
        assert account.wallet_usd == Decimal(10_000) - fill.fee_usd

    async def test_trades_can_be_asked_for_and_are_those_of_the_reports(self, world: World) -> None:
        await world.exchange.place(BUY)
        await world.move_to(60_010.0)
        account = await world.exchange.account()
        await world.exchange.place(order("out", "SELL", "MARKET", reduce_only=True))
        every = await world.exchange.trades(SYMBOL, 0)
        assert [one.client_order_id for one in every] == ["in", "out"]
        reported = [one for one in await reports(world, 2) if isinstance(one, VenueFill)]
        assert [one.trade_id for one in every] == [one.trade_id for one in reported]
        later = await world.exchange.trades(SYMBOL, account.at_ms)
        assert [one.client_order_id for one in later] == ["out"]
        assert not await world.exchange.trades("ETHUSDT", 0)

    async def test_the_account_shows_what_rests_and_how_a_position_stands(
        self, world: World
    ) -> None:
        assert await world.exchange.configure(SYMBOL, 7) is None
        await world.exchange.place(BUY)
        await world.exchange.place(STOP)
        account = await world.exchange.account()
        assert not account.hedge_mode
        [position] = account.positions
        assert (position.leverage, position.isolated) == (7, True)
        [resting] = account.open_orders
        assert resting.order == STOP
        assert resting.filled_qty == 0
        found = await world.exchange.find(SYMBOL, "stop")
        assert found is not None
        assert resting.venue_order_id == found.venue_order_id

    async def test_a_venue_that_lets_stops_rest_first_does(self, world: World) -> None:
        allowed = await world.exchange.capabilities()
        assert allowed.conditional_orders_max > 0
        answer = await world.exchange.place(STOP)
        assert isinstance(answer, Accepted) == allowed.stop_before_entry

    async def test_an_open_id_is_refused_a_second_time(self, world: World) -> None:
        assert isinstance(await world.exchange.place(BID), Accepted)
        again = await world.exchange.place(BID)
        assert isinstance(again, Rejected)
        assert again.code == -4116
        assert len((await world.exchange.account()).open_orders) == 1

    async def test_a_refused_order_leaves_no_trace(self, world: World) -> None:
        before = await world.exchange.account()
        refused = await world.exchange.place(order("late", "SELL", "STOP_MARKET", "60000"))
        assert isinstance(refused, Rejected)
        assert refused.code == -2021
        after = await world.exchange.account()
        assert msgspec.structs.replace(after, at_ms=before.at_ms) == before
        assert await world.exchange.find(SYMBOL, "late") is None
        assert not await world.exchange.updates(0, 0)

    async def test_reports_can_be_read_again_from_any_number(self, world: World) -> None:
        for name in ("a", "b", "c"):
            await world.exchange.place(order(name, "BUY", "MARKET"))
        every = await reports(world, 3)
        numbers = [one.seq for one in every]
        assert numbers == sorted(set(numbers))
        assert numbers[0] > 0
        for count, after in enumerate([0, *numbers]):
            assert list(await world.exchange.updates(after, 0)) == list(every[count:])

    async def test_waiting_for_reports_ends_in_time(self, world: World) -> None:
        assert not await world.exchange.updates(0, 10)

    async def test_an_order_can_be_canceled_once(self, world: World) -> None:
        placed = await world.exchange.place(BID)
        canceled = await world.exchange.cancel(SYMBOL, "bid")
        assert canceled == placed
        again = await world.exchange.cancel(SYMBOL, "bid")
        assert isinstance(again, Rejected)
        assert again.code == -2011
        assert [type(one) for one in await reports(world, 1)] == [VenueCancel]

    async def test_an_unknown_order_cannot_be_canceled_or_found(self, world: World) -> None:
        refused = await world.exchange.cancel(SYMBOL, "nobody")
        assert isinstance(refused, Rejected)
        assert refused.code == -2011
        assert await world.exchange.find(SYMBOL, "nobody") is None

    async def test_what_became_of_an_order_can_be_asked(self, world: World) -> None:
        for one in (BUY, BID, STOP):
            await world.exchange.place(one)
        await world.exchange.cancel(SYMBOL, "bid")
        found = {name: await world.exchange.find(SYMBOL, name) for name in ("in", "bid", "stop")}
        assert {name: one and one.state for name, one in found.items()} == {
            "in": "filled",
            "bid": "canceled",
            "stop": "open",
        }
        assert found["in"] is not None
        assert found["in"].filled_qty == Decimal("0.02")

    async def test_a_stop_triggers_and_closes_the_position(self, world: World) -> None:
        await world.exchange.place(BUY)
        (entry,) = await reports(world, 1)
        await world.exchange.place(STOP)
        await world.move_to(57_999.0)
        trigger, fill = await reports(world, 2, entry.seq)
        assert isinstance(trigger, VenueTrigger)
        assert isinstance(fill, VenueFill)
        assert trigger.client_order_id == fill.client_order_id == "stop"
        account = await world.exchange.account()
        assert not account.positions
        assert not account.open_orders

    async def test_an_id_may_be_used_again_when_its_order_has_ended(self, world: World) -> None:
        first = await world.exchange.place(BID)
        await world.exchange.cancel(SYMBOL, "bid")
        second = await world.exchange.place(BID)
        assert isinstance(first, Accepted)
        assert isinstance(second, Accepted)
        assert first.venue_order_id != second.venue_order_id
        found = await world.exchange.find(SYMBOL, "bid")
        assert found is not None
        assert (found.state, found.venue_order_id) == ("open", second.venue_order_id)

    async def test_leverage_is_made_true_or_refused(self, world: World) -> None:
        assert await world.exchange.configure(SYMBOL, 10) is None
        assert await world.exchange.configure(SYMBOL, 10) is None
        refused = await world.exchange.configure(SYMBOL, 1_000)
        assert refused is not None
        assert refused.code == -4028


class TestPaperInMemory(ExchangeContract):
    """The paper venue as replays use it."""

    @pytest.fixture
    async def world(self) -> AsyncIterator[PaperWorld]:
        exchange = PaperExchange(RULES)
        world = PaperWorld(exchange)
        await world.move_to(60_000.0)
        yield world
        await exchange.close()

    async def test_a_reader_from_another_venue_is_told_so(self, world: World) -> None:
        with pytest.raises(StoreError, match="do not belong together"):
            await world.exchange.updates(7, 0)


class TestPaperOnFile(ExchangeContract):
    """The paper venue as paper trading uses it."""

    @pytest.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[PaperWorld]:
        exchange = PaperExchange(RULES, PaperStore(tmp_path / "paper.sqlite"))
        world = PaperWorld(exchange)
        await world.move_to(60_000.0)
        yield world
        await exchange.close()
