"""Faults, through trader, gateway and adapter: never naked, never twice, never lost."""

from tests.conformance.case import BREAKS, Cases
from tests.conformance.desk import ALGO, ORDER, Desk
from tests.conformance.stage import Stage, on_stage

CASES = Cases("8", "Faults, through the whole system: never naked, never twice, never lost")


async def reject(desk: Desk, method: str, path: str, code: int, **more: object) -> int:
    """The next such request is refused with a code."""
    return await desk.fault("reject", method=method, path=path, code=code, msg="no", **more)


async def enters_all_the_same(desk: Desk) -> None:
    """An entry comes to a protected position, and a way out of it to nothing left."""
    async with on_stage(desk) as stage:
        await stage.enter()
        await stage.is_protected()
        await leaves(stage)


async def leaves(stage: Stage) -> None:
    """Close the position and see that nothing is left."""
    await stage.desk.heal()
    await stage.propose("FLAT")
    await stage.is_flat()


async def comes_to_nothing(desk: Desk) -> None:
    """An entry is refused, and nothing is left of it."""
    async with on_stage(desk) as stage:
        await stage.propose()
        await stage.answered()
        await stage.is_flat()


@CASES.case(
    "An entry whose answer is lost is found, made once and protected",
    "the line is cut after the deed",
    BREAKS,
)
async def _(desk: Desk) -> None:
    await desk.fault("drop", method="POST", path=ORDER, times=1)
    await enters_all_the_same(desk)


@CASES.case(
    "A stop whose answer is lost leaves one stop in the end",
    "the line is cut after the deed, at the algo service",
    BREAKS,
)
async def _(desk: Desk) -> None:
    await desk.fault("drop", method="POST", path=ALGO, times=1)
    await enters_all_the_same(desk)


@CASES.case(
    "An entry that the venue answers with 503 and unknown words is found and made once",
    "503, after the deed",
    BREAKS,
)
async def _(desk: Desk) -> None:
    await desk.fault("unknown", method="POST", path=ORDER, times=1)
    await enters_all_the_same(desk)


@CASES.case(
    "So is one that it answers with -1007, a page in HTML, or half an answer",
    "504, 502, and a body cut in half, one after the other",
    BREAKS,
)
async def _(desk: Desk) -> None:
    async with on_stage(desk) as stage:
        for kind in ("timeout", "bad_gateway", "truncated"):
            await desk.fault(kind, method="POST", path=ORDER, times=1)
            await stage.enter()
            await stage.is_protected()
            await leaves(stage)


@CASES.case(
    "-2013 for an order in doubt means not yet: it is asked for again",
    "the line is cut, and the first two questions find nothing",
    BREAKS,
)
async def _(desk: Desk) -> None:
    await desk.fault("drop", method="POST", path=ORDER, times=1)
    await reject(desk, "GET", ORDER, -2013, times=2)
    await enters_all_the_same(desk)


@CASES.case(
    "-1021 on an entry: it was not sent, and is not sent later",
    "the venue finds the time wrong",
    BREAKS,
)
async def _(desk: Desk) -> None:
    await reject(desk, "POST", ORDER, -1021, times=1)
    await comes_to_nothing(desk)


@CASES.case(
    "-1021 on a stop: the clock is measured, and the stop sent again",
    "the venue finds the time of the stop wrong",
    BREAKS,
)
async def _(desk: Desk) -> None:
    await reject(desk, "POST", ALGO, -1021, times=1)
    await enters_all_the_same(desk)


@CASES.case(
    "-2010, -2019 and -4164 on an entry end its plan, and nothing is sent again",
    "each of them",
    BREAKS,
)
async def _(desk: Desk) -> None:
    for code in (-2010, -2019, -4164):
        await reject(desk, "POST", ORDER, code, times=1)
        await comes_to_nothing(desk)


@CASES.case(
    "-2021 on a stop: the price is through it, and the position is closed at market",
    "the first stop is refused",
    BREAKS,
)
async def _(desk: Desk) -> None:
    await reject(desk, "POST", ALGO, -2021, times=1)
    async with on_stage(desk) as stage:
        await stage.propose()
        await stage.traded(2)
        await stage.is_flat()


@CASES.case(
    "A stop that is refused again and again ends in the position being closed",
    "every stop is refused with -2010",
    BREAKS,
)
async def _(desk: Desk) -> None:
    await reject(desk, "POST", ALGO, -2010)
    async with on_stage(desk) as stage:
        await stage.propose()
        await stage.traded(2)
        await stage.is_flat()


@CASES.case(
    "-2022 on an exit: what stands is closed all the same",
    "the first exit is refused as if there were no position",
    BREAKS,
)
async def _(desk: Desk) -> None:
    async with on_stage(desk) as stage:
        await stage.enter()
        await reject(desk, "POST", ORDER, -2022, times=1)
        await stage.propose("FLAT")
        await stage.is_flat()


