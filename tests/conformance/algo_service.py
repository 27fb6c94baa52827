"""7.1: conditional orders live in the algo service."""

from decimal import Decimal

import msgspec

from tests.conformance.case import MOVES, OPENS, Cases
from tests.conformance.desk import ALGO, ORDER, Desk
from tests.venues import Stream

CASES = Cases("7.1", "Conditional orders live in the algo service")
TYPES = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
OPEN_ALGOS = "/fapi/v1/openAlgoOrders"
STOPS_MAX = 200


async def old_way(desk: Desk, kind: str) -> dict[str, str]:
    """A conditional order in the words of the old endpoint."""
    given = {"symbol": desk.symbol, "side": "SELL", "type": kind, "quantity": "0.002"}
    if kind == "TRAILING_STOP_MARKET":
        return {**given, "callbackRate": "1"}
    given["stopPrice"] = await desk.near("0.95")
    if kind in ("STOP", "TAKE_PROFIT"):
        given |= {"price": await desk.near("0.95"), "timeInForce": "GTC"}
    return given


async def lives(stream: Stream, count: int) -> list[str]:
    """The next states of a conditional order."""
    found: list[str] = []
    while len(found) < count:
        found.append((await stream.event("ALGO_UPDATE"))["o"]["X"])
    return found


@CASES.case(
    "The order endpoint takes none of the five conditional types",
    "POST order with each of them: -4120",
)
async def _(desk: Desk) -> None:
    for kind in TYPES:
        await desk.refused(-4120, "POST", ORDER, **await old_way(desk, kind))


@CASES.case(
    "Nor does a batch: each such order in it is refused by itself",
    "POST batchOrders with a stop: 200, and -4120 in its place",
)
async def _(desk: Desk) -> None:
    rows = [await old_way(desk, "STOP_MARKET")]
    given = msgspec.json.encode(rows).decode()
    (answer,) = await desk.done("POST", "/fapi/v1/batchOrders", batchOrders=given)
    assert answer["code"] == -4120, answer


@CASES.case(
    "A conditional order has a number and a name of its own, and is asked for by either",
    "POST, GET and DELETE algoOrder, openAlgoOrders",
)
async def _(desk: Desk) -> None:
    name = f"conform-{desk.now_ms()}"
    placed = await desk.stop("0.8", quantity="0.002", clientAlgoId=name)
    assert (placed["clientAlgoId"], placed["algoStatus"]) == (name, "NEW"), placed
    number = placed["algoId"]
    for given in ({"algoId": number}, {"clientAlgoId": name}):
        found = await desk.done("GET", ALGO, symbol=desk.symbol, **given)
        assert (found["algoId"], found["orderType"]) == (number, "STOP_MARKET"), found
    rows = await desk.done("GET", OPEN_ALGOS, symbol=desk.symbol)
    assert number in [row["algoId"] for row in rows], rows
    await desk.done("DELETE", ALGO, symbol=desk.symbol, algoId=number)
    rows = await desk.done("GET", OPEN_ALGOS, symbol=desk.symbol)
    assert number not in [row["algoId"] for row in rows], rows


@CASES.case(
    "It waits at the regular service under no name: not being there proves nothing",
    "GET and DELETE order with the name of a conditional one: -2013, -2011",
)
async def _(desk: Desk) -> None:
    name = f"conform-{desk.now_ms()}"
    await desk.stop("0.8", quantity="0.002", clientAlgoId=name)
    given = {"symbol": desk.symbol, "origClientOrderId": name}
    await desk.refused(-2013, "GET", ORDER, **given)
    await desk.refused(-2011, "DELETE", ORDER, **given)
    await desk.done("DELETE", ALGO, symbol=desk.symbol, clientAlgoId=name)


@CASES.case(
    "A name is 1 to 36 characters of a small alphabet",
    "clientAlgoId with a blank, and of 37 characters",
)
async def _(desk: Desk) -> None:
    terms = desk.stop_terms(await desk.near("0.8"), quantity="0.002")
    await desk.refused(-1100, "POST", ALGO, **terms, clientAlgoId="a b")
    await desk.refused(-4015, "POST", ALGO, **terms, clientAlgoId="x" * 37)


@CASES.case(
    "What the price has passed already is refused",
    "a stop to sell above, one to buy below, a target to sell below: -2021",
)
async def _(desk: Desk) -> None:
    above, below = await desk.near("1.03"), await desk.near("0.97")
    given = {"quantity": "0.002", "reduceOnly": "false"}
    for side, kind, trigger in (
        ("SELL", "STOP_MARKET", above),
        ("BUY", "STOP_MARKET", below),
        ("SELL", "TAKE_PROFIT_MARKET", below),
        ("BUY", "TAKE_PROFIT_MARKET", above),
    ):
        terms = desk.stop_terms(trigger, side=side, type=kind, **given)
        await desk.refused(-2021, "POST", ALGO, **terms)


