"""7.9: brackets, maintenance margin, liquidation. 7.10: funding."""

from decimal import Decimal
from itertools import pairwise
from typing import Any

from tests.conformance.case import MOVES, OPENS, SETS, Cases
from tests.conformance.desk import Desk

MARGIN = Cases("7.9", "Brackets, maintenance margin, liquidation")
FUNDING = Cases("7.10", "Funding")
CENT = Decimal("0.01")


async def brackets(desk: Desk) -> list[dict[str, Any]]:
    """The tiers of the symbol, lowest first."""
    (row,) = await desk.done("GET", "/fapi/v1/leverageBracket", symbol=desk.symbol)
    found: list[dict[str, Any]] = sorted(row["brackets"], key=lambda one: one["notionalFloor"])
    return found


def maintenance(tier: dict[str, Any], notional: Decimal) -> Decimal:
    """Notional times rate, less what makes it continuous."""
    return notional * Decimal(str(tier["maintMarginRatio"])) - Decimal(str(tier["cum"]))


async def isolated(desk: Desk, leverage: int) -> dict[str, Any]:
    """A position in isolated margin, as positionRisk shows it."""
    given = {"symbol": desk.symbol}
    await desk.done("POST", "/fapi/v1/marginType", **given, marginType="ISOLATED")
    await desk.done("POST", "/fapi/v1/leverage", **given, leverage=leverage)
    await desk.buy()
    (row,) = await desk.done("GET", "/fapi/v3/positionRisk", **given)
    found: dict[str, Any] = row
    return found


@MARGIN.case(
    "Tiers follow each other without a gap, and maintenance without a jump",
    "leverageBracket: caps and floors; notional x rate - cum on both sides of every border",
)
async def _(desk: Desk) -> None:
    tiers = await brackets(desk)
    for lower, upper in pairwise(tiers):
        cap = Decimal(str(lower["notionalCap"]))
        assert cap == Decimal(str(upper["notionalFloor"])), (lower, upper)
        assert abs(maintenance(lower, cap) - maintenance(upper, cap)) <= 1, (lower, upper)
        assert lower["initialLeverage"] >= upper["initialLeverage"], (lower, upper)


@MARGIN.case(
    "Maintenance follows from the notional alone, whatever the leverage is",
    "maintMargin of positionRisk",
    OPENS,
)
async def _(desk: Desk) -> None:
    tiers = await brackets(desk)
    await desk.buy()
    for leverage in (5, 20):
        await desk.done("POST", "/fapi/v1/leverage", symbol=desk.symbol, leverage=leverage)
        (row,) = await desk.done("GET", "/fapi/v3/positionRisk", symbol=desk.symbol)
        wanted = maintenance(tiers[0], Decimal(row["notional"]))
        assert abs(Decimal(row["maintMargin"]) - wanted) <= CENT, (row, wanted)


@MARGIN.case(
    "An isolated long is liquidated at (wallet + cum - quantity x entry) / (quantity x (rate - 1))",
    "liquidationPrice of positionRisk",
    SETS,
)
async def _(desk: Desk) -> None:
    row = await isolated(desk, 10)
    tier = (await brackets(desk))[0]
    qty, entry = Decimal(row["positionAmt"]), Decimal(row["entryPrice"])
    wallet, cum = Decimal(row["isolatedWallet"]), Decimal(str(tier["cum"]))
    rate = Decimal(str(tier["maintMarginRatio"]))
    wanted = (wallet + cum - qty * entry) / (qty * (rate - 1))
    found = Decimal(row["liquidationPrice"])
    assert abs(found - wanted) <= Decimal("0.2"), (found, wanted)


@MARGIN.case(
    "It is the mark that liquidates, not the last price",
    "the last price falls alone: nothing; then the mark",
    MOVES,
    spoils=True,
)
async def _(desk: Desk) -> None:
    row = await isolated(desk, 20)
    level = Decimal(row["liquidationPrice"]) * Decimal("0.99")
    await desk.control.jump(desk.symbol, price=f"{level:.1f}", mark=False)
    assert await desk.position() > 0
    await desk.control.post("mark", symbol=desk.symbol, price=f"{level:.1f}")
    assert await desk.position() == 0


@MARGIN.case(
    "The place in the queue of auto-deleveraging is told, from 0 to 4",
    "adlQuantile",
    OPENS,
)
async def _(desk: Desk) -> None:
    await desk.buy()
    answer = await desk.done("GET", "/fapi/v1/adlQuantile", symbol=desk.symbol)
    row = answer[0] if isinstance(answer, list) else answer
    assert all(0 <= place <= 4 for place in row["adlQuantile"].values()), row


@FUNDING.case(
    "Rate and time of the next settlement come with the mark price",
    "premiumIndex, and r and T of markPrice",
)
async def _(desk: Desk) -> None:
    row = await desk.public("/fapi/v1/premiumIndex", symbol=desk.symbol)
    assert row["nextFundingTime"] > row["time"], row
    name = f"/market/ws/{desk.symbol.lower()}@markPrice@1s"
    async with desk.streams(name) as stream:
        told = await stream.next()
    assert told["T"] == row["nextFundingTime"], (told, row)
    assert abs(float(told["r"])) < 0.05, told


@FUNDING.case(
    "A long pays notional at the mark times the rate when that is above zero, and receives below",
    "a settlement at 0.1 %, and one at -0.1 %",
    MOVES,
)
async def _(desk: Desk) -> None:
    await desk.buy()
    for rate in ("0.001", "-0.001"):
        await desk.control.post("fund", symbol=desk.symbol, rate=rate)
    rows = await desk.done("GET", "/fapi/v1/income", incomeType="FUNDING_FEE")
    paid = [Decimal(row["income"]) for row in rows]
    assert len(paid) == 2, rows
    notional = Decimal("0.02") * Decimal(60_000)
    for amount, rate in zip(paid, ("0.001", "-0.001"), strict=True):
        wanted = -notional * Decimal(rate)
        assert abs(amount - wanted) <= abs(wanted) / 100, (amount, wanted)


@FUNDING.case(
    "It is told as a change of the balance with its own reason, and is among the income",
    "ACCOUNT_UPDATE FUNDING_FEE: the same amount",
    MOVES,
)
async def _(desk: Desk) -> None:
    await desk.buy()
    async with desk.user_stream() as stream:
        await desk.control.post("fund", symbol=desk.symbol, rate="0.001")
        told = (await stream.event("ACCOUNT_UPDATE"))["a"]
    assert told["m"] == "FUNDING_FEE", told
    (row,) = await desk.done("GET", "/fapi/v1/income", incomeType="FUNDING_FEE")
    assert Decimal(told["B"][0]["bc"]) == Decimal(row["income"]), (told, row)


@FUNDING.case(
    "A settlement is published with its rate and its mark",
    "fundingRate after one",
    MOVES,
)
async def _(desk: Desk) -> None:
    await desk.control.post("fund", symbol=desk.symbol, rate="0.001")
    rows = await desk.public("/fapi/v1/fundingRate", symbol=desk.symbol)
    assert Decimal(rows[-1]["fundingRate"]) == Decimal("0.001"), rows
    assert Decimal(rows[-1]["markPrice"]) > 0, rows
