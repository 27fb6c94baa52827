"""``quantum halt``, ``flatten``, ``disarm`` and ``resume``: the kill level, from the shell.

What they do is in ``app/kill.py``, where the control API does the same.
"""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Annotated

import typer

from quantum_trader.app.cli.errors import tell
from quantum_trader.app.cli.frame import (
    DONE,
    ForceProgress,
    Progress,
    command,
    new_app,
    remark,
    say,
    show_json,
    wait,
)
from quantum_trader.app.cli.kill_watch import GuardianWatching, Watching, confirm
from quantum_trader.app.cli.operate import Options, who
from quantum_trader.app.connection import connected, latch_of
from quantum_trader.app.kill import Desk, Following, Said
from quantum_trader.app.kill_words import NOT_HALTED, Result
from quantum_trader.app.standing import Standing

FLAT_WITHIN_S = 120.0

halt_app = new_app()
flatten_app = new_app()
disarm_app = new_app()
resume_app = new_app()


@dataclass(frozen=True, kw_only=True)
class FlattenOptions(Options):
    """What ``flatten`` takes."""

    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Order it, and do not watch until all is flat.")
    ] = False
    within_s: Annotated[
        float, typer.Option("--within", min=0, help="Seconds to watch; the order stands anyway.")
    ] = FLAT_WITHIN_S
    progress: ForceProgress = False


@dataclass(frozen=True, kw_only=True)
class ResumeOptions(Options):
    """What ``resume`` takes."""

    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; for whoever cannot type.")] = (
        False
    )


@command(halt_app, Options)
def halt(options: Options) -> int:
    """Take no new risk until resumed. Positions keep their stops and their exits."""
    return _show(options, wait(_desk(options).halt(_said(options))))


@command(disarm_app, Options)
def disarm(options: Options) -> int:
    """Take away the leave to trade real money, and halt. Only `quantum arm` gives it again."""
    return _show(options, wait(_desk(options).disarm(_said(options))))


@command(flatten_app, FlattenOptions)
def flatten(options: FlattenOptions) -> int:
    """Close every position at market, take no new risk until resumed, and watch until flat.

    Exit code 1 when something is still open at the end.
    """
    desk, said = _desk(options), _said(options)
    if options.no_wait:
        return _show(options, wait(desk.flatten(said)))
    with ExitStack() as stack:
        seen = _watcher(stack, forced=options.progress)
        follow = Following(options.within_s, seen, GuardianWatching())
        return _show(options, wait(desk.flatten(said, follow)))


def _watcher(stack: ExitStack, *, forced: bool) -> Callable[[Standing], None]:
    """Tells what is still open; how much there was is known with the first look."""
    watching: list[Watching] = []

    def seen(standing: Standing) -> None:
        if not watching:
            bar = Progress("closing every position", len(standing.held), forced=forced)
            watching.append(Watching(standing.held, stack.enter_context(bar)))
        watching[0](standing)

    return seen


@command(resume_app, ResumeOptions)
def resume(options: ResumeOptions) -> int:
    """Trade again after a halt. Asks for a word, or --yes; takes the latch away."""
    desk = _desk(options)
    held = desk.latched()
    level, newest = wait(desk.where())
    if level == "RUN" and held is None:
        return _show(options, Result(level="RUN", means=NOT_HALTED, in_force=True))
    if not options.yes:
        confirm(level, held, newest)
    return _show(options, wait(desk.lower(_said(options))))


def _desk(options: Options) -> Desk:
    latch = latch_of(options.url, options.data_dir)
    return Desk(latch, lambda: connected(options.url, options.data_dir))


def _said(options: Options) -> Said:
    return Said(who(), options.why)


def _show(options: Options, result: Result) -> int:
    code = DONE if result.problem is None else result.problem.code
    if options.as_json:
        show_json(result)
        return code
    if result.problem is not None:
        return tell(result.problem, as_json=False)
    say(result.means)
    if result.note is not None:
        remark(result.note)
    return code