@CASES.case(
    "A trailing stop follows by 0.1 to 20 per cent, and becomes active beyond the price",
    "callbackRate 0.05 and 21: -2007; activatePrice below the price of a sale: -2021",
)
async def _(desk: Desk) -> None:
    given = {"algoType": "CONDITIONAL", "symbol": desk.symbol, "side": "SELL"}
    given |= {"type": "TRAILING_STOP_MARKET", "quantity": "0.002"}
    for rate in ("0.05", "21"):
        await desk.refused(-2007, "POST", ALGO, **given, callbackRate=rate)
    near = await desk.near("0.97")
    await desk.refused(-2021, "POST", ALGO, **given, callbackRate="5", activatePrice=near)
    far = await desk.near("1.2")
    placed = await desk.done("POST", ALGO, **given, callbackRate="20", activatePrice=far)
    await desk.done("DELETE", ALGO, symbol=desk.symbol, algoId=placed["algoId"])


@CASES.case(
    "An order that closes the position has neither quantity nor reduce-only",
    "closePosition with each of them: -4137, -1106",
    OPENS,
)
async def _(desk: Desk) -> None:
    await desk.buy()
    terms = desk.stop_terms(await desk.near("0.95"), closePosition="true")
    await desk.refused(-4137, "POST", ALGO, **terms, quantity="0.02")
    await desk.refused(-1106, "POST", ALGO, **terms, reduceOnly="true")
    await desk.done("POST", ALGO, **terms)


@CASES.case(
    "Of those that close the position there is one in a direction, so none is replaced place-first",
    "a second stop with closePosition: -4130; a target beside it is taken",
    OPENS,
)
async def _(desk: Desk) -> None:
    await desk.buy()
    await desk.stop(closePosition="true")
    other = desk.stop_terms(await desk.near("0.94"), closePosition="true")
    await desk.refused(-4130, "POST", ALGO, **other)
    target = {**other, "type": "TAKE_PROFIT_MARKET", "triggerPrice": await desk.near("1.05")}
    await desk.done("POST", ALGO, **target)


@CASES.case(
    "Reduce-only stops with a quantity may stand side by side, so a stop moves without a gap",
    "a second stop for all of the position, then the first one is canceled",
    OPENS,
)
async def _(desk: Desk) -> None:
    await desk.buy()
    first = await desk.stop("0.97")
    second = await desk.stop("0.96")
    rows = await desk.done("GET", OPEN_ALGOS, symbol=desk.symbol)
    assert {row["algoId"] for row in rows} == {first["algoId"], second["algoId"]}
    await desk.done("DELETE", ALGO, symbol=desk.symbol, algoId=first["algoId"])


@CASES.case(
    "Nobody changes a conditional order: another one takes its place",
    "PUT algoOrder: no such method; PUT order with its name: -2011 or -2013",
)
async def _(desk: Desk) -> None:
    name = f"conform-{desk.now_ms()}"
    await desk.stop("0.8", quantity="0.002", clientAlgoId=name)
    reply = await desk.ask("PUT", ALGO, symbol=desk.symbol, clientAlgoId=name)
    assert reply.status in (404, 405), reply
    given = {"symbol": desk.symbol, "side": "SELL", "quantity": "0.002"}
    price = await desk.near("0.9")
    reply = await desk.ask("PUT", ORDER, **given, price=price, origClientOrderId=name)
    assert reply.code in (-2011, -2013), reply
    await desk.done("DELETE", ALGO, symbol=desk.symbol, clientAlgoId=name)


@CASES.case(
    "At most 200 wait, over all symbols",
    "one more than that: -4045; after a cancel it is taken",
    "it places 200 orders",
)
async def _(desk: Desk) -> None:
    terms = desk.stop_terms(await desk.near("0.8"), quantity="0.002")
    placed = [await desk.done("POST", ALGO, **terms) for _ in range(STOPS_MAX)]
    await desk.refused(-4045, "POST", ALGO, **terms)
    await desk.done("DELETE", ALGO, symbol=desk.symbol, algoId=placed[0]["algoId"])
    await desk.done("POST", ALGO, **terms)


@CASES.case(
    "Its life is told: NEW, TRIGGERING, TRIGGERED, FINISHED",
    "ALGO_UPDATE of a stop whose price comes",
    MOVES,
)
async def _(desk: Desk) -> None:
    await desk.buy()
    async with desk.user_stream() as stream:
        await desk.stop()
        assert await lives(stream, 1) == ["NEW"]
        await desk.control.jump(desk.symbol, fraction="-0.04")
        assert await lives(stream, 3) == ["TRIGGERING", "TRIGGERED", "FINISHED"]


