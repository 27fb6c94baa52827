"""``quantum bench``: what the system costs, beside the barest thing that does the same work."""

import os
import platform
from dataclasses import dataclass
from typing import Annotated

import msgspec
import typer

from quantum_trader.app.bench import (
    exits,
    feed,
    journal_speed,
    levels_speed,
    process_cost,
    protection,
    recovery,
    redis_path,
    replay_speed,
    venue_orders,
)
from quantum_trader.app.bench.measure import Benchmark, Effort, Row, Spread
from quantum_trader.app.cli.frame import (
    DONE,
    FOUND,
    Common,
    Progress,
    command,
    new_app,
    remark,
    say,
    show_json,
    show_table,
    wait,
)
from quantum_trader.core.errors import UsageError

BENCHMARKS: dict[str, Benchmark] = {
    "throughput": redis_path.throughput,
    "latency": redis_path.latency,
    "replay": replay_speed.replay_speed,
    "levels": levels_speed.levels_speed,
    "exits": exits.exits_speed,
    "feed": feed.feed_speed,
    "venue": venue_orders.venue_orders,
    "protection": protection.protection,
    "journal": journal_speed.journal_speed,
    "recovery": recovery.recovery_time,
    "memory": process_cost.idle_memory,
    "help": process_cost.help_time,
}

LOAD_QUIET_FRAC = 0.3
"""A machine with more waiting tasks per core than this is not at rest."""

app = new_app()


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """All lines of one run, and the machine they are from.

    ``load`` is how many tasks wanted a core when it began, over the last minute.
    """

    python: str
    machine: str
    cores: int
    load: float
    quick: bool
    rows: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True)
class Options(Common):
    """What ``bench`` takes."""

    names: Annotated[
        list[str] | None, typer.Argument(help=f"Some of {', '.join(BENCHMARKS)}; all without any.")
    ] = None
    only: Annotated[str | None, typer.Option(help="The same names, separated by commas.")] = None
    quick: Annotated[
        bool, typer.Option("--quick", help="Little work: shows that it runs, measures nothing.")
    ] = False
    repetitions: Annotated[int, typer.Option(min=1, max=50, help="Of each measurement.")] = 5
    events: Annotated[
        int, typer.Option(min=1_000, help="Length of the log that recovery starts from.")
    ] = 1_000_000
    forced: Annotated[
        bool, typer.Option("--progress", help="Show progress even where nobody seems to watch.")
    ] = False


@command(app, Options)
def bench(options: Options) -> int:
    """Ratios measured in one run: smallest, middle and largest of at least five.

    Exit code 1 when a target is missed; with --quick nothing is judged.
    """
    names = _chosen(options)
    effort = Effort(quick=options.quick, events=options.events, repetitions=options.repetitions)
    report = wait(_measure(names, effort, forced=options.forced))
    if options.as_json:
        show_json(report)
    else:
        _show(report)
    missed = [row.name for row in report.rows if row.met is False]
    return FOUND if missed and not options.quick else DONE


def _chosen(options: Options) -> list[str]:
    """What was named, either way, each once and in the order of the table; all without names."""
    only = [] if options.only is None else [each.strip() for each in options.only.split(",")]
    named = [*(options.names or ()), *only]
    for name in named:
        if name not in BENCHMARKS:
            raise UsageError(f"{name!r} is no benchmark: there are {', '.join(BENCHMARKS)}")
    return [name for name in BENCHMARKS if not named or name in named]


async def _measure(names: list[str], effort: Effort, *, forced: bool) -> Report:
    rows: list[Row] = []
    load = os.getloadavg()[0]
    with Progress("benchmarks", len(names), forced=forced) as progress:
        for name in names:
            rows += await BENCHMARKS[name](effort)
            progress.advance()
    if effort.quick:
        rows = [msgspec.structs.replace(row, met=None) for row in rows]
    return Report(
        python=platform.python_version(),
        machine=platform.machine(),
        cores=os.cpu_count() or 0,
        load=load,
        quick=effort.quick,
        rows=tuple(rows),
    )


def _show(report: Report) -> None:
    say(f"Python {report.python} on {report.machine}, {report.cores} cores")
    say("min / median / max; the ratio is ours over bare, run by run\n")
    columns = ("benchmark", "unit", "runs", "ours", "bare", "ratio", "target", "")
    show_table(columns, [_cells(row) for row in report.rows])
    for row in report.rows:
        remark(f"{row.name}: {row.note}")
    if report.load > LOAD_QUIET_FRAC * report.cores:
        remark(
            f"others were at work here (load {report.load:.1f} on {report.cores} cores): ratios "
            "hold, absolute numbers are too slow"
        )


def _cells(row: Row) -> tuple[object, ...]:
    target = ""
    if row.target is not None:
        way = "at least" if row.better == "above" else "at most"
        target = f"{way} {row.target:g}{' (ratio)' if row.of_ratio else ''}"
    verdict = {True: "met", False: "MISSED", None: ""}[row.met]
    return (
        row.name,
        row.unit,
        row.repetitions,
        _spread_text(row.ours),
        _spread_text(row.bare),
        _spread_text(row.ratio),
        target,
        verdict,
    )


def _spread_text(values: Spread | None) -> str:
    if values is None:
        return ""
    return " / ".join(_short(value) for value in (values.min, values.median, values.max))


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
