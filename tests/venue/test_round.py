"""A round of orders over real HTTP and WebSocket: entry, stop, target, exit."""

import asyncio
from typing import Any

import pytest

from tests.venues import RunningVenue, Stream, running_venue

pytestmark = pytest.mark.slow

ORDER, ALGO = "/fapi/v1/order", "/fapi/v1/algoOrder"


async def enter(venue: RunningVenue, stream: Stream) -> None:
    entry = await venue.done(
        "POST",
        ORDER,
        symbol="BTCUSDT",
        side="BUY",
        type="MARKET",
        quantity="0.01",
        newOrderRespType="RESULT",
        newClientOrderId="entry-1",
    )
    assert (entry["status"], entry["executedQty"]) == ("FILLED", "0.010")
    assert "avgPrice" not in entry
    await stream.event("ORDER_TRADE_UPDATE", x="NEW", c="entry-1")
    update = await stream.event("ACCOUNT_UPDATE")
    assert update["a"]["P"][0]["pa"] == "0.01"
    fill = await stream.event("ORDER_TRADE_UPDATE", x="TRADE", X="FILLED")
    assert fill["o"]["i"] == entry["orderId"]


async def protect(venue: RunningVenue, stream: Stream) -> int:
    """Place a stop and a target; the number of the target."""
    price = await venue.price("BTCUSDT")
    stop = await venue.done(
        "POST",
        ALGO,
        algoType="CONDITIONAL",
        symbol="BTCUSDT",
        side="SELL",
        type="STOP_MARKET",
        quantity="0.01",
        reduceOnly="true",
        triggerPrice=f"{price * 0.9:.1f}",
        clientAlgoId="stop-1",
    )
    assert stop["algoStatus"] == "NEW"
    await stream.event("ALGO_UPDATE", X="NEW", caid="stop-1")
    target = await venue.done(
        "POST",
        ORDER,
        symbol="BTCUSDT",
        side="SELL",
        type="LIMIT",
        timeInForce="GTC",
        quantity="0.005",
        price=f"{price * 1.02:.1f}",
        reduceOnly="true",
    )
    assert target["status"] == "NEW"
    number: int = target["orderId"]
    return number


async def stopped_out(venue: RunningVenue, stream: Stream, target: int) -> None:
    # With a mark from before: what the jump triggers must not be held against that one.
    await venue.control.post("mark", symbol="BTCUSDT", price=str(await venue.price("BTCUSDT")))
    await venue.control.jump("BTCUSDT", fraction="-0.2")
    for status in ("TRIGGERING", "TRIGGERED"):
        await stream.event("ALGO_UPDATE", X=status)
    closing = await stream.event("ORDER_TRADE_UPDATE", x="TRADE", X="FILLED")
    assert (closing["o"]["c"], closing["o"]["ot"]) == ("stop-1", "STOP_MARKET")
    assert float(closing["o"]["rp"]) < 0
    finished = await stream.event("ALGO_UPDATE", X="FINISHED")
    assert finished["o"]["ai"] == str(closing["o"]["i"])
    await stream.event("ORDER_TRADE_UPDATE", X="EXPIRED", i=target)


async def nothing_is_left(venue: RunningVenue) -> None:
    assert await venue.done("GET", "/fapi/v3/positionRisk") == []
    assert await venue.done("GET", "/fapi/v1/openOrders") == []
    trades = await venue.done("GET", "/fapi/v1/userTrades", symbol="BTCUSDT")
    assert [one["side"] for one in trades] == ["BUY", "SELL"]
    wallet = await venue.done("GET", "/fapi/v3/balance")
    incomes = await venue.done("GET", "/fapi/v1/income")
    earned = sum(float(one["income"]) for one in incomes)
    assert float(wallet[0]["balance"]) == pytest.approx(100_000 + earned)


async def whole_round() -> None:
    async with running_venue("--symbols", "BTCUSDT") as venue, venue.user_stream() as stream:
        await enter(venue, stream)
        target = await protect(venue, stream)
        await stopped_out(venue, stream, target)
        await nothing_is_left(venue)


def test_entry_stop_target_and_exit_over_the_wire() -> None:
    asyncio.run(whole_round())


async def old_way() -> None:
    params: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "side": "SELL",
        "type": "STOP_MARKET",
        "quantity": "0.01",
        "stopPrice": "30000",
    }
    async with running_venue("--symbols", "BTCUSDT") as venue:
        assert await venue.refused("POST", ORDER, **params) == -4120
    async with running_venue("--symbols", "BTCUSDT", "--legacy-conditional") as venue:
        order = await venue.done("POST", ORDER, **params)
        assert (order["status"], order["type"]) == ("NEW", "STOP_MARKET")


def test_stops_on_the_old_endpoint_are_refused_unless_the_venue_is_of_the_old_kind() -> None:
    asyncio.run(old_way())
