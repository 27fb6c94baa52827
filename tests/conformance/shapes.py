"""7.2: answers and windows as they are since 2026."""

import msgspec

from tests.conformance.case import OPENS, Cases
from tests.conformance.desk import ORDER, Desk

CASES = Cases("7.2", "Answers and windows as they are since 2026")
DAY_MS = 86_400_000
GONE = ("avgPrice", "cumQuote")


@CASES.case(
    "Answers to placing, changing and canceling have neither average price nor sum",
    "POST, PUT, DELETE order",
)
async def _(desk: Desk) -> None:
    terms = await desk.bid_terms()
    placed = await desk.done("POST", ORDER, **terms)
    given = {"symbol": desk.symbol, "orderId": placed["orderId"]}
    price = await desk.near("0.96")
    changed = await desk.done("PUT", ORDER, **given, side="BUY", quantity="0.002", price=price)
    canceled = await desk.done("DELETE", ORDER, **given)
    for answer in (placed, changed, canceled):
        assert not set(GONE) & set(answer), answer


@CASES.case(
    "A question about an order tells them",
    "GET order of one that filled",
    OPENS,
)
async def _(desk: Desk) -> None:
    bought = await desk.buy()
    found = await desk.done("GET", ORDER, symbol=desk.symbol, orderId=bought["orderId"])
    assert float(found["avgPrice"]) > 0, found
    assert float(found["cumQuote"]) > 0, found


@CASES.case(
    "RESULT on a market order tells how it ended, ACK that it came",
    "newOrderRespType of both kinds",
    OPENS,
)
async def _(desk: Desk) -> None:
    assert (await desk.buy())["status"] == "FILLED"
    assert (await desk.buy(newOrderRespType="ACK"))["status"] == "NEW"


@CASES.case(
    "Orders, conditional orders and trades are listed for at most seven days at once",
    "a window of eight days: refused",
)
async def _(desk: Desk) -> None:
    now_ms = desk.now_ms()
    times = {"startTime": now_ms - 8 * DAY_MS, "endTime": now_ms}
    for name in ("allOrders", "allAlgoOrders", "userTrades"):
        reply = await desk.ask("GET", f"/fapi/v1/{name}", symbol=desk.symbol, **times)
        assert reply.code < 0, f"{name}: {reply.body}"


@CASES.case(
    "All orders may be asked for without a symbol",
    "GET allOrders",
)
async def _(desk: Desk) -> None:
    await desk.done("GET", "/fapi/v1/allOrders")


@CASES.case(
    "Positions are listed for symbols with a position or an order: whoever is missing is flat",
    "GET v3/positionRisk before a bid, with it, and after it",
)
async def _(desk: Desk) -> None:
    async def listed() -> bool:
        rows = await desk.done("GET", "/fapi/v3/positionRisk")
        return desk.symbol in [row["symbol"] for row in rows]

    before = await listed()
    placed = await desk.bid()
    assert await listed()
    await desk.done("DELETE", ORDER, symbol=desk.symbol, orderId=placed["orderId"])
    assert await listed() == before


@CASES.case(
    "The first account endpoints are gone",
    "GET v1/account, v1/balance, v1/positionRisk: 404 with -5000",
)
async def _(desk: Desk) -> None:
    for name in ("account", "balance", "positionRisk"):
        reply = await desk.ask("GET", f"/fapi/v1/{name}")
        assert (reply.status, reply.code) == (404, -5000), reply


@CASES.case(
    "Nobody trades with himself: of two own orders the resting one would go; not so for stops",
    "selfTradePreventionMode of a bid and of a stop: EXPIRE_MAKER, NONE",
)
async def _(desk: Desk) -> None:
    placed = await desk.bid()
    assert placed["selfTradePreventionMode"] == "EXPIRE_MAKER", placed
    await desk.done("DELETE", ORDER, symbol=desk.symbol, orderId=placed["orderId"])
    stop = await desk.stop("0.8", quantity="0.002")
    assert stop["selfTradePreventionMode"] == "NONE", stop
    await desk.done("DELETE", "/fapi/v1/algoOrder", symbol=desk.symbol, algoId=stop["algoId"])


@CASES.case(
    "A batch has at most five orders, each with an answer of its own",
    "six bids: refused; two, of which one is too small: 200 with one error",
)
async def _(desk: Desk) -> None:
    good = await desk.bid_terms()
    path = "/fapi/v1/batchOrders"
    six = msgspec.json.encode([good] * 6).decode()
    reply = await desk.ask("POST", path, batchOrders=six)
    assert reply.code < 0, reply
    small = {**good, "quantity": "0"}
    both = msgspec.json.encode([good, small]).decode()
    placed, refused = await desk.done("POST", path, batchOrders=both)
    assert refused["code"] < 0, refused
    await desk.done("DELETE", ORDER, symbol=desk.symbol, orderId=placed["orderId"])


@CASES.case(
    "A movement of money has a number that is its own among those of its kind",
    "GET income after two trades",
    OPENS,
)
async def _(desk: Desk) -> None:
    await desk.buy()
    await desk.order(side="SELL", quantity="0.02")
    rows = await desk.done("GET", "/fapi/v1/income")
    named = [(row["incomeType"], row["tranId"]) for row in rows]
    assert len(named) == len(set(named)), named
    assert {"COMMISSION", "REALIZED_PNL"} <= {kind for kind, _ in named}
