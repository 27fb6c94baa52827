"""The whole system in hostile worlds: what `quantum simulate` runs, and that it is repeatable."""

import ast
import asyncio
import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest

from quantum_trader.app import cli
from quantum_trader.app.cli import simulate
from quantum_trader.app.simulation.campaign import Tally, outcomes
from quantum_trader.app.simulation.faults import KINDS, Faults
from quantum_trader.app.simulation.guard import FORBIDDEN, sealed
from quantum_trader.app.simulation.scheduler import Killed, Process, Scheduler
from quantum_trader.app.simulation.story import shrink, told
from quantum_trader.app.simulation.violation import INVARIANTS, Violation
from quantum_trader.app.simulation.world import Outcome, Scenario, run
from quantum_trader.core.errors import BrokenInvariant

SEEDS = 200
SHORT_MS = 75_000
REPEATED = 100
REGRESSIONS = (23, 24, 28, 48, 49, 51, 69, 121, 164)
"""Seeds that once found something."""
SHORT_REGRESSIONS = (
    100525,
    100587,
    101062,
    101081,
    102489,
    200425,
    201395,
    203233,
    210184,
    210937,
    211919,
    220332,
)
"""The same, in worlds that are hostile for a short time."""
SHORTER_MS = 30_000
SHORTER_REGRESSIONS = (2002608,)
"""The same, in those of the longest campaign."""
LOSSES = ("bus_lost", "bus_rolled_back")
LOSS_REGRESSIONS = (0, 9, 59)
"""In worlds whose streams are lost or come back older, and nothing else befalls them."""
SRC = Path(__file__).parents[2] / "src/quantum_trader"


def complaints(found: list[Outcome]) -> list[str]:
    """What was violated, with the command that shows it."""
    return [told(one) for one in found if one.violation is not None]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_no_world_breaks_an_invariant_and_there_are_many_kinds_of_faults() -> None:
    worlds = [Scenario(seed=seed, hostile_ms=SHORT_MS) for seed in range(SEEDS)]
    tally, failed = Tally(), list[str]()
    for outcome in outcomes(worlds, os.cpu_count() or 1):
        tally.add(outcome)
        failed += complaints([outcome])
    summary = tally.summary()
    assert not failed, failed[0]
    assert summary.seeds == SEEDS
    assert summary.violations == 0
    assert set(summary.faults) == set(KINDS)
    assert summary.simulated_ms > SEEDS * SHORT_MS


@pytest.mark.parametrize("seed", REGRESSIONS)
def test_a_seed_that_once_found_something_finds_nothing_any_more(seed: int) -> None:
    assert not complaints([run(Scenario(seed=seed))])


@pytest.mark.parametrize(
    ("seed", "hostile_ms"),
    [
        *((seed, SHORT_MS) for seed in SHORT_REGRESSIONS),
        *((seed, SHORTER_MS) for seed in SHORTER_REGRESSIONS),
    ],
)
def test_a_seed_that_soon_found_something_finds_nothing_any_more(
    seed: int, hostile_ms: int
) -> None:
    assert not complaints([run(Scenario(seed=seed, hostile_ms=hostile_ms))])


@pytest.mark.parametrize("seed", LOSS_REGRESSIONS)
def test_streams_that_were_lost_or_came_back_older_are_borne(seed: int) -> None:
    outcome = run(Scenario(seed=seed, hostile_ms=135_000, only=LOSSES))
    assert not complaints([outcome])
    assert sum(outcome.faults.values()) > 0


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_same_seed_gives_the_same_log() -> None:
    short = [Scenario(seed=seed, hostile_ms=15_000) for seed in range(REPEATED)]
    first = [run(one).log_hash for one in short]
    assert [run(one).log_hash for one in short] == first
    assert len(set(first)) > REPEATED * 0.9


@pytest.mark.slow
def test_processes_that_hash_differently_live_through_the_same_worlds() -> None:
    command = [str(Path(sys.executable).parent / "quantum"), "simulate", "--seeds", "3", "--json"]
    hashes = set()
    for hash_seed in ("1", "2"):
        environ = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [*command, "--jobs", "1"], env=environ, capture_output=True, check=True, timeout=100
        )
        hashes.add(json.loads(done.stdout)["hash"])
    assert len(hashes) == 1


def test_without_faults_a_world_is_quiet_and_trades() -> None:
    outcome = run(Scenario(seed=1, hostile_ms=60_000, only=()))
    assert not complaints([outcome])
    assert not outcome.faults
    assert outcome.facts > 10


def test_what_a_fault_leaves_out_the_others_keep() -> None:
    everything, one = Faults(7), Faults(7, ("killed",))
    assert set(one.enabled) <= {"killed"}
    rates = {kind: Faults(7, (kind,)).enabled for kind in everything.enabled}
    assert all(enabled == (kind,) for kind, enabled in rates.items())


