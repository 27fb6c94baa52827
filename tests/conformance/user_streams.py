"""7.7: streams, their routes, and what an account is told."""

import asyncio
import hmac
import json
from hashlib import sha256
from itertools import pairwise

from tests.conformance.case import MOVES, OPENS, SETS, Cases
from tests.conformance.desk import ORDER, Desk

CASES = Cases("7.7", "Streams, their routes, and what an account is told")
SILENT_S = 1.5


@CASES.case(
    "Public, market and private streams have routes of their own; on a wrong one is silence",
    "markPrice on /market speaks within seconds, on /public never",
)
async def _(desk: Desk) -> None:
    name = f"{desk.symbol.lower()}@markPrice@1s"
    async with desk.streams(f"/market/ws/{name}") as right:
        assert (await right.next())["e"] == "markPriceUpdate"
        async with desk.streams(f"/public/ws/{name}") as wrong:
            try:
                message = await asyncio.wait_for(wrong.socket.recv(), SILENT_S)
            except TimeoutError:
                return
    raise AssertionError(f"it spoke: {message!r}")


@CASES.case(
    "The best bid and ask come on /public, wrapped in their stream's name where many are asked for",
    "/public/stream?streams=bookTicker",
)
async def _(desk: Desk) -> None:
    name = f"{desk.symbol.lower()}@bookTicker"
    async with desk.streams(f"/public/stream?streams={name}") as stream:
        message = await stream.next()
    assert message["stream"] == name, message
    assert message["data"]["e"] == "bookTicker", message


@CASES.case(
    "Changes of the book follow each other: pu is the u before",
    "five depth messages",
)
async def _(desk: Desk) -> None:
    name = f"{desk.symbol.lower()}@depth@100ms"
    async with desk.streams(f"/public/ws/{name}") as stream:
        found = [await stream.next() for _ in range(3)]
    for before, after in pairwise(found):
        assert after["pu"] == before["u"], (before["u"], after["pu"])


@CASES.case(
    "A listen key is the same as long as it lives, and PUT keeps it",
    "POST twice, PUT",
)
async def _(desk: Desk) -> None:
    keys = [(await desk.listen_key()).body["listenKey"] for _ in range(2)]
    assert keys[0] == keys[1]
    assert (await desk.listen_key("PUT")).status == 200


@CASES.case(
    "After DELETE there is none to keep: -1125; POST makes another one",
    "DELETE, PUT, POST",
    "it ends the account's stream",
)
async def _(desk: Desk) -> None:
    first = (await desk.listen_key()).body["listenKey"]
    assert (await desk.listen_key("DELETE")).status == 200
    assert (await desk.listen_key("PUT")).code == -1125
    assert (await desk.listen_key()).body["listenKey"] != first


@CASES.case(
    "A key that ends is told of, and nothing after it",
    "listenKeyExpired",
    MOVES,
)
async def _(desk: Desk) -> None:
    async with desk.user_stream() as stream:
        await desk.control.post("expire_key", account=desk.keys.name)
        told = await stream.next()
        assert told["e"] == "listenKeyExpired", told
        await desk.buy()
        try:
            late = await asyncio.wait_for(stream.socket.recv(), SILENT_S)
        except TimeoutError:
            return
    raise AssertionError(f"it spoke: {late!r}")


@CASES.case(
    "An order's life is told as ORDER_TRADE_UPDATE",
    "a bid that is placed and canceled: NEW, CANCELED",
)
async def _(desk: Desk) -> None:
    async with desk.user_stream() as stream:
        placed = await desk.bid()
        given = {"symbol": desk.symbol, "orderId": placed["orderId"]}
        await desk.done("DELETE", ORDER, **given)
        for kind in ("NEW", "CANCELED"):
            told = await stream.event("ORDER_TRADE_UPDATE", i=placed["orderId"], x=kind)
            assert told["o"]["X"] == kind, told


@CASES.case(
    "A trade is told twice, early as TRADE_LITE without its fee, and whole: one trade id",
    "both events of a market order",
    OPENS,
)
async def _(desk: Desk) -> None:
    async with desk.user_stream() as stream:
        await desk.buy()
        found: dict[str, int] = {}
        while len(found) < 2:
            told = await stream.next()
            if told["e"] == "TRADE_LITE":
                found["lite"] = told["t"]
            elif told["e"] == "ORDER_TRADE_UPDATE" and told["o"]["x"] == "TRADE":
                found["whole"] = told["o"]["t"]
                assert told["o"]["N"] == "USDT", told
    assert found["lite"] == found["whole"], found


@CASES.case(
    "Balance and position are told with the reason of their change",
    "ACCOUNT_UPDATE of a trade: ORDER",
    OPENS,
)
async def _(desk: Desk) -> None:
    async with desk.user_stream() as stream:
        await desk.buy()
        told = (await stream.event("ACCOUNT_UPDATE"))["a"]
    assert told["m"] == "ORDER", told
    assert float(told["P"][0]["pa"]) == 0.02, told


@CASES.case(
    "A leverage that changes is told",
    "ACCOUNT_CONFIG_UPDATE",
    SETS,
)
async def _(desk: Desk) -> None:
    async with desk.user_stream() as stream:
        await desk.done("POST", "/fapi/v1/leverage", symbol=desk.symbol, leverage=7)
        told = await stream.event("ACCOUNT_CONFIG_UPDATE")
    assert told["ac"] == {"s": desk.symbol, "l": 7}, told


@CASES.case(
    "A liquidation is an order of the venue, and its name begins with autoclose-",
    "an isolated position whose mark falls through its liquidation price",
    MOVES,
)
async def _(desk: Desk) -> None:
    given = {"symbol": desk.symbol}
    await desk.done("POST", "/fapi/v1/marginType", **given, marginType="ISOLATED")
    await desk.done("POST", "/fapi/v1/leverage", **given, leverage=20)
    await desk.buy()
    async with desk.user_stream() as stream:
        await desk.control.jump(desk.symbol, fraction="-0.2")
        told = await stream.event("ORDER_TRADE_UPDATE", x="CALCULATED")
    assert told["o"]["c"].startswith("autoclose-"), told
    assert await desk.position() == 0


@CASES.case(
    "Orders may be placed over a connection, in the words of HTTP",
    "/ws-fapi/v1: order.place, order.cancel",
)
async def _(desk: Desk) -> None:
    who, terms = desk.keys, await desk.bid_terms()
    async with desk.streams("/ws-fapi/v1") as stream:

        async def ask(method: str, **given: str) -> dict[str, object]:
            params = {**given, "apiKey": who.key}
            # Parameters are signed in the order of their names, the time among them.
            params["timestamp"] = str(desk.now_ms())
            text = "&".join(f"{name}={params[name]}" for name in sorted(params))
            signature = hmac.new(who.secret.encode(), text.encode(), sha256).hexdigest()
            call = {"id": method, "method": method, "params": {**params, "signature": signature}}
            await stream.socket.send(json.dumps(call))
            answer = await stream.next()
            assert answer["status"] == 200, answer
            found: dict[str, object] = answer["result"]
            return found

        placed = await ask("order.place", **terms)
        number = str(placed["orderId"])
        canceled = await ask("order.cancel", symbol=desk.symbol, orderId=number)
    assert canceled["status"] == "CANCELED", canceled
