"""Every case of conformance holds at the paper venue, and the page tells them as they are."""

import asyncio

import msgspec
import pytest

from tests.conformance.running import ALL, HOLDS, SECTIONS, Result, on_paper, tried
from tests.conformance.table import PAGE, page, stored_demo


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_case_holds_at_the_paper_venue() -> None:
    results = asyncio.run(on_paper())
    assert [f"{one.number} {one.words}" for one in results if one.words != HOLDS] == []


def test_the_page_tells_every_case_as_it_is() -> None:
    holding = [Result(case.number, HOLDS) for case in ALL]
    assert PAGE.read_text(encoding="utf-8") == page(holding, stored_demo())


def test_every_case_has_a_number_of_its_own_and_says_what_holds() -> None:
    numbers = [case.number for case in ALL]
    assert len(set(numbers)) == len(numbers)
    assert len({case.holds for case in ALL}) == len(ALL)
    assert all(case.holds and case.asked for case in ALL)
    assert {f"7.{number}" for number in range(1, 13)} <= {one.section for one in SECTIONS}


async def test_a_case_that_does_not_hold_says_what_it_saw() -> None:
    class Nowhere:
        async def close(self) -> None:
            """There is nothing to let go of."""

    async def look(_desk: object) -> None:
        raise AssertionError("the venue said -1")

    case = msgspec.structs.replace(ALL[0], look=look)
    result = await tried(case, Nowhere())  # type: ignore[arg-type]
    assert result.words == "fails: AssertionError the venue said -1"
