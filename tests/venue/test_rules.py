"""The rules of the venue over the wire: who may ask, how often, and what orders it takes."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from tests.venues import RunningVenue, running_venue, signed_query

pytestmark = pytest.mark.slow

ORDER, ALGO = "/fapi/v1/order", "/fapi/v1/algoOrder"
SYMBOL = "BTCUSDT"
BUY: dict[str, Any] = {"symbol": SYMBOL, "side": "BUY", "type": "MARKET", "quantity": "0.02"}
STOP: dict[str, Any] = {
    "symbol": SYMBOL,
    "algoType": "CONDITIONAL",
    "side": "SELL",
    "type": "STOP_MARKET",
}


async def code_of(venue: RunningVenue, text: str, key: str | None, secret: str = "") -> int:
    headers = {} if key is None else {"x-mbx-apikey": key}
    query = signed_query(secret, {}) if secret else text
    answer = await venue.client.get(f"{venue.url}/fapi/v3/balance?{query}", headers=headers)
    code: int = answer.json()["code"]
    return code


async def admission() -> None:
    async with running_venue("--symbols", SYMBOL) as venue:
        now_ms = time.time_ns() // 1_000_000
        late = signed_query(venue.secret, {}, now_ms - 6_000)
        early = signed_query(venue.secret, {}, now_ms + 5_000)
        assert await code_of(venue, "", None) == -2014
        assert await code_of(venue, "", "no key!") == -2014
        assert await code_of(venue, "", "A" * 64) == -2015
        assert await code_of(venue, "", venue.key, secret="wrong") == -1022
        assert await code_of(venue, f"timestamp={now_ms}", venue.key) == -1102
        assert await code_of(venue, late, venue.key) == -1021
        assert await code_of(venue, early, venue.key) == -1021
        wide = signed_query(venue.secret, {"recvWindow": 60_000}, now_ms - 6_000)
        headers = {"x-mbx-apikey": venue.key}
        answer = await venue.client.get(f"{venue.url}/fapi/v3/balance?{wide}", headers=headers)
        assert answer.status_code == 200
        assert int(answer.headers["x-mbx-used-weight-1m"]) > 0
        in_query = signed_query(venue.secret, BUY)
        answer = await venue.client.post(f"{venue.url}{ORDER}?{in_query}", headers=headers)
        assert answer.status_code == 200
        assert answer.headers["x-mbx-order-count-10s"] == "1"
        assert (await venue.public("/fapi/v1/nothing")).status_code == 404


def test_a_request_needs_a_key_a_time_and_a_signature_in_query_or_body() -> None:
    asyncio.run(admission())


async def limits() -> None:
    async with running_venue("--symbols", SYMBOL) as venue:
        answer = await venue.signed("GET", "/fapi/v1/openOrders")
        statuses = [answer.status_code]
        while answer.status_code != 418 and len(statuses) < 100:
            answer = await venue.signed("GET", "/fapi/v1/openOrders")
            statuses.append(answer.status_code)
        assert statuses[0] == 200
        assert 429 in statuses
        assert statuses[-1] == 418
        assert int(answer.headers["retry-after"]) > 60
        assert (await venue.public("/fapi/v1/ping")).status_code == 418


def test_who_asks_too_much_is_told_so_and_then_banned() -> None:
    asyncio.run(limits())


async def names() -> None:
    async with running_venue("--symbols", SYMBOL) as venue:
        low = round(await venue.price(SYMBOL) * 0.97, 1)
        limit = {**BUY, "type": "LIMIT", "timeInForce": "GTC", "price": low}
        await venue.done("POST", ORDER, **limit, newClientOrderId="mine")
        assert await venue.refused("POST", ORDER, **limit, newClientOrderId="mine") == -4116
        assert (
            await venue.refused(
                "POST", ALGO, **STOP, quantity="0.01", triggerPrice=low, clientAlgoId="mine"
            )
            == -4116
        )
        await venue.done("DELETE", ORDER, symbol=SYMBOL, origClientOrderId="mine")
        await venue.done("POST", ORDER, **limit, newClientOrderId="mine")
        assert await venue.refused("POST", ORDER, **limit, newClientOrderId="x" * 37) == -4015
        assert await venue.refused("POST", ORDER, **limit, newClientOrderId="a b") == -1100
        assert await venue.refused("GET", ORDER, symbol=SYMBOL, origClientOrderId="no") == -2013
        assert await venue.refused("DELETE", ORDER, symbol=SYMBOL, orderId=7) == -2011
        assert await venue.refused("POST", ORDER, **{**BUY, "symbol": "NONE"}) == -1121
        assert await venue.refused("POST", ORDER, **{**BUY, "quantity": "0.00001"}) == -1111
        assert await venue.refused("POST", ORDER, **{**BUY, "quantity": "1e999"}) == -1100


def test_names_are_unique_among_open_orders_only() -> None:
    asyncio.run(names())


async def conditional() -> None:
    async with running_venue("--symbols", SYMBOL) as venue:
        price = await venue.price(SYMBOL)
        low, high = round(price * 0.95, 1), round(price * 1.05, 1)
        close = {**STOP, "closePosition": "true", "triggerPrice": low}
        assert await venue.refused("POST", ALGO, **close) == -4509
        await venue.done("POST", ORDER, **BUY)
        assert await venue.refused("POST", ALGO, **close, quantity="0.01") == -4137
        assert await venue.refused("POST", ALGO, **{**close, "triggerPrice": high}) == -2021
        await venue.done("POST", ALGO, **close)
        assert await venue.refused("POST", ALGO, **close) == -4130
        take = {**close, "type": "TAKE_PROFIT_MARKET", "triggerPrice": high}
        await venue.done("POST", ALGO, **take, clientAlgoId="take")
        trail = {**STOP, "type": "TRAILING_STOP_MARKET", "callbackRate": "5", "quantity": "0.01"}
        assert await venue.refused("POST", ALGO, **{**trail, "callbackRate": "21"}) == -2007
        await venue.control.jump(SYMBOL, fraction="0.06")
        taken = await venue.done("GET", ALGO, clientAlgoId="take")
        assert taken["algoStatus"] == "FINISHED"
        assert float(taken["actualQty"]) == 0.02
        assert await venue.done("GET", "/fapi/v1/openAlgoOrders") == []
        assert await venue.done("GET", "/fapi/v3/positionRisk") == []
        await the_cap(venue, low)


async def the_cap(venue: RunningVenue, low: float) -> None:
    """Two hundred may wait; the order counters of the venue let so many in."""
    one = {**STOP, "quantity": "0.01", "reduceOnly": "true", "triggerPrice": low}
    for _ in range(200):
        await venue.done("POST", ALGO, **one)
    assert await venue.refused("POST", ALGO, **one) == -4045
    await venue.done("DELETE", "/fapi/v1/algoOpenOrders", symbol=SYMBOL)
    await venue.done("POST", ALGO, **one)


def test_conditional_orders_keep_the_rules_of_the_algo_service() -> None:
    asyncio.run(conditional())


async def hedge() -> None:
    async with running_venue("--symbols", SYMBOL, "--accounts", "2") as venue:
        await venue.done("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
        assert await venue.refused("POST", ORDER, **BUY) == -4061
        assert (
            await venue.refused("POST", ORDER, **BUY, positionSide="LONG", reduceOnly="true")
            == -1106
        )
        await venue.done("POST", ORDER, **BUY, positionSide="LONG")
        sell = {**BUY, "side": "SELL", "quantity": "0.01"}
        await venue.done("POST", ORDER, **sell, positionSide="SHORT")
        held = await venue.done("GET", "/fapi/v3/positionRisk")
        assert [(one["positionSide"], one["positionAmt"]) for one in held] == [
            ("LONG", "0.020"),
            ("SHORT", "-0.010"),
        ]
        await venue.done("POST", ORDER, **sell, positionSide="LONG")
        held = await venue.done("GET", "/fapi/v3/positionRisk")
        assert held[0]["positionAmt"] == "0.010"
        assert (
            await venue.refused("POST", "/fapi/v1/positionSide/dual", dualSidePosition="false")
            == -4068
        )
        # The other account saw nothing of all that.
        assert await venue.done("GET", "/fapi/v3/positionRisk", account=1) == []
        await venue.done("POST", ORDER, account=1, **BUY)
        assert (await venue.done("GET", "/fapi/v3/positionRisk", account=1))[0][
            "positionSide"
        ] == "BOTH"


def test_two_sides_are_held_in_hedge_mode_and_accounts_are_apart() -> None:
    asyncio.run(hedge())


async def forced() -> None:
    async with running_venue("--symbols", SYMBOL, "--accounts", "2") as venue:
        for account in (0, 1):
            await venue.done(
                "POST",
                "/fapi/v1/marginType",
                account=account,
                symbol=SYMBOL,
                marginType="ISOLATED",
            )
        for account in (0, 1):
            await venue.done(
                "POST", "/fapi/v1/leverage", account=account, symbol=SYMBOL, leverage=10
            )
        await venue.control.post("insurance", amount="0")
        await venue.done("POST", ORDER, **BUY)
        await venue.done("POST", ORDER, account=1, **{**BUY, "side": "SELL"})
        async with venue.user_stream() as loser, venue.user_stream(account=1) as winner:
            await venue.control.jump(SYMBOL, fraction="-0.2")
            taken = await loser.event("ORDER_TRADE_UPDATE", x="CALCULATED")
            assert taken["o"]["c"].startswith("autoclose-")
            closed = await winner.event("ORDER_TRADE_UPDATE", x="CALCULATED")
            assert closed["o"]["c"].startswith("adl_autoclose-")
            # The fund was empty: the winner closes at the price the loser went bankrupt at.
            assert closed["o"]["L"] == taken["o"]["L"]


def test_what_the_insurance_fund_cannot_carry_the_winners_close() -> None:
    asyncio.run(forced())


async def played(file: Path) -> None:
    span = ("--from", "2025-02-03T01:50", "--to", "2025-02-03T02:20")
    options = ("--data", str(file), *span, "--speed", "240")
    async with running_venue(*options) as venue, venue.streams("/ws/ethusdt@aggTrade") as stream:
        first = await venue.price("ETHUSDT")
        bars = await venue.public("/fapi/v1/klines", symbol="ETHUSDT", interval="1m", limit=500)
        assert len(bars.json()) == 500
        crash = await stream.until(lambda each: float(each["p"]) < first * 0.85)
        assert crash["s"] == "ETHUSDT"


def test_a_recorded_crash_is_played_at_speed(shared_data: Path) -> None:
    asyncio.run(played(shared_data / "binance_um" / "klines_1m" / "ETHUSDT.parquet"))
