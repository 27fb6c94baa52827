"""``quantum simulate``: the whole system in a hostile, seeded world."""

import os
from dataclasses import dataclass
from typing import Annotated

import typer

from quantum_trader.app.cli.frame import (
    DONE,
    FOUND,
    Common,
    ForceProgress,
    Progress,
    command,
    new_app,
    remark,
    say,
    show_json,
    show_table,
)
from quantum_trader.app.simulation.campaign import Summary, Tally, outcomes
from quantum_trader.app.simulation.faults import KINDS
from quantum_trader.app.simulation.planted import PLANTS, planted
from quantum_trader.app.simulation.story import shrink, told
from quantum_trader.app.simulation.tape import day_text
from quantum_trader.app.simulation.violation import Violation
from quantum_trader.app.simulation.world import HOSTILE_MS, Outcome, Scenario, run
from quantum_trader.core.errors import UsageError

app = new_app()


@dataclass(frozen=True, kw_only=True)
class Options(Common):
    """What ``simulate`` takes."""

    seeds: Annotated[int, typer.Option(min=1, help="How many worlds.")] = 20
    seed: Annotated[int, typer.Option(min=0, help="The first of them.")] = 0
    jobs: Annotated[int | None, typer.Option(min=1, help="Cores to use; all unless told.")] = None
    seconds: Annotated[
        float, typer.Option(min=1, help="How long each world is hostile, in virtual seconds.")
    ] = HOSTILE_MS / 1000
    faults: Annotated[
        str | None, typer.Option(help="Only these kinds, separated by commas; or: none.")
    ] = None
    plant: Annotated[
        str | None, typer.Option(help=f"Break the system on purpose: {', '.join(PLANTS)}.")
    ] = None
    trace: Annotated[bool, typer.Option("--trace", help="Tell everything that happened.")] = False
    forced: ForceProgress = False


@command(app, Options)
def simulate(options: Options) -> int:
    """The real system in worlds that lose answers, kill processes and lie about the time.

    Nothing outside is touched. Exit code 1 when an invariant did not hold; then the first such
    world is made as small as it goes and told, with the command that repeats it.
    """
    _check_plant(options.plant)
    scenarios = _scenarios(options)
    summary, failed = _live(scenarios, options)
    if options.as_json:
        show_json(summary)
    else:
        if options.trace:
            _trace(scenarios[0], options.plant)
        _show(summary)
        if failed is not None:
            with planted(options.plant):
                smallest = shrink(failed)
            say("")
            say(told(smallest, options.plant))
    return FOUND if summary.violations else DONE


def _check_plant(plant: str | None) -> None:
    if plant is not None and plant not in PLANTS:
        raise UsageError(f"{plant!r} is no planted defect: there are {', '.join(PLANTS)}")


def _scenarios(options: Options) -> list[Scenario]:
    only = None
    if options.faults is not None:
        named = [] if options.faults == "none" else options.faults.split(",")
        only = tuple(name.strip() for name in named)
        for name in only:
            if name not in KINDS:
                raise UsageError(f"{name!r} is no kind of fault: there are {', '.join(KINDS)}")
    return [
        Scenario(seed=seed, hostile_ms=round(options.seconds * 1000), only=only)
        for seed in range(options.seed, options.seed + options.seeds)
    ]


def _live(scenarios: list[Scenario], options: Options) -> tuple[Summary, Outcome | None]:
    """All worlds; their sum, and the failed one with the smallest seed.

    A broken invariant is told as it comes: a long run is not waited for to hear of it.
    """
    tally, failed = Tally(), None
    jobs = min(options.jobs or os.cpu_count() or 1, len(scenarios))
    with Progress("worlds", len(scenarios), forced=options.forced) as progress:
        for outcome in outcomes(scenarios, jobs, options.plant):
            tally.add(outcome)
            progress.advance()
            if outcome.violation is not None:
                remark(_broken(outcome.scenario.seed, outcome.violation))
                first = failed is None or outcome.scenario.seed < failed.scenario.seed
                failed = outcome if first else failed
    return tally.summary(), failed


def _trace(scenario: Scenario, plant: str | None) -> None:
    with planted(plant):
        outcome = run(scenario, trace=True)
    for line in outcome.lines:
        say(line)
    say("")


def _show(summary: Summary) -> None:
    say(
        f"{summary.seeds} worlds from seed {summary.first_seed}, {summary.steps:,} steps, "
        f"{sum(summary.faults.values()):,} faults of {len(summary.faults)} kinds: "
        f"{summary.violations} violations"
    )
    say(
        f"{day_text(summary.simulated_ms)} simulated in {summary.wall_ms / 1000:.1f} s: "
        f"{summary.ratio:,.0f} x real time, {summary.core_ratio:,.0f} x on one core"
    )
    say("")
    rows = [(kind, f"{count:>9,}", KINDS[kind].what) for kind, count in summary.faults.items()]
    show_table(("fault", "times", "what it is"), rows)
    for failure in summary.failures[:20]:
        say(_broken(failure.seed, failure.violation))


def _broken(seed: int, violation: Violation) -> str:
    return f"seed {seed}: {violation.invariant}: {violation.what}"
