"""``quantum halt``, ``flatten``, ``disarm`` and ``resume``: the kill level, from the shell.

A level is latched in the data folder first and then ordered on the stream, so that it holds even
where only one of the two can be had. Everything may be repeated; nothing lowers a level but
``resume``.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Annotated

import msgspec
import typer

from quantum_trader.adapters.arming import disarm as take_leave
from quantum_trader.adapters.latch import FileLatch
from quantum_trader.app.cli.connection import connected, latch_of, wall_ms
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
from quantum_trader.app.cli.kill_words import (
    DISARMED,
    FLATTENED,
    HALTED,
    NOT_ARMED,
    NOT_HALTED,
    RESUMED,
    Result,
    Watching,
    confirm,
    not_flat,
    not_in_force,
    not_latched,
    not_resumed,
    note_of,
    still_armed,
    unreachable,
)
from quantum_trader.app.cli.operate import Options, give_order, who
from quantum_trader.app.standing import (
    CONFIRM_WITHIN_S,
    Standing,
    is_at,
    is_flat,
    look,
    ordered_level,
    wait_for,
)
from quantum_trader.core.errors import BusUnreachable, StoreError
from quantum_trader.core.events import KillLevelSet
from quantum_trader.core.events.ops import KillLevel
from quantum_trader.core.kill_level import includes
from quantum_trader.core.out import Stamp
from quantum_trader.ports import Bus, Latched
from quantum_trader.services.latch import newest_level

FLAT_WITHIN_S = 120.0
LATCH_SPEAKS_WITHIN_S = 2.0
"""A latch in a folder that we do not know has halted the trader again by then."""

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
    return _show(options, wait(_raised(options, "HALT", HALTED)))


@command(disarm_app, Options)
def disarm(options: Options) -> int:
    """Take away the leave to trade real money, and halt. Only `quantum arm` gives it again."""
    was_armed, failed = _leave_taken(options)
    result = wait(_raised(options, "HALT", DISARMED if was_armed else NOT_ARMED))
    if failed is not None:
        result = msgspec.structs.replace(result, problem=still_armed(failed))
    return _show(options, result)


def _leave_taken(options: Options) -> tuple[bool, str | None]:
    """Whether there was a leave in the folder meant, and why it may still be there.

    Before anything is asked of a server: a run reads the file before each order that adds risk.
    """
    latch = latch_of(options.url, options.data_dir)
    if latch is None:
        return False, "its data folder is not known: say --data-dir"
    try:
        return take_leave(latch.path.parent), None
    except StoreError as error:
        return True, str(error)


@command(flatten_app, FlattenOptions)
def flatten(options: FlattenOptions) -> int:
    """Close every position at market, take no new risk until resumed, and watch until flat.

    Exit code 1 when something is still open at the end.
    """
    return _show(options, wait(_raised(options, "FLATTEN", FLATTENED)))


@command(resume_app, ResumeOptions)
def resume(options: ResumeOptions) -> int:
    """Trade again after a halt. Asks for a word, or --yes; takes the latch away."""
    latch = latch_of(options.url, options.data_dir)
    held = None if latch is None else latch.read()
    level, newest = wait(_where(options, held))
    if level == "RUN" and held is None:
        return _show(options, Result(level="RUN", means=NOT_HALTED, in_force=True))
    if not options.yes:
        confirm(level, held, newest)
    return _show(options, wait(_lowered(options, latch)))


async def _raised(options: Options, asked: KillLevel, means: str) -> Result:
    """Latch a level, order it, and see that it is in force."""
    latch = latch_of(options.url, options.data_dir)
    held, failed = _hold(latch, asked, options.why)
    path = None if latch is None or held is None else str(latch.path)
    level = held.level if held is not None and includes(held.level, asked) else asked
    result = Result(level=level, means=means, latch=path)
    try:
        async with connected(options.url, options.data_dir) as bus:
            result = await _obeyed(bus, options, asked, result)
    except StoreError as error:
        note, problem = unreachable(None if held is None else held.level, asked, error)
        return msgspec.structs.replace(result, note=note, problem=problem)
    if failed is not None and result.problem is None:
        return msgspec.structs.replace(result, problem=not_latched(failed))
    return result


def _hold(
    latch: FileLatch | None, level: KillLevel, why: str
) -> tuple[Latched | None, StoreError | None]:
    """What is latched now, and what kept it from being latched: a full disk stops no halt."""
    if latch is None:
        return None, None
    try:
        return latch.hold(Latched(level=level, who=who(), why=why, at_ms=wall_ms())), None
    except StoreError as error:
        return latch.read(), error


async def _obeyed(bus: Bus, options: Options, asked: KillLevel, result: Result) -> Result:
    """Order the level unless that was done before, and see what the trader makes of it."""
    level, ordered = await ordered_level(bus), None
    if not includes(level, result.level):
        level = result.level
        ordered = await give_order(bus, _setting(level, options.why))
    standing = await wait_for(_looking(bus), lambda now: is_at(now, level), CONFIRM_WITHIN_S)
    problem = not_in_force(standing, level)
    if isinstance(options, FlattenOptions) and problem is None:
        if not options.no_wait:
            standing = await _watched(bus, options, standing)
        if not options.no_wait or not standing.alive:
            problem = not_flat(standing)
    return msgspec.structs.replace(
        result,
        level=level,
        ordered=ordered,
        in_force=is_at(standing, level),
        positions=standing.positions,
        note=note_of(standing, asked, level),
        problem=problem,
    )


async def _watched(bus: Bus, options: FlattenOptions, standing: Standing) -> Standing:
    """Look until all is flat, and tell what is still open."""
    title = "closing every position"
    with Progress(title, len(standing.held), forced=options.progress) as progress:
        watching = Watching(standing.held, progress)
        return await wait_for(_looking(bus), is_flat, options.within_s, watching)


async def _where(
    options: ResumeOptions, held: Latched | None
) -> tuple[KillLevel, KillLevelSet | None]:
    """The level that was ordered last and by which fact; the latch's where nobody answers."""
    try:
        async with connected(options.url, options.data_dir) as bus:
            return await ordered_level(bus), await newest_level(bus)
    except BusUnreachable:
        if held is None:
            raise
        return held.level, None


async def _lowered(options: ResumeOptions, latch: FileLatch | None) -> Result:
    """Take the latch away, and then order RUN: the other way round the latch would win."""
    released = latch is not None and latch.release()
    result = Result(level="RUN", means=RESUMED)
    try:
        async with connected(options.url, options.data_dir) as bus:
            ordered = await give_order(bus, _setting("RUN", options.why))
            standing = await wait_for(
                _looking(bus), lambda now: is_at(now, "RUN"), CONFIRM_WITHIN_S
            )
            if latch is None and is_at(standing, "RUN"):
                await asyncio.sleep(LATCH_SPEAKS_WITHIN_S)
                standing = await look(bus, wall_ms())
    except BusUnreachable as error:
        if not released:
            raise
        return msgspec.structs.replace(result, problem=not_resumed(error))
    return msgspec.structs.replace(
        result,
        ordered=ordered,
        in_force=is_at(standing, "RUN"),
        positions=standing.positions,
        note=note_of(standing, "RUN", "RUN"),
        problem=not_in_force(standing, "RUN"),
    )


def _looking(bus: Bus) -> Callable[[], Coroutine[object, object, Standing]]:
    return lambda: look(bus, wall_ms())


def _setting(level: KillLevel, why: str) -> Callable[[Stamp], KillLevelSet]:
    return lambda stamp: KillLevelSet(**stamp, level=level, who=who(), why=why)


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
