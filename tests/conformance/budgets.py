"""7.6: what may be asked, and how the venue says how much was."""

import asyncio

from tests.conformance.case import LIMITS, Cases
from tests.conformance.desk import ORDER, Desk, Reply

CASES = Cases("7.6", "What may be asked, and how the venue says how much was")
USED, IN_TEN, IN_MINUTE = (
    "x-mbx-used-weight-1m",
    "x-mbx-order-count-10s",
    "x-mbx-order-count-1m",
)
WEIGHTS: tuple[tuple[str, tuple[str, ...], int], ...] = (
    ("income", (), 30),
    ("multiAssetsMargin", (), 30),
    ("positionSide/dual", (), 30),
    ("openOrders", (), 40),
    ("openAlgoOrders", (), 40),
    ("openOrders", ("symbol",), 1),
    ("openAlgoOrders", ("symbol",), 1),
    ("commissionRate", ("symbol",), 20),
    ("allOrders", ("symbol",), 5),
    ("allAlgoOrders", ("symbol",), 5),
    ("userTrades", ("symbol",), 5),
    ("rateLimit/order", (), 1),
    ("leverageBracket", ("symbol",), 1),
)
TOO_OFTEN = 90
ORDERS_IN_TEN = 300
TOGETHER = 30


@CASES.case(
    "What a question weighs is told by the header that counts the address's weight",
    "; ".join(f"{name} {weight}" for name, _, weight in WEIGHTS),
    "others may be asking from this address",
)
async def _(desk: Desk) -> None:
    before = 0
    for name, given, weight in WEIGHTS:
        params = dict.fromkeys(given, desk.symbol)
        reply = await desk.ask("GET", f"/fapi/v1/{name}", **params)
        assert reply.code == 0, reply
        used = int(reply.headers[USED])
        # A new minute begins to count anew.
        assert used in (before + weight, weight), f"{name} weighs {used - before}, not {weight}"
        before = used


@CASES.case(
    "Orders weigh nothing and are counted by account, in ten seconds and in a minute",
    "a bid, a stop and their cancels",
)
async def _(desk: Desk) -> None:
    reply = await desk.ask("POST", ORDER, **await desk.bid_terms())
    first, used = int(reply.headers[IN_MINUTE]), int(reply.headers[USED])
    assert int(reply.headers[IN_TEN]) >= 1
    terms = desk.stop_terms(await desk.near("0.8"), quantity="0.002")
    stop = await desk.ask("POST", "/fapi/v1/algoOrder", **terms)
    counted, weight = int(stop.headers[IN_MINUTE]), int(stop.headers[USED])
    assert counted in (first + 1, 1), (first, counted)
    # The price was asked for in between, which weighs one.
    assert weight <= used + 1, (used, weight)
    await desk.done("DELETE", ORDER, symbol=desk.symbol, orderId=reply.body["orderId"])
    given = {"symbol": desk.symbol, "algoId": stop.body["algoId"]}
    await desk.done("DELETE", "/fapi/v1/algoOrder", **given)


@CASES.case(
    "Beyond 2,400 in a minute: 429 with -1003 and Retry-After; whoever goes on is banned with 418",
    "openOrders without a symbol, again and again",
    LIMITS,
)
async def _(desk: Desk) -> None:
    seen: dict[int, int] = {}
    for _ in range(2 * TOO_OFTEN):
        reply = await desk.ask("GET", "/fapi/v1/openOrders")
        if reply.status != 200:
            assert reply.code == -1003, reply
            seen.setdefault(reply.status, int(reply.headers["retry-after"]))
        if reply.status == 418:
            break
    assert 1 <= seen[429] <= 60, seen
    assert seen[418] > 60, seen
    assert (await desk.ask("GET", "/fapi/v1/ping")).status == 418, "a ban is for everything"


@CASES.case(
    "Beyond 300 orders in ten seconds: 429 with -1015",
    "301 orders that are refused by their price alone",
    LIMITS,
)
async def _(desk: Desk) -> None:
    terms = {**await desk.bid_terms(), "timeInForce": "FOK"}
    beyond: list[Reply] = []
    for _ in range(3 * ORDERS_IN_TEN // TOGETHER):
        replies = await asyncio.gather(*(desk.ask("POST", ORDER, **terms) for _ in range(TOGETHER)))
        assert {reply.code for reply in replies} <= {-5021, -1015}, replies
        beyond = [reply for reply in replies if reply.status == 429]
        if beyond:
            break
    assert beyond, "nothing was refused"
    assert all(reply.code == -1015 for reply in beyond), beyond
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in beyond), beyond
