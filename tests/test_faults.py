"""The page of faults says what the tests show, and nothing else."""

import pytest

from tests.faults import ROWS, Row
from tests.faults.page import PAGE, page, where

KNOWN = where()


def test_every_fault_has_its_row_in_order() -> None:
    assert [row.name for row in ROWS] == [f"F{number}" for number in range(1, 80)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_names_tests_that_exist_or_says_why_there_are_none(row: Row) -> None:
    assert row.shown or row.missing, "a row without a test is a wish"
    assert bool(row.how and row.expected) == bool(row.shown)
    assert len(set(row.shown)) == len(row.shown)
    for name in row.shown:
        assert len(KNOWN.get(name, ())) == 1, f"{name} is not the name of one test"


def test_the_page_is_the_one_that_is_made_from_the_tests() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m tests.faults writes it anew"


def test_a_name_that_no_test_has_makes_no_page(monkeypatch: pytest.MonkeyPatch) -> None:
    wish = Row("F1", "x", "y", "z", ("test_that_nobody_wrote",))
    monkeypatch.setattr("tests.faults.page.SECTIONS", (("Wishes", (wish,)),))
    with pytest.raises(KeyError, match="test_that_nobody_wrote"):
        page()
