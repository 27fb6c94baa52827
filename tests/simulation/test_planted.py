"""The worlds are not blind: every defect that is planted on purpose is found, and soon."""

from pathlib import Path

import pytest

from quantum_trader.app.simulation.planted import PLANTS, planted
from quantum_trader.app.simulation.world import Scenario, run

PAGE = Path(__file__).parents[2] / "docs/simulation.md"
HOSTILE_MS = 75_000


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_defect_is_found_within_its_seeds(name: str) -> None:
    worlds = (Scenario(seed=seed, hostile_ms=HOSTILE_MS) for seed in range(PLANTS[name].within))
    with planted(name):
        found = next((one.violation for one in map(run, worlds) if one.violation), None)
    assert found is not None, f"{PLANTS[name].what}: nobody noticed"


def test_the_page_has_a_row_for_each_of_them() -> None:
    assert len(PLANTS) == 21
    page = PAGE.read_text()
    for name, plant in PLANTS.items():
        assert f"| `{name}` | {plant.what} | {plant.within} |" in page


def test_nothing_is_left_of_a_defect_that_was_planted() -> None:
    before = run(Scenario(seed=1, hostile_ms=10_000)).log_hash
    for name in PLANTS:
        with planted(name):
            pass
    assert run(Scenario(seed=1, hostile_ms=10_000)).log_hash == before
