"""The page of crash points: every row names a test that exists, and no row is missing."""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PAGE = (HERE.parent / "docs" / "crash-points.md").read_text(encoding="utf-8")
ROWS = {
    cells[0].strip(): re.findall(r"`(test_\w+)`", line)
    for line in PAGE.splitlines()
    if (cells := line.strip("|").split("|")) and re.fullmatch(r" [CG]\d+ ", cells[0])
}
WANTED = [*(f"C{n}" for n in range(1, 27)), *(f"G{n}" for n in range(1, 16))]


def names_of_tests() -> set[str]:
    found: set[str] = set()
    for path in HERE.rglob("test_*.py"):
        found.update(re.findall(r"def (test_\w+)\(", path.read_text(encoding="utf-8")))
    return found


def test_every_point_and_every_case_has_its_row() -> None:
    assert list(ROWS) == WANTED


@pytest.mark.parametrize("row", WANTED)
def test_a_row_names_tests_that_exist(row: str) -> None:
    assert ROWS[row], "a row without a test is a wish"
    assert set(ROWS[row]) <= names_of_tests()
