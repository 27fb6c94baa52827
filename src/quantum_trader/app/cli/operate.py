"""``quantum drain``, ``halt`` and ``resume``: what the people at the desk order."""

import getpass
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer

from quantum_trader.app.cli.connection import account_of, connected, time_there, wall_ms
from quantum_trader.app.cli.frame import DONE, DataDir, Json, Url, new_app, say, show_json, wait
from quantum_trader.core.events import DrainSwitched, KillLevelSet
from quantum_trader.core.events.ops import KillLevel
from quantum_trader.core.out import Stamp
from quantum_trader.services.wire import write
from quantum_trader.streams import OPERATOR, ROUTES

Why = Annotated[str, typer.Option("--why", help="The reason; it stays in the log.")]
Order = DrainSwitched | KillLevelSet
Where = tuple[str | None, Path | None]

drain_app = new_app()
halt_app = new_app()
resume_app = new_app()


@drain_app.command()
def drain(
    switch: Annotated[Literal["on", "off"], typer.Argument(help="on or off")],
    why: Why = "",
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> int:
    """Safe-drain: decide everything and send no new entry, until it is switched off."""

    def order(stamp: Stamp) -> Order:
        return DrainSwitched(**stamp, on=switch == "on", who=_who(), why=why)

    means = {
        "on": "Everything is read, judged and recorded; no entry leaves. Exits and stops go on.",
        "off": "Entries leave again, unless the trader is halted.",
    }
    return _told(wait(_give((url, data_dir), order)), means[switch], as_json=as_json)


@halt_app.command()
def halt(why: Why = "", url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> int:
    """Take no new risk until resumed. Positions keep their stops and their exits."""
    order = wait(_give((url, data_dir), _level("HALT", why)))
    means = "No new risk from now on; exits and stops go on. `quantum resume` ends it."
    return _told(order, means, as_json=as_json)


@resume_app.command()
def resume(why: Why = "", url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> int:
    """Trade again after a halt."""
    order = wait(_give((url, data_dir), _level("RUN", why)))
    return _told(order, "Entries are judged again as usual.", as_json=as_json)


def _level(level: KillLevel, why: str) -> Callable[[Stamp], Order]:
    return lambda stamp: KillLevelSet(**stamp, level=level, who=_who(), why=why)


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody without a name on this machine"


async def _give(where: Where, make: Callable[[Stamp], Order]) -> Order:
    """Write one order to the operator stream, in the running system's account and time."""
    async with connected(*where) as bus:
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


def _told(order: Order, means: str, *, as_json: bool) -> int:
    if as_json:
        show_json({"ordered": order, "means": means})
    else:
        say(means)
    return DONE
