"""The door to Binance at the venue's own demo environment: on demand, when its keys are given."""

import os
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from quantum_trader.adapters.clock import SystemClock
from quantum_trader.adapters.exchanges.binance.door import BinanceExchange
from quantum_trader.adapters.exchanges.binance.hosts import hosts_of
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.secret import Secret
from quantum_trader.core.venue import Accepted, Rejected, VenueCancel
from tests.contracts.test_exchange import reports

KEY, SECRET = "QT_TESTNET_API_KEY", "QT_TESTNET_API_SECRET"
SYMBOL = "BTCUSDT"
BELOW = Decimal("0.97")

pytestmark = pytest.mark.skipif(
    not (os.environ.get(KEY) and os.environ.get(SECRET)),
    reason=f"optional: trades at the demo environment when {KEY} and {SECRET} are given",
)


class DemoWorld:
    """An account of the demo environment, whose market nobody here moves."""

    def __init__(self, exchange: BinanceExchange) -> None:
        self.exchange = exchange

    async def move_to(self, price: float) -> None:
        """Nobody can."""
        raise NotImplementedError


@pytest.fixture
async def world() -> AsyncIterator[DemoWorld]:
    keys = Secret(os.environ[KEY]), Secret(os.environ[SECRET])
    exchange = BinanceExchange(hosts_of("testnet"), *keys, [SYMBOL], SystemClock().now_ms)
    try:
        await exchange.open()
        yield DemoWorld(exchange)
    finally:
        await exchange.close()


async def a_bid(world: DemoWorld, name: str) -> OrderRequest:
    """The smallest bid, below the market."""
    instrument = (await world.exchange.instruments())[SYMBOL]
    mark = await world.exchange.mark(SYMBOL)
    price = instrument.floor_price(mark * BELOW)
    least = instrument.notional_min_usd / price + instrument.order_step
    qty = max(instrument.floor_qty(least) + instrument.order_step, instrument.order_qty_min)
    return OrderRequest(
        client_order_id=name,
        symbol=SYMBOL,
        side="BUY",
        kind="LIMIT",
        qty=qty,
        price=price,
        trigger_price=None,
        reduce_only=False,
    )


async def test_a_bid_rests_is_found_and_canceled_once(world: DemoWorld) -> None:
    exchange = world.exchange
    assert not await exchange.updates(0, 0)
    bid = await a_bid(world, f"demo-{SystemClock().now_ms()}")
    placed = await exchange.place(bid)
    assert isinstance(placed, Accepted)
    found = await exchange.find(SYMBOL, bid.client_order_id)
    assert found is not None
    assert (found.state, found.venue_order_id) == ("open", placed.venue_order_id)
    open_names = [one.order.client_order_id for one in (await exchange.account()).open_orders]
    assert bid.client_order_id in open_names
    assert await exchange.cancel(SYMBOL, bid.client_order_id) == placed
    again = await exchange.cancel(SYMBOL, bid.client_order_id)
    assert isinstance(again, Rejected)
    (canceled,) = await reports(world, 1)
    assert isinstance(canceled, VenueCancel)


async def test_what_it_allows_can_be_found_out(world: DemoWorld) -> None:
    allowed = await world.exchange.capabilities()
    assert allowed.conditional_orders_max > 0
    resting = (await world.exchange.account()).open_orders
    assert not [one for one in resting if one.order.client_order_id.startswith("quantum-probe")]
