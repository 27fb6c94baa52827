"""7.3: names, and answers that never come."""

from typing import Any

import httpx2

from tests.conformance.case import BREAKS, OPENS, Cases
from tests.conformance.desk import ALGO, ORDER, Desk

CASES = Cases("7.3", "Names, and answers that never come")


async def attempt(desk: Desk, name: str) -> Any:
    """Try to buy; the status, or nothing where the line was cut."""
    terms = {"symbol": desk.symbol, "side": "BUY", "type": "MARKET", "quantity": "0.02"}
    try:
        return await desk.ask("POST", ORDER, **terms, newClientOrderId=name)
    except httpx2.TransportError:
        return None


async def is_there(desk: Desk, name: str) -> bool:
    """Whether the venue knows an order."""
    reply = await desk.ask("GET", ORDER, symbol=desk.symbol, origClientOrderId=name)
    assert reply.code in (0, -2013), reply
    return reply.code == 0


@CASES.case(
    "A name that an open order has is refused, in the other service too",
    "the same name again, as a bid and as a stop: -4116",
)
async def _(desk: Desk) -> None:
    name = f"conform-{desk.now_ms()}"
    await desk.bid(newClientOrderId=name)
    await desk.refused(-4116, "POST", ORDER, **await desk.bid_terms(), newClientOrderId=name)
    await desk.done("DELETE", ORDER, symbol=desk.symbol, origClientOrderId=name)
    terms = desk.stop_terms(await desk.near("0.8"), quantity="0.002", clientAlgoId=name)
    await desk.done("POST", ALGO, **terms)
    await desk.refused(-4116, "POST", ALGO, **terms)
    await desk.done("DELETE", ALGO, symbol=desk.symbol, clientAlgoId=name)


@CASES.case(
    "A name is free again once its order is closed: a market order sent twice executes twice",
    "two market orders of one name",
    OPENS,
)
async def _(desk: Desk) -> None:
    await desk.buy(newClientOrderId="again")
    await desk.buy(newClientOrderId="again")
    held = await desk.position()
    assert f"{held:f}" == "0.040", held


@CASES.case(
    "An order whose answer was lost may have been executed",
    "the line is cut after the deed: GET order by its name finds it",
    BREAKS,
)
async def _(desk: Desk) -> None:
    await desk.fault("drop", method="POST", path=ORDER, times=1)
    assert await attempt(desk, "lost") is None
    assert await is_there(desk, "lost")


@CASES.case(
    "503 with unknown words, 502, and 504 with -1007 leave it open: it may have been executed",
    "each of them after the deed",
    BREAKS,
)
async def _(desk: Desk) -> None:
    for kind, status in (("unknown", 503), ("bad_gateway", 502), ("timeout", 504)):
        await desk.fault(kind, method="POST", path=ORDER, times=1)
        assert (await attempt(desk, kind)).status == status
        assert await is_there(desk, kind)


@CASES.case(
    "503 with -1008 says that nothing was done",
    "service unavailable, before the deed",
    BREAKS,
)
async def _(desk: Desk) -> None:
    await desk.fault("unavailable", method="POST", path=ORDER, times=1)
    reply = await attempt(desk, "busy")
    assert (reply.status, reply.code) == (503, -1008), reply
    assert not await is_there(desk, "busy")


@CASES.case(
    "The order of an answer and of its event is open; times of one order only grow",
    "T of the events of a bid that is placed, changed and canceled",
)
async def _(desk: Desk) -> None:
    async with desk.user_stream() as stream:
        placed = await desk.bid()
        given = {"symbol": desk.symbol, "orderId": placed["orderId"]}
        price = await desk.near("0.96")
        await desk.done("PUT", ORDER, **given, side="BUY", quantity="0.002", price=price)
        await desk.done("DELETE", ORDER, **given)
        times = []
        for kind in ("NEW", "AMENDMENT", "CANCELED"):
            told = await stream.event("ORDER_TRADE_UPDATE", i=placed["orderId"], x=kind)
            times.append(told["T"])
    assert times == sorted(times), times


@CASES.case(
    "A client id of 36 characters is taken, one of 37 is not",
    "newClientOrderId",
)
async def _(desk: Desk) -> None:
    terms = await desk.bid_terms()
    name = f"{desk.now_ms()}".ljust(36, "x")
    await desk.done("POST", ORDER, **terms, newClientOrderId=name)
    await desk.done("DELETE", ORDER, symbol=desk.symbol, origClientOrderId=name)
    await desk.refused(-4015, "POST", ORDER, **terms, newClientOrderId=name + "x")
