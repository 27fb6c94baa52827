"""7.12: entry, stop, targets and exit, as the running system trades them here."""

from decimal import Decimal

from tests.conformance.case import MOVES, OPENS, Cases
from tests.conformance.desk import Desk
from tests.conformance.stage import on_stage

CASES = Cases("7.12", "Entry, stop, targets, exit: the whole system at the venue")


@CASES.case(
    "The stop is there before the targets, for all of the position",
    "an entry of the whole system; numbers and times of its orders at the venue",
    OPENS,
)
async def _(desk: Desk) -> None:
    async with on_stage(desk) as stage:
        await stage.enter()
        await stage.is_protected()
        (stop,) = await desk.done("GET", "/fapi/v1/openAlgoOrders", symbol=desk.symbol)
        targets = await desk.done("GET", "/fapi/v1/openOrders", symbol=desk.symbol)
    assert targets, "no targets rest"
    assert all(one["reduceOnly"] for one in [stop, *targets])
    assert stop["createTime"] <= min(one["time"] for one in targets)
    assert sum(Decimal(one["origQty"]) for one in targets) <= Decimal("0.02")


@CASES.case(
    "After a target was filled the stop covers what is left, without a moment in between",
    "the price jumps to the first target",
    MOVES,
)
async def _(desk: Desk) -> None:
    async with on_stage(desk) as stage:
        await stage.enter()
        await stage.is_protected()
        targets = await desk.done("GET", "/fapi/v1/openOrders", symbol=desk.symbol)
        first = min(targets, key=lambda one: Decimal(one["price"]))
        price = Decimal(first["price"]) + Decimal("0.2")
        # Nothing trades there but what the jump itself brings.
        await desk.control.jump(desk.symbol, price=f"{price:f}", qty="100")
        left = Decimal("0.02") - Decimal(first["origQty"])
        await stage.until(
            lambda: stage.held() == stage.covered() == left, "the stop covers what is left"
        )
        await stage.is_once()


@CASES.case(
    "When the stop takes the position, nothing of it stays at the venue",
    "the price jumps through the stop",
    MOVES,
)
async def _(desk: Desk) -> None:
    async with on_stage(desk) as stage:
        await stage.enter()
        await desk.control.jump(desk.symbol, fraction="-0.2")
        await stage.is_flat()


@CASES.case(
    "Whoever says FLAT gets the position closed, and orders of both services taken away",
    "an intent to leave",
    OPENS,
)
async def _(desk: Desk) -> None:
    async with on_stage(desk) as stage:
        await stage.enter()
        await stage.propose("FLAT")
        await stage.is_flat()


@CASES.case(
    "A position that is found at the start is protected as if it were ours",
    "bought by hand before the system starts",
    OPENS,
)
async def _(desk: Desk) -> None:
    await desk.buy()
    async with on_stage(desk) as stage:
        await stage.until(lambda: stage.covered() == Decimal("0.02"), "it has a stop")
        (stop,) = await desk.done("GET", "/fapi/v1/openAlgoOrders", symbol=desk.symbol)
        assert Decimal(stop["quantity"]) == Decimal("0.02"), stop
