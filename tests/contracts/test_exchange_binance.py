"""The exchange door to Binance keeps every promise, over HTTP and WebSocket of our own venue."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import msgspec
import polars as pl
import pytest

from quantum_trader.adapters.clock import SystemClock
from quantum_trader.adapters.exchanges.binance.door import BinanceExchange
from quantum_trader.adapters.exchanges.binance.hosts import hosts_of
from quantum_trader.core.errors import InDoubt, Locked, Unreachable
from quantum_trader.core.secret import Secret
from quantum_trader.core.venue import Accepted, Rejected, VenueFill, VenueFunding, VenueTrigger
from quantum_trader.ports import Exchange
from quantum_trader.services.reconciler import ReconcileSettings
from tests.contracts.test_exchange import BUY, STOP, SYMBOL, ExchangeContract, order, reports
from tests.venues import RunningVenue, running_venue

pytestmark = pytest.mark.slow

BARS = 240
PRICE = 60_000.0
SYMBOLS = (SYMBOL, "ETHUSDT")


def write_flat_market(folder: Path) -> Path:
    """Some hours in which every trade is at one price."""
    folder.mkdir()
    flat = dict.fromkeys(("open", "high", "low", "close"), [PRICE] * BARS)
    times = [1_738_540_800_000 + 60_000 * bar for bar in range(BARS)]
    rows = pl.DataFrame({"open_time": times, **flat, "volume": [5_000.0] * BARS})
    for symbol in SYMBOLS:
        rows.write_parquet(folder / f"{symbol}.parquet")
    return folder


class VenueWorld:
    """An account of a running venue, and a hand on its market."""

    def __init__(self, venue: RunningVenue) -> None:
        self.venue = venue
        self.binance = self.door()
        self.exchange: Exchange = self.binance

    def door(self) -> BinanceExchange:
        """A door of its own to the same account."""
        hosts = hosts_of("paper", self.venue.url)
        key, secret = Secret(self.venue.key), Secret(self.venue.secret)
        return BinanceExchange(hosts, key, secret, SYMBOLS, SystemClock().now_ms)

    async def move_to(self, price: float) -> None:
        """Let the price jump there; the next trade of the recording is back at 60,000."""
        await self.venue.control.jump(SYMBOL, price=f"{price:.1f}")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[VenueWorld]:
    market = write_flat_market(tmp_path / "market")
    options = ("--data", str(market), "--deposit", "10000", "--symbols", ",".join(SYMBOLS))
    async with running_venue(*options) as venue:
        world = VenueWorld(venue)
        try:
            await world.binance.open()
            await world.move_to(PRICE)
            yield world
        finally:
            await world.binance.close()


class TestBinanceOnPaper(ExchangeContract):
    """The door to Binance, at a venue of our own on this machine."""


ORDER_PATH = "/fapi/v1/order"
ALGO_PATH = "/fapi/v1/algoOrder"


@pytest.mark.parametrize("kind", ["drop", "unknown", "bad_gateway", "timeout", "truncated"])
async def test_an_order_whose_answer_is_lost_is_found_and_was_made_once(
    world: VenueWorld, kind: str
) -> None:
    await world.venue.control.fault(kind, method="POST", path=ORDER_PATH, times=1)
    with pytest.raises(InDoubt):
        await world.exchange.place(BUY)
    found = await world.exchange.find(SYMBOL, "in")
    assert found is not None
    assert found.state == "filled"
    (fill,) = await reports(world, 1)
    assert fill.client_order_id == "in"
    (position,) = (await world.exchange.account()).positions
    assert position.qty == BUY.qty


async def test_an_order_that_the_venue_was_too_busy_for_was_not_made(world: VenueWorld) -> None:
    await world.venue.control.fault("unavailable", method="POST", path=ORDER_PATH, times=1)
    with pytest.raises(Unreachable):
        await world.exchange.place(BUY)
    assert await world.exchange.find(SYMBOL, "in") is None
    assert not (await world.exchange.account()).positions


async def test_a_stop_whose_answer_is_lost_is_found_in_the_algo_service(world: VenueWorld) -> None:
    await world.exchange.place(BUY)
    await world.venue.control.fault("drop", method="POST", path=ALGO_PATH, times=1)
    with pytest.raises(InDoubt):
        await world.exchange.place(STOP)
    found = await world.exchange.find(SYMBOL, "stop")
    assert found is not None
    assert found.state == "open"
    again = await world.exchange.place(STOP)
    assert isinstance(again, Rejected)
    assert again.code == -4116
    canceled = await world.exchange.cancel(SYMBOL, "stop")
    assert isinstance(canceled, Accepted)


async def test_events_told_twice_and_out_of_order_are_reported_once(world: VenueWorld) -> None:
    assert not await world.exchange.updates(0, 0)
    await world.venue.control.fault("duplicate_events", times=20)
    await world.exchange.place(BUY)
    await world.exchange.place(STOP)
    await world.move_to(57_999.0)
    found = await reports(world, 3)
    assert [type(one) for one in found] == [VenueFill, VenueTrigger, VenueFill]
    assert not await world.exchange.updates(found[-1].seq, 300)


async def test_events_that_are_lost_are_found_out_and_asked_for(world: VenueWorld) -> None:
    assert not await world.exchange.updates(0, 0)
    await world.venue.control.fault("lose_events", times=20)
    await world.exchange.place(BUY)
    (fill,) = await reports(world, 1)
    assert fill.client_order_id == "in"
    assert world.binance.counts["not heard of in time"] >= 1


async def test_what_happened_while_the_line_was_down_is_reported(world: VenueWorld) -> None:
    await world.exchange.place(BUY)
    (entry,) = await reports(world, 1)
    await world.exchange.place(STOP)
    await world.venue.control.fault("lose_events")
    await world.venue.control.post("disconnect")
    await world.move_to(57_999.0)
    await world.venue.control.clear()
    trigger, fill = await reports(world, 2, entry.seq)
    assert isinstance(trigger, VenueTrigger)
    assert isinstance(fill, VenueFill)
    assert fill.client_order_id == "stop"


async def test_a_new_process_learns_from_the_cursor_alone_what_happened_meanwhile(
    world: VenueWorld,
) -> None:
    await world.exchange.place(BUY)
    (entry,) = await reports(world, 1)
    await world.exchange.place(STOP)
    await world.binance.close()
    await world.move_to(57_999.0)
    world.binance = world.door()
    world.exchange = world.binance
    await world.binance.open()
    found = await world.exchange.updates(entry.seq, 0)
    assert all(one.seq > entry.seq for one in found)
    fills = [one for one in found if isinstance(one, VenueFill)]
    # The journal knows the first one by its trade, and leaves it out.
    assert [one.client_order_id for one in fills] == ["in", "stop"]
    assert isinstance(entry, VenueFill)
    assert fills[0].trade_id == entry.trade_id
    assert [type(one) for one in found].count(VenueTrigger) == 1


async def test_a_new_journal_hears_of_nothing_that_was_before_it(world: VenueWorld) -> None:
    await world.exchange.place(BUY)
    (entry,) = await reports(world, 1)
    await world.binance.close()
    world.binance = world.door()
    world.exchange = world.binance
    await world.binance.open()
    opened = world.binance.opened_seq
    assert entry.at_ms * 1_000 < opened, "and the look back reaches to it"
    assert not await world.exchange.updates(opened, 0)
    await world.exchange.place(STOP)
    await world.move_to(57_999.0)
    (trigger, fill) = await reports(world, 2, opened)
    assert isinstance(trigger, VenueTrigger)
    assert fill.client_order_id == "stop"


async def test_a_look_at_the_account_weighs_what_the_reconciler_reckons(world: VenueWorld) -> None:
    async def used() -> int:
        answer = await world.venue.signed("GET", "/fapi/v1/rateLimit/order")
        return int(answer.headers["x-mbx-used-weight-1m"])

    weights = set()
    for _ in range(3):  # A minute may end in between.
        before = await used()
        await world.exchange.account()
        weights.add(await used() - before - 1)
    assert ReconcileSettings().account_weight in weights


async def test_without_a_clear_yes_no_stop_is_placed_before_an_entry(world: VenueWorld) -> None:
    control = world.venue.control
    given = {"method": "POST", "path": ALGO_PATH, "times": 1}
    for fault in ({"kind": "reject", "code": -2021}, {"kind": "drop"}, {"kind": "unavailable"}):
        await control.post("faults", **fault, **given)
        assert not (await world.exchange.capabilities()).stop_before_entry
    # One of them was placed, and its answer lost: the next probe takes it away.
    assert (await world.exchange.capabilities()).stop_before_entry
    assert not (await world.exchange.account()).open_orders
    await world.exchange.place(BUY)
    eth = order("eth", "BUY", "MARKET")
    await world.exchange.place(msgspec.structs.replace(eth, symbol="ETHUSDT"))
    assert len((await world.exchange.account()).positions) == 2
    assert not (await world.exchange.capabilities()).stop_before_entry, "nothing is flat"


async def test_funding_is_reported_from_the_income(world: VenueWorld) -> None:
    await world.exchange.place(BUY)
    (entry,) = await reports(world, 1)
    await world.venue.control.post("fund", symbol=SYMBOL, rate="0.0010")
    (funding,) = await reports(world, 1, entry.seq)
    assert isinstance(funding, VenueFunding)
    assert funding.rate_frac == Decimal("0.001")
    assert funding.payment_usd == -(funding.mark * BUY.qty * funding.rate_frac)
    assert funding.qty == BUY.qty


async def test_a_liquidation_is_a_fill_that_says_so(world: VenueWorld) -> None:
    assert await world.exchange.configure(SYMBOL, 20) is None
    await world.exchange.place(BUY)
    (entry,) = await reports(world, 1)
    await world.move_to(50_000.0)
    found = await reports(world, 1, entry.seq)
    (fill,) = [one for one in found if isinstance(one, VenueFill)]
    assert fill.cause == "liquidation"
    assert not (await world.exchange.account()).positions


async def test_a_key_that_ends_locks_the_door(world: VenueWorld) -> None:
    await world.venue.control.fault(
        "reject", method="POST", path=ORDER_PATH, code=-2015, msg="Invalid API-key", status=401
    )
    with pytest.raises(Locked):
        await world.exchange.place(BUY)


async def test_a_venue_whose_clock_is_off_gets_no_entry_and_every_exit(world: VenueWorld) -> None:
    await world.exchange.place(BUY)
    await world.venue.control.post("clock", offset_ms=900)
    await world.exchange.place(
        STOP
    )  # Its clock is right, so the order comes too early or is taken.
    door = world.door()
    await door.open()
    with pytest.raises(Unreachable, match="ms behind the venue"):
        await door.place(BUY)
    closed = await door.place(order("out", "SELL", "MARKET", reduce_only=True))
    assert isinstance(closed, Accepted)
    await door.close()


async def test_a_position_can_be_closed_by_a_stop_without_a_quantity(world: VenueWorld) -> None:
    await world.exchange.place(BUY)
    closing = msgspec.structs.replace(STOP, qty=Decimal(0), close_position=True)
    assert isinstance(await world.exchange.place(closing), Accepted)
    (resting,) = (await world.exchange.account()).open_orders
    assert resting.order.close_position
    await world.move_to(57_999.0)
    entry, trigger, fill = await reports(world, 3)
    assert isinstance(trigger, VenueTrigger)
    assert isinstance(fill, VenueFill)
    assert fill.qty == BUY.qty
    assert entry.client_order_id == "in"
