"""7.5: the smallest notional, and ladders of targets."""

from decimal import Decimal

from tests.conformance.case import OPENS, SETS, Cases
from tests.conformance.desk import ORDER, Desk

CASES = Cases("7.5", "The smallest notional, and ladders of targets")


async def notional_min(desk: Desk) -> Decimal:
    """What exchangeInfo says of the symbol."""
    info = await desk.public("/fapi/v1/exchangeInfo")
    (row,) = [one for one in info["symbols"] if one["symbol"] == desk.symbol]
    (found,) = [one for one in row["filters"] if one["filterType"] == "MIN_NOTIONAL"]
    return Decimal(found["notional"])


@CASES.case(
    "-4164: an entry below the smallest notional, which exchangeInfo tells by symbol",
    "a bid for less than it",
)
async def _(desk: Desk) -> None:
    least = await notional_min(desk)
    terms = await desk.bid_terms(quantity="0.001")
    if Decimal(terms["price"]) * Decimal("0.001") >= least:
        # Where the least quantity is worth more, this filter cannot be met.
        placed = await desk.done("POST", ORDER, **terms)
        await desk.done("DELETE", ORDER, symbol=desk.symbol, orderId=placed["orderId"])
        return
    await desk.refused(-4164, "POST", ORDER, **terms)


@CASES.case(
    "A reduce-only exit may be smaller",
    "an exit of 0.001 with a smallest notional of 5,000",
    OPENS,
    spoils=True,
)
async def _(desk: Desk) -> None:
    await desk.buy("0.1")
    given = {"filter": "MIN_NOTIONAL", "field": "notional", "value": "5000"}
    await desk.control.post("filter", symbol=desk.symbol, **given)
    terms = {"symbol": desk.symbol, "side": "SELL", "type": "MARKET", "quantity": "0.001"}
    await desk.refused(-4164, "POST", ORDER, **terms)
    await desk.done("POST", ORDER, **terms, reduceOnly="true")


@CASES.case(
    "In hedge mode reduce-only cannot be said; an order against its side only reduces",
    "reduceOnly with positionSide: -1106; a sale of more than the long side holds: no short",
    SETS,
)
async def _(desk: Desk) -> None:
    await desk.done("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
    await desk.buy(positionSide="LONG")
    given = {"symbol": desk.symbol, "side": "SELL", "type": "MARKET", "positionSide": "LONG"}
    await desk.refused(-1106, "POST", ORDER, **given, quantity="0.01", reduceOnly="true")
    reply = await desk.ask("POST", ORDER, **given, quantity="0.03")
    assert reply.code in (0, -2022), reply
    rows = await desk.done("GET", "/fapi/v3/positionRisk", symbol=desk.symbol)
    assert all(Decimal(row["positionAmt"]) >= 0 for row in rows), rows


@CASES.case(
    "Reduce-only orders shrink, or go, with the position: the venue's quantity is the true one",
    "three targets for all of it, then half of the position is sold by hand",
    OPENS,
)
async def _(desk: Desk) -> None:
    await desk.buy("0.03")
    for share in ("1.02", "1.03", "1.04"):
        terms = await desk.bid_terms(share, "0.01")
        await desk.done("POST", ORDER, **{**terms, "side": "SELL"}, reduceOnly="true")
    await desk.order(side="SELL", quantity="0.02")
    rows = await desk.done("GET", "/fapi/v1/openOrders", symbol=desk.symbol)
    assert sum(Decimal(row["origQty"]) for row in rows) <= Decimal("0.03")
    await desk.order(side="SELL", quantity="0.01")
    rows = await desk.done("GET", "/fapi/v1/openOrders", symbol=desk.symbol)
    assert rows == [], "targets of a position that is gone"
