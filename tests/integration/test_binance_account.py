"""The account over real HTTP: modes, leverage, positions, and what rests."""

from decimal import Decimal

import pytest

from quantum_trader.adapters.exchanges.binance.door import BinanceExchange
from quantum_trader.core.errors import ConfigError
from tests.binance_words import STOP_CID, door, order_event, order_row, reports, venue
from tests.scripted_venue import (
    NOW_MS,
    SYMBOL,
    Reply,
    ScriptedVenue,
    credentials,
    serving,
)

__all__ = ["door", "venue"]


@pytest.mark.parametrize(
    ("modes", "words"),
    [
        ({"dualSidePosition": True, "multiAssetsMargin": False}, "hedge mode"),
        ({"dualSidePosition": False, "multiAssetsMargin": True}, "multi-assets mode"),
        (
            {"dualSidePosition": False, "multiAssetsMargin": False, "canTrade": False},
            "does not let this account trade",
        ),
    ],
)
async def test_an_account_that_is_set_otherwise_is_refused_and_left_alone(
    venue: ScriptedVenue, modes: dict[str, bool], words: str
) -> None:
    venue.usual["GET /fapi/v1/accountConfig"] = Reply(modes)
    async with serving(venue) as hosts:
        door = BinanceExchange(hosts, *credentials(), [SYMBOL], lambda: NOW_MS)
        with pytest.raises(ConfigError, match=words):
            await door.open()
        await door.close()
    assert all(one.method == "GET" for one in venue.asked)


async def test_leverage_and_margin_type_are_set_once_and_again_when_they_may_have_changed(
    venue: ScriptedVenue, door: BinanceExchange
) -> None:
    venue.usual["POST /fapi/v1/marginType"] = Reply({"code": 200, "msg": "success"})
    venue.usual["POST /fapi/v1/leverage"] = lambda asked: Reply(
        {"symbol": SYMBOL, "leverage": int(asked.params["leverage"])}
    )
    await door.updates(0, 0)
    for _ in range(2):
        assert await door.configure(SYMBOL, 7) is None
    assert len(venue.requests("POST /fapi/v1/marginType")) == 1
    assert len(venue.requests("POST /fapi/v1/leverage")) == 1
    await venue.tell(
        {"e": "ACCOUNT_CONFIG_UPDATE", "E": 1, "T": 1, "ac": {"s": SYMBOL, "l": 20}},
        order_event(),
    )
    await reports(door, 1)
    assert await door.configure(SYMBOL, 7) is None
    assert len(venue.requests("POST /fapi/v1/leverage")) == 2
    refusals = {
        "POST /fapi/v1/leverage": (-4028, "Leverage 1000 is not valid"),
    }
    for what, (code, text) in refusals.items():
        venue.say(what, Reply({"code": code, "msg": text}, 400))
        refused = await door.configure(SYMBOL, 1_000)
        assert refused is not None
        assert refused.code == code
    venue.say("POST /fapi/v1/leverage", Reply({"symbol": SYMBOL, "leverage": 3}))
    refused = await door.configure(SYMBOL, 5)
    assert refused is not None
    assert "set 3 instead" in refused.reason


async def test_the_account_shows_positions_leverage_and_orders_of_both_services(
    venue: ScriptedVenue, door: BinanceExchange
) -> None:
    venue.usual["GET /fapi/v3/positionRisk"] = Reply(
        [
            {
                "symbol": SYMBOL,
                "positionSide": "BOTH",
                "positionAmt": "-0.020",
                "entryPrice": "60000.0",
                "markPrice": "60010.5",
                "unRealizedProfit": "-0.21",
                "liquidationPrice": "0",
                "isolatedWallet": "60.1",
            }
        ]
    )
    venue.usual["GET /fapi/v1/openOrders"] = Reply(
        [{**order_row(5, "q1T" + "0" * 24, "NEW"), "type": "LIMIT", "price": "59000"}]
    )
    venue.usual["GET /fapi/v1/openAlgoOrders"] = Reply(
        [
            {
                "algoId": 9,
                "clientAlgoId": STOP_CID,
                "symbol": SYMBOL,
                "algoStatus": "NEW",
                "side": "BUY",
                "orderType": "STOP_MARKET",
                "quantity": "0.020",
                "triggerPrice": "62000",
                "reduceOnly": True,
            }
        ]
    )
    account = await door.account()
    assert (account.at_ms, account.wallet_usd, account.hedge_mode) == (
        NOW_MS,
        Decimal("5000.5"),
        False,
    )
    (position,) = account.positions
    assert (position.qty, position.leverage, position.isolated) == (Decimal("-0.020"), 20, False)
    assert position.liquidation_price is None
    target, stop = account.open_orders
    assert (target.order.kind, target.order.price) == ("LIMIT", Decimal(59000))
    assert (stop.order.kind, stop.order.trigger_price) == ("STOP_MARKET", Decimal(62000))
    assert stop.order.client_order_id == STOP_CID
