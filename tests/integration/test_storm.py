"""Real processes, struck in the middle of outside intents: nothing lost, doubled or naked."""

from pathlib import Path

import msgspec
import pytest

from tests.commands import order_command
from tests.storms.__main__ import BOUND_MS
from tests.storms.faults import FAULTS, available
from tests.storms.judge import Verdict, asked_ms, awake
from tests.storms.storm import Plan, Storm

MESSAGES = 100


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_a_storm_of_every_fault_loses_and_doubles_nothing(tmp_path: Path) -> None:
    kinds = available()
    plan = Plan(seed=11, faults=len(kinds), messages=MESSAGES)
    report = await Storm(tmp_path, plan, kinds).rage()
    assert report.faults == dict.fromkeys(kinds, 1)
    assert sum(report.messages.values()) == MESSAGES * len(kinds)
    assert report.verdict.dead_letters == report.messages["malformed"]
    assert report.verdict.problems(BOUND_MS) == []


@pytest.mark.parametrize(
    ("downs", "awake_ms"),
    [
        ([], 100),
        ([(0, 50)], 100),
        ([(100, 130)], 70),
        ([(110, 150), (120, 140), (190, 400)], 50),
        ([(150, 160), (110, 120)], 80),
        ([(50, 300)], 0),
        ([(200, 300)], 100),
    ],
)
def test_time_in_which_nobody_could_act_is_left_out_once(
    downs: list[tuple[int, int]], awake_ms: int
) -> None:
    assert awake(100, 200, downs) == awake_ms


def test_an_entry_left_no_earlier_than_the_life_that_commanded_it_was_ready() -> None:
    """A trader goes by the last second it was told; lives that were told none added up to one."""
    entry, stop = order_command("entry", "a"), order_command("stop", "a")
    later = msgspec.structs.replace(order_command("entry", "b"), at_ms=9_000)
    born = {7: 500, 8: 5_000}
    assert asked_ms([(7, entry), (8, stop)], born) == {"a": 1_000}
    assert asked_ms([(8, entry), (8, later), (9, stop)], born) == {"a": 5_000, "b": 9_000}


def test_a_fault_that_cannot_be_made_here_is_left_out_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.storms.faults.shutil.which", lambda name: None)
    assert set(FAULTS) - set(available()) == {"kill at a send", "kill at a sync"}


@pytest.mark.parametrize(
    "change",
    [
        {"lost": 1},
        {"doubled_facts": 1},
        {"doubled_entries": 1},
        {"naked": 1},
        {"positions_agree": False},
        {"unprotected_ms": 3_001},
        {"entries": 0},
    ],
    ids=str,
)
def test_nothing_that_must_not_be_is_passed_over(change: dict[str, int]) -> None:
    good = {"entries": 3, "positions_agree": True, "unprotected_ms": 3_000}
    assert Verdict(**good).problems(BOUND_MS) == []  # type: ignore[arg-type]
    assert len(Verdict(**(good | change)).problems(BOUND_MS)) == 1  # type: ignore[arg-type]