@CASES.case(
    "-2011 on a cancel of an order that rests: it is taken away in the end",
    "the first cancel of a target is refused as unknown",
    BREAKS,
)
async def _(desk: Desk) -> None:
    async with on_stage(desk) as stage:
        await stage.enter()
        await reject(desk, "DELETE", ORDER, -2011, times=1)
        await stage.propose("FLAT")
        await stage.is_flat()


@CASES.case(
    "429 with Retry-After on an entry: it was not sent, and is not sent later",
    "-1003, two seconds",
    BREAKS,
)
async def _(desk: Desk) -> None:
    given = {"status": 429, "retry_after_s": 2, "times": 1}
    await reject(desk, "POST", ORDER, -1003, **given)
    await comes_to_nothing(desk)


@CASES.case(
    "429 on a stop holds no stop back",
    "-1003, an hour: the next one goes out at once",
    BREAKS,
)
async def _(desk: Desk) -> None:
    given = {"status": 429, "retry_after_s": 3_600, "times": 1}
    await reject(desk, "POST", ALGO, -1003, **given)
    await enters_all_the_same(desk)


@CASES.case(
    "418 on a stop: nothing leaves while the ban lasts, and then the stop",
    "a ban of two seconds",
    BREAKS,
)
async def _(desk: Desk) -> None:
    given = {"status": 418, "retry_after_s": 2, "times": 1}
    await reject(desk, "POST", ALGO, -1003, **given)
    await enters_all_the_same(desk)


@CASES.case(
    "-1008 on an entry: nothing was done; on a stop: it is sent again",
    "service unavailable, at each of the services",
    BREAKS,
)
async def _(desk: Desk) -> None:
    await desk.fault("unavailable", method="POST", path=ORDER, times=1)
    await comes_to_nothing(desk)
    await desk.fault("unavailable", method="POST", path=ALGO, times=1)
    await enters_all_the_same(desk)


@CASES.case(
    "User events that are lost are found out and asked for",
    "the next twenty are lost",
    BREAKS,
)
async def _(desk: Desk) -> None:
    async with on_stage(desk) as stage:
        await desk.fault("lose_events", times=20)
        await stage.enter()
        await stage.is_protected()
        await leaves(stage)


@CASES.case(
    "User events that are told twice count once",
    "every event, twice",
    BREAKS,
)
async def _(desk: Desk) -> None:
    await desk.fault("duplicate_events")
    await enters_all_the_same(desk)


@CASES.case(
    "User events that are withheld, and told late, change nothing that was known by then",
    "all are held until the position is protected, then told at once",
    BREAKS,
)
async def _(desk: Desk) -> None:
    async with on_stage(desk) as stage:
        await desk.fault("withhold_events")
        await stage.enter()
        await desk.heal()
        await stage.is_protected()
        await leaves(stage)


@CASES.case(
    "A symbol that is halted takes no entry, and its position is closed once it trades again",
    "halted before an entry; halted before an exit, and opened again",
    BREAKS,
)
async def _(desk: Desk) -> None:
    symbol = desk.symbol
    async with on_stage(desk) as stage:
        await desk.control.post("halt", symbol=symbol, halted=True)
        await stage.propose()
        await stage.answered()
        await stage.is_flat()
        await desk.control.post("halt", symbol=symbol, halted=False)
        await stage.enter()
        await desk.control.post("halt", symbol=symbol, halted=True)
        await stage.propose("FLAT")
        await stage.until(lambda: stage.plan and stage.plan.exit_attempts, "an exit was tried")
        assert stage.covered() == stage.held(), "its stop stays while nothing trades"
        await desk.control.post("halt", symbol=symbol, halted=False)
        await stage.is_flat()


@CASES.case(
    "A listen key that ends costs no report",
    "it ends while a position stands, and the stop takes the position",
    BREAKS,
)
async def _(desk: Desk) -> None:
    async with on_stage(desk) as stage:
        await stage.enter()
        await desk.control.post("expire_key", account=desk.keys.name)
        await desk.control.jump(desk.symbol, fraction="-0.2")
        await stage.is_flat()


@CASES.case(
    "A key that is refused ends the gateway, and the stop stays at the venue",
    "-2015 to an exit; the position keeps its stop",
    BREAKS,
)
async def _(desk: Desk) -> None:
    async with on_stage(desk) as stage:
        await stage.enter()
        await stage.is_protected()
        await reject(desk, "POST", ORDER, -2015, status=401)
        await stage.propose("FLAT")
        await stage.is_locked()
        rows = await desk.done("GET", "/fapi/v1/openAlgoOrders", symbol=desk.symbol)
        assert len(rows) == 1
        assert f"{await desk.position():f}" == "0.020"


@CASES.case(
    "A filter that changes refuses an entry, and no exit",
    "the smallest notional becomes 5,000 with a position, and before the next entry",
    BREAKS,
    spoils=True,
)
async def _(desk: Desk) -> None:
    change = {"filter": "MIN_NOTIONAL", "field": "notional", "value": "5000"}
    async with on_stage(desk) as stage:
        await stage.enter()
        await desk.control.post("filter", symbol=desk.symbol, **change)
        await stage.propose("FLAT")
        await stage.is_flat()
        await stage.propose()
        await stage.answered(2)
        await stage.is_flat()
