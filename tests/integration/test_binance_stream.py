"""The user stream over a real socket: what each event reports, once and under its first name."""

from decimal import Decimal

import pytest

from quantum_trader.adapters.exchanges.binance.door import BinanceExchange
from quantum_trader.adapters.exchanges.binance.report_log import time_of
from quantum_trader.core.venue import (
    VenueCancel,
    VenueFill,
    VenueFunding,
    VenueReject,
    VenueTrigger,
)
from tests.binance_words import (
    CID,
    STOP_CID,
    algo_event,
    door,
    order_event,
    reports,
    trade_row,
    until,
    venue,
)
from tests.scripted_venue import (
    NOW_MS,
    SYMBOL,
    Asked,
    Reply,
    ScriptedVenue,
)

__all__ = ["door", "venue"]


async def test_a_trade_is_reported_once_however_often_it_is_told(
    venue: ScriptedVenue, door: BinanceExchange
) -> None:
    assert not await door.updates(0, 0)
    lite = {"e": "TRADE_LITE", "E": NOW_MS, "T": NOW_MS, "s": SYMBOL, "t": 100}
    await venue.tell(
        lite, order_event(), order_event(), lite, {"stream": "x", "data": order_event()}
    )
    await venue.tell(order_event(i=8, t=101, l="0.010", z="0.010", X="PARTIALLY_FILLED"))
    first, second = await reports(door, 2)
    assert isinstance(first, VenueFill)
    assert isinstance(second, VenueFill)
    assert (first.trade_id, second.trade_id) == ("100", "101")
    assert (first.client_order_id, first.qty, first.price) == (
        CID,
        Decimal("0.020"),
        Decimal(60000),
    )
    assert (first.fee_usd, first.liquidity, first.cause) == (Decimal("0.48"), "taker", "order")
    assert (first.done, second.done) == (True, False)
    assert time_of(first.seq) == first.at_ms == NOW_MS
    assert second.seq > first.seq
    assert door.counts["repeated"] == 1
    assert not door.counts.get("unreadable")
    assert not door.oddities, "what is repeated is nothing odd"
    assert list(await door.updates(first.seq, 0)) == [second]
    last = order_event(i=8, t=102, l="0.001", z="0.011", X="PARTIALLY_FILLED")
    await venue.tell({"e": "SOMETHING_NEW", "E": NOW_MS}, last)
    assert len(await reports(door, 3)) == 3, "what came after it was taken"
    assert door.oddities == {"unknown: SOMETHING_NEW": 1}


async def test_an_order_that_ends_without_a_fill_says_so(
    venue: ScriptedVenue, door: BinanceExchange
) -> None:
    await door.updates(0, 0)
    await venue.tell(
        order_event(x="NEW", X="NEW", l="0", z="0", t=0),
        order_event(x="CANCELED", X="CANCELED", l="0", z="0", t=0, i=1),
        order_event(x="EXPIRED", X="EXPIRED_IN_MATCH", l="0", z="0", t=0, i=2, er="6"),
        order_event(x="REJECTED", X="REJECTED", l="0", z="0", t=0, i=3),
        algo_event(X="NEW"),
        algo_event(X="CANCELED", rm=""),
        algo_event(aid=10, X="EXPIRED"),
        algo_event(aid=11, X="REJECTED", rm="Margin is insufficient"),
    )
    found = await reports(door, 6)
    assert [type(one) for one in found] == [
        *(VenueCancel, VenueCancel, VenueReject),
        *(VenueCancel, VenueCancel, VenueReject),
    ]
    texts = [one.reason for one in found if isinstance(one, VenueCancel | VenueReject)]
    assert texts[1] == "expired in match by the venue (reason 6)"
    assert texts[-1] == "Margin is insufficient"


@pytest.mark.parametrize("child", [STOP_CID, "venue-made-this-up"])
async def test_what_a_trigger_made_is_reported_under_the_stops_own_name(
    venue: ScriptedVenue, door: BinanceExchange, child: str
) -> None:
    await door.updates(0, 0)
    await venue.tell(
        algo_event(),
        algo_event(X="TRIGGERING", ai="", tt=NOW_MS),
        algo_event(X="TRIGGERED", ai="77", tt=NOW_MS),
        order_event(c=child, S="SELL", i=77, t=200),
        algo_event(X="FINISHED", ai="77", aq="0.02", tt=NOW_MS),
    )
    trigger, fill = await reports(door, 2)
    assert isinstance(trigger, VenueTrigger)
    assert isinstance(fill, VenueFill)
    assert trigger.client_order_id == fill.client_order_id == STOP_CID
    assert trigger.trigger_price == 58_000


