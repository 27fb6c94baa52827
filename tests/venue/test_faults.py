"""A venue that misbehaves on purpose: what was carried out, and what the client is told."""

import asyncio
import json

import httpx2
import pytest

from tests.venues import RunningVenue, running_venue

pytestmark = pytest.mark.slow

ORDER = "/fapi/v1/order"
SYMBOL = "BTCUSDT"


async def buy(venue: RunningVenue, name: str) -> httpx2.Response:
    return await venue.signed(
        "POST",
        ORDER,
        symbol=SYMBOL,
        side="BUY",
        type="MARKET",
        quantity="0.01",
        newClientOrderId=name,
    )


async def is_there(venue: RunningVenue, name: str) -> bool:
    answer = await venue.signed("GET", ORDER, symbol=SYMBOL, origClientOrderId=name)
    assert answer.status_code == 200 or answer.json()["code"] == -2013
    return answer.status_code == 200


async def answers() -> None:
    async with running_venue("--symbols", SYMBOL) as venue:
        await after_the_deed(venue)
        await before_the_deed(venue)
        await dropped(venue)


async def after_the_deed(venue: RunningVenue) -> None:
    for kind, status in (("unknown", 503), ("bad_gateway", 502), ("timeout", 504)):
        await venue.control.fault(kind, method="POST", path=ORDER, times=1)
        answer = await buy(venue, kind)
        assert answer.status_code == status
        assert await is_there(venue, kind)
    await venue.control.fault("truncated", method="POST", path=ORDER, times=1)
    answer = await buy(venue, "cut")
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    assert await is_there(venue, "cut")


async def before_the_deed(venue: RunningVenue) -> None:
    await venue.control.fault("unavailable", method="POST", path=ORDER, times=1)
    answer = await buy(venue, "busy")
    assert (answer.status_code, answer.json()["code"]) == (503, -1008)
    assert not await is_there(venue, "busy")
    await venue.control.fault("reject", path=ORDER, method="POST", code=-2019, msg="no", times=1)
    assert (await buy(venue, "poor")).json() == {"code": -2019, "msg": "no"}
    assert not await is_there(venue, "poor")
    number = await venue.control.fault("unknown", method="POST", path=ORDER, before=True)
    assert (await buy(venue, "lost")).status_code == 503
    assert not await is_there(venue, "lost")
    await venue.control.clear(number)
    assert (await buy(venue, "found")).status_code == 200


async def dropped(venue: RunningVenue) -> None:
    await venue.control.fault("drop", method="POST", path=ORDER, times=1)
    with pytest.raises(httpx2.TransportError):
        await buy(venue, "dropped")
    assert await is_there(venue, "dropped")
    truth = await venue.control.truth()
    names = [one["entry"].get("params", {}).get("newClientOrderId") for one in truth]
    assert "dropped" in names
    assert "busy" not in names
    doors = (await venue.control.get("traffic"))["doors"]
    assert doors[f"POST {ORDER}"] == {
        "-2019": 1,
        "bad_gateway": 1,
        "drop": 1,
        "ok": 1,
        "timeout": 1,
        "truncated": 1,
        "unavailable": 1,
        "unknown": 2,
    }
    await venue.public("/fapi/v9/order")
    doors = (await venue.control.get("traffic"))["doors"]
    assert doors["no endpoint"] == {"-5000": 1}
    assert not any("v9" in door for door in doors)


def test_an_answer_that_is_lost_says_nothing_about_what_was_done() -> None:
    asyncio.run(answers())


async def events() -> None:
    async with running_venue("--symbols", SYMBOL) as venue, venue.user_stream() as stream:
        await venue.control.fault("lose_events", event="ORDER_TRADE_UPDATE", times=2)
        await venue.control.fault("duplicate_events", event="ACCOUNT_UPDATE", times=1)
        await buy(venue, "quiet")
        first = await stream.event("ACCOUNT_UPDATE")
        assert await stream.next() == first
        held = await venue.control.fault("withhold_events", event="ORDER_TRADE_UPDATE")
        await buy(venue, "late")
        await stream.event("ACCOUNT_UPDATE")
        await venue.control.clear(held)
        await stream.event("ORDER_TRADE_UPDATE", c="late", x="NEW")
        await stream.event("ORDER_TRADE_UPDATE", c="late", x="TRADE")
        assert not [one for one in stream.seen if one.get("o", {}).get("c") == "quiet"]
        await venue.control.post("expire_key")
        await stream.event("listenKeyExpired")


def test_user_events_are_lost_told_twice_or_told_late() -> None:
    asyncio.run(events())


async def the_world() -> None:
    async with running_venue("--symbols", SYMBOL) as venue:
        await venue.control.post("halt", symbol=SYMBOL, halted=True)
        assert (await buy(venue, "halted")).json()["code"] == -4141
        await venue.control.post("halt", symbol=SYMBOL, halted=False)
        filters = {"filter": "MIN_NOTIONAL", "field": "notional", "value": "5000"}
        await venue.control.post("filter", symbol=SYMBOL, **filters)
        assert (await buy(venue, "small")).json()["code"] == -4164
        await venue.control.post("clock", offset_ms=-10_000)
        answer = await venue.signed("GET", "/fapi/v3/balance")
        assert answer.json()["code"] == -1021
        await venue.control.post("clock", offset_ms=0)
        assert (await venue.signed("GET", "/fapi/v3/balance")).status_code == 200


def test_symbols_halt_filters_change_and_clocks_go_wrong() -> None:
    asyncio.run(the_world())


async def strangers() -> None:
    async with running_venue("--symbols", SYMBOL) as venue:
        state = f"{venue.url}/control/state"
        assert (await venue.client.get(state)).status_code == 401
        token = {"authorization": f"Bearer {venue.places['control_token']}"}
        assert (await venue.client.get(state, headers=token)).status_code == 200
        for name, value in (("origin", "http://127.0.0.1:1"), ("host", "evil.example")):
            refused = await venue.client.get(state, headers={**token, name: value})
            assert refused.status_code == 403
        document = await venue.control.get("openapi.json")
        assert "/control/faults" in document["paths"]
        assert (venue.folder / "places.json").stat().st_mode & 0o777 == 0o600


def test_the_control_is_for_programs_of_this_machine_that_have_the_token() -> None:
    asyncio.run(strangers())
