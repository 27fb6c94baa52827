"""``quantum drain``: no new entry leaves; and ``drain backlog``, to pass over what nobody read."""

from dataclasses import dataclass
from typing import Annotated

import typer

from quantum_trader.app.backlog import NEWEST, Pass, Passed, look_at, pass_over
from quantum_trader.app.cli.frame import (
    DONE,
    FOUND,
    OnSystem,
    command,
    new_app,
    remark,
    say,
    show_json,
    wait,
)
from quantum_trader.app.cli.operate import Options, who
from quantum_trader.app.connection import account_of, connected, time_there, wall_ms
from quantum_trader.app.operator_order import give_order
from quantum_trader.app.story import time_text
from quantum_trader.core.events import DrainSwitched
from quantum_trader.core.out import Stamp

app = new_app()


@dataclass(frozen=True, kw_only=True)
class BacklogOptions(OnSystem):
    """What ``drain backlog`` takes."""

    stream: Annotated[str, typer.Argument(help="Such as market.tick.")]
    group: Annotated[str, typer.Option(help="The service, or other group, that shall pass.")]
    to: Annotated[str, typer.Option(help=f"The last id to pass over, or {NEWEST}.")]
    who: Annotated[str, typer.Option(help="Your name; it stays in the log.")]
    why: Annotated[str, typer.Option(help="The reason; it stays in the log.")]
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else it is only told.")] = False


@command(app, Options)
def on(options: Options) -> int:
    """Safe-drain: decide everything and send no new entry, until it is switched off."""
    return _switch(options, on=True, means="no entry leaves")


@command(app, Options)
def off(options: Options) -> int:
    """End it: entries leave again."""
    return _switch(options, on=False, means="entries leave again, unless the trader is halted")


@command(app, BacklogOptions)
def backlog(options: BacklogOptions) -> int:
    """Have a group pass over what it has not read, up to an id: counted, and on record.

    Without --yes it says what would be passed over. Exit code 1 when something else happened to
    the backlog meanwhile and part of it is still there.
    """
    passed = wait(_passed(options))
    if options.as_json:
        show_json(passed)
    else:
        _tell(passed)
    return FOUND if passed.state == "changed" else DONE


def _switch(options: Options, *, on: bool, means: str) -> int:
    def order(stamp: Stamp) -> DrainSwitched:
        return DrainSwitched(**stamp, on=on, who=who(), why=options.why)

    async def give() -> DrainSwitched:
        async with connected(options.url, options.data_dir) as bus:
            return await give_order(bus, order)

    ordered, words = wait(give()), f"Everything is judged and recorded; {means}. Exits go on."
    if options.as_json:
        show_json({"ordered": ordered, "means": words})
    else:
        say(words)
    return DONE


async def _passed(options: BacklogOptions) -> Passed:
    async with connected(options.url, options.data_dir) as bus:
        seen = await look_at(bus, options.stream, options.group, options.to)
        if not options.yes or not seen.count:
            return seen
        now = await time_there(bus, wall_ms())
        by = Pass(who=options.who, why=options.why, at_ms=now.at_ms, account=await account_of(bus))
        return await pass_over(bus, seen, by)


def _tell(passed: Passed) -> None:
    what = f"{passed.count:,} entries of {passed.stream}, {passed.first} to {passed.last}"
    if passed.first_ms is not None and passed.last_ms is not None:
        what += f" ({time_text(passed.first_ms)} to {time_text(passed.last_ms)})"
    if passed.state == "nothing":
        say(f"{passed.group} has nothing to pass over there")
    elif passed.state == "told":
        say(f"{passed.group} would pass over {what}")
        remark(f"means: {passed.means}\n--yes does it, for good")
    elif passed.state == "passed":
        say(f"{passed.group} passed over {what}; it is on record")
    else:
        remark(f"the backlog of {passed.group} changed meanwhile; nothing was passed over")