@CASES.case(
    "Its trigger makes a regular order with another number, and that one trades",
    "actualOrderId, and whose the trade and the event are",
    MOVES,
)
async def _(desk: Desk) -> None:
    await desk.buy()
    async with desk.user_stream() as stream:
        placed = await desk.stop()
        await desk.control.jump(desk.symbol, fraction="-0.04")
        filled = (await stream.event("ORDER_TRADE_UPDATE", x="TRADE", X="FILLED"))["o"]
        await stream.event("ALGO_UPDATE", X="FINISHED")
    algo = await desk.done("GET", ALGO, symbol=desk.symbol, algoId=placed["algoId"])
    number = int(algo["actualOrderId"])
    assert number == filled["i"] != placed["algoId"], algo
    trades = await desk.done("GET", "/fapi/v1/userTrades", symbol=desk.symbol)
    assert trades[-1]["orderId"] == number, trades


@CASES.case(
    "After the trigger it is canceled at the regular endpoint, and not in the algo service",
    "a stop-limit that rests after its trigger: -2011 there, 200 here",
    MOVES,
)
async def _(desk: Desk) -> None:
    await desk.buy()
    price = await desk.near("1.03")
    placed = await desk.stop("0.97", type="STOP", price=price, timeInForce="GTC")
    await desk.control.jump(desk.symbol, fraction="-0.04")
    given = {"symbol": desk.symbol, "algoId": placed["algoId"]}
    await desk.refused(-2011, "DELETE", ALGO, **given)
    number = (await desk.done("GET", ALGO, **given))["actualOrderId"]
    await desk.done("DELETE", ORDER, symbol=desk.symbol, orderId=number)


@CASES.case(
    "A cancel is told as CANCELED, and what has nothing left to close as EXPIRED",
    "ALGO_UPDATE after DELETE; of a closing stop after the position went",
    OPENS,
)
async def _(desk: Desk) -> None:
    await desk.buy()
    async with desk.user_stream() as stream:
        placed = await desk.stop()
        await desk.done("DELETE", ALGO, symbol=desk.symbol, algoId=placed["algoId"])
        assert await lives(stream, 2) == ["NEW", "CANCELED"]
        await desk.stop(closePosition="true")
        await desk.order(side="SELL", quantity="0.02", reduceOnly="true")
        assert await lives(stream, 2) == ["NEW", "EXPIRED"]


@CASES.case(
    "Margin is asked for at the trigger: a stop that rests is no proof that it will execute",
    "a stop that opens more than the account can carry, at its trigger: REJECTED",
    MOVES,
)
async def _(desk: Desk) -> None:
    async with desk.user_stream() as stream:
        terms = {"side": "BUY", "quantity": "100", "reduceOnly": "false"}
        await desk.stop("1.02", **terms)
        await desk.control.jump(desk.symbol, fraction="0.03")
        told = await stream.event("ALGO_UPDATE", X="REJECTED")
    assert told["o"]["rm"], told
    assert await desk.position() == 0


@CASES.case(
    "It watches the last price unless the mark is asked for",
    "the mark falls alone: the stop on the mark triggers, the other one waits",
    MOVES,
    spoils=True,
)
async def _(desk: Desk) -> None:
    await desk.buy("0.04")
    last = await desk.stop()
    mark = await desk.stop(workingType="MARK_PRICE")
    assert (last["workingType"], mark["workingType"]) == ("CONTRACT_PRICE", "MARK_PRICE")
    price = f"{(await desk.price()) * Decimal('0.94'):.1f}"
    await desk.control.post("mark", symbol=desk.symbol, price=price)
    states = []
    for placed in (last, mark):
        given = {"symbol": desk.symbol, "algoId": placed["algoId"]}
        states.append((await desk.done("GET", ALGO, **given))["algoStatus"])
    assert states == ["NEW", "FINISHED"], states


@CASES.case(
    "An end that is set lies more than ten minutes ahead",
    "goodTillDate in five minutes: refused; in an hour: taken",
)
async def _(desk: Desk) -> None:
    terms = desk.stop_terms(await desk.near("0.8"), quantity="0.002", timeInForce="GTD")
    minute_ms = 60_000
    row = await desk.public("/fapi/v1/premiumIndex", symbol=desk.symbol)
    soon, later = (row["time"] + minutes * minute_ms for minutes in (5, 60))
    reply = await desk.ask("POST", ALGO, **terms, goodTillDate=soon)
    assert reply.code < 0, reply
    placed = await desk.done("POST", ALGO, **terms, goodTillDate=later)
    await desk.done("DELETE", ALGO, symbol=desk.symbol, algoId=placed["algoId"])
