"""7.4: error codes, and the action each demands."""

from decimal import Decimal

from quantum_trader.adapters.exchanges.binance.door import BinanceExchange
from quantum_trader.core.errors import InDoubt, Locked, Unreachable
from quantum_trader.core.events.orders import OrderRequest
from quantum_trader.core.orders.venue_codes import CODES
from quantum_trader.core.venue import Rejected
from tests.conformance.case import BREAKS, MOVES, SETS, Cases
from tests.conformance.desk import ALGO, ORDER, Desk, opened
from tests.venues import signed_query

CASES = Cases("7.4", "Error codes, and the action each demands")
BALANCE = "/fapi/v3/balance"
ONE = "0.002"


async def code_of(desk: Desk, text: str, key: str | None) -> int:
    """The code of a question as it is."""
    return (await desk.send("GET", BALANCE, text, key)).code


@CASES.case(
    "-1021: a request is good until recvWindow after its time, and a second before it",
    "ten seconds old, and ten seconds early",
)
async def _(desk: Desk) -> None:
    for at_ms in (desk.now_ms() - 10_000, desk.now_ms() + 10_000):
        reply = await desk.ask_at(at_ms, "GET", BALANCE, {})
        assert reply.code == -1021, reply


@CASES.case(
    "-1022, -2014, -2015: signature, form of the key, key; with 401 where the key is at fault",
    "a wrong secret, a key of three letters, a key nobody has",
)
async def _(desk: Desk) -> None:
    key = desk.keys.key
    text = signed_query("wrong", {}, desk.now_ms())
    assert await code_of(desk, text, key) == -1022
    for wrong, codes in (("a-b", (-2014,)), ("A" * 64, (-2015, -2008))):
        reply = await desk.send("GET", BALANCE, text, wrong)
        assert reply.status == 401, reply
        assert reply.code in codes, reply


@CASES.case(
    "-1102: a parameter that has to be there is missing",
    "no timestamp; no quantity",
)
async def _(desk: Desk) -> None:
    assert await code_of(desk, "recvWindow=5000", desk.keys.key) == -1102
    terms = await desk.bid_terms()
    del terms["quantity"]
    await desk.refused(-1102, "POST", ORDER, **terms)


@CASES.case(
    "-1111, -4014, -4023: digits there are not, a price off its tick, a quantity off its step",
    "a quantity of 0.0025, a price of five decimals",
)
async def _(desk: Desk) -> None:
    terms = await desk.bid_terms()
    reply = await desk.ask("POST", ORDER, **{**terms, "quantity": "0.00251"})
    assert reply.code in (-1111, -4023), reply
    reply = await desk.ask("POST", ORDER, **{**terms, "price": terms["price"] + "5321"})
    assert reply.code in (-1111, -4014), reply


@CASES.case(
    "-1116, -1117, -1121: no such type, side or symbol",
    "each of them",
)
async def _(desk: Desk) -> None:
    terms = await desk.bid_terms()
    for name, value, code in (
        ("type", "WISH", -1116),
        ("side", "HOLD", -1117),
        ("symbol", "NOSUCHUSDT", -1121),
    ):
        await desk.refused(code, "POST", ORDER, **{**terms, name: value})


@CASES.case(
    "-2011, -2013: no such order to cancel, no such order",
    "an order and a conditional one that nobody placed",
)
async def _(desk: Desk) -> None:
    nobody = {"symbol": desk.symbol, "origClientOrderId": "nobody-placed-this"}
    await desk.refused(-2013, "GET", ORDER, **nobody)
    await desk.refused(-2011, "DELETE", ORDER, **nobody)
    nobody = {"symbol": desk.symbol, "clientAlgoId": "nobody-placed-this"}
    await desk.refused(-2013, "GET", ALGO, **nobody)
    await desk.refused(-2011, "DELETE", ALGO, **nobody)


@CASES.case(
    "-2019: more than the margin carries",
    "a bid for a hundred times the wallet",
)
async def _(desk: Desk) -> None:
    rows = await desk.done("GET", BALANCE)
    wallet = sum((Decimal(row["balance"]) for row in rows if row["asset"] == "USDT"), Decimal(1))
    qty = wallet * 100 / await desk.price()
    reply = await desk.ask("POST", ORDER, **await desk.bid_terms(quantity=f"{qty:.3f}"))
    # Which of its limits is met first is the venue's business: margin, tier or largest quantity.
    assert reply.code in (-2019, -2027, -4005), reply


@CASES.case(
    "-2022: a reduce-only order without a position to reduce",
    "a sale of nothing",
)
async def _(desk: Desk) -> None:
    terms = await desk.bid_terms("1.03")
    given = {**terms, "side": "SELL", "reduceOnly": "true"}
    await desk.refused(-2022, "POST", ORDER, **given)


