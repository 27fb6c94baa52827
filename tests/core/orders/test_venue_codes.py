"""What the venue's errors mean, each held to the venue's own words."""

import json
from pathlib import Path

import pytest

from quantum_trader.core.orders.venue_codes import CODES, REFUSED_STATUSES, explained, outcome_of

DEMANDED = {
    "in_doubt": (-1006, -1007),
    "not_sent": (-1003, -1008, -1015, -1021),
    "locked": (-1022, -2008, -2014, -2015),
    "done": (-4046, -4059),
    "rejected": (
        *(-1111, -2011, -2013, -2019, -2021, -2022, -2023, -2027, -2028, -4003, -4004, -4005),
        *(-4014, -4015, -4023, -4028, -4045, -4047, -4048, -4061, -4062, -4067, -4068, -4116),
        *(-4118, -4120, -4131, -4135, -4137, -4138, -4140, -4141, -4142, -4161, -4164, -4167),
        *(-4168, -4184, -4192, -4210, -4211, -4400, -4401, -4403, -4531, -5021, -5022, -5028),
    ),
}
UNKNOWN_503 = "Unknown error, please check your request or try again later."
OUR_SECTIONS = ("exact", "linear/exact", "usdm")


@pytest.mark.parametrize(
    ("outcome", "code"), [(outcome, code) for outcome, codes in DEMANDED.items() for code in codes]
)
def test_every_code_has_a_row_and_its_outcome(outcome: str, code: int) -> None:
    row = CODES[code]
    assert row.outcome == outcome
    assert row.meaning
    assert row.action
    assert outcome_of(400, code, "") == outcome


def test_the_recorded_errors_are_read_by_their_rows(shared_data: Path) -> None:
    recorded = json.loads((shared_data / "binance/errors/error_bodies.json").read_text())
    ours = [one for one in recorded if one["section"] in OUR_SECTIONS]
    known = [one for one in ours if one["code"] in CODES]
    assert len(known) >= 40
    for one in known:
        row = CODES[one["code"]]
        assert outcome_of(400, one["code"], one["raw"]) == row.outcome
        assert one["msg"] in explained(one["code"], one["msg"])
        assert row.meaning in explained(one["code"], one["msg"])


def test_what_the_venue_refuses_by_a_code_nobody_knows_is_refused() -> None:
    assert outcome_of(400, -9_999, "new") == "rejected"
    assert explained(-9_999, "new") == "new (-9999)"


@pytest.mark.parametrize("status", sorted(REFUSED_STATUSES))
def test_a_status_that_says_all_wins_over_the_body(status: int) -> None:
    for code in (None, -1007, -2019):
        assert outcome_of(status, code, "") == REFUSED_STATUSES[status]


@pytest.mark.parametrize(
    ("status", "code", "text", "outcome"),
    [
        (503, None, UNKNOWN_503, "in_doubt"),
        (503, -1000, UNKNOWN_503, "in_doubt"),
        (503, None, "Service Unavailable.", "not_sent"),
        (503, -1008, "Server is currently overloaded", "not_sent"),
        (500, None, "<html>oops</html>", "in_doubt"),
        (502, -2019, "Margin is insufficient.", "in_doubt"),
        (504, None, "", "in_doubt"),
        (400, None, '{"code":-20', "in_doubt"),
        (404, None, "<html>not here</html>", "in_doubt"),
    ],
)
def test_what_a_broken_answer_means(status: int, code: int | None, text: str, outcome: str) -> None:
    assert outcome_of(status, code, text) == outcome


def test_no_two_rows_have_one_code_or_one_name() -> None:
    assert len({row.name for row in CODES.values()}) == len(CODES)
    assert all(code == row.code < 0 for code, row in CODES.items())


def test_the_page_shows_the_table_as_it_is() -> None:
    page = (Path(__file__).parents[3] / "docs" / "exchanges.md").read_text(encoding="utf-8")
    shown = [line for line in page.splitlines() if line.startswith("| -")]
    assert shown == [
        f"| {row.code} | {row.name} | `{row.outcome}` | {row.meaning} | {row.action} |"
        for row in sorted(CODES.values(), key=lambda row: -row.code)
    ]
