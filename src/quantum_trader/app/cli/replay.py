"""``quantum replay``: recorded market through the same system, as fast as it goes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from quantum_trader.adapters.archive.candles import Recording, open_recordings
from quantum_trader.adapters.market.instrument_files import load as load_instruments
from quantum_trader.app.cli.bars_progress import BarsProgress
from quantum_trader.app.cli.frame import (
    DONE,
    FOUND,
    OnSystem,
    command,
    new_app,
    remark,
    say,
    show_json,
    show_table,
    wait,
)
from quantum_trader.app.cli.relive import ALWAYS_MS, Relived, Wanted, relive
from quantum_trader.app.config import Config, load
from quantum_trader.app.replay import ReplayResult, Tape, replay
from quantum_trader.app.report.page import render
from quantum_trader.app.report.summary import Setup, Summary, summarise
from quantum_trader.app.report.tiles import proof_tiles, result_tiles
from quantum_trader.app.report.words import headline, subject
from quantum_trader.core.errors import UsageError
from quantum_trader.core.events.market import RECORDED
from quantum_trader.core.signals import MODELS

ACCOUNT = "replay"
END_OF_TIME_MS = ALWAYS_MS[1]

app = new_app()


def moment(text: str) -> int:
    """Epoch ms from ``2025-01-31``, ``2025-01-31T12:00`` (UTC unless it says) or epoch ms."""
    if text.isdecimal():
        return int(text)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no time; write 2025-01-31 or epoch ms") from None
    return int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() * 1000)


@dataclass(frozen=True, kw_only=True)
class Options(OnSystem):
    """What ``replay`` takes."""

    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Parquet files with candles, one symbol each, or folders of them."),
    ] = None
    symbols: Annotated[
        str | None, typer.Option(help="Only these, separated by commas; all that are there else.")
    ] = None
    from_ms: Annotated[
        int | None, typer.Option("--from", parser=moment, metavar="TIME", help="First bar, UTC.")
    ] = None
    to_ms: Annotated[
        int | None,
        typer.Option("--to", parser=moment, metavar="TIME", help="Before this bar, UTC."),
    ] = None
    model: Annotated[str | None, typer.Option(help=f"One of {', '.join(MODELS)}.")] = None
    leverage: Annotated[int | None, typer.Option(min=1, help="Of every entry.")] = None
    instruments: Annotated[Path | None, typer.Option(help="An exchangeInfo response.")] = None
    brackets: Annotated[Path | None, typer.Option(help="A leverageBracket response.")] = None
    report: Annotated[Path | None, typer.Option(help="Write a page to look at here.")] = None
    from_log: Annotated[
        bool, typer.Option("--from-log", help="Replay the log of a recorded run, not candles.")
    ] = False
    archive: Annotated[
        Path | None,
        typer.Option(help="With --from-log: this archive alone, without a server."),
    ] = None
    progress: Annotated[
        bool | None,
        typer.Option(
            "--progress/--no-progress", help="On a terminal after two seconds, unless told."
        ),
    ] = None


@command(app, Options)
def replay_command(options: Options) -> int:
    """What would have happened: the numbers of a replay, and with --report a page.

    With --from-log the decisions of a recorded run are made again and compared with what it said.
    Exit code 1 when something was found that must never happen, or that differs.
    """
    if options.from_log:
        return _from_log(options)
    if not options.paths:
        raise UsageError("name at least one file of candles, or --from-log for the log of a run")
    _check_target(options.report)
    if options.archive is not None:
        raise UsageError("--archive belongs to --from-log; candles are named as files")
    recordings = open_recordings(options.paths, _symbols(options.symbols), _span_ms(options))
    setup = _setup(recordings, _config(options, recordings))
    result = wait(_replay(recordings, setup, options.progress))
    summary = summarise(result, setup)
    if options.report is not None:
        _write(options.report, render(result, setup, summary))
    _show(summary, setup, options)
    return FOUND if summary.problems else DONE


def _from_log(options: Options) -> int:
    if options.paths:
        raise UsageError("--from-log replays what a run wrote down; it takes no candles")
    wanted = Wanted(
        url=options.url,
        data_dir=options.data_dir,
        archive=options.archive,
        period_ms=_span_ms(options),
    )
    relived = wait(relive(wanted, forced=bool(options.progress)))
    if options.as_json:
        show_json(relived)
    else:
        _tell_relived(relived)
    return DONE if relived.same else FOUND


def _span_ms(options: Options) -> tuple[int, int]:
    return options.from_ms or 0, END_OF_TIME_MS if options.to_ms is None else options.to_ms


def _symbols(text: str | None) -> list[str] | None:
    return None if text is None else [each.strip().upper() for each in text.split(",")]


def _config(options: Options, recordings: Sequence[Recording]) -> Config:
    return load(
        typed={
            "account": ACCOUNT,
            "symbols": tuple(each.symbol for each in recordings),
            "model": options.model,
            "leverage": options.leverage,
            "instruments": options.instruments,
            "brackets": options.brackets,
        }
    )


def _setup(recordings: Sequence[Recording], config: Config) -> Setup:
    return Setup(
        model=config.model,
        rules=config.rules(load_instruments(config.instruments, config.brackets)),
        intervals_ms={each.symbol: each.interval_ms for each in recordings},
        funded=tuple(each.symbol for each in recordings if next(each.rates(), None) is not None),
        source=RECORDED,
    )


async def _replay(
    recordings: Sequence[Recording], setup: Setup, shown: bool | None
) -> ReplayResult:
    tapes = [Tape(each.symbol, each.bars, each.facts()) for each in recordings]
    with BarsProgress(sum(tape.bars for tape in tapes), shown) as progress:
        return await replay(tapes, setup.rules, [MODELS[setup.model]()], progress.advance)


def _check_target(report: Path | None) -> None:
    """Find out before the work and not after it that its result cannot be kept."""
    if report is not None and (report.is_dir() or not report.absolute().parent.is_dir()):
        raise UsageError(f"--report {report}: name a file in a folder that exists")


def _write(report: Path, page: str) -> None:
    try:
        report.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--report {report}: cannot be written ({error.strerror})") from error


def _show(summary: Summary, setup: Setup, options: Options) -> None:
    report = None if options.report is None else str(options.report.absolute())
    if options.as_json:
        show_json(msgspec.structs.asdict(summary) | {"report": report})
        return
    say(headline(summary))
    say(subject(summary, setup))
    say("")
    tiles = [*result_tiles(summary), *proof_tiles(summary)]
    counts = [
        ("Exits", _counts(summary.exits), "by reason"),
        ("Refusals", _counts(summary.refusals), "by gate"),
        ("State hash", summary.state_hash, "the same whenever this is replayed"),
    ]
    show_table(("", "", ""), [*((each.name, each.value, each.note) for each in tiles), *counts])
    if report is not None:
        remark(f"report: {report}")
    for problem in summary.problems:
        remark(f"problem: {problem}")


def _counts(by_name: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in by_name.items()) or "none"


def _tell_relived(relived: Relived) -> None:
    say(f"{relived.facts:,} facts of the log make {relived.outputs:,} decisions and this state:")
    say(f"  {relived.log_hash}")
    if relived.run_hash is None and relived.not_archived:
        say(f"{relived.not_archived:,} of them are not archived yet, and so not compared.")
    elif relived.run_hash is None:
        say("The run has taken no snapshot yet, so there is no second state to compare with.")
    else:
        say(f"  {relived.run_hash}  from the run's own snapshot and what came after it")
    if relived.same:
        say("The decisions are the ones that the run published, to the byte.")
    for difference in relived.differences:
        remark(f"different: {difference}")