@CASES.case(
    "-4003, -4004, -4005: a quantity of nothing, below and above what is allowed",
    "0, and more than maxQty of a market order",
)
async def _(desk: Desk) -> None:
    terms = await desk.bid_terms(quantity="0")
    reply = await desk.ask("POST", ORDER, **terms)
    assert reply.code in (-4003, -4004), reply
    await desk.refused(
        -4005, "POST", ORDER, symbol=desk.symbol, side="BUY", type="MARKET", quantity="100000"
    )


@CASES.case(
    "-4028: a leverage the symbol does not have",
    "leverage 0 and 200",
)
async def _(desk: Desk) -> None:
    for wanted in (0, 200):
        await desk.refused(-4028, "POST", "/fapi/v1/leverage", symbol=desk.symbol, leverage=wanted)


@CASES.case(
    "-4046, -4047, -4048: the margin type is so already, or held by an order or a position",
    "the same type; the other one with a bid, and with a position",
    SETS,
)
async def _(desk: Desk) -> None:
    path, given = "/fapi/v1/marginType", {"symbol": desk.symbol}
    await desk.refused(-4046, "POST", path, **given, marginType="CROSSED")
    placed = await desk.bid()
    await desk.refused(-4047, "POST", path, **given, marginType="ISOLATED")
    await desk.done("DELETE", ORDER, **given, orderId=placed["orderId"])
    await desk.buy()
    await desk.refused(-4048, "POST", path, **given, marginType="ISOLATED")


@CASES.case(
    "-4141: a symbol that is halted takes no order and triggers none",
    "an order, and a stop whose price comes, while it is halted",
    MOVES,
)
async def _(desk: Desk) -> None:
    await desk.buy()
    placed = await desk.stop()
    await desk.control.post("halt", symbol=desk.symbol, halted=True)
    given = {"symbol": desk.symbol, "side": "BUY", "type": "MARKET", "quantity": "0.02"}
    await desk.refused(-4141, "POST", ORDER, **given)
    waiting = await desk.done("GET", ALGO, symbol=desk.symbol, algoId=placed["algoId"])
    assert waiting["algoStatus"] == "NEW", waiting
    await desk.control.post("halt", symbol=desk.symbol, halted=False)
    await desk.order(side="BUY", quantity="0.02")


@CASES.case(
    "-4161: an isolated position keeps its leverage from falling",
    "leverage 20, a position, leverage 10",
    SETS,
)
async def _(desk: Desk) -> None:
    given = {"symbol": desk.symbol}
    await desk.done("POST", "/fapi/v1/marginType", **given, marginType="ISOLATED")
    await desk.done("POST", "/fapi/v1/leverage", **given, leverage=20)
    await desk.buy()
    await desk.refused(-4161, "POST", "/fapi/v1/leverage", **given, leverage=10)


@CASES.case(
    "-2027: leverage and size are bound together by tiers",
    "the highest leverage, and a bid beyond its tier",
    SETS,
)
async def _(desk: Desk) -> None:
    (row,) = await desk.done("GET", "/fapi/v1/leverageBracket", symbol=desk.symbol)
    first = row["brackets"][0]
    given = {"symbol": desk.symbol, "leverage": first["initialLeverage"]}
    await desk.done("POST", "/fapi/v1/leverage", **given)
    qty = Decimal(first["notionalCap"]) * 2 / await desk.price()
    terms = await desk.bid_terms("0.99", f"{qty:.3f}")
    await desk.refused(-2027, "POST", ORDER, **terms)


@CASES.case(
    "-5021, -5022: an order that cannot fill whole at once, one that would take",
    "FOK far from the price; GTX above it",
)
async def _(desk: Desk) -> None:
    terms = await desk.bid_terms()
    await desk.refused(-5021, "POST", ORDER, **{**terms, "timeInForce": "FOK"})
    above = {**await desk.bid_terms("1.02"), "timeInForce": "GTX"}
    await desk.refused(-5022, "POST", ORDER, **above)


@CASES.case(
    "Every code of the table has the outcome at the door that the table gives it",
    "each code in answer to an entry and, where that is told apart, to an exit",
    BREAKS,
)
async def _(desk: Desk) -> None:
    door = desk.door()
    await opened(door)
    try:
        for code, entry in CODES.items():
            await desk.fault("reject", method="POST", path=ORDER, code=code, msg="no", times=1)
            found = await _outcome(door, desk.symbol)
            # What is so already is no outcome of an order: there it is a refusal.
            wanted = "rejected" if entry.outcome == "done" else entry.outcome
            assert found == wanted, f"{code}: {found}, not {wanted}"
    finally:
        await door.close()


async def _outcome(door: BinanceExchange, symbol: str) -> str:
    order = OrderRequest(
        client_order_id="conform-code",
        symbol=symbol,
        side="SELL",
        kind="MARKET",
        qty=Decimal(ONE),
        price=None,
        trigger_price=None,
        reduce_only=True,
    )
    try:
        placed = await door.place(order)
    except Locked:
        return "locked"
    except Unreachable:
        return "not_sent"
    except InDoubt:
        return "in_doubt"
    return "rejected" if isinstance(placed, Rejected) else "accepted"
