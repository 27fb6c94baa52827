"""``quantum drain``, and how any order of the people at the desk reaches the trader."""

import getpass
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar

import typer

from quantum_trader.app.cli.connection import account_of, connected, time_there, wall_ms
from quantum_trader.app.cli.frame import DONE, OnSystem, command, new_app, say, show_json, wait
from quantum_trader.core.events import DrainSwitched, KillLevelSet
from quantum_trader.core.out import Stamp
from quantum_trader.ports import Bus
from quantum_trader.services.wire import write
from quantum_trader.streams import OPERATOR, ROUTES

AnOrder = TypeVar("AnOrder", DrainSwitched, KillLevelSet)

drain_app = new_app()


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

    def order(stamp: Stamp) -> DrainSwitched:
        return DrainSwitched(**stamp, on=on, who=who(), why=options.why)

    entries = "no entry leaves" if on else "entries leave again, unless the trader is halted"
    return _give(options, order, f"Everything is judged and recorded; {entries}. Exits go on.")


def who() -> str:
    """Whoever sits at this shell."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody without a name on this machine"


def _give(options: Options, make: Callable[[Stamp], DrainSwitched], means: str) -> int:
    order = wait(_write(options, make))
    if options.as_json:
        show_json({"ordered": order, "means": means})
    else:
        say(means)
    return DONE


async def _write(options: Options, make: Callable[[Stamp], DrainSwitched]) -> DrainSwitched:
    async with connected(options.url, options.data_dir) as bus:
        return await give_order(bus, make)


async def give_order(bus: Bus, make: Callable[[Stamp], AnOrder]) -> AnOrder:
    """Write one order to the operator stream, in the running system's account and time."""
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
