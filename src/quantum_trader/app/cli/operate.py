"""``quantum drain``, ``halt`` and ``resume``: what the people at the desk order."""

import getpass
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from quantum_trader.app.cli.connection import account_of, connected, time_there, wall_ms
from quantum_trader.app.cli.frame import DONE, OnSystem, command, new_app, say, show_json, wait
from quantum_trader.core.events import DrainSwitched, KillLevelSet
from quantum_trader.core.events.ops import KillLevel
from quantum_trader.core.out import Stamp
from quantum_trader.services.wire import write
from quantum_trader.streams import OPERATOR, ROUTES

Order = DrainSwitched | KillLevelSet

drain_app = new_app()
halt_app = new_app()
resume_app = new_app()


@dataclass(frozen=True, kw_only=True)
class Options(OnSystem):
    """What every order takes."""

    why: Annotated[str, typer.Option(help="The reason; it stays in the log.")] = ""


@dataclass(frozen=True, kw_only=True)
class DrainOptions(Options):
    """What ``drain`` takes."""

    switch: Annotated[Literal["on", "off"], typer.Argument(help="on or off")]


@command(drain_app, DrainOptions)
def drain(options: DrainOptions) -> int:
    """Safe-drain: decide everything and send no new entry, until it is switched off."""
    on = options.switch == "on"

    def order(stamp: Stamp) -> Order:
        return DrainSwitched(**stamp, on=on, who=_who(), why=options.why)

    entries = "no entry leaves" if on else "entries leave again, unless the trader is halted"
    return _give(options, order, f"Everything is judged and recorded; {entries}. Exits go on.")


@command(halt_app, Options)
def halt(options: Options) -> int:
    """Take no new risk until resumed. Positions keep their stops and their exits."""
    means = "No new risk from now on; exits and stops go on. `quantum resume` ends it."
    return _give(options, _level("HALT", options.why), means)


@command(resume_app, Options)
def resume(options: Options) -> int:
    """Trade again after a halt."""
    return _give(options, _level("RUN", options.why), "Entries are judged again as usual.")


def _level(level: KillLevel, why: str) -> Callable[[Stamp], Order]:
    return lambda stamp: KillLevelSet(**stamp, level=level, who=_who(), why=why)


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody without a name on this machine"


def _give(options: Options, make: Callable[[Stamp], Order], means: str) -> int:
    order = wait(_write(options, make))
    if options.as_json:
        show_json({"ordered": order, "means": means})
    else:
        say(means)
    return DONE


async def _write(options: Options, make: Callable[[Stamp], Order]) -> Order:
    """Write one order to the operator stream, in the running system's account and time."""
    async with connected(options.url, options.data_dir) as bus:
        now = await time_there(bus, wall_ms())
        order = make(
            {
                "id": f"operator:{now.at_ms}:{secrets.token_hex(4)}",
                "at_ms": now.at_ms,
                "trace_id": "",
                "account": await account_of(bus),
            }
        )
        await bus.append(ROUTES[type(order)], [write(order)], writer=OPERATOR)
    return order
