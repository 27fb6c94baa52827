"""7.8: modes of the account, and the dead man's switch."""

import asyncio

from quantum_trader.core.errors import ConfigError
from tests.conformance.case import SETS, Cases
from tests.conformance.desk import ORDER, Desk, opened

CASES = Cases("7.8", "Modes of the account, and the dead man's switch")
DUAL, MULTI = "/fapi/v1/positionSide/dual", "/fapi/v1/multiAssetsMargin"


@CASES.case(
    "One-way or hedge is a mode of the whole account; -4059 says that it is so already",
    "POST positionSide/dual with what GET says",
)
async def _(desk: Desk) -> None:
    now = (await desk.done("GET", DUAL))["dualSidePosition"]
    await desk.refused(-4059, "POST", DUAL, dualSidePosition=str(now).lower())


@CASES.case(
    "-4061: an order's side has to suit the mode",
    "positionSide LONG in one-way mode",
    SETS,
)
async def _(desk: Desk) -> None:
    terms = await desk.bid_terms()
    await desk.refused(-4061, "POST", ORDER, **terms, positionSide="LONG")


@CASES.case(
    "-4067, -4068: orders and positions hold the mode of the account",
    "hedge mode with a bid, and with a position",
    SETS,
)
async def _(desk: Desk) -> None:
    placed = await desk.bid()
    await desk.refused(-4067, "POST", DUAL, dualSidePosition="true")
    await desk.done("DELETE", ORDER, symbol=desk.symbol, orderId=placed["orderId"])
    await desk.buy()
    await desk.refused(-4068, "POST", DUAL, dualSidePosition="true")


@CASES.case(
    "-4167, -4168: isolated margin and several assets as margin exclude each other",
    "each with the other one on",
    SETS,
)
async def _(desk: Desk) -> None:
    isolate = {"symbol": desk.symbol, "marginType": "ISOLATED"}
    await desk.done("POST", "/fapi/v1/marginType", **isolate)
    await desk.refused(-4167, "POST", MULTI, multiAssetsMargin="true")
    await desk.done("POST", "/fapi/v1/marginType", **{**isolate, "marginType": "CROSSED"})
    await desk.done("POST", MULTI, multiAssetsMargin="true")
    await desk.refused(-4168, "POST", "/fapi/v1/marginType", **isolate)


@CASES.case(
    "This program refuses an account in hedge mode, and one with several assets as margin",
    "the door opens after the mode was changed back, and not before",
    SETS,
)
async def _(desk: Desk) -> None:
    for path, name in ((DUAL, "dualSidePosition"), (MULTI, "multiAssetsMargin")):
        await desk.done("POST", path, **{name: "true"})
        assert await _is_refused(desk), path
        await desk.done("POST", path, **{name: "false"})
    assert not await _is_refused(desk)


async def _is_refused(desk: Desk) -> bool:
    door = desk.door()
    try:
        await opened(door)
    except ConfigError:
        return True
    finally:
        await door.close()
    return False


@CASES.case(
    "The dead man's switch takes regular orders away; here it leaves conditional ones alone",
    "countdownCancelAll with a bid and a stop",
    "it would take all orders of the symbol away",
)
async def _(desk: Desk) -> None:
    await desk.bid()
    await desk.stop("0.8", quantity="0.002")
    given = {"symbol": desk.symbol}
    await desk.done("POST", "/fapi/v1/countdownCancelAll", **given, countdownTime=300)
    for _ in range(100):
        if not await desk.done("GET", "/fapi/v1/openOrders", **given):
            break
        await asyncio.sleep(0.1)
    assert await desk.done("GET", "/fapi/v1/openOrders", **given) == []
    assert len(await desk.done("GET", "/fapi/v1/openAlgoOrders", **given)) == 1


@CASES.case(
    "The probe of this program finds out whether a stop may rest without a position, and leaves "
    "nothing behind",
    "capabilities of the door, then the open conditional orders",
)
async def _(desk: Desk) -> None:
    door = desk.door()
    await opened(door)
    try:
        allowed = await door.capabilities()
    finally:
        await door.close()
    assert allowed.conditional_orders_max > 0
    rows = await desk.done("GET", "/fapi/v1/openAlgoOrders", symbol=desk.symbol)
    assert [row for row in rows if row["clientAlgoId"] == "quantum-probe"] == []