def test_every_seed_enables_some_kinds_and_not_others() -> None:
    enabled = Counter(kind for seed in range(100) for kind in Faults(seed).enabled)
    assert set(enabled) == set(KINDS)
    assert max(enabled.values()) < 70
    assert min(enabled.values()) > 10


def test_nothing_outside_can_be_reached_from_inside_a_world() -> None:
    owner_names = [(owner, name) for owner, names in FORBIDDEN for name in names]
    before = [getattr(owner, name) for owner, name in owner_names]
    with sealed():
        for owner, name in owner_names:
            with pytest.raises(BrokenInvariant, match=name):
                getattr(owner, name)()
    assert [getattr(owner, name) for owner, name in owner_names] == before
    assert time.time() > 0


def test_nothing_that_a_world_runs_asks_for_the_date() -> None:
    looked = [*SRC.glob("core/**/*.py"), *SRC.glob("services/*.py")]
    looked += SRC.glob("app/simulation/*.py")
    named = {
        node.attr
        for file in looked
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("now", "utcnow", "today")
    }
    assert not named


def test_a_killed_process_runs_no_further_step_and_no_finally() -> None:
    loop, process, steps = Scheduler(Random(1)), Process(1), list[str]()

    async def work() -> None:
        try:
            while True:
                steps.append("step")
                await asyncio.sleep(1)
        finally:
            process.check()
            steps.append("finally")

    async def live() -> None:
        loop.processes.append(process)
        loop.start(process, work())
        await asyncio.sleep(2.5)
        process.kill()
        await asyncio.sleep(100)

    loop.run_until_complete(live())
    assert steps == ["step"] * 3
    assert loop.time() == 102.5
    with pytest.raises(Killed):
        process.check()
    loop.bury()
    loop.close()
    assert steps == ["step"] * 3


def test_the_order_of_what_is_ready_is_picked_by_chance() -> None:
    def order(seed: int) -> list[int]:
        loop, seen = Scheduler(Random(seed)), list[int]()

        async def live() -> None:
            for number in range(6):
                loop.call_soon(seen.append, number)
            await asyncio.sleep(1)

        loop.run_until_complete(live())
        loop.close()
        return seen

    assert len({tuple(order(seed)) for seed in range(20)}) > 10
    assert order(3) == order(3)


def test_a_callback_that_fails_ends_the_world() -> None:
    loop = Scheduler(Random(1))

    def breaks() -> None:
        raise ValueError("nobody would have known")

    async def live() -> None:
        loop.call_soon(breaks)
        await asyncio.sleep(1)

    with pytest.raises(BrokenInvariant, match="nobody would have known"):
        loop.run_until_complete(live())
    loop.bury()
    loop.close()


def test_a_story_says_what_why_and_how_to_see_it_again() -> None:
    outcome = run(Scenario(seed=1, hostile_ms=30_000), trace=True)
    broken = Violation(invariant="I2", at_ms=12_345, what="2 BTCUSDT stand without a stop")
    failed = msgspec.structs.replace(outcome, violation=broken)
    text = told(failed)
    assert "I2" in text
    assert INVARIANTS["I2"] in text
    assert "00:12.345" in text
    assert "quantum simulate --seeds 1 --seed 1 --seconds 30 --trace" in text
    assert shrink(failed) is failed, "what does not fail again cannot be made smaller"


def test_a_long_run_tells_of_a_broken_invariant_before_its_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = run(Scenario(seed=1, hostile_ms=5_000))
    broken = Violation(invariant="I2", at_ms=12_345, what="2 BTCUSDT stand without a stop")
    meanwhile = []

    def two_worlds(*_: object) -> Iterator[Outcome]:
        yield msgspec.structs.replace(good, violation=broken)
        meanwhile.append(capsys.readouterr())
        yield good

    monkeypatch.setattr(simulate, "outcomes", two_worlds)
    assert cli.main(["simulate", "--seeds", "2", "--json"]) == 1
    assert meanwhile[0].err == "seed 1: I2: 2 BTCUSDT stand without a stop\n"
    assert not meanwhile[0].out
    after = capsys.readouterr()
    assert not after.err, "it is told once"
    assert json.loads(after.out)["violations"] == 1


def test_the_page_names_every_invariant_and_every_fault_as_the_code_does() -> None:
    page = (SRC.parents[1] / "docs/simulation.md").read_text()
    for name, text in INVARIANTS.items():
        assert f"| {name} | {text} |" in page
    for name, kind in KINDS.items():
        assert f"| `{name}` | {kind.what} |" in page
