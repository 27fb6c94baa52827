"""``quantum exits compare``: the same entries, left in several ways, and whether it matters."""

from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Annotated

import msgspec
import typer

from quantum_trader.app.cli.frame import (
    DONE,
    FOUND,
    Common,
    ForceProgress,
    Progress,
    command,
    number,
    remark,
    say,
    show_json,
    show_table,
)
from quantum_trader.app.comparison.wanted import RANDOM, Answer, Entries, Slippage, Wanted
from quantum_trader.app.comparison.words import MEASURES, conditions_text, counts_text
from quantum_trader.core.errors import UsageError
from quantum_trader.core.signals import MODELS

WORK = "quantum_trader.app.comparison"
FIRST_POLICIES = "adaptive,dynamic,profile,static_3_4"
END_OF_TIME_MS = 2**62


@dataclass(frozen=True, kw_only=True)
class Options(Common):
    """What ``exits compare`` takes."""

    paths: Annotated[
        list[Path], typer.Argument(help="Files with candles as for `replay`, or folders of them.")
    ]
    policies: Annotated[
        str, typer.Option(help="Separated by commas; the others are compared with the first.")
    ] = FIRST_POLICIES
    entries: Annotated[
        str, typer.Option(help=f"random:N, or model:NAME[:N] of {', '.join(MODELS)}.")
    ] = f"{RANDOM}:400"
    seed: Annotated[int, typer.Option(min=0, help="Of the entries and of the statistics.")] = 1
    symbols: Annotated[
        str | None, typer.Option(help="Only these, separated by commas; all that are there else.")
    ] = None
    first: Annotated[str | None, typer.Option("--from", metavar="TIME", help="First bar, UTC.")] = (
        None
    )
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Before this bar, UTC.")
    ] = None
    notional: Annotated[
        Decimal, typer.Option(parser=number, metavar="USDT", help="Of every entry.")
    ] = Decimal(10_000)
    leverage: Annotated[int | None, typer.Option(min=1, help="Of every entry.")] = None
    slippage_bps: Annotated[
        Decimal, typer.Option(parser=number, metavar="BPS", help="Of what takes liquidity.")
    ] = Decimal(1)
    slippage_ticks: Annotated[int, typer.Option(min=0, help="On top of the basis points.")] = 1
    instruments: Annotated[Path | None, typer.Option(help="An exchangeInfo response.")] = None
    brackets: Annotated[Path | None, typer.Option(help="A leverageBracket response.")] = None
    jobs: Annotated[int, typer.Option(min=1, help="Processes; the result is the same.")] = 2
    report: Annotated[Path | None, typer.Option(help="Write a page to look at here.")] = None
    progress: ForceProgress = False


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    command(app, Options, "compare")(compare_command)


def compare_command(options: Options) -> int:
    """The same entries through different policies of exits, over recorded candles.

    Fees, slippage and funding count. Every policy is tested against the first one, and the answer
    says in words whether a difference is real. Exit code 1 when a trial did what it must not.
    """
    wanted = wanted_of(options)
    _check_target(options.report)
    work = _loaded(f"{WORK}.outcome")
    prepared = _loaded(f"{WORK}.preparing").prepare(wanted)
    with Progress("comparing", prepared.bars, forced=options.progress) as progress:
        outcome = work.judge(prepared, progress.advance)
    answer: Answer = work.answer(prepared, outcome)
    if options.report is not None:
        _write(options.report, _loaded(f"{WORK}.page").render(answer, outcome.runs))
    if options.as_json:
        report = None if options.report is None else str(options.report.absolute())
        show_json(msgspec.structs.asdict(answer) | {"report": report})
    else:
        tell(answer, options.report)
    return FOUND if answer.problems else DONE


def wanted_of(options: Options) -> Wanted:
    """What was typed. Raises ``UsageError`` for what makes no sense."""
    if options.notional <= 0 or options.slippage_bps < 0:
        raise UsageError("--notional is an amount above 0, --slippage-bps 0 or more")
    return Wanted(
        paths=tuple(options.paths),
        policies=policies_of(options.policies),
        entries=entries_of(options.entries),
        seed=options.seed,
        notional_usd=options.notional,
        slippage=Slippage(ticks=options.slippage_ticks, bps=options.slippage_bps),
        jobs=options.jobs,
        symbols=None if options.symbols is None else _listed(options.symbols.upper()),
        span_ms=_span_ms(options),
        leverage=options.leverage,
        instruments=options.instruments,
        brackets=options.brackets,
    )


def policies_of(text: str) -> tuple[str, ...]:
    """The policies named, each once. Raises ``UsageError`` without any."""
    policies = _listed(text)
    if not policies:
        raise UsageError("--policies: name at least one, and better two")
    return policies


def entries_of(text: str) -> Entries:
    """``random:400``, ``model:trend`` or ``model:trend:400``. Raises ``UsageError`` else."""
    match text.strip().split(":"):
        case ["random", count] if _is_count(count):
            return Entries(source=RANDOM, count=int(count))
        case ["model", name] if name in MODELS:
            return Entries(source=name, count=None)
        case ["model", name, count] if name in MODELS and _is_count(count):
            return Entries(source=name, count=int(count))
        case _:
            known = ", ".join(f"model:{name}" for name in MODELS)
            raise UsageError(
                f"--entries {text!r}: write random:400 or one of {known}, these with or without "
                "a number behind it as in model:trend:400"
            )


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and int(text) > 0


def _listed(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.strip() for each in text.split(",") if each.strip()))


def _span_ms(options: Options) -> tuple[int, int]:
    moment = _loaded("quantum_trader.app.cli.replay").moment
    first_ms = 0 if options.first is None else moment(options.first)
    return first_ms, END_OF_TIME_MS if options.until is None else moment(options.until)


def _loaded(module: str) -> ModuleType:
    """A module whose libraries only this command needs; its neighbours start without them."""
    try:
        return import_module(module)
    except ModuleNotFoundError as missing:
        if missing.name is None or missing.name.startswith("quantum_trader"):
            raise
        raise UsageError(
            f"`quantum exits compare` needs {missing.name}: install quantum-trader[research]"
        ) from missing


def _check_target(report: Path | None) -> None:
    """Find out before the work and not after it that its result cannot be kept."""
    if report is not None and (report.is_dir() or not report.absolute().parent.is_dir()):
        raise UsageError(f"--report {report}: name a file in a folder that exists")


def _write(report: Path, page: str) -> None:
    try:
        report.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--report {report}: cannot be written ({error.strerror})") from error


def tell(answer: Answer, report: Path | None) -> None:
    """The answer first, then what it rests on."""
    say(answer.verdict)
    say("")
    names = [each.name for each in answer.policies]
    show_table(("", *names), [(name, *map(cell, answer.policies)) for name, cell in MEASURES])
    say("")
    for each in answer.policies:
        refused = f"; not entered: {counts_text(each.refused)}" if each.refused else ""
        say(f"{each.name} left by {counts_text(each.exits)}{refused}")
    for pair in answer.pairs:
        say("")
        say(pair.sentence)
    say("")
    say(conditions_text(answer.conditions))
    if report is not None:
        remark(f"report: {report.absolute()}")
    for problem in answer.problems:
        remark(f"problem: {problem}")