async def test_a_fill_that_comes_before_its_trigger_is_told_after_it(
    venue: ScriptedVenue, door: BinanceExchange
) -> None:
    """The venue promises an order of events for each kind, not between kinds."""
    await door.updates(0, 0)
    await venue.tell(algo_event())
    venue.usual["GET /fapi/v1/allAlgoOrders"] = Reply(
        [
            {
                "algoId": 9,
                "clientAlgoId": STOP_CID,
                "symbol": SYMBOL,
                "algoStatus": "TRIGGERED",
                "side": "SELL",
                "orderType": "STOP_MARKET",
                "triggerPrice": "58000",
                "actualOrderId": "77",
                "updateTime": NOW_MS,
            }
        ]
    )
    await venue.tell(order_event(c="stranger", S="SELL", i=77, t=200))
    trigger, fill = await reports(door, 2)
    assert isinstance(trigger, VenueTrigger)
    assert isinstance(fill, VenueFill)
    assert fill.client_order_id == STOP_CID


async def test_an_order_by_hand_keeps_its_own_name_and_is_asked_about_once(
    venue: ScriptedVenue, door: BinanceExchange
) -> None:
    await door.updates(0, 0)
    before = len(venue.requests("GET /fapi/v1/allAlgoOrders"))
    await venue.tell(order_event(c="web_1", i=50, t=1), order_event(c="web_1", i=50, t=2))
    first, second = await reports(door, 2)
    assert first.client_order_id == second.client_order_id == "web_1"
    assert len(venue.requests("GET /fapi/v1/allAlgoOrders")) == before + 1


@pytest.mark.parametrize(
    ("name", "how", "cause"),
    [
        ("autoclose-1234567890", ("CALCULATED", "FILLED"), "liquidation"),
        ("autoclose-insurance-5678", ("CALCULATED", "NEW_INSURANCE"), "liquidation"),
        ("adl_autoclose", ("CALCULATED", "NEW_ADL"), "adl"),
        ("settlement_autoclose-9999", ("TRADE", "FILLED"), "settlement"),
        ("delivery_autoclose-1", ("TRADE", "FILLED"), "settlement"),
        ("anything", ("CALCULATED", "NEW_ADL"), "adl"),
    ],
)
async def test_a_trade_of_the_venues_own_says_why(
    venue: ScriptedVenue, door: BinanceExchange, name: str, how: tuple[str, str], cause: str
) -> None:
    await door.updates(0, 0)
    await venue.tell(order_event(c=name, x=how[0], X=how[1], S="SELL"))
    (fill,) = await reports(door, 1)
    assert isinstance(fill, VenueFill)
    assert (fill.cause, fill.client_order_id, fill.done) == (cause, name, True)


async def test_a_fee_that_is_not_told_is_asked_for_and_another_asset_is_converted(
    venue: ScriptedVenue, door: BinanceExchange
) -> None:
    await door.updates(0, 0)
    venue.usual["GET /fapi/v1/tickerPrice"] = Reply({})
    venue.usual["GET /fapi/v1/ticker/price"] = Reply({"symbol": "BNBUSDT", "price": "600"})

    def trades(asked: Asked) -> Reply:
        return Reply([trade_row(100)] if "orderId" in asked.params else [])

    venue.usual["GET /fapi/v1/userTrades"] = trades
    await venue.tell(order_event(N=None, n=None), order_event(t=101, N="BNB", n="0.001"))
    first, second = await reports(door, 2)
    assert isinstance(first, VenueFill)
    assert isinstance(second, VenueFill)
    assert (first.fee_usd, second.fee_usd) == (Decimal("0.48"), Decimal("0.6"))


async def test_funding_is_booked_from_the_income_when_that_has_come(
    venue: ScriptedVenue, door: BinanceExchange
) -> None:
    await door.updates(0, 0)
    row = {
        "symbol": SYMBOL,
        "incomeType": "FUNDING_FEE",
        "income": "-0.12000000",
        "asset": "USDT",
        "time": NOW_MS,
        "tranId": 4711,
    }
    rate = {
        "symbol": SYMBOL,
        "fundingRate": "0.00010000",
        "fundingTime": NOW_MS - 3,
        "markPrice": "60000",
    }
    venue.say("GET /fapi/v1/income", Reply([]), Reply([row]))
    venue.usual["GET /fapi/v1/fundingRate"] = Reply([rate])
    change = {"m": "FUNDING_FEE", "B": [{"a": "USDT", "wb": "1", "bc": "-0.12000000"}]}
    event = {"e": "ACCOUNT_UPDATE", "E": NOW_MS, "T": NOW_MS, "a": change}
    await venue.tell(event)
    (funding,) = await reports(door, 1)
    assert isinstance(funding, VenueFunding)
    assert (funding.payment_usd, funding.qty) == (Decimal("-0.12"), Decimal("0.02"))
    assert (funding.rate_frac, funding.mark) == (Decimal("0.0001"), Decimal(60000))
    assert "funding not in the income" not in door.counts
    venue.usual["GET /fapi/v1/income"] = Reply([])
    await venue.tell(event)
    await until(door, "funding not in the income")
